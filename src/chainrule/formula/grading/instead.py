"""What people give instead of a derivative: the function, another one, another arrangement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from chainrule.formula.grading.finding import Finding, Values
from chainrule.formula.grading.program import (
    Point,
    Program,
    close,
    cotangents_at,
    fitted,
    gradient_of,
    value_of_function,
)
from chainrule.formula.printing.notation import spelled
from chainrule.formula.typeset.evaluate import Array

__all__: list[str] = ["by_structure", "instead", "rearranged"]


def instead(program: Program, points: Sequence[Point], values: Values) -> Finding | None:
    """The function, its gradient, or a derivative by something else, up to a number."""
    for finding, candidates in _others(program, points):
        if all(
            same_value(v, c) and v.shape == c.shape for v, c in zip(values, candidates, strict=True)
        ):
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
        outputs = [value_of_function(program, p) for p in points]
        products = [np.tensordot(v, p.truth, v.ndim) for p, v in zip(points, outputs, strict=True)]
        yield (
            Finding("wrong function", f"this is the gradient of ½‖{subject(program)}‖²"),
            products,
        )
    if question.order == 1:
        tables = [cotangents_at(program, p) for p in points]
        for name in tables[0]:
            if name not in question.names and all(name in t for t in tables):
                message = (
                    f"this stops at {spelled(name)}: it is ∂{subject(program)}/∂{spelled(name)}"
                )
                yield Finding("stopped early", message), [t[name] for t in tables]
    for name in question.given.axes:
        if name not in question.names and question.given.facts.get(name, "")[:7] != "integer":
            gradients = [gradient_of(program, name, p) for p in points]
            if all(g is not None for g in gradients):
                message = f"this is the derivative by {spelled(name)}, not by {parameter(program)}"
                yield Finding("wrong variable", message), [g for g in gradients if g is not None]


def subject(program: Program) -> str:
    name = program.question.f.__name__
    return "L" if name == "loss" else name


def rearranged(program: Program, points: Sequence[Point], values: Values) -> Finding | None:
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
            same_value(value, rearranged(p.truth, program.rows))
            for p, value in zip(points, values, strict=True)
        ):
            return finding
    return None


def by_structure(program: Program, points: Sequence[Point], values: Values) -> Finding | None:
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


def same_value(value: Array, other: Array | None) -> bool:
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


def parameter(program: Program) -> str:
    return spelled(program.question.names[0])
