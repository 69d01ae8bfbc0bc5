"""The notations in which formulas are printed on one line: Unicode and plain ASCII."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from chainrule.algebra.signs import (
    FRACTIONS,
    GREEK,
    UNLOWERED,
    lowered,
    raised,
    with_plain_digits,
)  # fmt: skip
from chainrule.formula.printing.line import SCALE, Notation, Printer
from chainrule.formula.printing.numbers import with_power_of_ten
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import labels_of

__all__ = [
    "ASCII",
    "UNICODE",
    "at_labels",
    "element_of",
    "in_ascii",
    "lettered",
    "sides_at",
    "spelled",
]

_GREEK: Final = {**GREEK, "eps": "ε", "lam": "λ"}
_VULGAR: Final = {Fraction(number): sign for number, sign in FRACTIONS.items()}
_RELATIONS: Final = {">": ">", "≥": "≥", "<": "<", "≤": "≤", "=": "="}


def spelled(name: str) -> str:
    """A name as it is printed: spelled Greek becomes a letter, digits stay."""
    stem = name.rstrip("0123456789")
    return _GREEK.get(stem, stem) + name[len(stem) :]


def lettered(name: str) -> tuple[str, tuple[str, ...]]:
    """A name as a letter or word and its indices: W1, Wq, δ₁, delta_out, sigma_x2.

    >>> [lettered(name) for name in ("W1", "Wq", "δ₁", "lam_out", "loss")]
    [('W', ('1',)), ('W', ('q',)), ('δ', ('1',)), ('λ', ('out',)), ('loss', ())]
    """
    shown = with_plain_digits(spelled(name))
    stem = shown.rstrip("0123456789")
    head, _, tail = stem.partition("_")
    if tail and len(spelled(head)) > 1:  # words, such as three_layers
        head, tail = stem, ""
    if (len(head) == 2 and head[0].isupper() and head[1].islower()) or head[:1] == "δ":
        head, tail = head[:1], "_".join(filter(None, (head[1:], tail)))
    indices = [*tail.split("_"), shown[len(stem) :]]
    return spelled(head), tuple(part for part in indices if part)


# ---------------------------------------------------------------- Unicode


class _UnicodePrinter(Printer):
    """Powers become superscript digits where there are such."""

    def __call__(self, tree: Tree) -> str:
        return _lifted(super().__call__(tree))


_OPEN, _CLOSE = "\x01", "\x02"


def _lifted(text: str) -> str:
    """Turn marked exponents into superscripts: x^(3) is x³, x^(p − 1) stays."""
    while _OPEN in text:
        start = text.rindex(_OPEN)
        end = text.index(_CLOSE, start)
        inner = text[start + 1 : end]
        if inner[0] == "(":  # the brackets of an exponent that is no single sign
            inner = inner[1:-1]
        lifted = inner.replace("−", "-")
        digits = lifted.lstrip("-").isdigit()
        sign = raised(lifted) if digits else f"^({inner})"
        text = text[:start] + sign + text[end + 1 :]
    return text


def _unicode_subscript(base: str, index: str) -> str:
    if index[:1] in ("⌈", "⌊"):
        return f"{base}_{index}"
    small = lowered(index).replace("−", "₋")
    if index[0] in UNLOWERED and base != "Σ" and (base[-1:].isalnum() or base[-1:] in ")]ᵀ"):
        return f"{base}_{index}"  # g_d, since gd would be a name
    if len(index) == 1 or base != "K":
        return base + small
    done = all(a != b for a, b in zip(small, index, strict=True))
    return base + (small if done else f"_{index}")


def _inline_fraction(top: str, bottom: str, wrap_top: bool, wrap_bottom: bool) -> tuple[str, int]:
    above = f"({top})" if wrap_top else top
    below = f"({bottom})" if wrap_bottom else bottom
    return f"{above}/{below}", SCALE


def element_of(shown: str, tree: Tree) -> str:
    """The left side of an equation: with labels, if its right side is in index notation."""
    return at_labels(shown, labels_of(tree))


def at_labels(shown: str, labels: Sequence[str]) -> str:
    """A name with labels below it."""
    return _unicode_subscript(shown, "".join(labels)) if labels else shown


def sides_at(left: str, labels: Sequence[str], columns: int) -> str:
    """A left side with the labels of rows and of as many columns: ∂yᵢ/∂wᵤ, ∂²L/∂wᵤ∂wᵥ.

    >>> sides_at("∂y/∂w", "iu", 1), sides_at("∂²L/∂w∂wᵀ", "uv", 1)
    ('∂yᵢ/∂wᵤ', '∂²L/∂wᵤ∂wᵥ')
    """
    top, _, bottom = left.partition("/")
    rows = len(labels) - columns
    names = [name.rstrip("ᵀ²") for name in bottom.split("∂")[1:]]
    if len(names) == 1 and bottom.endswith("²"):
        names *= 2
    if len(names) == 2:
        sides = (at_labels(names[0], labels[:rows]), at_labels(names[1], labels[rows:]))
        return f"{top}/∂{'∂'.join(sides)}"
    return f"{at_labels(top, labels[:rows])}/∂{at_labels(names[0], labels[rows:])}"


UNICODE = _UnicodePrinter(Notation(
    hadamard=" ⊙ ", over=" ⊘ ", kron=" ⊗ ", dot="·", minus="−",
    ones="𝟏", zero="𝟎", eye="I", brackets="({})",
    transpose="{}ᵀ", inverse="{}⁻¹", inverse_transpose="{}⁻ᵀ",
    power="{}" + _OPEN + "{}" + _CLOSE, elementwise_power="{}∘" + _OPEN + "{}" + _CLOSE,
    root="√{}", norm="‖{}‖", frobenius="‖{}‖_F", magnitude="|{}|", indicator="[{}]",
    commutation="K", total="Σ", blocks="block-diagonal over {}: {}", diag="diag({})",
    trace="tr({})", vec="vec({})",
    relations=_RELATIONS, wide=False, name=spelled, function=str, subscript=_unicode_subscript,
    number=with_power_of_ten, fraction=_inline_fraction, half=_VULGAR.get,
))  # fmt: skip


# ---------------------------------------------------------------- ASCII


def _ascii_number(value: Fraction | float) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


_HALF_OF: Final = re.compile(r"([⌊⌈])([^⌊⌈⌋⌉]*)/(\d+)[⌋⌉]")


def in_ascii(name: str) -> str:
    """A name with plain digits, and without the letters that generated names have."""
    return with_plain_digits(name).replace("δ", "delta").replace("π", "pi")


class _AsciiPrinter(Printer):
    """Sizes within names of places, too, are in plain signs: e_((n-1)//2)."""

    def __call__(self, tree: Tree) -> str:
        return _HALF_OF.sub(_floored, super().__call__(tree)).replace("−", "-")


def _floored(size: re.Match[str]) -> str:
    """⌊n/2⌋ as (n//2), ⌈n/2⌉ as ((n+1)//2)."""
    more = f"+{int(size[3]) - 1}" if size[1] == "⌈" else ""
    whole = f"({size[2]}{more})" if more and "(" not in size[2] else f"{size[2]}{more}"
    return f"({whole}//{size[3]})"


ASCII = _AsciiPrinter(Notation(
    hadamard=" .* ", over=" ./ ", kron=" (x) ", dot=" * ", minus="-",
    ones="1", zero="0", eye="I", brackets="({})",
    transpose="{}^T", inverse="{}^-1", inverse_transpose="{}^-T",
    power="{}^{}", elementwise_power="{}.^{}", root="sqrt({})", norm="||{}||",
    frobenius="||{}||_F", magnitude="abs({})", indicator="[{}]", commutation="K", total="sum",
    blocks="block-diagonal over {}: {}", diag="diag({})", trace="tr({})", vec="vec({})",
    relations={">": ">", "≥": ">=", "<": "<", "≤": "<=", "=": "="}, wide=True,
    name=in_ascii,
    function=lambda name: {"σ": "sigmoid", "Φ": "Phi", "log|·|": "log_abs"}.get(name, name),
    subscript=lambda base, i: f"{base}_{i}", number=_ascii_number, fraction=_inline_fraction,
    half=lambda _: None,
))  # fmt: skip
