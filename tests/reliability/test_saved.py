"""What is never saved, and what is never deleted."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import CheckpointError, NonFiniteError
from chainrule.train import checkpoint, run
from chainrule.train.checkpoint import Checkpoint
from chainrule.train.checkpointing import Checkpoints
from chainrule.train.progress import Progress, cells, pack
from tests.reliability.training import images, network, train


class Fuse(cr.nn.Module):
    """A network whose scores are no numbers from a certain call on."""

    inner: cr.nn.Sequential
    calls: cr.State

    def __call__(self, x: Any) -> Any:
        self.calls.value = self.calls.value + 1.0
        scores = self.inner(x)
        sign = cr.where(self.calls.value > 4.0, -1.0, 1.0)
        return cr.log(sign * (1.0 + scores * scores))


def test_a_run_that_is_not_finite_keeps_the_last_good_step(tmp_path: Path) -> None:
    taken: list[Progress] = []

    class Watch(cr.train.Callback):
        def on_step(self, progress: Progress) -> None:
            taken.append(progress)

    model = Fuse(network(), cr.State(0.0))
    with pytest.raises(NonFiniteError) as caught:
        cr.train.fit(model, images(), batch=15, folder=tmp_path, callbacks=[Watch()])
    message = str(caught.value)
    assert "first at " in message
    assert "log(" in message
    assert "in Fuse, test_saved.py:" in message
    rows = caught.value.rows
    assert rows is not None
    assert f"rows           {rows[0]}, {rows[1]}" in message
    opened = run.open(tmp_path)
    assert not opened.finished
    kept = checkpoint.load(opened.checkpoints)
    assert (kept.step, kept.warnings) == (taken[-1].step, ())
    for path, leaf in cr.tree.paths(taken[-1].model):
        assert kept.checkpoint.model[path].tobytes() == leaf.numpy().tobytes()
    assert kept.checkpoint.state.keys() == cells(model).keys()
    assert kept.checkpoint.state["calls"] == 4.0


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_weights_that_are_not_finite_are_never_saved(number: float, tmp_path: Path) -> None:
    with run.create(tmp_path, {}) as opened:
        broken = {"w": np.array([1.0, number])}
        with pytest.raises(CheckpointError, match="not finite"):
            checkpoint.save(opened.checkpoints, Checkpoint(broken, position={"step": 1}))
        with pytest.raises(CheckpointError, match="not finite"):
            opened.save_model(broken, {})
        assert list(opened.checkpoints.iterdir()) == []
        assert not opened.finished


@pytest.mark.parametrize("largest", [False, True])
def test_the_best_is_that_of_a_finite_figure(largest: bool, tmp_path: Path) -> None:
    start = Progress(network(), ())
    figures = [math.nan, math.inf, 0.5, -math.inf, math.nan, 0.25, 0.75]
    with run.create(tmp_path, {}) as opened:
        monitor = cr.train.Monitor("figure", largest=largest)
        keeper = Checkpoints(opened, monitor, keep=1, pauses=(0.0, 0.0))
        keeper.on_start(start, [], None)
        for step, figure in enumerate(figures, 1):
            record = {"epoch": step, "step": step, "figure": figure}
            keeper.on_epoch(record, Progress(start.model, (), step, step, record=record))
        keeper.wait()
        best = checkpoint.load(opened.checkpoints, "best")
    assert figures[best.step - 1] == (0.75 if largest else 0.25)


def test_a_checkpoint_that_a_thread_could_not_write_is_told_of_at_the_next_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise CheckpointError("the disk is full")

    start = Progress(network(), ())
    with run.create(tmp_path, {}) as opened:
        keeper = Checkpoints(opened, pauses=(0.0, 1e9))
        keeper.on_start(start, [], None)
        monkeypatch.setattr(checkpoint, "save", refuse)
        record = {"epoch": 1, "step": 1, "loss": 0.5}
        keeper.on_epoch(record, Progress(start.model, (), 1, 1, record=record))
        assert keeper._writing is not None
        keeper._writing._thread.join()
        with pytest.raises(CheckpointError, match="the disk is full"):
            keeper.on_pause(Progress(start.model, (), 2, 1, 1))
        keeper.on_pause(Progress(start.model, (), 3, 1, 2))  # it is told of once
        keeper.save(Progress(start.model, (), 4, 1, 3))
        keeper.on_leave()  # what ends the training is another error
        assert keeper._writing is None


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("step-*"))


def at(step: int) -> Checkpoint:
    return Checkpoint({"w": np.full(2, float(step))}, position={"step": step})


def test_the_best_and_the_last_good_one_are_never_deleted(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, at(1), best=True)
    for step in range(2, 30):
        path = checkpoint.save(tmp_path, at(step), keep=2)
        if step % 3:  # what is broken at once is no substitute for what is whole
            (path / "model.safetensors").write_bytes(b"")
        assert checkpoint.load(tmp_path, "best").step == 1
        assert checkpoint.load(tmp_path).step >= step - 2
    assert checkpoint.load(tmp_path).step == 27
    assert len(names(tmp_path)) <= 6


def test_other_runs_and_other_files_are_never_deleted(tmp_path: Path) -> None:
    ours, other = tmp_path / "ours", tmp_path / "other"
    train(other, epochs=1)
    there = {path: path.read_bytes() for path in other.rglob("*") if path.is_file()}
    ours.mkdir()
    (ours / "step-00000001").symlink_to(next((other / "checkpoints").glob("step-*")))
    (ours / "step-00000002.bak").mkdir()
    (ours / "thesis.tex").write_text("x")
    for step in range(2, 6):
        checkpoint.save(ours, at(step), keep=1)
    assert names(ours) == ["step-00000002.bak", "step-00000005"]
    assert (ours / "thesis.tex").read_text() == "x"
    assert {path: path.read_bytes() for path in other.rglob("*") if path.is_file()} == there


def test_a_packed_progress_is_whole(tmp_path: Path) -> None:
    """Weights, optimizer, State cells (running means, random keys) and the place in the data."""
    ended = train(tmp_path / "run", epochs=1).progress
    found = pack(ended)
    assert found.model.keys() == dict(cr.tree.paths(ended.model)).keys()
    assert any("mean" in name for name in found.state)
    assert len(found.state) == len(cells(ended.model))
    assert len(found.optimizer) >= 2 * len(found.model)
    assert {"step", "epoch", "batch", "tally"} <= found.position.keys()
