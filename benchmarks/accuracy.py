"""What the command line reaches on real data: some seeds, time and peak memory of whole processes.

MNIST and CIFAR-10 are read from the folders in the environment variables MNIST and CIFAR10; what is
not there is left out. ``python -m benchmarks accuracy --only resnet --seeds 1`` runs some of it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.timing import machine, table

FOLDERS = {
    "digits": "",
    "mnist": os.environ.get("MNIST", "../shared/data/mnist"),
    "cifar10": os.environ.get("CIFAR10", "../shared/data/cifar10/binary"),
}


class Work(NamedTuple):
    """One training, the test accuracy that it has to reach, and how many seeds are tried."""

    data: str
    options: str
    asked: float
    seeds: int = 3

    @property
    def name(self) -> str:
        """What stands in the table."""
        return f"{self.data} {self.options}".strip()


WORK = (
    Work("digits", "", 96.0),
    Work("mnist", "--model linear", 92.3),
    Work("mnist", "--model mlp:512,512 --epochs 10", 98.2),
    Work("mnist", "--model lenet", 99.1),
    Work("cifar10", "--model linear --epochs 10", 40.5),
    Work("cifar10", "--model linear --loss hinge --epochs 10", 39.0),
    Work("cifar10", "--model mlp:1024,512", 57.0),
    Work("cifar10", "--model resnet", 85.0, seeds=1),
)


class Run(NamedTuple):
    """What one training came to."""

    accuracy: float
    seconds: float
    megabytes: float


def train(work: Work, seed: int, folder: Path) -> Run:
    """Train in a process of its own and read the test accuracy from its last lines."""
    data = work.data
    out = folder / f"{WORK.index(work)}-{seed}"
    command = [sys.executable, "-m", "chainrule", "train", data, *work.options.split()]
    command += ["--seed", str(seed), "--out", str(out)]
    command += ["--data", FOLDERS[data]] if FOLDERS[data] else []
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    seconds = time.perf_counter() - start
    tested = [sys.executable, "-m", "chainrule", "evaluate", str(out)]
    tested += ["--data", FOLDERS[data]] if FOLDERS[data] else []
    text = subprocess.run(tested, check=True, capture_output=True, text=True).stdout
    accuracy = float(text.split("accuracy")[1].split("%")[0])
    return Run(accuracy, seconds, usage.ru_maxrss / 1024)


def main(arguments: Sequence[str] = ()) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser("python -m benchmarks accuracy")
    parser.add_argument("--only", default="", metavar="WORDS", help="rows whose name has them")
    parser.add_argument("--seeds", type=int, metavar="N", help="seeds of each row")
    parsed = parser.parse_args(arguments)
    rows = [["chainrule train …", "test accuracy of each seed", "mean", "asked", "time", "peak"]]
    with tempfile.TemporaryDirectory() as folder:
        for work in WORK:
            missing = FOLDERS[work.data] and not Path(FOLDERS[work.data]).is_dir()
            if missing or parsed.only not in work.name:
                continue
            seeds = range(parsed.seeds or work.seeds)
            rows.append(_row(work, [train(work, seed, Path(folder)) for seed in seeds]))
            print(json.dumps(rows[-1], ensure_ascii=False), file=sys.stderr, flush=True)
    print(f"\n{machine()}\n")
    print(table(rows), "\n")


def _row(work: Work, runs: list[Run]) -> list[str]:
    return [
        f"`{work.name}`",
        ", ".join(f"{r.accuracy:.2f}" for r in runs),
        f"{statistics.mean(r.accuracy for r in runs):.2f} %",
        f"{work.asked} %",
        f"{statistics.median(r.seconds for r in runs):.1f} s",
        f"{max(r.megabytes for r in runs):.0f} MB",
    ]
