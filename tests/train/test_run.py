"""The run folder: one owner, nothing overwritten, metrics that can be rewound."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chainrule.errors import ArgumentError, CheckpointError
from chainrule.train import checkpoint, run
from chainrule.train.encoding import seal_line
from tests.train.kill_driver import content, names

PATH = os.pathsep.join(sys.path)


def test_a_new_run_has_its_configuration_and_can_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "a"
    with run.create(path, {"epochs": 3, "shape": (2, 3)}) as created:
        assert created.config == {"epochs": 3, "shape": [2, 3]}
        assert names(path) == ["checkpoints", "config.json", "lock"]
    opened = run.open(path)
    assert (opened.config, opened.metrics(), opened.finished) == (created.config, [], False)
    assert repr(opened) == f"Run({str(path)!r}, an unfinished run)"


def test_create_refuses_a_file_and_a_folder_of_other_things(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1")
    with pytest.raises(CheckpointError) as caught:
        run.create(tmp_path / "file", {})
    assert str(caught.value) == (
        f"create: {tmp_path / 'file'} is a file; a run needs a folder of its own"
    )
    for name in "bcde":
        (tmp_path / name).mkdir()
    with pytest.raises(CheckpointError) as caught:
        run.create(tmp_path, {})
    assert str(caught.value) == (
        f"create: {tmp_path} is not empty and not a run: it holds b, c, d, …\n\n"
        "  Give a new folder, or an empty one."
    )
    assert "lock" not in names(tmp_path)


def test_create_refuses_a_run_and_says_how_to_go_on(tmp_path: Path) -> None:
    with run.create(tmp_path, {}) as first:
        checkpoints = first.checkpoints
    with pytest.raises(CheckpointError) as caught:
        run.create(tmp_path, {})
    assert str(caught.value) == (
        f"create: {tmp_path} already holds an unfinished run\n\n"
        f"  Go on with it by chainrule resume {tmp_path}, or give another folder."
    )
    checkpoint.save(checkpoints, content(120))
    with pytest.raises(CheckpointError) as caught:
        run.create(tmp_path, {})
    assert str(caught.value) == (
        f"create: {tmp_path} already holds an unfinished run, last checkpoint at step 120\n\n"
        f"  Go on with it by chainrule resume {tmp_path}, or give another folder."
    )
    with run.open(tmp_path, write=True) as opened:
        opened.save_model({"w": np.ones(2)}, {})
    with pytest.raises(CheckpointError, match="already holds a finished run"):
        run.create(tmp_path, {})


def test_what_is_no_run_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        run.open(tmp_path)
    assert str(caught.value) == f"{tmp_path} is not a run folder: it has no config.json"
    (tmp_path / "config.json").write_bytes(b"{")
    with pytest.raises(CheckpointError, match=r"config\.json is not JSON"):
        run.open(tmp_path, write=True)
    with pytest.raises(ArgumentError, match=r"config\['a'\] is a set"):
        run.create(tmp_path / "new", {"a": {1}})
    assert names(tmp_path) == ["config.json", "lock"]


def test_two_processes_cannot_train_in_one_folder(tmp_path: Path) -> None:
    code = (
        "import sys; from chainrule.train import run; opened = run.open(sys.argv[1], write=True);"
        "print('locked', flush=True); sys.stdin.read()"
    )
    run.create(tmp_path, {}).close()
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": PATH},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"locked\n"
        with pytest.raises(CheckpointError) as caught:
            run.open(tmp_path, write=True)
        assert run.open(tmp_path).metrics() == []
        child.kill()
    assert str(caught.value) == (
        f"{tmp_path} is in use by process {child.pid} on {os.uname().nodename}\n\n"
        "  Two processes cannot train in one run folder. Wait for it, stop it, or give another "
        "folder."
    )
    run.open(tmp_path, write=True).close()


def test_one_process_cannot_open_it_twice_either(tmp_path: Path) -> None:
    with (
        run.create(tmp_path, {}),
        pytest.raises(CheckpointError, match=f"in use by process {os.getpid()} on"),
    ):
        run.open(tmp_path, write=True)


def test_a_run_opened_for_reading_is_not_written(tmp_path: Path) -> None:
    run.create(tmp_path, {}).close()
    opened = run.open(tmp_path)
    with pytest.raises(CheckpointError, match=r"append_metrics: .* was opened for reading"):
        opened.append_metrics({"step": 1})
    with pytest.raises(CheckpointError, match="rewind"):
        opened.rewind(0)
    with pytest.raises(CheckpointError, match="save_model"):
        opened.save_model({}, {})


def test_opening_to_write_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    run.create(tmp_path, {}).close()
    stale = ".step-00000001.9999999999-0123456789abcdef.partial"
    (tmp_path / stale).write_bytes(b"1")
    (tmp_path / "checkpoints" / stale).mkdir()
    run.open(tmp_path).close()
    assert stale in names(tmp_path)
    run.open(tmp_path, write=True).close()
    assert names(tmp_path) == ["checkpoints", "config.json", "lock"]
    assert names(tmp_path / "checkpoints") == []


def test_a_resumed_run_has_the_metrics_of_an_undisturbed_one(tmp_path: Path) -> None:
    epochs = [{"epoch": e, "step": 10 * e, "loss": 1 / e} for e in range(1, 6)]
    with run.create(tmp_path / "a", {}) as undisturbed:
        for record in epochs:
            undisturbed.append_metrics(record)
    with run.create(tmp_path / "b", {}) as killed:
        for record in epochs[:4]:
            killed.append_metrics(record)
    metrics = tmp_path / "b" / "metrics.jsonl"
    with metrics.open("ab") as file:
        file.write(b'{"epoch": 5, "st')
    with run.open(tmp_path / "b", write=True) as resumed:
        assert resumed.metrics() == epochs[:4]
        assert resumed.rewind(25) == 2
        assert resumed.rewind(25) == 0
        for record in epochs[2:]:
            resumed.append_metrics(record)
        assert resumed.metrics() == epochs
    assert metrics.read_bytes() == (tmp_path / "a" / "metrics.jsonl").read_bytes()


def test_metrics_need_a_step_and_hold_null_for_what_is_not_finite(tmp_path: Path) -> None:
    with run.create(tmp_path, {}) as opened:
        opened.append_metrics({"step": np.int64(3), "recall": math.nan, "loss": np.float32(0.5)})
        assert opened.metrics() == [{"step": 3, "recall": None, "loss": 0.5}]
        with pytest.raises(ArgumentError) as caught:
            opened.append_metrics({"epoch": 1})
    assert str(caught.value) == (
        "append_metrics: the record has step None; "
        "it must be the count of steps at the end of the epoch"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"step": 2,', ":2: the line is not JSON: "),
        (b"[2]", ":2: the line is not as it was written: its digest does not fit\n\n    [2]"),
        (seal_line({"step": -1}, "").encode(), ":2: the line has no count 'step'\n\n    {"),
        (b"\xff", ":2: the line is not UTF-8: "),
    ],
)
def test_a_whole_line_of_metrics_that_is_broken_is_named(
    line: bytes, message: str, tmp_path: Path
) -> None:
    with run.create(tmp_path, {}) as opened:
        for step in (1, 3):
            opened.append_metrics({"step": step})
        first, last = (tmp_path / "metrics.jsonl").read_bytes().splitlines(keepends=True)
        (tmp_path / "metrics.jsonl").write_bytes(first + line + b"\n" + last)
        with pytest.raises(CheckpointError) as caught:
            opened.metrics()
    assert f"{tmp_path / 'metrics.jsonl'}{message}" in str(caught.value)


def test_the_final_model_comes_back_and_can_be_replaced(tmp_path: Path) -> None:
    with run.create(tmp_path, {}) as opened:
        with pytest.raises(CheckpointError) as caught:
            opened.load_model()
        assert str(caught.value) == f"{tmp_path} has no final model: the run is not finished"
        for version in (1, 2):
            opened.save_model({"w": np.full(3, version, np.float32)}, {"version": version})
            arrays, description = opened.load_model()
            np.testing.assert_array_equal(arrays["w"], np.full(3, version, np.float32))
            assert (description, opened.finished) == ({"version": version}, True)
        assert "previous" not in (tmp_path / "model.json").read_text()
        with pytest.raises(CheckpointError, match="not finite"):
            opened.save_model({"w": np.array([math.inf])}, {})
        with pytest.raises(ArgumentError, match=r"model\.json\['description'\]\['a'\] is a set"):
            opened.save_model({"w": np.ones(2)}, {"a": {1}})
        assert opened.load_model()[1] == {"version": 2}


def test_a_damaged_final_model_is_named(tmp_path: Path) -> None:
    with run.create(tmp_path, {}) as opened:
        opened.save_model({"w": np.arange(3.0)}, {})
    path = tmp_path / "model.safetensors"
    whole = path.read_bytes()
    for index in range(len(whole)):
        path.write_bytes(whole[:index] + bytes([whole[index] ^ 1]) + whole[index + 1 :])
        with pytest.raises(CheckpointError, match=r"is not whole: model\.safetensors has sha256"):
            opened.load_model()
    path.unlink()
    with pytest.raises(CheckpointError, match=r"is not whole: model\.safetensors is missing"):
        opened.load_model()
    path.write_bytes(whole)
    for data in (b"{}", b'{"sha256": 3, "previous": []}', b"", b"[]"):
        (tmp_path / "model.json").write_bytes(data)
        with pytest.raises(CheckpointError, match="is not whole: "):
            opened.load_model()
