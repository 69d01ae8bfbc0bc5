"""Filling copies: an operand's frame of zeros and its inside; an operand along the lanes."""

from __future__ import annotations

from contextlib import ExitStack

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Value, bits, constant, sequence, vector
from chainrule.codegen.assembly.values import lanes as lanes_of
from chainrule.codegen.products.vectors import copy_turned
from chainrule.codegen.statements.counting import Loops, merged
from chainrule.codegen.windows.copies import Axis
from chainrule.codegen.windows.plan import Plan
from chainrule.codegen.windows.sources import Source

__all__ = ["clear", "fill", "pack", "zero"]


def clear(b: Builder, kind: str, source: Source, place: Value) -> None:
    """Write zeros where a frame lies beyond its array."""
    if source.frame is not None and not source.frame.is_whole:
        zero(b, place, source.elements * bits(kind) // 8)


def zero(b: Builder, place: Value, size: int) -> None:
    """Write so many bytes of zeros."""
    nothing, volatile = constant("i8", 0), constant("i1", False)
    b.call("llvm.memset.p0.i64", "void", place, nothing, b.number(size), volatile)


def fill(b: Builder, plan: Plan, source: Source, given: Value, place: Value, block: Value) -> None:
    """Copy the inside of a frame.

    given   where the array has the place 0 of all axes, whether that exists or not
    block   how many places of the stage there are
    """
    kind, lanes = plan.kind, plan.lanes
    frame = source.frame
    assert frame is not None
    strides = frame.source(source.load)[1]
    *outer, (axis, there, here) = zip(frame.axes, strides, frame.strides, strict=True)
    with ExitStack() as stack:
        for each, stride, own in outer:
            is_stage = plan.stage is not None and any(v == plan.stage for v, _ in each.steps)
            loop = stack.enter_context(b.loop(each.begin, block if is_stage else each.end))
            given = b.offset(given, b.mul(loop.index, stride), kind)
            place = b.offset(place, b.mul(loop.index, own), kind)
        assert here == 1
        _line(b, kind, lanes, axis, there, given, place)


def _line(
    b: Builder, kind: str, lanes: int, axis: Axis, stride: int, given: Value, place: Value
) -> None:
    """Copy the last axis."""
    count = lanes if stride == 1 else 1
    own = vector(kind, count) if count > 1 else kind
    whole = axis.begin + (axis.end - axis.begin) // count * count
    with b.loop(axis.begin, whole, count) as loop:
        value = b.load(own, b.offset(given, b.mul(loop.index, stride), kind))
        b.store(value, b.offset(place, loop.index, kind))
    if whole < axis.end:
        mask = b.first(count, b.number(axis.end - whole))
        value = b.load_some(own, b.offset(given, whole, kind), mask)
        b.store_some(value, b.offset(place, whole, kind), mask)


def pack(b: Builder, plan: Plan, source: Source, given: Value, place: Value, block: Value) -> None:
    """Lay an operand out along the lanes; what fills up the last vector is zero.

    given   where the array has the first element of the block
    block   how many places of the stage there are
    """
    roles, kind, lanes = plan.roles, plan.kind, plan.lanes
    others = [v for v in roles.inner if v != plan.stage]
    rest = merged(others, roles.extents, [source.load.flat])
    across = source.load.flat.coefficient(roles.lane)
    with ExitStack() as stack:
        stage = [] if plan.stage is None else [Loops(plan.stage, (plan.stage,), 0)]
        for x in [*stage, *rest[:-1]]:
            loop = stack.enter_context(b.loop(0, b.number(x.extent) if x.extent else block))
            step = source.load.flat.coefficient(x.last)
            given = b.offset(given, b.mul(loop.index, step), kind)
            step = source.form.coefficient(x.last)
            place = b.offset(place, b.mul(loop.index, step), kind)
        if not rest:
            _square(b, plan, (given, across, 0), place, 1)
            return
        last = rest[-1]
        step = source.load.flat.coefficient(last.last)
        whole = last.extent // lanes * lanes
        with b.loop(0, whole, lanes) as loop:
            here = b.offset(place, b.mul(loop.index, plan.padded), kind)
            there = b.offset(given, b.mul(loop.index, step), kind)
            _square(b, plan, (there, across, step), here, lanes)
        if whole < last.extent:
            here = b.offset(place, whole * plan.padded, kind)
            there = b.offset(given, whole * step, kind)
            _square(b, plan, (there, across, step), here, last.extent - whole)


def _square(
    b: Builder, plan: Plan, source: tuple[Value, int, int], place: Value, count: int
) -> None:
    """All lanes at some steps of the last inner axis, no more than there are lanes.

    source   where they lie, and the strides from lane to lane and from step to step
    """
    given, across, step = source
    kind, lanes, extent = plan.kind, plan.lanes, plan.roles.size(plan.roles.lane)
    register = vector(kind, lanes)
    for first in range(0, extent, lanes):
        present = min(lanes, extent - first)
        start = b.offset(given, first * across, kind)
        there = b.offset(place, first, kind)
        if step == 1:
            ways = (start, across), (there, plan.padded)
            copy_turned(b, kind, *ways, lanes, (present, count), lanes)
            continue
        mask = b.first_or_all(lanes, present)
        for k in range(count):
            values = _along(b, register, b.offset(start, k * step, kind), across, mask)
            b.store(values, b.offset(there, k * plan.padded, kind))


def _along(b: Builder, register: str, place: Value, step: int, mask: Value | None) -> Value:
    """Elements at equal distances."""
    if step == 1:
        return b.load_some(register, place, mask)
    places = sequence(vector("i64", lanes_of(register)), range(0, lanes_of(register) * step, step))
    return b.gather(register, place, places, mask)
