"""A fit in a folder whose process is killed, again and again, ends with the same bits."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import chainrule.errors
from chainrule.train import run
from tests.patience import LIMIT, wait_until

SOURCE = Path(chainrule.errors.__file__).parents[1]
PROGRAM = """
import sys
import time
import numpy as np
import chainrule as cr

train, _ = cr.data.digits()
with cr.nn.seed(0):
    layers = cr.nn.Linear(64, 32), cr.relu, cr.nn.Dropout(0.2), cr.nn.Linear(32, 10)
    model = cr.nn.Sequential(*layers)
cr.train.checkpointing.Checkpoints.__init__.__kwdefaults__["pauses"] = (0.0, 0.0)
slow = float(sys.argv[2])
fitted = cr.train.fit(
    model,
    train.take(np.arange(200)),
    epochs=5,
    batch=40,
    validation=0.2,
    optimizer=cr.optim.Averaged(cr.optim.Adam(0.01), decay=0.9),
    folder=sys.argv[1],
    callbacks=[lambda *_: time.sleep(slow), cr.train.EarlyStopping(patience=9)],
)
"""


def start(folder: Path, slow: float) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), str(slow)], env=environment
    )


def epochs(folder: Path) -> int:
    metrics = folder / "metrics.jsonl"
    return metrics.read_bytes().count(b"\n") if metrics.exists() else 0


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def test_a_fit_that_is_killed_in_each_epoch_ends_with_the_same_bits(tmp_path: Path) -> None:
    assert start(tmp_path / "whole", 0.0).wait(timeout=LIMIT) == 0
    for epoch in (1, 2, 3, 4):
        process = start(tmp_path / "killed", 0.2)
        wait_until(lambda epoch=epoch: epochs(tmp_path / "killed") >= epoch, process)
        time.sleep(0.003 * epoch)
        process.kill()
        process.wait(timeout=LIMIT)
    assert start(tmp_path / "killed", 0.0).wait(timeout=LIMIT) == 0
    assert digest(tmp_path / "killed") == digest(tmp_path / "whole")
    records = [
        [{k: v for k, v in record.items() if "second" not in k} for record in found.metrics()]
        for found in map(run.open, (tmp_path / "whole", tmp_path / "killed"))
    ]
    assert records[0] == records[1]
    assert len(records[0]) == 5
