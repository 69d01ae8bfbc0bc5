"""Elements in derivations: the factors of a product in index notation, and what has labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from chainrule.formula.reading.syntax import Syntax

__all__ = ["Power", "factors_of", "labelled_in", "relabelled"]

Power = tuple[Syntax, Fraction]
"""A factor and its power."""


def factors_of(syntax: Syntax, power: Fraction = Fraction(1)) -> list[Power]:
    """The factors of a product, those below a fraction bar with negative powers."""
    match syntax.kind, syntax.parts:
        case ("juxtaposed", parts):
            return [f for p in parts for f in factors_of(p, power)]
        case ("op", (left, right)) if syntax.text in "·/":
            if syntax.text == "·":
                return [*factors_of(left, power), *factors_of(right, power)]
            below, beside = _below(right)
            return [
                *factors_of(left, power),
                *(f for p in below for f in factors_of(p, -power)),
                *(f for p in beside for f in factors_of(p, power)),
            ]
        case ("power", (body, Syntax(kind="number") as exponent)):
            if any(f.kind == "labelled" for f, _ in factors_of(body)):
                return factors_of(body, power * Fraction(exponent.text))
        case ("call", (body,)) if syntax.text == "sqrt":
            if any(f.kind == "labelled" for f, _ in factors_of(body)):
                return factors_of(body, power / 2)
    return [(syntax, power)]


def _below(syntax: Syntax) -> tuple[Sequence[Syntax], Sequence[Syntax]]:
    """What stands below a fraction bar, and beside it: in 1/n Xᵢⱼ the elements are not below."""
    parts = syntax.parts if syntax.kind == "juxtaposed" else (syntax,)
    count = next((k for k, p in enumerate(parts) if labelled_in(p)), len(parts)) or len(parts)
    return parts[:count], parts[count:]


def labelled_in(syntax: Syntax) -> list[Syntax]:
    """What has labels below it, anywhere in a piece of syntax."""
    found, waiting = [], [syntax]
    while waiting:
        one = waiting.pop()
        found += [one] if one.kind == "labelled" else []
        waiting += one.parts
    return found


def relabelled(syntax: Syntax, names: Mapping[str, str]) -> Syntax:
    """A piece of syntax with other labels."""
    text = syntax.text
    if syntax.kind in ("labelled", "total") and len(text) == 1:
        text = names.get(text, text)
    return replace(syntax, text=text, parts=tuple(relabelled(p, names) for p in syntax.parts))
