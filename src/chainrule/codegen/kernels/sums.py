"""Sums into places: the kernels of Accumulate and Scatter, and the check of indices.

Where two elements may be added to one place they are added in order, one after another; the lanes
of a vector always go to different places.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Final

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.table import STATUS
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.values import Value, constant, lanes, memory
from chainrule.codegen.expressions.scope import Scope
from chainrule.codegen.kernels.draft import Draft, Kernel
from chainrule.codegen.statements.affine import Affine, flattened, variable
from chainrule.codegen.statements.counting import Loops, values_of
from chainrule.codegen.statements.loops import Guard
from chainrule.codegen.statements.steps import Check, Scattered, Spread
from chainrule.ir.dtype import DType, bool_
from chainrule.ir.graph import Node

__all__ = ["emit_check", "emit_scattered", "emit_spread"]

_EFFORT: Final = 2  # nanoseconds of an element
_WIDE: Final = 8  # elements below which a loop is not worth vectors
Body = Callable[[Scope], None]


def emit_spread(draft: Draft, step: Spread) -> Kernel:
    """Write target[place] += value, from zeros; in parallel over a first axis that both share."""
    b = draft.begin()
    table, begin, end, _ = b.arguments
    pointers = draft.places(b, table)
    shape, node = step.target.shape, step.target
    inner = math.prod(shape[1:])
    apart = _first_axis_is_shared(step, inner)
    low, high = (begin, end) if apart else (b.number(0), b.number(shape[0] if shape else 1))
    _zero(b, pointers[node], node.dtype, b.mul(low, inner), b.mul(high, inner))
    guards = tuple(Guard(form, size) for form, size in step.guards)
    lane = _lane(step.extents, step.place, first=1 if apart else 0)
    count = _lanes(draft.target, node.dtype, step.extents, lane)

    def body(scope: Scope) -> None:
        held = scope.both(scope.mask, scope.holds(guards))
        _add(scope, node, step.place, scope.value(step.value), held)

    _loops(b, pointers, step.extents, lane, count, {0: (low, high)} if apart else {}, body)
    return Kernel(draft.name, shape[0] if apart else 1, 0, _EFFORT * math.prod(step.extents))


def _first_axis_is_shared(step: Spread, inner: int) -> bool:
    """Whether the first variable counts through the target's first axis, and nothing else does."""
    if not step.axes or not step.extents:
        return False
    first, *others = step.axes
    return (
        first == variable(0)
        and step.target.shape[0] == step.extents[0]
        and all(f.coefficient(0) == 0 for f in others)
        and step.place.coefficient(0) == inner
    )


def emit_scattered(draft: Draft, step: Scattered) -> Kernel:
    """Write target[indices…, rest…] += value, from zeros."""
    b = draft.begin()
    pointers = draft.places(b, b.arguments[0])
    node = step.target
    shape = node.shape
    _zero(b, pointers[node], node.dtype, b.number(0), b.number(math.prod(shape)))
    rest = shape[len(step.indices) :]
    inner = flattened(tuple(variable(step.looped + k) for k in range(len(rest))), rest)
    strides = [math.prod(shape[k + 1 :]) for k in range(len(step.indices))]
    lane = _lane(step.extents, inner, first=step.looped)
    count = _lanes(draft.target, node.dtype, step.extents, lane)

    def body(scope: Scope) -> None:
        base = constant("i64", 0)
        for index, stride in zip(step.indices, strides, strict=True):
            own = scope.value(index)
            wide = b.convert("zext" if index.dtype.kind == "unsigned" else "sext", own, "i64")
            base = b.add(b.mul(wide, stride), base)
        _add(scope, node, inner, scope.value(step.value), scope.mask, base)

    _loops(b, pointers, step.extents, lane, count, {}, body)
    return Kernel(draft.name, 1, 0, _EFFORT * math.prod(step.extents))


def emit_check(draft: Draft, step: Check) -> Kernel:
    """Write a kernel that says so in the program's status if an index is out of bounds."""
    b = draft.begin()
    table = b.arguments[0]
    pointers = draft.places(b, table)
    wrong = b.local("i8")
    b.store(constant("i8", 0), wrong)

    def body(scope: Scope) -> None:
        value = scope.value(step.value)
        kind = "zext" if step.value.dtype.kind == "unsigned" else "sext"
        outside = b.icmp("uge", b.convert(kind, value, "i64"), step.size)
        flag = b.convert("zext", outside, "i8")
        b.store(b.binary("or", b.load("i8", wrong), flag), wrong)

    _loops(b, pointers, step.extents, None, 0, {}, body)
    with b.when(b.icmp("ne", b.load("i8", wrong), 0)):
        b.store(constant("i64", 1), b.load("ptr", b.offset(table, STATUS, "ptr")))
    return Kernel(draft.name, 1, 0, math.prod(step.extents))


