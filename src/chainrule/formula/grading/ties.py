"""Ties: the largest of several equal numbers, where [x = max(x)] counts each of them in full."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from chainrule.errors import ChainruleError
from chainrule.formula.derivation.question import tensors
from chainrule.formula.explaining.switches import switches
from chainrule.formula.explaining.verify import automatic, is_float
from chainrule.formula.grading.program import Point, Program, fitted, names_at
from chainrule.formula.typeset.evaluate import Array
from chainrule.transform.trace import trace

__all__ = ["at_ties"]

_CLOSE = 1e-6


def at_ties(program: Program, derivation: Callable[[Point], Array]) -> str:
    """What to say of a right derivation that has another value where elements are equal."""
    base = program.points[0]
    traced = trace(program.question.f)(**tensors(base.arguments))
    chosen = {s.name for n in traced.graph.inputs for s in switches(traced.graph, n) if s.chooses}
    if program.derivation is None or not chosen & {"max", "min"}:
        return ""
    arguments = {
        name: np.full(np.shape(value), np.mean(value)) if is_float(value) else value
        for name, value in base.arguments.items()
    }
    try:
        with np.errstate(all="ignore"):
            truth = automatic(program.question, arguments)
            values = names_at(program, traced, base.sizes, arguments)
            point = replace(base, arguments=arguments, values=values, truth=truth)
            found = fitted(derivation(point), truth, program.rows)
    except (ChainruleError, ArithmeticError, ValueError, IndexError):
        return ""
    if found is None or np.allclose(found, truth, _CLOSE, _CLOSE, equal_nan=True):
        return ""
    return ", except at ties, which automatic differentiation shares evenly"
