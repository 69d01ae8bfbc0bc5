"""From the sums to the target: as they are, or turned around if lanes lie apart there."""

from __future__ import annotations

import math
from contextlib import ExitStack

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Value, vector
from chainrule.codegen.products.vectors import transposed
from chainrule.codegen.windows.plan import Plan

__all__ = ["give"]


def give(b: Builder, plan: Plan, sums: Value, target: Value) -> None:
    """Write all sums; ``target`` is where the first one belongs."""
    if plan.roles.is_turned:
        _turned(b, plan, sums, target)
        return
    form, kind = plan.sums_form(), plan.kind
    with ExitStack() as stack:
        for v in plan.places:
            at = stack.enter_context(b.loop(0, plan.roles.size(v))).index
            sums = b.offset(sums, b.mul(at, form.coefficient(v)), kind)
            target = b.offset(target, b.mul(at, plan.roles.form.coefficient(v)), kind)
        extent, lanes = plan.roles.size(plan.roles.lane), plan.lanes
        for first in range(0, extent, lanes):
            values = b.load(vector(kind, lanes), b.offset(sums, first, kind))
            mask = b.first_or_all(lanes, extent - first)
            b.store_some(values, b.offset(target, first, kind), mask)


def _turned(b: Builder, plan: Plan, sums: Value, target: Value) -> None:
    """Squares of places that lie side by side in the target: the columns, or else the rows."""
    if plan.roles.columns:
        form, kind = plan.sums_form(), plan.kind
        with ExitStack() as stack:
            for v in plan.roles.rows:
                at = stack.enter_context(b.loop(0, plan.roles.size(v))).index
                sums = b.offset(sums, b.mul(at, form.coefficient(v)), kind)
                target = b.offset(target, b.mul(at, plan.roles.form.coefficient(v)), kind)
            _squares(b, plan, sums, target, plan.roles.columns)
    else:
        _squares(b, plan, sums, target, plan.roles.rows)


def _squares(
    b: Builder, plan: Plan, sums: Value, target: Value, variables: tuple[int, ...]
) -> None:
    lanes, kind, extent = plan.lanes, plan.kind, plan.roles.size(plan.roles.lane)
    places = math.prod(plan.roles.size(v) for v in variables)
    apart = plan.roles.form.coefficient(plan.roles.lane)

    def square(here: Value, there: Value, wide: int, high: int) -> None:
        block = [
            b.load(vector(kind, lanes), b.offset(here, k * plan.padded, kind)) for k in range(lanes)
        ]
        for k, values in enumerate(transposed(b, block)[:high]):
            b.store_some(values, b.offset(there, k * apart, kind), b.first_or_all(lanes, wide))

    def line(here: Value, there: Value, high: int) -> None:
        whole = places // lanes * lanes
        with b.loop(0, whole, lanes) as loop:
            away = b.offset(here, b.mul(loop.index, plan.padded), kind)
            square(away, b.offset(there, loop.index, kind), lanes, high)
        if whole < places:
            away = b.offset(here, whole * plan.padded, kind)
            square(away, b.offset(there, whole, kind), places - whole, high)

    whole = extent // lanes * lanes
    if whole:
        with b.loop(0, whole, lanes) as loop:
            there = b.offset(target, b.mul(loop.index, apart), kind)
            line(b.offset(sums, loop.index, kind), there, lanes)
    if whole < extent:
        there = b.offset(target, whole * apart, kind)
        line(b.offset(sums, whole, kind), there, extent - whole)
