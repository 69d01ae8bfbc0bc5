"""What the command line reaches on real data: three seeds, time and peak memory of whole processes.

MNIST and CIFAR-10 are read from the folders in the environment variables MNIST and CIFAR10; what is
not there is left out.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.timing import machine, table

SEEDS = (0, 1, 2)
FOLDERS = {
    "digits": "",
    "mnist": os.environ.get("MNIST", "../shared/data/mnist"),
    "cifar10": os.environ.get("CIFAR10", "../shared/data/cifar10/binary"),
}
WORK = (
    ("digits", "", 96.0),
    ("mnist", "--model linear", 92.3),
    ("mnist", "--model mlp:512,512 --epochs 10", 98.2),
    ("cifar10", "--model linear --epochs 10", 40.5),
    ("cifar10", "--model linear --loss hinge --epochs 10", 39.0),
)


class Run(NamedTuple):
    """What one training came to."""

    accuracy: float
    seconds: float
    megabytes: float


def train(data: str, options: str, seed: int, folder: Path) -> Run:
    """Train in a process of its own and read the test accuracy from its last lines."""
    out = folder / f"{data}-{abs(hash(options))}-{seed}"
    command = [sys.executable, "-m", "chainrule", "train", data, *options.split()]
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


def main() -> None:
    """Print the table."""
    rows = [
        ["chainrule train …", "test accuracy of seeds 0, 1, 2", "mean", "asked", "time", "peak"]
    ]
    with tempfile.TemporaryDirectory() as folder:
        for data, options, wanted in WORK:
            if FOLDERS[data] and not Path(FOLDERS[data]).is_dir():
                continue
            runs = [train(data, options, seed, Path(folder)) for seed in SEEDS]
            rows.append(
                [
                    f"`{data} {options}`".replace(" `", "`"),
                    ", ".join(f"{r.accuracy:.2f}" for r in runs),
                    f"{statistics.mean(r.accuracy for r in runs):.2f} %",
                    f"{wanted} %",
                    f"{statistics.median(r.seconds for r in runs):.1f} s",
                    f"{max(r.megabytes for r in runs):.0f} MB",
                ]
            )
            print(json.dumps(rows[-1], ensure_ascii=False), file=sys.stderr)
    print(f"\n{machine()}\n")
    print(table(rows), "\n")
