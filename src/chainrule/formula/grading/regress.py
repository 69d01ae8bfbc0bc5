"""A student's value as a combination of the expanded terms of the truth.

In v = Σ cᵢTᵢ a coefficient of 0 is a missing term, −1 a sign, anything else a factor; two terms of
which one is taken twice and the other not at all were taken to be equal.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.algebra.definitions import expanded
from chainrule.algebra.index import Poly, normal
from chainrule.errors import ChainruleError
from chainrule.formula.derivation.question import derivative
from chainrule.formula.grading.program import Program, close, fitted
from chainrule.formula.matrix.structure import formula
from chainrule.formula.reading.numeric import NumpyEvaluator, natural
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.evaluate import Array
from chainrule.formula.typeset.tree import Tree

__all__ = ["Share", "shares", "size_factor", "terms"]

_MOST = 12


@dataclass(frozen=True)
class Share:
    """How often a term of the truth stands in a value: a number, or a number times 1/n."""

    tree: Tree
    numbers: tuple[float, ...]
    sizes: tuple[Mapping[str, int], ...]

    @property
    def number(self) -> float | None:
        """The coefficient, if it is the same at all points."""
        first = self.numbers[0]
        return first if np.allclose(self.numbers, first, rtol=1e-5, atol=1e-6) else None


def terms(program: Program) -> list[list[Tree]]:
    """The terms of the truth as formulas: those of the normal form, and the expanded ones."""
    if program.derivation is None:
        return []
    derivation, question = program.derivation, program.question
    if derivation.is_long(question.names[0]):
        return [_parts(program.main)] if isinstance(program.main, ts.Plus) else []
    try:
        derivation.name_deltas(())
        poly = derivative(derivation, question.names, question.order)
        opened = expanded(poly, derivation.lowering.definitions)
        rows = None if question.order == 1 else program.rows
        return [
            [formula(_single(found, k), rows) for k in range(len(found.terms))]
            for found in (poly, opened)
            if 1 < len(found.terms) <= _MOST
        ]
    except (ChainruleError, ArithmeticError, LookupError, TypeError, ValueError):
        return []


def _parts(tree: ts.Plus) -> list[Tree]:
    """The terms of a sum with their signs."""
    pairs = zip(tree.signs, tree.parts, strict=True)
    return [p if sign > 0 else ts.Plus(p.dims, (-1,), (p,)) for sign, p in pairs]


def _single(poly: Poly, place: int) -> Poly:
    return normal([poly.terms[place]], range(poly.rank), poly.dims)


def shares(program: Program, trees: Sequence[Tree], values: Sequence[Array]) -> list[Share] | None:
    """The coefficients of a value in the terms; None if it is no combination of them."""
    solved: list[list[float]] = []
    places: list[Mapping[str, int]] = []
    for point, value in zip(program.points, values, strict=False):
        columns = []
        for tree in trees:
            evaluator = program.evaluator(point)
            column = _evaluated(evaluator, tree, program, point.truth)
            if column is None:
                return None
            columns.append(column.reshape(-1))
        made = fitted(value, point.truth, program.rows)
        if made is None or not columns:
            return None
        matrix = np.stack(columns, axis=1)
        if np.linalg.matrix_rank(matrix) < len(columns):
            continue  # the terms are not independent at such a size
        found, *_ = np.linalg.lstsq(matrix, made.reshape(-1), rcond=None)
        if not close(matrix @ found, made.reshape(-1)):
            return None
        solved.append([float(c) for c in found])
        places.append(point.sizes)
    if len(solved) < 2:
        return None
    return [Share(t, tuple(c[k] for c in solved), tuple(places)) for k, t in enumerate(trees)]


def _evaluated(
    evaluator: NumpyEvaluator, tree: Tree, program: Program, truth: Array
) -> Array | None:
    try:
        value = evaluator(tree)
    except (ChainruleError, ArithmeticError, ValueError, np.linalg.LinAlgError):
        return None
    if len(tree.dims) == 1:
        value = natural(value, 1)
    return fitted(value, truth, program.rows)


def size_factor(
    numbers: Sequence[float], sizes: Sequence[Mapping[str, int]]
) -> tuple[float, str] | None:
    """c, "n" if numbers are c·n at all points; c, "1/n" if they are c/n; also √n, n/d, n·d."""
    for worth, shown in itertools.chain(_of_one_size(sizes), _of_two_sizes(sizes)):
        ratio = np.array(numbers) / worth
        if np.allclose(ratio, ratio[0], rtol=1e-6) and len(set(worth)) > 1:
            return float(ratio[0]), shown
    return None


def _of_one_size(sizes: Sequence[Mapping[str, int]]) -> Iterator[tuple[Array, str]]:
    """Powers of n and of n − 1 at all points, and what they are called."""
    for name, less in itertools.product(sizes[0], (0, 1)):
        worth = np.array([s[name] - less for s in sizes], float)
        if (worth > 0).all():
            size = f"({name} − 1)" if less else name
            yield worth, size
            yield 1 / worth, f"1/{size}"
            yield np.sqrt(worth), f"√{size}"
            yield 1 / np.sqrt(worth), f"1/√{size}"


def _of_two_sizes(sizes: Sequence[Mapping[str, int]]) -> Iterator[tuple[Array, str]]:
    """The same of n/d, n·d and 1/(n·d)."""
    for one, two in itertools.permutations(sizes[0], 2):
        top, bottom = (np.array([s[name] for s in sizes], float) for name in (one, two))
        if (np.minimum(top, bottom) > 0).all():
            pair = "·".join(sorted((one, two)))
            yield top / bottom, f"{one}/{two}"
            yield top * bottom, pair
            yield 1 / (top * bottom), f"1/({pair})"
