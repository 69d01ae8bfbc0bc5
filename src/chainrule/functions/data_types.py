"""Element types: conversion, promotion and their limits, under the array API standard's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import ArgumentError, DTypeError
from chainrule.functions.axes import on_cpu
from chainrule.functions.lift import Operand, as_tensor, cast
from chainrule.ir.dtype import DType, as_dtype, from_numpy, promote, with_scalar
from chainrule.ir.record import Record
from chainrule.runtime.quiet import quiet_call
from chainrule.tensors import Tensor, of_value

__all__ = ["astype", "can_cast", "finfo", "iinfo", "isdtype", "result_type"]

_KINDS = {
    "bool": ("bool",),
    "signed integer": ("signed",),
    "unsigned integer": ("unsigned",),
    "integral": ("signed", "unsigned"),
    "real floating": ("float",),
    "complex floating": (),
    "numeric": ("signed", "unsigned", "float"),
}


def astype(x: Operand, dtype: Any, /, *, copy: bool = True, device: str | None = None) -> Tensor:
    """Give the same numbers in another element type.

    A Tensor never changes, so ``copy`` makes no difference that could be seen.

    Raises:  DTypeError: chainrule does not compute with this type.

    >>> cr.astype(cr.tensor([0.5, -1.5, 2.0]), cr.int32)
    Tensor([ 0, -1,  2], int32)
    """
    if device is not None:
        on_cpu("astype", device)
    del copy
    kind = dtype if type(dtype) is DType else as_dtype(dtype)
    value = x._value if type(x) is Tensor else None
    if value is not None and value.dtype is not kind.numpy:
        return of_value(quiet_call(value.astype, kind.numpy))
    return cast(as_tensor(x, "astype"), kind)


def can_cast(from_: Any, to: Any, /) -> bool:
    """Say whether promotion could turn one element type, or a Tensor's, into another.

    >>> cr.can_cast(cr.float32, cr.float64), cr.can_cast(cr.float64, cr.int64)
    (True, False)
    """
    source = from_.dtype if isinstance(from_, Tensor) else as_dtype(from_)
    target = as_dtype(to)
    try:
        return promote(source, target) is target
    except DTypeError:
        return False


class FloatLimits(Record):
    """What a floating type can hold."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType


class IntegerLimits(Record):
    """What an integer type can hold."""

    bits: int
    max: int
    min: int
    dtype: DType


def finfo(type: Any, /) -> FloatLimits:
    """Give the limits of a floating type, or of a Tensor's.

    Raises:  DTypeError: the type is not floating.

    >>> cr.finfo(cr.float32).eps
    1.1920928955078125e-07
    """
    dtype = _dtype_of(type)
    if not dtype.is_float:
        raise DTypeError(f"finfo: {dtype} is not a floating type; iinfo knows the integers")
    found = np.finfo(dtype.numpy)
    return FloatLimits(
        found.bits,
        float(found.eps),
        float(found.max),
        float(found.min),
        float(found.smallest_normal),
        dtype,
    )


def iinfo(type: Any, /) -> IntegerLimits:
    """Give the limits of an integer type, or of a Tensor's.

    Raises:  DTypeError: the type is not an integer type.

    >>> cr.iinfo(cr.int8).max
    127
    """
    dtype = _dtype_of(type)
    if not dtype.is_integer:
        raise DTypeError(f"iinfo: {dtype} is not an integer type; finfo knows the floats")
    found = np.iinfo(dtype.numpy)
    return IntegerLimits(found.bits, int(found.max), int(found.min), dtype)


def _dtype_of(value: Any) -> DType:
    if isinstance(value, Tensor):
        return value.dtype
    return from_numpy(value.dtype) if isinstance(value, np.ndarray) else as_dtype(value)


def isdtype(dtype: Any, kind: Any) -> bool:
    """Say whether an element type is of a kind, is another type, or is any of several.

    Kinds are "bool", "signed integer", "unsigned integer", "integral", "real floating",
    "complex floating" and "numeric".

    Raises:  ArgumentError: the kind is none of these.

    >>> cr.isdtype(cr.int8, "integral"), cr.isdtype(cr.int8, (cr.float32, "bool"))
    (True, False)
    """
    found = as_dtype(dtype)
    if isinstance(kind, tuple):
        return any(isdtype(found, k) for k in kind)
    if isinstance(kind, str) and kind in _KINDS:
        return found.kind in _KINDS[kind]
    try:
        return found is as_dtype(kind)
    except DTypeError:
        names = ", ".join(repr(k) for k in _KINDS)
        raise ArgumentError(f"isdtype: {kind!r} is neither a dtype nor one of {names}") from None


def result_type(*arrays_and_dtypes: Any) -> DType:
    """Give the element type of a sum of Tensors, types and Python numbers.

    Raises:  DTypeError: there is no common type. ArgumentError: nothing is given.

    >>> cr.result_type(cr.float32, cr.int64, 2.0)
    float32
    """
    if not arrays_and_dtypes:
        raise ArgumentError("result_type: give at least one Tensor, dtype or number")
    scalars = [a for a in arrays_and_dtypes if isinstance(a, bool | int | float)]
    typed = [_dtype_of(a) for a in arrays_and_dtypes if not isinstance(a, bool | int | float)]
    found = typed[0] if typed else as_dtype(type(scalars.pop(0)))
    for dtype in typed[1:]:
        found = promote(found, dtype)
    for scalar in scalars:
        found = with_scalar(found, scalar)
    return found
