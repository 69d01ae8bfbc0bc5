"""From one type to another."""

from __future__ import annotations

from chainrule.codegen.assembly.values import like
from chainrule.codegen.mathematics.lanes import Lanes, where
from chainrule.ir.dtype import DType

__all__ = ["cast", "nonzero"]


def nonzero(x: Lanes) -> Lanes:
    """Where a number is not zero; NaN is not, a mask is itself."""
    return x if x.element == "i1" else x.differs(0)


def cast(x: Lanes, source: DType, target: DType) -> Lanes:
    """The number as another type: towards zero from floating point, modulo 2ⁿ among integers."""
    if target is source:
        return x
    if target.kind == "bool":
        return nonzero(x)
    if target.is_float:
        return _to_real(x, source, target)
    if source.is_float:
        return _truncated(x, target)
    kind = f"i{target.bits}"
    if source.kind != "bool" and target.bits <= source.bits:
        return x.convert("trunc", kind)
    return x.convert("sext" if source.kind == "signed" else "zext", kind)


def _to_real(x: Lanes, source: DType, target: DType) -> Lanes:
    kind = "float" if target.bits == 32 else "double"
    if source.is_float:
        return x.convert("fpext" if target.bits == 64 else "fptrunc", kind)
    if source.kind == "unsigned" and source.bits < 32:  # a signed integer of 32 bits holds it
        x = x.convert("zext", "i32")
        return x.convert("sitofp", kind)
    return x.convert("sitofp" if source.kind == "signed" else "uitofp", kind)


def _truncated(x: Lanes, target: DType) -> Lanes:
    """Through a wider signed integer, so that −1 as unsigned is the largest number, as in C.

    What fits nowhere is any number, but frozen: the same one at each use.
    """
    if target.name == "uint64":
        upper = (x - 2.0**63).convert("fptosi", "i64") ^ -(2**63)
        made = where(x < 2.0**63, x.convert("fptosi", "i64"), upper)
    elif target.bits == 64 or target.name == "uint32":
        made = x.convert("fptosi", "i64")
    else:
        made = x.convert("fptosi", "i32")
    made = Lanes(made.b, made.b.emit(made.kind, f"freeze {made.value}"))
    kind = like(made.kind, f"i{target.bits}")
    return made if kind == made.kind else made.convert("trunc", f"i{target.bits}")
