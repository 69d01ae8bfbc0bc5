"""Totals: what reductions begin with, how they grow, and how lanes are added up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Value, constant, lanes, register
from chainrule.codegen.expressions.scope import Scope
from chainrule.codegen.mathematics.scalars import emit_scalar
from chainrule.codegen.statements.affine import Affine, flattened, variable
from chainrule.codegen.statements.clusters import INDEXED
from chainrule.codegen.statements.loops import Statement, Times
from chainrule.ir.dtype import DType
from chainrule.ir.scalar import SCALARS

__all__ = ["combine", "combined", "folded", "neutral"]


def neutral(s: Statement, count: int) -> list[Value]:
    """What a total begins with; the index of a largest element comes with its value."""
    dtype = s.value.dtype
    kind = register(dtype, count)
    if s.kind in INDEXED:
        return [constant(kind, _worst(dtype, s.kind == "argmax")), constant("i64", -1)]
    empty = 0 in s.extents[s.rank :]
    match s.kind:
        case "sum":
            return [constant(kind, -0.0 if dtype.is_float and not empty else 0)]
        case "prod" | "all":
            return [constant(kind, 1)]
        case "any":
            return [constant(kind, 0)]
        case _:
            return [constant(kind, _worst(dtype, s.kind == "max"))]


def _worst(dtype: DType, least: bool) -> float | int | bool:
    if dtype.is_float:
        return float("-inf") if least else float("inf")
    if dtype.kind == "bool":
        return not least
    limits = np.iinfo(dtype.numpy)
    return int(limits.min if least else limits.max)


def combine(b: Builder, s: Statement, total: Value, value: Value) -> Value:
    """Two totals, or a total and one more value, as one."""
    dtype = s.value.dtype
    match s.kind:
        case "sum":
            return b.binary("fadd" if dtype.is_float else "add", total, value)
        case "prod":
            return b.binary("fmul" if dtype.is_float else "mul", total, value)
        case "any":
            return b.binary("or", total, value)
        case "all":
            return b.binary("and", total, value)
        case _:
            record = SCALARS["maximum" if s.kind == "max" else "minimum"]
            made = emit_scalar(b, record, (), [total, value], dtype)
            assert made is not None
            return made


def combined(
    scope: Scope,
    s: Statement,
    held: Sequence[Value],
    tail: Value | None,
) -> list[Value]:
    """The totals after one more element, or one more in each lane that exists."""
    b = scope.b
    if s.kind in INDEXED:
        return _better(scope, s, held)
    if s.kind == "sum" and isinstance(s.value, Times) and s.value.dtype.is_float and tail is None:
        *others, last = s.value.operands
        product = Times(tuple(others), s.value.dtype) if len(others) > 1 else others[0]
        return [b.fma(scope.vector_of(product), scope.vector_of(last), held[0])]
    value = scope.vector_of(s.value)
    if tail is not None:
        value = b.select(tail, value, neutral(s, scope.count)[0])
    return [combine(b, s, held[0], value)]


def _better(scope: Scope, s: Statement, held: Sequence[Value]) -> list[Value]:
    """The largest element so far and where it is: the first of equals, or the first NaN."""
    b, (best, place) = scope.b, held
    value = scope.value(s.value)
    number = scope.scalar(_number(s))
    dtype = s.value.dtype
    more = s.kind == "argmax"
    if dtype.is_float:
        better = b.fcmp("ogt" if more else "olt", value, best)
        new = b.fcmp("uno", value, value)
        better = b.binary("or", better, new)
        settled = b.fcmp("uno", best, best)
        better = b.binary("and", better, b.binary("xor", settled, constant("i1", True)))
    else:
        sign = "s" if dtype.kind == "signed" else "u"
        better = b.icmp(f"{sign}{'gt' if more else 'lt'}", value, best)
    none = b.icmp("slt", place, 0)
    better = b.binary("or", better, none)
    return [b.select(better, value, best), b.select(better, number, place)]


def _number(s: Statement) -> Affine:
    """The number of the element at hand along the reduced axes."""
    inner = tuple(map(variable, range(s.rank, len(s.extents))))
    return flattened(inner, s.extents[s.rank :])


def folded(b: Builder, s: Statement, total: Value) -> Value:
    """All lanes as one, halves upon halves."""
    count = lanes(total.type)
    while count > 1:
        half = count // 2
        low = b.shuffle(total, total, range(half))
        high = b.shuffle(total, total, range(half, count))
        total, count = combine(b, s, low, high), half
    return b.extract(total, 0)