# ---------------------------------------------------------------- loops


def _lane(extents: Sequence[int], place: Affine, first: int) -> int | None:
    """The variable along which neighboring elements go to neighboring places."""
    for v in reversed(range(first, len(extents))):
        if place.coefficient(v) == 1 and extents[v] >= _WIDE:
            return v
    for v in reversed(range(first, len(extents))):
        if place.coefficient(v) and extents[v] >= _WIDE:
            return v
    return None


def _lanes(target: Target, dtype: DType, extents: Sequence[int], lane: int | None) -> int:
    if lane is None:
        return 0
    own = target.vector_bits // max(dtype.bits, 32)
    return min(own, 1 << (extents[lane] - 1).bit_length())


def _loops(
    b: Builder,
    pointers: Mapping[Node, Value],
    extents: Sequence[int],
    lane: int | None,
    count: int,
    limits: Mapping[int, tuple[Value, Value]],
    body: Body,
) -> None:
    """Run a body at every place, the lanes' variable innermost."""
    values: dict[int, Value | None] = {}
    with ExitStack() as stack:
        for v, extent in enumerate(extents):
            if v == lane:
                continue
            low, high = limits.get(v, (b.number(0), b.number(extent)))
            loop = stack.enter_context(b.loop(low, high))
            values |= values_of(Loops(v, (v,), extent), loop.index)
        if lane is None:
            body(Scope(b, pointers, values))
            return
        whole = extents[lane] // count * count
        if whole:
            with b.loop(0, whole, count) as turn:
                body(Scope(b, pointers, {**values, lane: turn.index}, lane, count))
        if whole < extents[lane]:
            mask = b.first(count, constant("i64", extents[lane] - whole))
            at = {**values, lane: constant("i64", whole)}
            body(Scope(b, pointers, at, lane, count, mask))


def _zero(b: Builder, pointer: Value, dtype: DType, low: Value, high: Value) -> None:
    own = memory(dtype)
    size = dtype.numpy.itemsize
    begin = b.offset(pointer, low, own)
    bytes_ = b.mul(b.binary("sub", high, low), size)
    b.call("llvm.memset.p0.i64", "void", begin, constant("i8", 0), bytes_, constant("i1", False))


def _add(
    scope: Scope,
    node: Node,
    place: Affine,
    value: Value,
    held: Value | None,
    base: Value | None = None,
) -> None:
    """Add a value at a place, where the mask holds."""
    b, dtype, count = scope.b, node.dtype, scope.count
    own = memory(dtype)
    offset = scope.scalar(place)
    if base is not None:
        offset = b.add(offset, base)
    op = _addition(dtype)
    if dtype is bool_:
        value = b.convert("zext", value, "i8")
    if count and scope.step(place) != 1:
        _add_apart(scope, node, place, value, held, base)
        return
    if count:
        kind = memory(dtype, count)
        at = b.offset(scope.pointers[node], offset, own)
        value = value if lanes(value.type) else b.splat(value, count)
        if held is not None and not lanes(held.type):
            held = b.splat(held, count)
        b.store_some(b.binary(op, b.load_some(kind, at, held), value), at, held)
        return
    with ExitStack() as stack:
        if held is not None:
            stack.enter_context(b.when(held))
        at = b.offset(scope.pointers[node], offset, own)
        b.store(b.binary(op, b.load(own, at), value), at)


def _addition(dtype: DType) -> str:
    """The instruction that adds what lies in memory as a dtype."""
    return "fadd" if dtype.is_float else "or" if dtype is bool_ else "add"


def _add_apart(
    scope: Scope, node: Node, place: Affine, value: Value, held: Value | None, base: Value | None
) -> None:
    """Add lanes, as they lie in memory, whose places lie apart but never at one place."""
    b, dtype, count = scope.b, node.dtype, scope.count
    op = _addition(dtype)
    places = scope.places(place)
    if base is not None:
        places = b.binary("add", places, b.splat(base, count))
    value = value if lanes(value.type) else b.splat(value, count)
    if held is not None and not lanes(held.type):
        held = b.splat(held, count)
    pointer = scope.pointers[node]
    before = b.gather(memory(dtype, count), pointer, places, held)
    b.scatter(b.binary(op, before, value), pointer, places, held)
