"""Rewriting a piece of a derivation: other orders, other products, the slopes of its functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from chainrule.formula.printing.notation import spelled
from chainrule.formula.reading.syntax import Syntax
from chainrule.formula.reading.tokens import below

__all__ = [
    "DERIVATIVES",
    "ONE",
    "OWN",
    "RELATED",
    "binary",
    "exchanged",
    "named",
    "regrouped",
    "text_of",
    "turned_products",
]

ONE = Syntax("number", "1")
OWN: Mapping[str, tuple[str, Callable[[Syntax, Syntax], Syntax]]] = {
    "sigmoid": ("σ(1 − σ)", lambda y, z: binary("*", y, binary("−", ONE, y))),
    "σ": ("σ(1 − σ)", lambda y, z: binary("*", y, binary("−", ONE, y))),
    "tanh": ("1 − tanh²", lambda y, z: binary("−", ONE, binary("*", y, y))),
    "relu": ("[z > 0]", lambda y, z: binary(">", z, Syntax("number", "0"))),
    "softplus": ("σ", lambda y, z: replace(y, text="sigmoid")),
}


DERIVATIVES: Mapping[str, Sequence[str]] = {
    "softplus": ("sigmoid",), "sin": ("cos",), "abs": ("sign",), "logsumexp": ("softmax",),
}  # fmt: skip
RELATED: Mapping[str, Sequence[str]] = {
    **DERIVATIVES, "exp": ("softmax", "sigmoid"), "cos": ("sin",), "sigmoid": ("softplus", "tanh"),
    "σ": ("softplus", "tanh"), "tanh": ("sigmoid",), "relu": ("sign",),
    "softmax": ("log_softmax", "sigmoid"),
}  # fmt: skip


_Change = tuple[str, str, Syntax]


def exchanged(s: Syntax) -> Iterator[_Change]:
    """The factors in the other order, and the other kind of product."""
    left, right = s.parts
    one, two = text_of(left), text_of(right)
    yield (
        "order of factors",
        f"{one} and {two} stand in the wrong order",
        binary(s.text, right, left),
    )
    if s.text == "@":
        words = f"the product of {one} and {two} is taken element by element"
        yield "matrix vs elementwise", words, binary("*", left, right)
    else:
        words = f"the product of {one} and {two} is a matrix product"
        yield "matrix vs elementwise", words, binary("@", left, right)


def turned_products(s: Syntax) -> Iterator[_Change]:
    """Matrix products with transposes toggled on both sides, or on one and exchanged."""
    if s.text == "@":
        left, right = s.parts
        for made in (
            binary("@", _toggled(left), _toggled(right)),
            binary("@", _toggled(right), left),
            binary("@", right, _toggled(left)),
        ):
            yield "transpose", f"you want {text_of(made)}", made


def _toggled(s: Syntax) -> Syntax:
    turned = s.kind == "transposed" or (s.kind == "attribute" and s.text == "T")
    return s.parts[0] if turned else Syntax("transposed", "", (s,))


def regrouped(s: Syntax) -> Iterator[_Change]:
    """Products of three factors with the operations in another order."""
    left, right = s.parts
    if left.kind == "op" and left.text in "@*":
        a, b = left.parts
        words = f"{text_of(right)} multiplies {text_of(b)}, before {text_of(a)} does"
        yield "matrix vs elementwise", words, binary(left.text, a, binary(s.text, b, right))
        if s.text != left.text or s.text == "@":
            words = f"{text_of(b)} comes after {text_of(right)}"
            yield "order of factors", words, binary(left.text, binary(s.text, a, right), b)
        if s.text == left.text == "@":
            words = f"{text_of(b)} stands before {text_of(a)}"
            yield "order of factors", words, binary("@", binary("@", b, a), right)
    if right.kind == "op" and right.text in "@*":
        a, b = right.parts
        words = f"{text_of(left)} comes after {text_of(a)}"
        yield "order of factors", words, binary(right.text, a, binary(s.text, left, b))


def named(name: str) -> Syntax:
    """A name as syntax, or a value that stands for one."""
    return Syntax("value" if name[0] == "⟨" else "name", name)


def binary(sign: str, left: Syntax, right: Syntax) -> Syntax:
    """An operation between two sides."""
    return Syntax("op", sign, (left, right))


def text_of(syntax: Syntax) -> str:
    """A piece of syntax as text, short."""
    match syntax.kind:
        case "name" | "number" | "size" | "value":
            return spelled(syntax.text).strip("⟨⟩")
        case "transposed":
            return _tight(syntax.parts[0]) + "ᵀ"
        case "attribute":
            return _tight(syntax.parts[0]) + ("ᵀ" if syntax.text == "T" else f".{syntax.text}")
        case "minus":
            return "−" + _inside(syntax.parts[0])
        case "op":
            sign = {"@": " ", "*": "·"}.get(syntax.text, f" {syntax.text} ")
            return sign.join(map(_inside, syntax.parts))
        case "juxtaposed":
            return " ".join(map(_inside, syntax.parts))
        case "power":
            return f"{_tight(syntax.parts[0])}^{_tight(syntax.parts[1])}"
        case "call":
            return f"{syntax.text}({', '.join(map(text_of, syntax.parts))})"
        case "norm":
            return f"‖{text_of(syntax.parts[0])}‖"
        case "magnitude":
            return f"|{text_of(syntax.parts[0])}|"
        case "index":
            return _tight(syntax.parts[0]) + "[…]"
        case "labelled":
            return _tight(syntax.parts[0]) + _below(syntax.text)
        case "total":
            return f"Σ{_below(syntax.text)} {_inside(syntax.parts[0])}"
    return _SIGNS.get(syntax.kind, "this")


_SIGNS: Final = {"ones": "𝟏", "zeros": "𝟎"}


def _below(labels: str) -> str:
    """Labels below a sign: ᵢⱼ, and _dk where there are no such letters."""
    return below(labels) or f"_{labels}"


def _tight(syntax: Syntax) -> str:
    """What an exponent or an index follows, in brackets unless it is a sign."""
    shown = text_of(syntax)
    return f"({shown})" if syntax.kind in ("op", "juxtaposed", "minus", "power", "total") else shown


def _inside(syntax: Syntax) -> str:
    shown = text_of(syntax)
    return f"({shown})" if syntax.kind == "op" and syntax.text in "+−" else shown
