"""How far functions of float32 are from their exact values, over every float32.

    python -m benchmarks.ulp [NAME …] [--part N] [--cpu x86-64-v2]
    python -m benchmarks.ulp [NAME …] --pairs N
    python -m benchmarks.ulp --roots

The first goes through all normal numbers of both signs (4.26·10⁹; with --part N through an Nth of
their blocks, drawn at random) in as many processes as there are cores, compares machine code with
the record's NumPy function in float64, and prints the largest error in units in the last place,
where it occurs, and how many values are not rounded to the nearest; the error of a wrong NaN,
infinity or zero is infinite. Programs run with subnormal numbers flushed: as operands they are left
out, and a result may be 0 instead of one. The second draws four times N pairs of numbers for
functions of two, and compares float64 with NumPy's long double. The third counts, among all 2³²
patterns of bits, those whose root by products has other bits than the processor's.
"""

from __future__ import annotations

import argparse
import ctypes
import math
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from benchmarks.timing import machine, table
from chainrule.codegen.assembly.llvm import module_for
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.texts import module_text
from chainrule.codegen.assembly.values import vector
from chainrule.codegen.mathematics.lanes import Lanes, where
from chainrule.codegen.mathematics.roots import root
from chainrule.ir.dtype import DType, float32, float64
from chainrule.ir.scalar import SCALARS
from chainrule.runtime.engine import host_target, load, target_for
from tests.codegen.native import mapped, native, ulps

MAIN = (
    "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "asin", "acos",
    "atan", "tanh", "sigmoid", "softplus", "sinh", "cosh", "asinh", "acosh", "atanh", "erf", "erfc",
    "ndtr", "lgamma",
)  # fmt: skip
OF_TWO = ("pow", "atan2", "hypot", "xlogy", "divide")
ODD = frozenset({"sin", "tan", "asin", "atan", "sinh", "tanh", "asinh", "atanh", "erf"})
EVEN = frozenset({"cos", "cosh"})
SETTLED = {"erfc": 40.0, "ndtr": 40.0}  # from here on it has its limit, which SciPy is slow to say
BLOCK = 1 << 15
FIRST, LAST = 0x00800000, 0x7F800000  # the bits of positive normal numbers


class Found(NamedTuple):
    """The largest error among some numbers and where it is; how many are not the nearest."""

    error: float
    at: float
    unrounded: int
    count: int


