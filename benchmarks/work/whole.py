"""Whole trainings of real data, from the start of the process to its end, beside those of peers.

All train AdamW with a cosine schedule, batches of 128 in a new order each epoch, on 90 % of the
training images, look at the other 10 % after each epoch, test on the test images and save what they
found. They reach the same accuracy, not the same losses: each draws its own numbers. Each process
of ours begins with an empty cache, so that its time has import and compilation in it, as the peers'
has. The closing column is the time to the accuracy that is asked for: the median, if every seed
reached it.

Those in bf16 are compared with ours in bf16. PyTorch's autocast rounds the factors of products, as
we do; parameters and what AdamW knows of them are float32.

MNIST and CIFAR10 name the folders of the files.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from benchmarks.timing import ratio, table
from benchmarks.work.contest import OURS, Options

MNIST = Path(os.environ.get("MNIST", "../shared/data/mnist"))
CIFAR10 = Path(os.environ.get("CIFAR10", "../shared/data/cifar10/binary"))
PEERS = {"PyTorch eager": "whole_by_torch.py", "JAX scan": "whole_by_jax.py"}
BF16 = {OURS: f"{OURS} in bf16", "PyTorch eager": "PyTorch autocast bf16"}
"""Who takes part in bf16 too, and under what name."""
_SEEDS = 3


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


def ours(t: Training, seed: int, out: str, precision: str) -> list[str]:
    """The command line."""
    command = [sys.executable, "-m", "chainrule", "train", t.data, "--data", str(t.folder)]
    command += ["--model", f"mlp:{t.hidden}", "--epochs", str(t.epochs), "--batch", "128"]
    command += ["--optimizer", "adamw", "--lr", "0.001", "--weight-decay", str(t.decay)]
    command += ["--dropout", str(t.dropout), "--seed", str(seed), "--out", out]
    command += ["--precision", precision]
    return command + (["--augment", t.augment] if t.augment else [])


def peers(t: Training, seed: int, out: str, precision: str, script: str) -> list[str]:
    """The same for the script of a peer."""
    settings = (
        t.data, t.folder, t.hidden, t.epochs, t.decay, t.dropout, t.augment, seed, precision, out
    )  # fmt: skip
    return [sys.executable, str(Path(__file__).with_name(script)), *map(str, settings)]


class Run(NamedTuple):
    """Seconds of a process, and the test accuracy in percent."""

    seconds: float
    accuracy: float


def _timed(command: list[str], cache: str) -> tuple[float, str]:
    environment = {**os.environ, "CHAINRULE_CACHE": cache}
    start = time.perf_counter()
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    seconds = time.perf_counter() - start
    if run.returncode:
        raise SystemExit(f"{' '.join(command)}\n{run.stderr}")
    return seconds, run.stdout


def once(t: Training, who: str, seed: int) -> Run:
    """Train and test once."""
    plain = {name: peer for peer, name in BF16.items()}
    peer, precision = plain.get(who, who), "bf16" if who in plain else "float32"
    with tempfile.TemporaryDirectory() as scratch:
        out, cache = str(Path(scratch) / "run"), str(Path(scratch) / "cache")
        if peer in PEERS:
            seconds, text = _timed(peers(t, seed, out, precision, PEERS[peer]), cache)
        else:
            seconds, _ = _timed(ours(t, seed, out, precision), cache)
            tested = [sys.executable, "-m", "chainrule", "evaluate", out, "--data", str(t.folder)]
            _, text = _timed(tested, cache)
    return Run(seconds, float(text.split("accuracy")[1].split("%")[0]))


def _is_there(who: str) -> bool:
    module = {"PyTorch": "torch", "JAX": "jax"}.get(who.split()[0])
    return module is None or find_spec(module) is not None


def _lines(t: Training, runs: Mapping[str, Sequence[Run]]) -> list[list[str]]:
    """The lines of the table of one training."""
    made = []
    for who, found in runs.items():
        own = BF16[OURS] if who in BF16.values() else OURS
        mine = [run.seconds for run in runs.get(own, ())]
        seconds = [run.seconds for run in found]
        reached = sum(run.accuracy >= t.asked for run in found)
        middle = statistics.median(seconds)
        against = ""
        if mine and who != own:
            half, low, high = ratio(seconds, mine)
            against = f"{half:.2f} ({low:.2f} to {high:.2f})"
        made.append([
            f"{t.data} mlp:{t.hidden}, {t.epochs} epochs",
            who,
            f"{middle:.1f} s",
            ", ".join(f"{run.accuracy:.2f}" for run in found),
            f"{middle:.1f} s" if reached == len(found) else f"{reached} of {len(found)} reached it",
            against,
        ])  # fmt: skip
    return made


def main(options: Options) -> None:
    """Print the tables: seed after seed, one after the other. Quickly: one epoch of one seed."""
    for work in WORK:
        if not work.folder.is_dir():
            print(f"{work.data}: {work.folder} is not there")
            continue
        t = work if options.disk else work._replace(epochs=1)
        runs: dict[str, list[Run]] = {
            who: []
            for who in (OURS, *PEERS, *BF16.values())
            if options.takes(who) and _is_there(who)
        }
        for seed in range(_SEEDS if options.disk else 1):
            for who, found in runs.items():
                found.append(once(t, who, seed))
                print(f"{t.data} {who} {found[-1]}", file=sys.stderr, flush=True)
        heading = ["training", "who", "process", "test accuracy", f"time to {t.asked} %",
                   "÷ chainrule"]  # fmt: skip
        print("\n" + table([heading, *_lines(t, runs)]), "\n", flush=True)
