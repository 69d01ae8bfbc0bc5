"""PCA of images from bytes: the first 50 components of CIFAR-10, beside scikit-learn's solvers.

Each run is a process of its own, so that its peak memory is its own; ours and the peer's alternate.
Name the folder of the binary files with CIFAR10, the runs per solver with PCA_ROUNDS, and with
PCA_ROWS how many images are taken.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.timing import machine, table

COMPONENTS = 50
ROWS = int(os.environ.get("PCA_ROWS", "50000"))
OURS, EXACT = "chainrule, exact", "scikit-learn, covariance_eigh"
PROGRAM = """
import json, sys, time
import numpy as np
solver, path = sys.argv[1:]
x = np.load(path)
def peak():  # in MB; ru_maxrss would be inherited from the parent process
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
if solver.startswith("chainrule"):
    from chainrule.decomposition import pca
    method = "randomized" if "randomized" in solver else "auto"
    import scipy.linalg, scipy.sparse.linalg
    run = lambda: pca(x, 50, method=method)
    result = lambda found: found.explained_variance.numpy()
else:
    from sklearn.decomposition import PCA
    kind = solver.split(", ")[1]
    floats = np.float32 if "float32" in solver else None
    run = lambda: PCA(50, svd_solver=kind, random_state=0).fit(x if floats is None else
                                                               x.astype(floats))
    result = lambda found: found.explained_variance_
start = time.perf_counter()
found = run()
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "memory": peak(),
                  "variances": np.asarray(result(found), float).tolist()}))
"""
SOLVERS = (
    OURS,
    "chainrule, randomized",
    EXACT,
    "scikit-learn, randomized",
    "scikit-learn, covariance_eigh, float32 copy",
    "scikit-learn, randomized, float32 copy",
)


def images(folder: Path) -> np.ndarray:
    """The training images as rows of 3,072 bytes."""
    files = [folder / f"data_batch_{k}.bin" for k in range(1, 6)]
    records = [np.fromfile(file, np.uint8).reshape(-1, 3073) for file in files]
    return np.concatenate(records)[:ROWS, 1:]


def measured(solver: str, path: Path) -> dict[str, object]:
    """Seconds, peak memory in MB, and the variances found, of one process."""
    command = [sys.executable, "-c", PROGRAM, solver, str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)  # type: ignore[no-any-return]


def main() -> None:
    """Print one table."""
    folder, rounds = os.environ.get("CIFAR10"), int(os.environ.get("PCA_ROUNDS", "5"))
    if folder is None:
        print("pca: name the folder of CIFAR-10's binary files with CIFAR10")
        return
    runs: dict[str, list[dict[str, object]]] = {solver: [] for solver in SOLVERS}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "rows.npy"
        np.save(path, images(Path(folder)))
        for _ in range(rounds):
            for solver in SOLVERS:
                runs[solver].append(measured(solver, path))
    exact = np.array(runs[EXACT][0]["variances"])
    rows = [[f"PCA of {ROWS:,} x 3,072 bytes, k = 50", "median s", "peak MB", "worst variance"]]
    for solver, found in runs.items():
        seconds = statistics.median(float(str(f["seconds"])) for f in found)
        memory = max(float(str(f["memory"])) for f in found)
        worst = np.abs(np.array(found[0]["variances"]) / exact - 1).max()
        rows.append([solver, f"{seconds:.2f}", f"{memory:.0f}", f"{worst:.0e}"])
    print(machine())
    print(table(rows))