def blocks(name: str, part: int, worker: int, workers: int) -> Iterator[int]:
    """The bits with which this worker's blocks begin; positive ones where both signs go along."""
    signs = (0,) if name in ODD | EVEN else (0, 1 << 31)
    starts = [s + sign for sign in signs for s in range(FIRST, LAST, BLOCK)]
    # Steps of a fixed size would meet the same few fractions in each binade: drawn, not counted.
    drawn = np.random.default_rng(0).permutation(starts)[: len(starts) // part]
    return iter(drawn[worker::workers].tolist())


def sweep(name: str, cpu: str, part: int, workers: int, worker: int) -> Found:
    """One worker's share."""
    record = SCALARS[name]
    target = target_for(cpu).replaced(triple=host_target().triple) if cpu else host_target()
    apply = native(record, float32, target.vector_bits // 32, target, flushed=flushed(target))
    compare = comparison(host_target().vector_bits // 64)
    offsets, error = np.arange(BLOCK, dtype=np.uint32), np.empty(BLOCK, np.float32)
    best, at, unrounded, count = 0.0, 0.0, 0, 0
    with np.errstate(all="ignore"):
        for start in blocks(name, part, worker, workers):
            for x, exact in both_signs(name, (offsets + np.uint32(start)).view(np.float32)):
                compare(apply(x), exact, error)
                worst = int(error.argmax())
                if error[worst] > best:
                    best, at = float(error[worst]), float(x[worst])
                unrounded += int(np.count_nonzero(error > 0.5 + 1e-6))
                count += BLOCK
    return Found(best, at, unrounded, count)


def flushed(target: Target) -> bool:
    """Whether to flush subnormal numbers, as programs do: the benchmark can on x86 alone."""
    return target.triple.startswith("x86_64")


def pairs(dtype: DType, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Normal numbers with any bits; of middling sizes; near 1 and large; two very small ones."""
    draw, kind = np.random.default_rng(0), dtype.numpy.type
    tiny = float(np.finfo(kind).tiny)

    def normal() -> np.ndarray:
        return draw.normal(size=count)

    with np.errstate(all="ignore"):
        made = [
            [draw.bytes(count * dtype.bits // 8) for _ in "xy"],
            [np.exp(4 * normal()), 4 * normal()],
            [1 + normal() / 100, 500 * normal()],
            [tiny * np.exp(9 * abs(normal())), tiny * np.exp(9 * abs(normal()))],
        ]
        for both in made:
            x, y = (
                np.frombuffer(v, kind) if isinstance(v, bytes) else v.astype(kind) for v in both
            )
            known = (np.abs(x) >= tiny) & (np.abs(y) >= tiny)
            yield x[known], y[known]


def pair_row(name: str, count: int) -> list[str]:
    """The largest errors of a function of two numbers, of float32 and of float64."""
    record, cells = SCALARS[name], [f"`{name}`"]
    for dtype, wide in ((float32, np.float64), (float64, np.longdouble)):
        target = host_target()
        lanes = target.vector_bits // dtype.bits
        apply = native(record, dtype, lanes, target, flushed=flushed(target))
        worst = (0.0, 0.0, 0.0)
        with np.errstate(all="ignore"):
            for x, y in pairs(dtype, count):
                off = ulps(apply(x, y), record.numpy(x.astype(wide), y.astype(wide)))
                k = int(off.argmax())
                worst = max(worst, (float(off[k]), float(x[k]), float(y[k])))
        cells += [f"{worst[0]:.3f}", f"{worst[1]:.9g}, {worst[2]:.9g}"]
    return cells


def other_roots() -> int:
    """Of how many numbers √x by products and by the instruction differ in a bit."""
    target = host_target()
    ways = [mapped(f, target, 16) for f in (root, lambda x: x.apply("sqrt"))]
    offsets, found = np.arange(1 << 20, dtype=np.uint32), 0
    for block in range(1 << 12):
        x = (offsets + np.uint32(block << 20)).view(np.float32)
        ours, own = (f(x).view(np.uint32) for f in ways)
        found += int(np.count_nonzero(ours != own))
    return found


def both_signs(name: str, x: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Numbers and exact values; then also −x, where symmetry says what the values are there."""
    wide = x.astype(np.float64)
    exact = SCALARS[name].numpy(np.clip(wide, -s, s) if (s := SETTLED.get(name)) else wide)
    yield x, exact
    if name in ODD | EVEN:
        yield -x, exact if name in EVEN else -exact


def comparison(lanes: int) -> Callable[[np.ndarray, np.ndarray, np.ndarray], None]:
    """A function (got, exact, out), in machine code: errors in units of the last place.

    Where the exact value is NaN, infinite or subnormal the error is 0 if the other is right, else
    infinite.
    """
    target = host_target()
    module = module_for(target)
    b = module.function("compare", [("got", "ptr"), ("exact", "ptr"), ("out", "ptr"), ("n", "i64")])
    *pointers, count = b.arguments
    kinds = ("float", "double", "float")
    with b.loop(0, count, lanes) as loop:
        places = [b.offset(p, loop.index, k) for p, k in zip(pointers, kinds, strict=True)]
        got, exact = (
            Lanes(b, b.load(vector(k, lanes), p))
            for k, p in zip(kinds[:2], places[:2], strict=True)
        )
        rounded = exact.convert("fptrunc", "float")
        exponent = rounded.as_integer() & 0x7F800000
        unit = exponent.as_real().convert("fpext", "double") * 2.0**-23
        error = (abs(got.convert("fpext", "double") - exact) / unit).convert("fptrunc", "float")
        small = (abs(rounded) < 2.0**-126) & (abs(got) <= 2.0**-126)
        fine = small | got.equals(rounded) | (got.is_nan & rounded.is_nan)
        special = exponent.equals(0) | exponent.equals(0x7F800000)
        error = where(special | error.is_nan, where(fine, error.constant(0), math.inf), error)
        b.store(error.value, places[2])
    library = load(module_text(module), target)
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64)(
        library.address("compare")
    )

    def compare(got: np.ndarray, exact: np.ndarray, out: np.ndarray) -> None:
        call(got.ctypes.data, exact.ctypes.data, out.ctypes.data, out.size)

    compare.library = library  # type: ignore[attr-defined]  # its memory is the function's
    return compare


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
        f"{total / 1e6:.0f} M",
        f"{time.perf_counter() - start:.0f} s",
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--part", type=int, default=1)
    parser.add_argument("--cpu", default="")
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--roots", action="store_true")
    given = parser.parse_args()
    if given.roots:
        print(f"{other_roots()} of 2³² numbers have another root by products")
        return
    if given.pairs:
        heading = ["function", "float32 (ulp)", "at", "float64 (ulp)", "at"]
        print(table([heading, *(pair_row(n, given.pairs) for n in given.names or OF_TWO)]))
        return
    rows = [["function", "largest error (ulp)", "at", "not nearest", "numbers", "time"]]
    for name in given.names or MAIN:
        rows.append(row(name, given.cpu, given.part, os.cpu_count() or 1))
        print(" | ".join(rows[-1]), flush=True)
    print(f"\n{machine()}, NumPy {np.__version__}, float32 on {given.cpu or 'its own processor'}\n")
    print(table(rows))


if __name__ == "__main__":
    main()
