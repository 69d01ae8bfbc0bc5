"""Whole trainings of real data, from the start of the process to its end, beside PyTorch's.

Both train AdamW with a cosine schedule, batches of 128 in a new order each epoch, on 90 % of the
training images, look at the other 10 % after each epoch and at the test images at the end. They
reach the same accuracy, not the same losses: each draws its own numbers.

MNIST and CIFAR10 name the folders of the files.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.timing import machine, ratio, table
from benchmarks.work.contest import Options

MNIST = Path(os.environ.get("MNIST", "../shared/data/mnist"))
CIFAR10 = Path(os.environ.get("CIFAR10", "../shared/data/cifar10/binary"))
PEER = Path(__file__).with_name("whole_by_torch.py")


class Training(NamedTuple):
    """What is trained until what accuracy, in percent."""

    data: str
    folder: Path
    hidden: str
    epochs: int
    decay: float
    dropout: float
    augment: str
    asked: float


WORK = (
    Training("mnist", MNIST, "512,512", 5, 0.01, 0.0, "", 98.2),
    Training("cifar10", CIFAR10, "1024,512", 12, 0.05, 0.1, "flip", 57.0),
)


def ours(t: Training, seed: int, out: str) -> list[str]:
    """The command line."""
    command = [sys.executable, "-m", "chainrule", "train", t.data, "--data", str(t.folder)]
    command += ["--model", f"mlp:{t.hidden}", "--epochs", str(t.epochs), "--batch", "128"]
    command += ["--optimizer", "adamw", "--lr", "0.001", "--weight-decay", str(t.decay)]
    command += ["--dropout", str(t.dropout), "--seed", str(seed), "--out", out]
    return command + (["--augment", t.augment] if t.augment else [])


def peers(t: Training, seed: int, out: str) -> list[str]:
    """The same for the script in PyTorch."""
    settings = (t.data, t.folder, t.hidden, t.epochs, t.decay, t.dropout, t.augment, seed, out)
    return [sys.executable, str(PEER), *map(str, settings)]


def _timed(command: list[str]) -> tuple[float, str]:
    start = time.perf_counter()
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if run.returncode:
        raise SystemExit(f"{' '.join(command)}\n{run.stderr}")
    return seconds, run.stdout


def once(t: Training, who: str, seed: int) -> tuple[float, float]:
    """Seconds of the process, and the test accuracy in percent."""
    with tempfile.TemporaryDirectory() as scratch:
        out = str(Path(scratch) / "run")
        if who == "PyTorch":
            seconds, text = _timed(peers(t, seed, out))
        else:
            seconds, _ = _timed(ours(t, seed, out))
            tested = [sys.executable, "-m", "chainrule", "evaluate", out, "--data", str(t.folder)]
            _, text = _timed(tested)
    return seconds, float(text.split("accuracy")[1].split("%")[0])


def main(options: Options) -> None:
    """Print the table: seed after seed, one after the other."""
    rows = [["training", "who", "seconds", "test accuracy", "asked", "PyTorch ÷ chainrule"]]
    for t in WORK:
        if not t.folder.is_dir():
            print(f"{t.data}: {t.folder} is not there")
            continue
        runs: dict[str, list[tuple[float, float]]] = {"chainrule": [], "PyTorch": []}
        for seed in range(min(options.rounds, 3)):
            for who, found in runs.items():
                found.append(once(t, who, seed))
                print(f"{t.data} {who} {found[-1]}", file=sys.stderr, flush=True)
        for who, found in runs.items():
            seconds, accuracies = zip(*found, strict=True)
            middle, low, high = ratio(*([s for s, _ in runs[w]] for w in ("PyTorch", "chainrule")))
            rows.append(
                [
                    f"{t.data} mlp:{t.hidden}, {t.epochs} epochs",
                    who,
                    f"{statistics.median(seconds):.1f} s",
                    ", ".join(f"{a:.2f}" for a in accuracies),
                    f"{t.asked} %",
                    f"{middle:.2f} ({low:.2f} to {high:.2f})" if who == "chainrule" else "",
                ]
            )
    print(f"\n{machine()}\n")
    print(table(rows), "\n")
