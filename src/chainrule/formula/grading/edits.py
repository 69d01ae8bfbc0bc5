"""A search for the one edit that makes a derivation right, which is what was wrong with it.

Edits that say most come first: an activation's derivative that was forgotten, a sign, a
transpose, a factor, another name, another function; then whatever factor is missing or too much.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.errors import FormulaError
from chainrule.formula.grading import factors, swaps
from chainrule.formula.grading.draft import Draft, Edit
from chainrule.formula.grading.finding import Finding
from chainrule.formula.grading.program import Program
from chainrule.formula.grading.slopes import with_slopes
from chainrule.formula.reading.numeric import natural
from chainrule.formula.reading.parse import Reader
from chainrule.formula.reading.syntax import Syntax, pieces

__all__ = ["repaired"]

_MOST = 6000
_WORK = 200_000  # pieces of syntax that are read; a long derivation has many edits, each long


def repaired(program: Program, syntax: Syntax, quick: bool = False) -> Finding | None:
    """The finding of the first edit that makes the derivation right.

    The quick search tries activation derivatives, transposes and names only.
    """
    wider, slopes = with_slopes(program)
    draft = Draft(wider, syntax, slopes)
    most = min(_MOST, _WORK // pieces(syntax))
    with np.errstate(all="ignore"):
        for count, (finding, candidate) in enumerate(_likely(draft) if quick else _all(draft)):
            if count > most:
                return None
            if _right(wider, candidate):
                return finding
    return None


def _right(program: Program, syntax: Syntax) -> bool:
    """Whether a syntax evaluates to the derivative at all points."""
    try:
        term = Reader("", program.names).whole(syntax, program.dims)
        if term.meta is not None:
            return False
        for point in program.points:
            value = program.evaluator(point)(term.tree)
            value = natural(value, term.rank) if term.rank < 2 else value
            if not program.matches(value, point.truth):
                return False
    except (
        FormulaError,
        ArithmeticError,
        ValueError,
        IndexError,
        TypeError,
        MemoryError,
        np.linalg.LinAlgError,
    ):
        return False
    return True


# ---------------------------------------------------------------- the search


def _likely(draft: Draft) -> Iterator[Edit]:
    """The edits that people need most."""
    for group in (swaps.names, swaps.transposes, swaps.slopes, swaps.own_slopes):
        yield from group(draft)


def _all(draft: Draft) -> Iterator[Edit]:
    """All edits, those that say most first."""
    yield from _likely(draft)
    for group in (
        swaps.signs, swaps.identities, factors.numbers, factors.sizes, swaps.functions,
        factors.operators, factors.powers, factors.extra, factors.weights, factors.scalars,
        factors.elementwise, factors.products, factors.sums, factors.deleted,
    ):  # fmt: skip
        yield from group(draft)
