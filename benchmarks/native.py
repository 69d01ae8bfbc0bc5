"""The native compiler against its peers: the same arithmetic, data and order of batches.

    python -m benchmarks native                        everything but whole trainings
    python -m benchmarks native --rows linear adam     some rows
    python -m benchmarks native --quick                few rounds, to see that all compute the same
    python -m benchmarks native --without compiled     leave a contestant out
    python -m benchmarks native --whole                whole trainings, process start to finish

Everyone uses all processors, float32 where a row does not say bf16, and works in turn; losses are
compared before anything is timed. A training row is an epoch of steps that read shuffled batches by
their row numbers; times are those of one step. Ratios are the best peer's time ÷ ours, round by
round.

Where the processor has no instruction for bf16, our products of such a row are in float32, which
the table says; PyTorch's autocast emulates bf16, so PyTorch in float32 takes part too.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence

from benchmarks.timing import machine, table
from benchmarks.work import convolution, first, networks, pointwise, sizes, whole
from benchmarks.work.contest import HEADING, Options, details, first_call, hold, summary
from benchmarks.work.limits import bandwidth, peak, peak_in_bf16

ROWS = {row.name: row for kind in (networks, convolution, pointwise) for row in kind.rows()}
TABLES = {"first": first.main, "sizes": sizes.main}


def main(arguments: Sequence[str] = ()) -> None:
    """Print the tables."""
    parsed = _parser().parse_args(arguments)
    if parsed.first:
        row, name = parsed.first
        first_call(ROWS[row], name)
        return
    options = Options(3, 0.0, tuple(parsed.without), not parsed.quick)
    if not parsed.quick:
        options = options._replace(rounds=15, seconds=0.3)
    print(f"\n{machine()}{_environment()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chainrule-bench-") as cache:
        os.environ["CHAINRULE_CACHE"] = cache
        if parsed.whole:
            whole.main(options)
            return
        _print_tables(parsed.rows or [*ROWS, *TABLES], options)


def _print_tables(names: Sequence[str], options: Options) -> None:
    rates = f"NumPy multiplies at {peak() / 1e9:.0f} GFLOP/s"
    if any(name in ROWS and ROWS[name].limit.bf16 for name in names) and peak_in_bf16():
        rates += f", PyTorch in bf16 at {peak_in_bf16() / 1e9:.0f}"
    print(f"memory streams at {bandwidth() / 1e9:.1f} GB/s, {rates}\n")
    closing = [HEADING]
    for name in names:
        if name in TABLES:
            TABLES[name](options)
            continue
        result = hold(ROWS[name], options)
        print(details(result), flush=True)
        closing += summary(result)
    if len(closing) > 1:
        print(table(closing), "\n")


def _environment() -> str:
    """What the environment says about threads: a limit would favor someone."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "CHAINRULE_THREADS", "CHAINRULE_RUNTIME")
    return "".join(f", {name}={os.environ[name]}" for name in names if name in os.environ)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks native")
    choices = [*ROWS, *TABLES]
    parser.add_argument("--rows", nargs="+", choices=choices, metavar="NAME",
                        help=f"some of {', '.join(choices)}")  # fmt: skip
    parser.add_argument("--without", nargs="+", default=[], metavar="WORD",
                        help="leave out contestants whose names contain a word")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="three rounds of one run each")
    parser.add_argument("--whole", action="store_true", help="whole trainings of real data")
    parser.add_argument("--first", nargs=2, metavar=("ROW", "CONTESTANT"), help=argparse.SUPPRESS)
    return parser
