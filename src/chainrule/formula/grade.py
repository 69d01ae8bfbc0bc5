"""What is wrong with a value: tests on the whole of it, from numbers alone.

A value is compared, up to a sign, a factor and a transpose, with the derivative; then with what
people give instead of it: the function itself, the derivatives by other arguments and by
intermediate values, one order too few, the column-major form, the free entries of a symmetric
matrix; and with the derivative under an assumption that was not made.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from chainrule.formula import typeset as ts
from chainrule.formula.evaluate import Array
from chainrule.formula.notation import UNICODE, spelled
from chainrule.formula.program import (
    Point,
    Program,
    close,
    cotangents_at,
    fitted,
    gradient_of,
    value_of_function,
)
from chainrule.formula.regress import Share, shares, size_factor, terms
from chainrule.formula.shapes import shown
from chainrule.formula.typeset import Tree
from chainrule.formula.walk import walk

__all__ = [
    "Finding",
    "by_terms",
    "by_whole",
    "factor_words",
    "on_a_diagonal",
    "scalar_finding",
    "shape_finding",
]

Values = Sequence[Array]
Evaluate = Callable[[Point], Array]


@dataclass(frozen=True)
class Finding:
    """What is wrong: its kind, and a sentence for the student."""

    kind: str
    message: str


def by_whole(program: Program, values: Values) -> Finding | None:
    """The first test that explains the value."""
    points = program.points[: len(values)]
    tests: list[Callable[[], Finding | None]] = [
        lambda: _multiple(program, points, values),
        lambda: _turned(program, points, values),
        lambda: _zero(points, values),
        lambda: _not_summed(program, points, values),
        lambda: _instead(program, points, values),
        lambda: _rearranged(program, points, values),
        lambda: _structure(program, points, values),
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
    shown_front = "" if front == 1 else "−" if front == -1 else f"{front} · "
    kind = "missing mean" if size.startswith("1/") else "factor of a size"
    return kind, f"{shown_front}{size}"


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
        if all(_same(v.transpose(order), p.truth) and v.transpose(order).shape == p.truth.shape
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


def _instead(program: Program, points: Sequence[Point], values: Values) -> Finding | None:
    """The function, its gradient, or a derivative by something else, up to a number."""
    for finding, candidates in _others(program, points):
        if all(_same(v, c) and v.shape == c.shape for v, c in zip(values, candidates, strict=True)):
            return finding
    return None


def _others(program: Program, points: Sequence[Point]) -> Iterator[tuple[Finding, list[Array]]]:
    question = program.question
    yield (
        Finding("not differentiated", "this is the function itself, not its derivative"),
        [value_of_function(program, p) for p in points],
    )
    if question.order == 2:
        first = replace(program, question=replace(question, order=1))
        slopes = [gradient_of(first, question.names[0], p) for p in points]
        if all(s is not None for s in slopes):
            found = [s for s in slopes if s is not None]
            message = "this is the gradient; the Hessian is its derivative"
            yield Finding("order", message), found
    if question.order == "jacobian":
        outputs = [value_of_function(program, p).reshape(-1) for p in points]
        products = [p.truth.reshape(v.size, -1).T @ v for p, v in zip(points, outputs, strict=True)]
        yield (
            Finding("wrong function", f"this is the gradient of ½‖{_subject(program)}‖²"),
            products,
        )
    if question.order == 1:
        tables = [cotangents_at(program, p) for p in points]
        for name in tables[0]:
            if name not in question.names and all(name in t for t in tables):
                message = (
                    f"this stops at {spelled(name)}: it is ∂{_subject(program)}/∂{spelled(name)}"
                )
                yield Finding("stopped early", message), [t[name] for t in tables]
    for name in question.given.axes:
        if name not in question.names and question.given.facts.get(name, "")[:7] != "integer":
            gradients = [gradient_of(program, name, p) for p in points]
            if all(g is not None for g in gradients):
                message = f"this is the derivative by {spelled(name)}, not by {_parameter(program)}"
                yield Finding("wrong variable", message), [g for g in gradients if g is not None]


def _subject(program: Program) -> str:
    name = program.question.f.__name__
    return "L" if name == "loss" else name


def _rearranged(program: Program, points: Sequence[Point], values: Values) -> Finding | None:
    """The column-major form, the free entries of a symmetric matrix, a missing commutation."""
    for finding, rearranged in (
        (Finding("column-major", "this is the column-major form; here vec is row-major, as "
                 "reshape(-1) is"), _column_major),
        (Finding("free entries of a symmetric matrix", "this is 2G − diag(G), the derivative by "
                 "the free entries of a symmetric matrix; the gradient takes all entries as "
                 "independent"), _free_entries),
        (Finding("diagonal only", "only the diagonal is right: the off-diagonal entries are "
                 "missing"), _diagonal_only),
        (Finding("flipped", "right up to a reversal of the order"), _reversed),
        (Finding("missing commutation", "a commutation matrix is missing"), _uncommuted),
    ):  # fmt: skip
        if all(
            _same(value, rearranged(p.truth, program.rows))
            for p, value in zip(points, values, strict=True)
        ):
            return finding
    return None


def _zero(points: Sequence[Point], values: Values) -> Finding | None:
    if any(v.any() for v in values) or not any(p.truth.any() for p in points):
        return None
    return Finding("zero", "this is zero, and the derivative is not")


def _structure(program: Program, points: Sequence[Point], values: Values) -> Finding | None:
    """Entries that should be zero, or only some of the entries that are not."""
    more, less = [], []
    for point, value in zip(points, values, strict=True):
        truth, made = point.truth, fitted(value, point.truth, program.rows)
        if made is None or truth.ndim < 2:
            return None
        if truth.size < 2:
            continue
        there, here = np.abs(truth) > 1e-12, np.abs(made) > 1e-12
        more.append(not there.all() and close(np.where(there, made, 0.0), truth))
        less.append(bool(here.any()) and close(np.where(here, truth, 0.0), made))
    if more and all(more):
        return Finding("wrong structure", "entries are filled that are zero: the derivative is "
                       "(block-)diagonal")  # fmt: skip
    if less and all(less):
        return Finding("diagonal only", "only some entries are right, the others are missing")
    return None


def _same(value: Array, other: Array | None) -> bool:
    return (
        other is not None and value.size == other.size and close(value.reshape(other.shape), other)
    )


def _column_major(truth: Array, rows: int) -> Array | None:
    if truth.ndim != 4 or rows != 2:
        return None
    m, n, p, q = truth.shape
    return truth.transpose(1, 0, 3, 2).reshape(m * n, p * q)


def _free_entries(truth: Array, _: int) -> Array | None:
    if truth.ndim != 2 or truth.shape[0] != truth.shape[1]:
        return None
    return np.asarray(2 * truth - np.diag(np.diag(truth)))


def _reversed(truth: Array, _: int) -> Array | None:
    return truth[::-1] if truth.ndim == 1 else None


def _diagonal_only(truth: Array, rows: int) -> Array | None:
    if truth.ndim != 2 or truth.shape[0] != truth.shape[1] or rows != 1:
        return None
    return np.diag(np.diag(truth))


def _uncommuted(truth: Array, rows: int) -> Array | None:
    return truth.transpose(0, 1, 3, 2) if truth.ndim == 4 and rows == 2 else None


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
                "shape", f"right before a sum over {where}: {_parameter(program)} is shared"
            )
    return None


def _parameter(program: Program) -> str:
    return spelled(program.question.names[0])


# ---------------------------------------------------------------- terms


def by_terms(program: Program, values: Values, most: float = 0.5) -> Finding | None:
    """The terms of the truth that are missing, or stand there with another coefficient.

    An explanation in which more than this share of the terms is wrong is none.
    """
    with np.errstate(all="ignore"):
        for trees in terms(program):
            found = shares(program, trees, values)
            finding = None if found is None else _shared(program, found, most * len(found))
            if finding is not None:
                return finding
    return None


def _shared(program: Program, found: Sequence[Share], most: float) -> Finding | None:
    off = [s for s in found if s.number is None or not np.isclose(s.number, 1, atol=1e-6)]
    missing = [s for s in off if s.number is not None and abs(s.number) < 1e-6]
    rest = [s for s in off if s not in missing]
    if not off:
        return None
    if not rest:
        return _missing(program, missing) if len(missing) <= most else None
    numbers = {round(s.number, 6) for s in rest if s.number is not None}
    if missing and len(rest) <= len(missing) and numbers == {2.0}:
        return Finding("assumption", f"only true if {_sum(missing)} is equal to {_sum(rest)}")
    if not missing and numbers == {-1.0} and len(rest) <= most:
        return Finding("sign", f"the sign of {_sum(rest)} is wrong")
    if not missing and len(rest) <= max(1.0, most):
        ratios = [1 / n if n else 0.0 for n in rest[0].numbers]
        words = factor_words(ratios, rest[0].sizes)
        if words is not None:
            return Finding(words[0], f"the term {_sum(rest)} needs the factor {words[1]}")
    return None


def _sum(found: Sequence[Share]) -> str:
    return " and ".join(UNICODE(s.tree) for s in found)


def _missing(program: Program, missing: Sequence[Share]) -> Finding:
    names = {n for s in missing for n in _names(s.tree)}
    scalars = {n for n, a in program.question.given.axes.items() if not a}
    own = {*program.question.names, *scalars, *program.question.given.names}
    data = [
        n for n, a in program.question.given.axes.items() if a and n not in program.question.names
    ]
    if names <= own and names & scalars and len(missing) == 1 and data:
        return Finding("missing regulariser", f"the regulariser's term {_sum(missing)} is missing")
    plural = "s" if len(missing) > 1 else ""
    return Finding(
        "missing term", f"the term{plural} {_sum(missing)} {'are' if plural else 'is'} missing"
    )


def _names(tree: Tree) -> set[str]:
    return {p.name for p in walk(tree) if isinstance(p, ts.Symbol)}


# ---------------------------------------------------------------- the last resorts


def on_a_diagonal(program: Program, values: Values) -> Finding | None:
    """The gradient on a diagonal, where the Hessian is asked."""
    if program.question.order != 2:
        return None
    first = replace(program, question=replace(program.question, order=1))
    for point, value in zip(program.points, values, strict=False):
        slope = gradient_of(first, program.question.names[0], point)
        if slope is None or not _same(value, np.diag(slope.reshape(-1))):
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
        name = _subject(program)
        return Finding("wrong function", f"this is the derivative of {name}², not of {name}")
    return Finding(
        "scalar factor", "right up to a scalar factor that depends on the values, "
        f"{ratios[0]:.4g} at one point and {ratios[1]:.4g} at another"
    )  # fmt: skip


def shape_finding(program: Program, values: Values) -> Finding | None:
    """A value of another shape."""
    made = [fitted(v, p.truth, program.rows) for v, p in zip(values, program.points, strict=False)]
    if None not in [None if m is None else 0 for m in made]:
        return None
    sizes = program.points[0].sizes
    number_of = {v: k for k, v in sizes.items()}
    got = tuple(number_of.get(n, str(n)) for n in values[0].shape)
    return Finding(
        "shape", f"the result has the shape {shown(got)}, the derivative {shown(program.dims)}"
    )
