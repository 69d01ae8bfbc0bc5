"""Where the time of a native program goes: each kernel beside what the machine could do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from chainrule.codegen.cost import kernel_cost
from chainrule.codegen.listing import formulas
from chainrule.codegen.program import compile_graph
from chainrule.codegen.table import ARENA, FIRST, STATUS
from chainrule.errors import CompileError
from chainrule.ir.graph import Graph
from chainrule.ir.show import numbering
from chainrule.runtime.engine import host_target, load
from chainrule.runtime.memory import placed
from chainrule.runtime.threads import pool, symbols

__all__ = ["Profile", "Region", "profile"]

Array = np.ndarray[Any, Any]
_CALLS: Final = 30
_SHOWN: Final = 88


class Region(NamedTuple):
    """One kernel: its time in seconds (the median of many calls), its cost, what it computes."""

    name: str
    seconds: float
    operations: int
    bytes: int
    formulas: tuple[str, ...]


class Profile(NamedTuple):
    """The kernels of a program in order; printed, a table with each one's share and speed."""

    regions: tuple[Region, ...]
    seconds: float

    def __str__(self) -> str:
        rows = ["    µs   share  GFLOP/s    GB/s  computes"]
        for r in self.regions:
            first, *others = r.formulas or ("",)
            rows.append(
                f"{r.seconds * 1e6:8.1f} {r.seconds / self.seconds:6.1%}"
                f" {r.operations / r.seconds * 1e-9:8.1f} {r.bytes / r.seconds * 1e-9:7.1f}"
                f"  {r.name}: {first[:_SHOWN]}"
            )
            rows += [" " * 37 + line[:_SHOWN] for line in others]
        return "\n".join([*rows, f"{self.seconds * 1e6:8.1f}  in all"])


def profile(graph: Graph, arrays: Sequence[Array]) -> Profile:
    """Run a program some times with clocks between its kernels.

    Raises:  CompileError: the host computes a part of it, where the clocks do not reach.
    """
    target = host_target()
    native = compile_graph(graph, target, timed=True)
    if len(native.segments) != 1 or native.segments[0].host is not None:
        raise CompileError("profile: NumPy computes a part of this program; see .loops(…)")
    library = load(native.text, target, symbols=symbols())
    kernels = native.segments[0].kernels
    clocks = np.zeros(1 + len(kernels), np.int64)
    status = np.zeros(1, np.int64)
    held = [np.ascontiguousarray(a) for a in arrays]
    held += [np.ascontiguousarray(getattr(n.op, "value", None)) for n in native.constants]
    made = [placed(n.shape, n.dtype.numpy)[0] for n in native.made]
    arena = placed((native.arena,), np.dtype(np.uint8))[0]
    table = np.zeros(FIRST + len(native.entries) + 1, np.int64)
    table[ARENA], table[STATUS], table[-1] = (
        arena.ctypes.data,
        status.ctypes.data,
        clocks.ctypes.data,
    )
    table[FIRST:-1] = [a.ctypes.data for a in (*held, *made)]
    run = pool().prepare(library.address("program0"), native.scratch)
    times, rates = [], []
    for _ in range(_CALLS):
        start = time.perf_counter()
        run(table.ctypes.data)
        spent = time.perf_counter() - start
        times.append(np.diff(clocks))
        rates.append(spent / max(int(clocks[-1] - clocks[0]), 1))
    seconds = np.median(np.array(times), axis=0) * min(rates)
    names = numbering(graph)
    regions = tuple(
        Region(k.name, max(float(s), 1e-9), *kernel_cost(item)[:2], tuple(formulas(item, names)))
        for (k, item), s in zip(kernels, seconds, strict=True)
    )
    return Profile(regions, sum(r.seconds for r in regions))
