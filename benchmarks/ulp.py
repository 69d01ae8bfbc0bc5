"""How far functions of float32 are from their exact values, over every float32.

    python -m benchmarks.ulp [NAME …] [--part N] [--cpu x86-64-v2]

goes through all normal numbers of both signs (4.26·10⁹; with --part N through every Nth block of
them) in as many processes as there are cores, compares machine code with the record's NumPy
function in float64, and prints the largest error in units in the last place, where it occurs, and
how many values are not rounded to the nearest. Programs run with subnormal numbers flushed: as
operands they are left out, and a result may be 0 instead of one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from benchmarks.timing import machine, table
from chainrule.ir.dtype import float32
from chainrule.ir.scalar import SCALARS
from chainrule.runtime.engine import host_target, target_for
from tests.codegen.native import native

MAIN = (
    "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tanh", "sigmoid",
    "softplus", "sinh", "cosh", "erf",
)  # fmt: skip
BLOCK = 1 << 16
FIRST, LAST = 0x00800000, 0x7F800000  # the bits of positive normal numbers


class Found(NamedTuple):
    """The largest error among some numbers and where it is; values that are not the nearest."""

    error: float
    at: float
    unrounded: int
    wrong: int
    count: int


def blocks(part: int, worker: int, workers: int) -> Iterator[int]:
    """The bits with which this worker's blocks begin."""
    starts = [s + sign for sign in (0, 1 << 31) for s in range(FIRST, LAST, BLOCK)]
    return iter(starts[:: part or 1][worker::workers])


def sweep(name: str, cpu: str, part: int, workers: int, worker: int) -> Found:
    """One worker's share."""
    record = SCALARS[name]
    target = target_for(cpu).replaced(triple=host_target().triple) if cpu else host_target()
    apply = native(record, float32, target.vector_bits // 32, target)
    offsets = np.arange(BLOCK, dtype=np.uint32)
    best, at, unrounded, wrong, count = 0.0, 0.0, 0, 0, 0
    with np.errstate(all="ignore"):
        for start in blocks(part, worker, workers):
            x = (offsets + np.uint32(start)).view(np.float32)
            error, bad = compare(apply(x), record.numpy(x.astype(np.float64)))
            worst = int(error.argmax())
            if error[worst] > best:
                best, at = float(error[worst]), float(x[worst])
            unrounded += int(np.count_nonzero(error > 0.5 + 1e-6))
            wrong += bad
            count += BLOCK
    return Found(best, at, unrounded, wrong, count)


def compare(got: np.ndarray, exact: np.ndarray) -> tuple[np.ndarray, int]:
    """Errors in units of the exact value's last place, and how many special values are wrong."""
    rounded = exact.astype(np.float32)
    exponent = rounded.view(np.uint32) & np.uint32(0x7F800000)
    unit = exponent.view(np.float32) * np.float64(2.0**-23)
    error = np.abs(got - exact) / unit
    special = (exponent == 0) | (exponent == 0x7F800000)
    wrong = 0
    if special.any():
        g, r = got[special], rounded[special]
        flushed = (np.abs(r) < 2.0**-126) & (np.abs(g) <= 2.0**-126)
        wrong = int(np.count_nonzero(~(flushed | (g == r) | np.isnan(g) & np.isnan(r))))
        error[special] = 0
    lost = np.isnan(error)
    return np.where(lost, np.inf, error) if lost.any() else error, wrong


def row(name: str, cpu: str, part: int, workers: int) -> list[str]:
    """All workers' shares of a function, as a line of the table."""
    start = time.perf_counter()
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        found = pool.map(partial(sweep, name, cpu, part, workers), range(workers))
    worst = max(found)
    total = sum(f.count for f in found)
    return [
        f"`{name}`",
        f"{worst.error:.3f}",
        f"{worst.at:.9g}",
        f"{100 * sum(f.unrounded for f in found) / total:.2f} %",
        str(sum(f.wrong for f in found)),
        f"{total / 1e6:.0f} M",
        f"{time.perf_counter() - start:.0f} s",
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--part", type=int, default=1)
    parser.add_argument("--cpu", default="")
    given = parser.parse_args()
    rows = [["function", "largest error (ulp)", "at", "not nearest", "wrong", "numbers", "time"]]
    for name in given.names or MAIN:
        rows.append(row(name, given.cpu, given.part, os.cpu_count() or 1))
        print(" | ".join(rows[-1]), flush=True)
    print(f"\n{machine()}, NumPy {np.__version__}, float32 on {given.cpu or 'its own processor'}\n")
    print(table(rows))


if __name__ == "__main__":
    main()
