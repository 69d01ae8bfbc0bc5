"""What is wrong with a value: tests on the whole of it, from numbers alone.

A value is compared, up to a sign, a factor and a transpose, with the derivative; then with what
people give instead of it: the function itself, the derivatives by other arguments and by
intermediate values, one order too few, the column-major form, the free entries of a symmetric
matrix; and with the derivative under an assumption that was not made.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from chainrule.formula.grading.finding import Finding, Values
from chainrule.formula.grading.instead import (
    by_structure,
    instead,
    parameter,
    rearranged,
    same_value,
    subject,
)
from chainrule.formula.grading.program import (
    Point,
    Program,
    close,
    fitted,
    gradient_of,
    value_of_function,
)
from chainrule.formula.grading.regress import size_factor
from chainrule.formula.reading.shapes import Shape, shown
from chainrule.formula.typeset.evaluate import Array

__all__ = [
    "by_whole",
    "factor_words",
    "on_a_diagonal",
    "scalar_finding",
    "shape_finding",
]

Evaluate = Callable[[Point], Array]


def by_whole(program: Program, values: Values) -> Finding | None:
    """The first test that explains the value."""
    points = program.points[: len(values)]
    tests: list[Callable[[], Finding | None]] = [
        lambda: _multiple(program, points, values),
        lambda: _turned(program, points, values),
        lambda: _zero(points, values),
        lambda: _not_summed(program, points, values),
        lambda: instead(program, points, values),
        lambda: rearranged(program, points, values),
        lambda: by_structure(program, points, values),
    ]
    with np.errstate(all="ignore"):
        return next((found for test in tests if (found := test()) is not None), None)


def _ratio(found: Array, truth: Array) -> float | None:
    """c, if the truth is c times the value."""
    scale = float(np.sum(found * found))
    if not scale or not np.isfinite(scale):
        return None
    ratio = float(np.sum(found * truth)) / scale
    return ratio if ratio and close(ratio * found, truth) else None


def _ratios(program: Program, points: Sequence[Point], values: Values) -> list[float] | None:
    found: list[float] = []
    for point, value in zip(points, values, strict=True):
        made = fitted(value, point.truth, program.rows)
        if made is not None and _vanishes(made) and _vanishes(point.truth):
            continue
        ratio = None if made is None else _ratio(made, point.truth)
        if ratio is None:
            return None
        found.append(ratio)
    return found if len(found) > 1 else None


def _vanishes(value: Array) -> bool:
    return bool(np.max(np.abs(value), initial=0.0) < 1e-12)


def factor_words(
    ratios: Sequence[float], sizes: Sequence[Mapping[str, int]]
) -> tuple[str, str] | None:
    """The kind of a factor that is missing, and the factor in words."""
    if np.allclose(ratios, ratios[0], rtol=1e-6):
        if np.isclose(ratios[0], -1):
            return "sign", "−1"
        number = Fraction(ratios[0]).limit_denominator(64)
        text = str(number) if np.isclose(float(number), ratios[0]) else f"{ratios[0]:.4g}"
        return ("factor" if ratios[0] > 0 else "sign and factor"), text.replace("-", "−")
    found = size_factor(ratios, sizes)
    if found is None:
        return None
    worth, size = found
    front = Fraction(worth).limit_denominator(64)
    kind = "missing mean" if size.startswith("1/") else "factor of a size"
    return kind, _multiplied(front, size)


def _multiplied(front: Fraction, size: str) -> str:
    """A number times sizes as one writes it: 2/n, −1/n, 3 · n, 1/2 · n/d."""
    sign, top = "−" * (front < 0), abs(front)
    if top.denominator == 1 and "/" in size:
        above, _, below = size.partition("/")
        if above == "1":
            return f"{sign}{top}/{below}"
    return f"{sign}{size}" if top == 1 else f"{sign}{top} · {size}"


def _multiple(program: Program, points: Sequence[Point], values: Values) -> Finding | None:
    ratios = _ratios(program, points, values)
    if ratios is None:
        return None
    words = factor_words(ratios, _sizes(points))
    if words is None:
        return None
    kind, factor = words
    if kind == "sign":
        return Finding("sign", "right up to the sign")
    return Finding(kind, f"right up to the factor {factor}")


def _sizes(points: Sequence[Point]) -> list[Mapping[str, int]]:
    """The sizes at the points where the derivative does not vanish."""
    return [p.sizes for p in points if not _vanishes(p.truth)]


def _turned(program: Program, points: Sequence[Point], values: Values) -> Finding | None:
    """A transposed value, perhaps with a factor; or other axes in another order."""
    ranks = {v.ndim for v in values}
    for order in itertools.permutations(range(values[0].ndim)) if ranks == {3} else ():
        if all(same_value(v.transpose(order), p.truth) and v.transpose(order).shape == p.truth.shape
               for v, p in zip(values, points, strict=True)):  # fmt: skip
            return Finding("transpose", "right up to the order of the axes")
    turned: list[Array] = []
    for point, value in zip(points, values, strict=True):
        flat = int(np.prod(point.truth.shape[: program.rows], dtype=int))
        truth = point.truth if point.truth.ndim == 2 else point.truth.reshape(flat, -1)
        if value.ndim != 2 or value.T.shape != truth.shape:
            return None
        turned.append(value.T.reshape(point.truth.shape))
    ratios = _ratios(program, points, turned)
    words = factor_words(ratios, _sizes(points)) if ratios else None
    if words is None or ratios is None:
        return None
    if np.allclose(ratios, 1):
        return Finding("transpose", "right up to a transpose")
    return Finding("transpose", f"right up to a transpose and the factor {words[1]}")


# ---------------------------------------------------------------- something else


def _zero(points: Sequence[Point], values: Values) -> Finding | None:
    if any(v.any() for v in values) or not any(p.truth.any() for p in points):
        return None
    return Finding("zero", "this is zero, and the derivative is not")


def _not_summed(program: Program, points: Sequence[Point], values: Values) -> Finding | None:
    """Right after a sum over an axis that should have gone."""
    for axis in (0, 1, None):
        fits = []
        for point, value in zip(points, values, strict=True):
            if value.ndim <= point.truth.ndim or (axis is not None and axis >= value.ndim):
                return None
            total = value.sum(axis=axis)
            fits.append(total.shape == point.truth.shape and close(total, point.truth))
        if all(fits):
            where = (
                "all entries" if axis is None else "the samples" if axis == 0 else "the last axis"
            )
            return Finding(
                "shape", f"right before a sum over {where}: {parameter(program)} is shared"
            )
    return None


# ---------------------------------------------------------------- the last resorts


def on_a_diagonal(program: Program, values: Values) -> Finding | None:
    """The gradient on a diagonal, where the Hessian is asked."""
    if program.question.order != 2:
        return None
    first = replace(program, question=replace(program.question, order=1))
    for point, value in zip(program.points, values, strict=False):
        slope = gradient_of(first, program.question.names[0], point)
        if slope is None or not same_value(value, np.diag(slope.reshape(-1))):
            return None
    return Finding("order", "this is the gradient on a diagonal; the Hessian is its derivative")


def scalar_finding(program: Program, values: Values) -> Finding | None:
    """A factor that depends on the values."""
    points = program.points[: len(values)]
    ratios = _ratios(program, points, values)
    if ratios is None:
        return None
    own = (
        [float(value_of_function(program, p)) for p in points if not _vanishes(p.truth)]
        if program.question.order == 1
        else []
    )
    if own and np.allclose(ratios, [0.5 / v for v in own]):
        name = subject(program)
        return Finding("wrong function", f"this is the derivative of {name}², not of {name}")
    return Finding(
        "scalar factor", "right up to a scalar factor that depends on the values, "
        f"{ratios[0]:.4g} at one point and {ratios[1]:.4g} at another"
    )  # fmt: skip


def shape_finding(program: Program, values: Values, read: Shape | None = None) -> Finding | None:
    """A value of another shape, which a text says; of a function it is told from the numbers."""
    made = [fitted(v, p.truth, program.rows) for v, p in zip(values, program.points, strict=False)]
    if None not in [None if m is None else 0 for m in made]:
        return None
    if read is None or len(read) != values[0].ndim:
        number_of = {v: k for k, v in program.points[0].sizes.items()}
        read = tuple(number_of.get(n, str(n)) for n in values[0].shape)
    return Finding(
        "shape", f"the result has the shape {shown(read)}, the derivative {shown(program.dims)}"
    )
