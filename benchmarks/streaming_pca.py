"""PCA of an array larger than memory: the peak memory of a process that goes through a mapped file.

The file is an `.npy` of float32 rows with ten directions of known variance and noise. What counts
is the largest resident memory that the system saw, mapped pages included. PCA_STREAM_GB says how
large the file is (20); it is made in a temporary folder (TMPDIR) and removed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from benchmarks.timing import machine, table

FEATURES, DIRECTIONS, PIECE = 512, 10, 2**15
ASKED = 1024  # MB
PROGRAM = """
import json, sys, time
import numpy as np
from chainrule.decomposition import pca
import scipy.linalg
def peak():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
rows = np.load(sys.argv[2], mmap_mode="r")
start = time.perf_counter()
found = pca(rows, 10, method=sys.argv[1])
print(json.dumps({"seconds": time.perf_counter() - start, "peak": peak(),
                  "variances": found.explained_variance.numpy().tolist()}))
"""


def save(path: Path, rows: int) -> np.ndarray:
    """Write the file piece by piece; give the variances along its directions."""
    generator = np.random.default_rng(0)
    deviations = np.linspace(8, 2, DIRECTIONS)
    basis = np.linalg.qr(generator.standard_normal((FEATURES, DIRECTIONS)))[0].T
    turned = (deviations[:, None] * basis).astype(np.float32)
    noise = generator.standard_normal((PIECE, FEATURES), np.float32) / 2
    header = {"descr": "<f4", "fortran_order": False, "shape": (rows, FEATURES)}
    with path.open("wb") as file:
        npy.write_array_header_1_0(file, header)
        for start in range(0, rows, PIECE):
            count = min(PIECE, rows - start)
            scores = generator.standard_normal((count, DIRECTIONS), np.float32)
            moved = np.roll(noise, start % 509, axis=1)[:count]  # noise costs more than the rest
            file.write((scores @ turned + moved).data)
    return deviations**2 + 0.25


def main() -> None:
    """Print one table."""
    size = int(float(os.environ.get("PCA_STREAM_GB", "20")) * 2**30)
    rows = max(PIECE, size // (4 * FEATURES))
    with tempfile.TemporaryDirectory() as scratch:
        room = shutil.disk_usage(scratch).free
        if room < 1.1 * size:
            print(f"streaming_pca: {scratch} has room for {room / 2**30:.1f} GB; see TMPDIR")
            return
        path = Path(scratch) / "rows.npy"
        begun = time.perf_counter()
        exact = save(path, rows)
        print(f"{machine()}\nwritten in {time.perf_counter() - begun:.0f} s")
        lines = [["way", "file", "peak MB", "asked", "time", "off the true variances"]]
        for method in ("covariance", "randomized"):
            command = [sys.executable, "-c", PROGRAM, method, str(path)]
            run = subprocess.run(command, capture_output=True, text=True, check=True)
            found = json.loads(run.stdout)
            off = float(np.abs(np.array(found["variances"]) / exact - 1).max())
            rate = size / 2**20 / found["seconds"]
            lines.append(
                [
                    method,
                    f"{path.stat().st_size / 2**30:.2f} GB, {rows:,} rows",
                    f"{found['peak']:.0f}",
                    f"< {ASKED}",
                    f"{found['seconds']:.0f} s ({rate:.0f} MB/s)",
                    f"{100 * off:.2f} %",
                ]
            )
    print(table(lines))
