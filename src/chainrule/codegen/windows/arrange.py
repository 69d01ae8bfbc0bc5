"""Arranging: factors of sums over windows are laid out along the lanes before the rows begin.

The numbers of a kernel are needed by every image. So they become an array whose last axis is the
one that is spread over lanes, filled up with zeros to whole vectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chainrule.codegen.assembly.target import Target
from chainrule.codegen.statements.affine import Affine, flattened, variable
from chainrule.codegen.statements.fuse import own_rank
from chainrule.codegen.statements.loops import Guard, Load, Pairs, Statement, Times
from chainrule.codegen.statements.steps import Step
from chainrule.codegen.windows.plan import Plan, plan_of
from chainrule.ir import build

__all__ = ["arrange_factors"]


def arrange_factors(steps: Iterable[Step], target: Target) -> Iterator[Step]:
    """Give the steps; where a factor has to lie otherwise, the step before lays it out."""
    for step in steps:
        if isinstance(step, Statement) and step.kind == "sum":
            rank = own_rank(step)
            plan = plan_of(target, step, rank)
            if plan is not None and plan.right.how == "packed" and _is_shared(plan, step, rank):
                yield from _arranged(plan, step)
                continue
        yield step


def _is_shared(plan: Plan, s: Statement, rank: int) -> bool:
    """Whether all rows need the same factor."""
    moved = {v for v, _ in plan.roles.right.flat.terms if s.extents[v] > 1}
    return moved.isdisjoint(range(rank)) and (rank > 0 or s.band is not None)


def _arranged(plan: Plan, s: Statement) -> Iterator[Statement]:
    load, lane = plan.roles.right, plan.roles.lane
    moving = {v for v, _ in load.flat.terms}
    names = [v for v in (*plan.roles.batch, *plan.roles.inner) if v in moving]
    if s.band is not None and s.band.variable in moving - {lane, *names}:
        names.insert(0, s.band.variable)  # a band has one place of it
    shape = (*(s.extents[v] for v in names), -(-s.extents[lane] // plan.lanes) * plan.lanes)
    made = build.parameter(shape, load.dtype)
    at = {v: variable(k) for k, v in enumerate((*names, lane))}
    zero = {v: Affine(0) for v in moving if v not in at}
    last = variable(len(names))
    guards = (Guard(last, s.extents[lane]),) if shape[-1] > s.extents[lane] else ()
    flat = load.flat.replaced(at | zero)
    yield Statement(made, shape, "", Load(load.source, flat, guards, load.dtype))
    index = [variable(v) for v in (*names, lane)]
    read = Load(made, flattened(index, shape), (), load.dtype)
    assert isinstance(s.value, Times | Pairs)
    yield s._replace(value=s.value._replace(operands=(plan.roles.left, read)))
