"""Small native programs, for the tests of what runs them."""

import ctypes
from collections.abc import Callable

import numpy as np

from chainrule.codegen.assembly.llvm import Builder, Module, module_for
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.texts import module_text
from chainrule.codegen.assembly.values import Value, constant, vector
from chainrule.runtime.engine import Library, host_target, load
from chainrule.runtime.threads import symbols

KERNEL = [("table", "ptr"), ("begin", "i64"), ("end", "i64"), ("scratch", "ptr")]


def saxpy_text(target: Target, factor: float = 2.5) -> str:
    """y += factor·x; a tile is one register."""
    module = module_for(target)
    b = module.function("saxpy", KERNEL)
    table, begin, end, _ = b.arguments
    lanes = target.lanes("float")
    kind = vector("float", lanes)
    x, y = b.load("ptr", table), b.load("ptr", b.offset(table, 1, "ptr"))
    with b.loop(begin, end) as loop:
        at = b.mul(loop.index, lanes)
        source, sink = b.offset(x, at, "float"), b.offset(y, at, "float")
        b.store(b.fma(b.load(kind, source), constant(kind, factor), b.load(kind, sink)), sink)
    return module_text(module)


def kernel(library: Library, name: str) -> Callable[..., None]:
    """A kernel as a function of table, begin, end and scratch."""
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    return ctypes.CFUNCTYPE(None, pointer, number, number, pointer)(library.address(name))


def run_saxpy(library: Library, target: Target) -> np.ndarray:
    """y after one call over 64 elements; it should be 1 + factor·(0, 1, …, 63)."""
    x, y = np.arange(64, dtype=np.float32), np.ones(64, np.float32)
    table = (ctypes.c_void_p * 2)(x.ctypes.data, y.ctypes.data)
    kernel(library, "saxpy")(ctypes.addressof(table), 0, 64 // target.lanes("float"), None)
    return y


def counting_text() -> str:
    """Programs over arguments (repetitions, tiles, work, counts…), for the pool.

    count   adds 1 to the count of each tile, repeatedly, after some work
    marked  the same, and each tile writes into its scratch and adds what it finds there
    small   stores 10⁻³⁰⁰·10⁻¹⁰ as computed: 0 where denormal numbers are flushed
    """
    module = Module()
    _count(module, "count_tiles", scratch=False)
    _count(module, "mark_tiles", scratch=True)
    _program(module, "count", "count_tiles")
    _program(module, "marked", "mark_tiles")
    for name, parallel in (("small", False), ("small_tiles", True)):
        pairs = KERNEL if parallel else [("team", "ptr"), ("arguments", "ptr")]
        b = module.function(name, pairs, noalias=False)
        if parallel:
            with b.loop(b.arguments[1], b.arguments[2]) as loop:
                _small(b, b.offset(b.arguments[0], loop.index, "double"))
        else:
            _small(b, b.offset(b.arguments[1], 3, "double"))
    _program(module, "small_everywhere", "small_tiles")
    return module_text(module)


def _small(b: Builder, place: Value) -> None:
    """Multiply the number that lies there by 10⁻¹⁰."""
    b.store(b.fmul(b.load("double", place), constant("double", 1e-10)), place)


def _count(module: Module, name: str, scratch: bool) -> None:
    b = module.function(name, KERNEL, noalias=False)
    table, begin, end, own = b.arguments
    work = b.load("i64", b.offset(table, -1, "i64"))
    one = constant("i64", 1)
    with b.loop(begin, end) as loop:
        with b.loop(0, work) as turn:
            b.act(f"fence acquire ; {turn.index.text}")
        place = b.offset(table, loop.index, "i64")
        added = one
        if scratch:
            b.store(one, own)
            last = b.offset(own, 1000, "i64")
            b.store(one, last)
            added = b.load("i64", last)
        b.store(b.add(b.load("i64", place), added), place)


def _program(module: Module, name: str, tiles_of: str) -> None:
    b = module.function(name, [("team", "ptr"), ("arguments", "ptr")], noalias=False)
    team, arguments = b.arguments
    repetitions, tiles = b.load("i64", arguments), b.load("i64", b.offset(arguments, 1, "i64"))
    table = b.offset(arguments, 3, "i64")
    with b.loop(0, repetitions):
        pointer = Value(f"@{tiles_of}", "ptr")
        b.call("chainrule_parallel", "void", team, pointer, table, tiles)


def counting_library(futex: bool | None = None) -> Library:
    """The programs above, callable."""
    return load(counting_text(), host_target(), symbols=symbols(futex))


def arguments(repetitions: int, tiles: int, work: int = 0) -> np.ndarray:
    """What the programs take; the counts follow from the fourth on."""
    return np.array([repetitions, tiles, work] + [0] * tiles, np.int64)
