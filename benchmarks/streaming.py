"""Training on a file larger than memory: the peak memory of a process that reads 10 GB.

The file is an `.npz` of float32 rows, each its class's mean and noise, and their labels; its arrays
are stored as they are, so the reader maps them. A process of its own checks them, measures mean and
deviation of the training part, takes one epoch of steps in a seeded block shuffle, and tries the
model on the rows held out. What counts is the largest resident memory that the system saw, mapped
pages included.

STREAMING_GB says how large the file is; it is made in a temporary folder (TMPDIR) and removed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from benchmarks.timing import machine, table

FEATURES, CLASSES, PIECE = 1024, 10, 2**14
ASKED = 1024  # MB
PROGRAM = """
import json, sys, time
start = time.perf_counter()
import chainrule as cr
def peak():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
found = {}
data = cr.data.npz(sys.argv[1])
training, held_out = data.split(0.98, seed=0)
training = training.standardize()
held_out = held_out.standardize(by=training.standardization)
found["measured"] = time.perf_counter() - start
with cr.nn.seed(0):
    model = cr.nn.Linear(1024, 10)
begun = time.perf_counter()
fitted = cr.fit(model, training, epochs=1, batch=512, validation=held_out,
                optimizer=cr.optim.SGD(0.05))
found |= {"trained": time.perf_counter() - begun, "peak": peak(),
          "accuracy": fitted.history[-1]["validation_accuracy"],
          "rows": len(training)}
print(json.dumps(found))
"""


def save(path: Path, rows: int) -> None:
    """Write the file piece by piece, so that making it takes no more memory than reading it."""
    generator = np.random.default_rng(0)
    means = generator.standard_normal((CLASSES, FEATURES), np.float32) / 8
    labels = generator.integers(0, CLASSES, rows)
    header = {"descr": "<f4", "fortran_order": False, "shape": (rows, FEATURES)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        with archive.open("inputs.npy", "w", force_zip64=True) as file:
            npy.write_array_header_1_0(file, header)
            for start in range(0, rows, PIECE):
                chosen = labels[start : start + PIECE]
                noise = generator.standard_normal((len(chosen), FEATURES), np.float32)
                file.write((means[chosen] + noise).data)
        with archive.open("targets.npy", "w", force_zip64=True) as file:
            npy.write_array(file, labels)


def main() -> None:
    """Print one table."""
    size = int(float(os.environ.get("STREAMING_GB", "10")) * 2**30)
    rows = max(PIECE, size // (4 * FEATURES))
    with tempfile.TemporaryDirectory() as scratch:
        room = shutil.disk_usage(scratch).free
        if room < 1.1 * size:
            print(f"streaming: {scratch} has room for {room / 2**30:.1f} GB; TMPDIR says where")
            return
        path = Path(scratch) / "rows.npz"
        begun = time.perf_counter()
        save(path, rows)
        made = time.perf_counter() - begun
        command = [sys.executable, "-c", PROGRAM, str(path)]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        stored = path.stat().st_size
    found = json.loads(run.stdout)
    print(machine())
    print(f"written in {made:.0f} s")
    rate = found["rows"] * FEATURES * 4 / 2**20 / found["trained"]
    rows_of_table = [
        ["file", "peak MB", "asked", "checked and measured", "one epoch", "accuracy"],
        [
            f"{stored / 2**30:.2f} GB, {rows:,} rows",
            f"{found['peak']:.0f}",
            f"< {ASKED}",
            f"{found['measured']:.0f} s",
            f"{found['trained']:.0f} s ({rate:.0f} MB/s)",
            f"{100 * found['accuracy']:.1f} %",
        ],
    ]
    print(table(rows_of_table))
