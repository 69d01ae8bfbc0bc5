"""Which terms of the derivative are missing from a value, or have another coefficient there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.formula.grading.finding import Finding, Values
from chainrule.formula.grading.grade import factor_words
from chainrule.formula.grading.program import (
    Program,
)
from chainrule.formula.grading.regress import Share, shares, terms
from chainrule.formula.printing.notation import UNICODE
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import walk

__all__: list[str] = ["by_terms"]


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
