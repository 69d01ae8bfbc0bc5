"""Elementwise functions as machine code over whole arrays, and how far off their values are."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from chainrule.codegen.assembly.llvm import Builder, Module, module_for
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.texts import module_text
from chainrule.codegen.assembly.values import constant, vector
from chainrule.codegen.mathematics.lanes import Lanes
from chainrule.codegen.mathematics.scalars import emit_scalar
from chainrule.ir.dtype import DType, bool_, float32
from chainrule.ir.scalar import SCALARS, Scalar
from chainrule.runtime.engine import Library, load

Kernel = Callable[..., np.ndarray]


def memory_kind(dtype: DType) -> str:
    """How a dtype lies in memory."""
    if dtype.is_float:
        return "float" if dtype.bits == 32 else "double"
    return f"i{dtype.bits}"


def write_kernel(
    module: Module,
    name: str,
    record: Scalar,
    dtype: DType,
    lanes: int,
    params: tuple[Any, ...] = (),
    *,
    flushed: bool = False,
) -> None:
    """Add a function to a module: (operands…, out, n), which computes a record over n elements.

    flushed   with subnormal numbers flushed to zero, as programs run (x86 only)
    """
    names = [f"x{k}" for k in range(record.arity)]
    parameters = [*((n, "ptr") for n in names), ("out", "ptr"), ("n", "i64")]
    b = module.function(name, parameters)
    *sources, out, count = b.arguments
    own, result = memory_kind(dtype), record.result(dtype, params)
    with _flushing(b, flushed), b.loop(0, count, lanes or 1) as loop:
        values = [b.load(vector(own, lanes), b.offset(s, loop.index, own)) for s in sources]
        if dtype is bool_:
            values = [b.convert("trunc", v, "i1") for v in values]
        made = emit_scalar(b, record, params, values, dtype)
        assert made is not None
        if result is bool_:
            made = b.convert("zext", made, "i8")
        b.store(made, b.offset(out, loop.index, memory_kind(result)))


@contextmanager
def _flushing(b: Builder, flushed: bool) -> Iterator[None]:
    """Write what sets the processor's bits DAZ and FTZ, and what restores them."""
    if not flushed:
        yield
        return
    before, during = b.local("i32"), b.local("i32")
    b.call("llvm.x86.sse.stmxcsr", "void", before)
    b.store(b.binary("or", b.load("i32", before), constant("i32", 0x8040)), during)
    b.call("llvm.x86.sse.ldmxcsr", "void", during)
    yield
    b.call("llvm.x86.sse.ldmxcsr", "void", before)


def mapped(f: Callable[[Lanes], Lanes], target: Target, lanes: int) -> Kernel:
    """A function of lanes as one of arrays of float32, with subnormal numbers flushed."""
    module = module_for(target)
    b = module.function("mapped", [("x", "ptr"), ("out", "ptr"), ("n", "i64")])
    source, out, count = b.arguments
    with _flushing(b, True), b.loop(0, count, lanes) as loop:
        x = b.load(vector("float", lanes), b.offset(source, loop.index, "float"))
        b.store(f(Lanes(b, x)).value, b.offset(out, loop.index, "float"))
    library = load(module_text(module), target)
    return _kernel(library, "mapped", SCALARS["sqrt"], float32, lanes, ())


@cache
def native(
    record: Scalar,
    dtype: DType,
    lanes: int,
    target: Target,
    params: tuple[Any, ...] = (),
    *,
    flushed: bool = False,
) -> Kernel:
    """A record as a function of arrays that runs on this machine."""
    return natives([(record, params)], dtype, [lanes], target, flushed=flushed)[
        record, params, lanes
    ]


def natives(
    records: Iterable[tuple[Scalar, tuple[Any, ...]]],
    dtype: DType,
    lanes: Iterable[int],
    target: Target,
    *,
    flushed: bool = False,
) -> dict[tuple[Scalar, tuple[Any, ...], int], Kernel]:
    """Each record with its parameters for each number of lanes, translated together.

    A third of the time that it takes to translate them one by one goes to LLVM's preparations.
    """
    module = module_for(target)
    wanted = list(itertools.product(records, lanes))
    for number, ((record, params), wide) in enumerate(wanted):
        write_kernel(module, f"kernel{number}", record, dtype, wide, params, flushed=flushed)
    library = load(module_text(module), target)
    return {
        (record, params, wide): _kernel(library, f"kernel{number}", record, dtype, wide, params)
        for number, ((record, params), wide) in enumerate(wanted)
    }


def _kernel(
    library: Library, name: str, record: Scalar, dtype: DType, lanes: int, params: tuple[Any, ...]
) -> Kernel:
    """One of a library's functions as a function of arrays."""
    kinds = [ctypes.c_void_p] * (record.arity + 1)
    call = ctypes.CFUNCTYPE(None, *kinds, ctypes.c_int64)(library.address(name))

    def apply(*arrays: np.ndarray) -> np.ndarray:
        padded = [_padded(a, dtype, lanes or 1) for a in arrays]
        out = np.empty(padded[0].size, record.result(dtype, params).numpy)
        call(*(a.ctypes.data for a in padded), out.ctypes.data, out.size)
        return out[: arrays[0].size]

    apply.library = library  # type: ignore[attr-defined]  # its memory is the function's
    return apply


def _padded(array: np.ndarray, dtype: DType, step: int) -> np.ndarray:
    array = np.ascontiguousarray(array, dtype.numpy)
    missing = -array.size % step
    return np.concatenate([array, np.repeat(array[-1:], missing)]) if missing else array


def ulps(got: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Distances from exact values of a wider type, in units in the last place.

    0 where both are NaN or the same infinity, and where the exact value is subnormal and the other
    lies between it and 0; infinite where they differ otherwise.
    """
    info = np.finfo(got.dtype)
    with np.errstate(all="ignore"):
        rounded = exact.astype(got.dtype)
        size = np.maximum(np.abs(rounded), info.tiny)
        apart = np.abs(got.astype(exact.dtype) - exact) / np.spacing(size).astype(exact.dtype)
    apart = np.where(np.isfinite(apart), apart, np.inf).astype(np.float64)
    same = (got == rounded) & np.isinf(rounded) | np.isnan(got) & np.isnan(exact)
    flushed = (np.abs(exact) < info.tiny) & (np.abs(got) <= info.tiny)
    return np.where(same | flushed, 0.0, apart)
