"""Whether a derivation is right under an assumption that was not made, such as symmetry."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from chainrule.errors import ChainruleError
from chainrule.formula.grading.finding import Finding
from chainrule.formula.grading.program import Point, Program, at_arguments
from chainrule.formula.printing.notation import spelled
from chainrule.formula.typeset.evaluate import Array

__all__ = ["assuming"]

Evaluate = Callable[[Point], Array]
_Change = Callable[[dict[str, Array]], dict[str, Array]]


def assuming(program: Program, evaluate: Evaluate, weak: bool) -> Finding | None:
    """Right if a matrix is symmetric, rows sum to 1, matrices commute; weak: if arguments agree."""
    for words, change in (_coincidences if weak else _assumptions)(program):
        fits = []
        for point in program.points[:2]:
            moved = at_arguments(program, point, change(dict(point.arguments)))
            if moved is None:
                break
            try:
                value = evaluate(moved)
            except (ChainruleError, ArithmeticError, ValueError, np.linalg.LinAlgError):
                break
            fits.append(program.matches(value, moved.truth) and bool(np.any(moved.truth)))
            if not fits[-1]:
                break
        if len(fits) == 2 and all(fits):
            kind = "missing factor" if words.endswith(" = 1") else "assumption"
            return Finding(kind, f"only true if {words}")
    return None


def _assumptions(program: Program) -> Iterator[tuple[str, _Change]]:
    axes = program.question.given.axes
    facts = program.question.given.facts
    square = [n for n, a in axes.items() if len(a) == 2 and a[0] == a[1] and n not in facts]
    for name in square:
        yield f"{spelled(name)} is symmetric", _symmetric([name])
    for name in [
        n
        for n, a in axes.items()
        if len(a) == 2 and a[0] != a[1] and "simplex" not in facts.get(n, "")
    ]:
        yield f"the rows of {spelled(name)} sum to 1", _rows_sum(name)
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


def _rows_sum(name: str) -> _Change:
    def changed(values: dict[str, Array]) -> dict[str, Array]:
        rows = np.abs(values[name]) + 0.1
        return {**values, name: rows / rows.sum(axis=1, keepdims=True)}

    return changed
