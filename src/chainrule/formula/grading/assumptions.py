"""Whether a derivation is right under an assumption that was not made, such as symmetry."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from chainrule.errors import ChainruleError
from chainrule.formula.grading.finding import Finding
from chainrule.formula.grading.grade import by_whole
from chainrule.formula.grading.program import Point, Program, at_arguments
from chainrule.formula.printing.notation import spelled
from chainrule.formula.typeset.evaluate import Array

__all__ = ["assuming", "nearly_assuming"]

Evaluate = Callable[[Point], Array]
_Change = Callable[[dict[str, Array]], dict[str, Array]]


def assuming(program: Program, evaluate: Evaluate, weak: bool) -> Finding | None:
    """Right if a matrix is symmetric, rows sum to 1, matrices commute; weak: if arguments agree."""
    points = _wrong_first(program, evaluate)[:2]
    for words, change in (_coincidences if weak else _assumptions)(program):
        moved = _moved(program, evaluate, change, points)
        if moved is not None and all(
            program.matches(value, point.truth) and np.any(point.truth) for point, value in moved
        ):
            kind = "missing factor" if words.endswith(" = 1") else "assumption"
            return Finding(kind, f"only true if {words}")
    return None


def nearly_assuming(program: Program, evaluate: Evaluate) -> Finding | None:
    """Right up to a factor, a sign or a transpose if rows sum to 1 or a matrix is symmetric."""
    for words, change in _assumptions(program):
        moved = _moved(program, evaluate, change, program.points)
        if moved is None:
            continue
        there = replace(program, points=tuple(point for point, _ in moved))
        finding = by_whole(there, [value for _, value in moved])
        if finding is not None and finding.message.startswith("right up to"):
            return replace(finding, message=f"{finding.message}, if {words}")
    return None


def _wrong_first(program: Program, evaluate: Evaluate) -> list[Point]:
    """The points, those first at which a derivation is wrong: there an assumption helps or not."""
    return sorted(program.points, key=lambda p: program.matches(evaluate(p), p.truth))


def _moved(
    program: Program, evaluate: Evaluate, change: _Change, points: Sequence[Point]
) -> list[tuple[Point, Array]] | None:
    """Points with other arguments, and the values of the derivation there."""
    found = []
    for point in points:
        moved = at_arguments(program, point, change(dict(point.arguments)))
        if moved is None:
            return None
        try:
            found.append((moved, evaluate(moved)))
        except (ChainruleError, ArithmeticError, ValueError, np.linalg.LinAlgError):
            return None
    return found


def _assumptions(program: Program) -> Iterator[tuple[str, _Change]]:
    axes = program.question.given.axes
    facts = program.question.given.facts
    square = [n for n, a in axes.items() if len(a) == 2 and a[0] == a[1] and n not in facts]
    for name in square:
        yield f"{spelled(name)} is symmetric", _symmetric([name])
    for name in axes:
        if name not in facts and axes[name]:
            yield f"the elements of {spelled(name)} are positive", _positive(name)
    free = [n for n in axes if facts.get(n) not in ("simplex", "onehot")]
    for name in free:
        if len(axes[name]) == 2 and axes[name][0] != axes[name][1]:
            yield f"the rows of {spelled(name)} sum to 1", _rows_sum(name)
        elif len(axes[name]) == 1:
            yield f"{spelled(name)} sums to 1", _rows_sum(name)
    if len(square) > 1:
        yield "all square matrices are symmetric", _symmetric(square)
        yield "the matrices commute", _diagonal(square)


def _coincidences(program: Program) -> Iterator[tuple[str, _Change]]:
    axes = program.question.given.axes
    facts = program.question.given.facts
    square = [n for n, a in axes.items() if len(a) == 2 and a[0] == a[1] and n not in facts]
    free = [n for n in axes if n not in facts and axes[n]]
    for a, b in itertools.combinations(free, 2):
        one, two = spelled(a), spelled(b)
        if axes[a] == axes[b]:
            yield f"{one} = {two}", _equal(a, b)
            both = _then(_equal(a, b), _symmetric(square))
            yield f"{one} = {two} and the matrices are symmetric", both
        elif axes[a] == axes[b][::-1] and not {a, b} & set(program.question.names):
            both = _then(_transposes(a, b), _symmetric(square))
            yield f"{one}{two} and the others are symmetric", both
    for name in [n for n, a in axes.items() if not a and n not in program.question.names]:
        yield f"{spelled(name)} = 1", _one(name)


def _then(first: _Change, second: _Change) -> _Change:
    return lambda values: second(first(values))


def _transposes(a: str, b: str) -> _Change:
    return lambda values: {**values, b: values[a].T}


def _one(name: str) -> _Change:
    return lambda values: {**values, name: np.asarray(1.0)}


def _symmetric(names: Sequence[str]) -> _Change:
    return lambda values: {**values, **{n: (values[n] + values[n].T) / 2 for n in names}}


def _diagonal(names: Sequence[str]) -> _Change:
    return lambda values: {**values, **{n: np.diag(np.diag(values[n])) for n in names}}


def _equal(a: str, b: str) -> _Change:
    return lambda values: {**values, b: values[a]}


def _positive(name: str) -> _Change:
    return lambda values: {**values, name: np.abs(values[name]) + 0.1}


def _rows_sum(name: str) -> _Change:
    def changed(values: dict[str, Array]) -> dict[str, Array]:
        rows = np.abs(values[name]) + 0.1
        return {**values, name: rows / rows.sum(axis=-1, keepdims=True)}

    return changed
