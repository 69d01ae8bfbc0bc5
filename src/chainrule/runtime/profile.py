"""Where the time of a native program goes: each kernel, beside what the machine could do.

The column "limit" is the roofline: 100 % would be as fast as the machine multiplies, or streams; of
a kernel that rounds to bfloat16, as fast as it multiplies rounded numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from chainrule.codegen.assembly.table import ARENA, FIRST, STATUS
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.texts import module_texts
from chainrule.codegen.cost import kernel_cost
from chainrule.codegen.listing import all_formulas
from chainrule.codegen.outline import Native, Work, works
from chainrule.codegen.program import compile_graph
from chainrule.errors import CompileError
from chainrule.ir.graph import Graph
from chainrule.runtime.engine import host_target, load
from chainrule.runtime.limits import limits
from chainrule.runtime.memory import placed
from chainrule.runtime.threads import pool, symbols

__all__ = ["Profile", "Region", "profile"]

Array = np.ndarray[Any, Any]
_CALLS: Final = 30
_SHOWN: Final = 88


class Region(NamedTuple):
    """One kernel: its time in seconds (the median of many calls), its cost, what it computes.

    times    how often it runs in a call: inside of a Loop, as often as that turns
    seconds  of all of these runs; operations and bytes likewise
    least    seconds that the machine needs for the operations or for streaming the bytes; what lies
             in the cache already may take less
    """

    name: str
    times: int
    seconds: float
    operations: int
    bytes: int
    least: float
    formulas: tuple[str, ...]


class Profile(NamedTuple):
    """The kernels of a program in order; printed, a table with each one's share and speed."""

    regions: tuple[Region, ...]
    seconds: float
    note: str = ""

    def __str__(self) -> str:
        rows = ["    µs   share  GFLOP/s    GB/s   limit  computes"]
        for r in self.regions:
            first, *others = r.formulas or ("",)
            often = f"{r.times:,} × " if r.times > 1 else ""
            rows.append(
                f"{r.seconds * 1e6:8.1f} {r.seconds / self.seconds:6.1%}"
                f" {r.operations / r.seconds * 1e-9:8.1f} {r.bytes / r.seconds * 1e-9:7.1f}"
                f" {r.least / r.seconds:7.0%}"
                f"  {r.name}: {often}{first[:_SHOWN]}"
            )
            rows += [" " * 45 + line[:_SHOWN] for line in others]
        told = [self.note] if self.note else []
        return "\n".join([*rows, f"{self.seconds * 1e6:8.1f}  in all", *told])


def profile(graph: Graph, arrays: Sequence[Array], precision: str = "float32") -> Profile:
    """Run a program some times with clocks between its kernels.

    precision  what the operands of large products of float32 are rounded to

    Raises:  CompileError: the host computes a part of it, where the clocks do not reach.
    """
    target = host_target(precision)
    native = compile_graph(graph, target, timed=True)
    if len(native.segments) != 1 or native.segments[0].host is not None:
        raise CompileError("profile: NumPy computes a part of this program; see .loops(…)")
    kernels: dict[str, tuple[int, Work]] = {}
    for work, turns in works(native.segments[0].parts):
        before = kernels.get(work.kernel.name, (0, work))[0]
        kernels[work.kernel.name] = before + turns, work
    clocks = np.zeros(1 + max((int(name[1:]) for name in kernels), default=0), np.int64)
    times, rates = [], []
    run = _runner(native, target, arrays, clocks)
    for _ in range(_CALLS):
        clocks[:] = 0
        start = time.perf_counter()
        run()
        rates.append((time.perf_counter() - start) / max(int(clocks[0]), 1))
        times.append(clocks.copy())
    seconds = np.median(np.array(times), axis=0) * min(rates)
    formulas = all_formulas(native)
    regions = []
    for name, (turns, work) in kernels.items():
        cost, own = kernel_cost(work.item), max(float(seconds[int(name[1:])]), 1e-9)
        amounts = turns * cost.operations, turns * cost.bytes
        machine = limits(precision if work.kernel.is_rounded else "float32")
        least = machine.seconds(*amounts)
        regions.append(Region(name, turns, own, *amounts, least, tuple(formulas[name])))
    return Profile(tuple(regions), sum(r.seconds for r in regions), native.note)


def _runner(
    native: Native, target: Target, arrays: Sequence[Array], clocks: Array
) -> Callable[[], None]:
    """A function that runs a program once."""
    library = load(module_texts(native.module), target, symbols=symbols())
    status = np.zeros(1, np.int64)
    held = [np.ascontiguousarray(a) for a in arrays]
    held += [np.ascontiguousarray(getattr(n.op, "value", None)) for n in native.constants]
    made = [placed(n.shape, n.dtype.numpy)[0] for n in native.made]
    arena = placed((native.arena,), np.dtype(np.uint8))[0]
    table = np.zeros(FIRST + len(native.entries) + 1, np.int64)
    table[ARENA], table[STATUS] = arena.ctypes.data, status.ctypes.data
    table[FIRST:] = [a.ctypes.data for a in (*held, *made, clocks)]
    call = pool().prepare(library.address("program0"), native.scratch)
    alive = (library, status, held, made, arena)

    def run(_alive: object = alive) -> None:
        call(table.ctypes.data)

    return run
