"""Scalar functions of polys, element by element, with the identities that always hold."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

from chainrule.algebra import masks
from chainrule.algebra.bounds import is_never_negative
from chainrule.algebra.combine import (
    add,
    content,
    lone,
    multiply,
    number_of,
    power,
    scale,
    ungrouped,
)
from chainrule.algebra.index import (
    Atom,
    Factor,
    Number,
    Poly,
    Term,
    atom_poly,
    constant,
    magnitude,
    normal,
)

__all__: list[str] = []

_ONE: Final = Fraction(1)
_HALF: Final = Fraction(1, 2)
_ODD: Final = frozenset({"tanh", "sin", "tan", "sign", "erf", "atan", "sinh", "asinh"})
_EVEN: Final = frozenset({"abs", "cos", "cosh"})
_AT_ZERO: Final = {"exp": _ONE, "cos": _ONE, "cosh": _ONE, "sigmoid": _HALF, "ndtr": _HALF}
_RELATIONS: Final = {"greater": ">", "greater_equal": "≥", "less": "<", "less_equal": "≤"}


def apply(
    name: str, operands: list[Poly], params: tuple[Any, ...], dims: tuple[str, ...], integers: bool
) -> Poly:
    """A scalar record applied to polys."""
    x = operands[0]
    match name:
        case "cast" | "detach":
            return x
        case "sqrt":
            return power(x, _HALF)
        case "pow":
            exponent = number_of(operands[1])
            if isinstance(exponent, Fraction):
                return power(x, exponent)
        case "exp":
            return _exp(x, dims)
        case "log" if (power_of := lone(ungrouped(x))) and power_of.atom.head == "apply:exp":
            terms = power_of.atom.args[0].at(power_of.labels, itertools.count(x.rank))
            return normal(terms, range(x.rank), dims)
        case "clip" if _is_between(x, *operands[1:]):
            return x
        case "log1p":
            return function("log", [add([(_ONE, constant(_ONE, dims)), (_ONE, x)])], dims)
        case "maximum" if number_of(operands[1]) == 0:
            return function("relu", [x], dims)
        case "equal" | "not_equal":
            same = masks.one_hot if integers else masks.equal
            truth = same(x, operands[1], dims)
            return truth if name == "equal" else masks.negated(truth)
        case "greater" | "greater_equal" | "less" | "less_equal":
            return masks.indicator(_RELATIONS[name], x, operands[1], dims)
        case "logical_and":
            return multiply(x, operands[1], dims)
        case "logical_or" if masks.negated(x) == operands[1]:
            return constant(_ONE, dims)
        case "logical_or":
            both = multiply(x, operands[1], dims)
            return add([(_ONE, x), (_ONE, operands[1]), (-_ONE, both)])
        case "logical_not":
            return masks.negated(x)
        case "isinf" | "isnan":
            return constant(Fraction(0), dims)
        case "isfinite":
            return constant(_ONE, dims)
    return function(name, operands, dims, *params)


def function(head: str, operands: Sequence[Poly], dims: tuple[str, ...], *params: object) -> Poly:
    """A function of polys, element by element, as an atom; tanh(−x) is −tanh(x), |2x| is 2|x|."""
    first = operands[0]
    if not params and (known := _known(head, number_of(first))) is not None:
        return constant(known, dims)
    if head in _ODD | _EVEN and first.terms and all(t.coefficient < 0 for t in first.terms):
        sign = -_ONE if head in _ODD else _ONE
        return scale(sign, function(head, [scale(-_ONE, first)], dims, *params))
    if head in ("abs", "sign") and (factor := content(first)[0]) != 1:
        size = factor if head == "abs" else _ONE
        return scale(size, function(head, [scale(1 / factor, first)], dims))
    return atom_poly(Atom(f"apply:{head}", params, tuple(map(ungrouped, operands)), dims))


def _is_between(x: Poly, low: Poly, high: Poly) -> bool:
    """Whether a number made of sizes lies between two others, whatever the sizes are."""
    pairs = ((x, low), (high, x))
    return all(is_never_negative(add([(_ONE, a), (-_ONE, b)])) for a, b in pairs)


def _known(head: str, x: Number | None) -> Number | None:
    """What a function of a number is, where that is a plain number: sign(3), exp(0)."""
    match head:
        case "abs" if x is not None:
            return magnitude(x)
        case "sign" if x is not None:
            return Fraction((x > 0) - (x < 0))
        case "relu" if x is not None:
            return max(x, Fraction(0))
        case "floor" | "ceil" if x is not None:
            return Fraction(math.floor(x) if head == "floor" else math.ceil(x))
        case "log" if x == 1:
            return Fraction(0)
        case _ if x == 0:
            return Fraction(0) if head in _ODD else _AT_ZERO.get(head)
    return None


def _exp(x: Poly, dims: tuple[str, ...]) -> Poly:
    x = ungrouped(x)
    factor = lone(x)
    if factor is not None and factor.atom.head == "log_softmax":
        atom = Atom("softmax", factor.atom.params, factor.atom.args, factor.atom.dims)
        return normal([Term(_ONE, (Factor(atom, factor.labels),))], range(x.rank), x.dims)
    return function("exp", [x], dims)
