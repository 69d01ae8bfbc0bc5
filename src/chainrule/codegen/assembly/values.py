"""Values in registers: what LLVM's language calls types and operands."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Final, NamedTuple

from chainrule.ir.dtype import DType, bool_

_BITS: Final = {"half": 16, "bfloat": 16, "float": 32, "double": 64, "ptr": 64}


class Value(NamedTuple):
    """An operand: a register or a constant, and its type."""

    text: str
    type: str

    def __str__(self) -> str:
        return f"{self.type} {self.text}"


Index = Value | int


def vector(element: str, lanes: int) -> str:
    """The type of a vector; of no lanes, the element itself."""
    return f"<{lanes} x {element}>" if lanes else element


@cache
def lanes(kind: str) -> int:
    """How many elements a vector type has; 0 for a type that is no vector."""
    return int(kind[1:].split(" x ", 1)[0]) if kind[0] == "<" else 0


@cache
def element(kind: str) -> str:
    """The element type of a vector type; any other type itself."""
    return kind.split(" x ", 1)[1][:-1] if kind[0] == "<" else kind


@cache
def like(kind: str, other: str) -> str:
    """The type of elements of another kind in as many lanes."""
    return vector(other, lanes(kind))


@cache
def bits(kind: str) -> int:
    """The width of an element of a type."""
    own = element(kind)
    return _BITS[own] if own in _BITS else int(own[1:])


@cache
def suffix(kind: str) -> str:
    """How a type is spelled in the name of an intrinsic: ``f32``, ``v16i8``, ``p0``."""
    own = element(kind)
    short = {"half": "f16", "bfloat": "bf16", "float": "f32", "double": "f64", "ptr": "p0"}
    count = lanes(kind)
    return (f"v{count}" if count else "") + short.get(own, own)


def constant(kind: str, number: float | int | bool) -> Value:
    """A number of a type, in every lane if the type is a vector."""
    # Zeros of both signs are equal, so a cache would take one for the other.
    return _known(kind, number) if number else _written(kind, number)


def _written(kind: str, number: float | int | bool) -> Value:
    own = element(kind)
    if own in ("float", "double"):
        value = float(number)
        if own == "float":
            value = _rounded(value)
        text = f"0x{struct.unpack('>Q', struct.pack('>d', value))[0]:016X}"
    elif own == "i1":
        text = "true" if number else "false"
    else:
        text = str(int(number))
    return Value(f"splat ({own} {text})" if lanes(kind) else text, kind)


_known = lru_cache(4096, typed=True)(_written)


def _rounded(value: float) -> float:
    """The nearest float of 32 bits; what is too large is infinite."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def sequence(kind: str, numbers: Sequence[float | int | bool]) -> Value:
    """A vector of different numbers."""
    own = element(kind)
    return Value("<" + ", ".join(str(constant(own, n)) for n in numbers) + ">", kind)


_REGISTER: Final = {"float32": "float", "float64": "double", "bool": "i1"}


def register(dtype: DType, count: int = 0) -> str:
    """The type of values of a dtype in registers."""
    return vector(_REGISTER.get(dtype.name, f"i{dtype.bits}"), count)


def memory(dtype: DType, count: int = 0) -> str:
    """The type of values of a dtype in memory: a bool is a byte."""
    return vector("i8" if dtype is bool_ else register(dtype), count)
