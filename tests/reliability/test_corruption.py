"""Any changed bit and any cut of any file of a run is named; what is corrupt is never believed."""

import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.errors import CheckpointError
from chainrule.train import checkpoint, run
from tests.reliability.effort import THOROUGH, many, some
from tests.reliability.training import fault_of, outcome, train

Seen = dict[str, Any]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run whose best checkpoint is not among the last ones, as they can be."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    train(folder, epochs=4)
    return folder


def files(folder: Path) -> list[str]:
    """All files of a run but the lock, which has nothing to read."""
    # The page is made from the others, and only people read it: a report is written anew.
    found = (
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and path.name != "report.html"
    )
    return sorted(str(path) for path in found if path.name != "lock")


def damages(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Flip a bit in each region, cut at each class of lengths, add bytes, clear a sector."""
    for place in some(range(len(data)), 16):
        flipped = bytearray(data)
        flipped[place] ^= 1 << (place % 8)
        yield f"bit {place % 8} of byte {place}", bytes(flipped)
    lengths = {0, 1, 7, 8, 9, len(data) // 2, len(data) - 2, len(data) - 1}
    lines = {place + shift for place in newlines(data) for shift in (0, 1)}
    for length in sorted((lengths | set(some(sorted(lines), 6))) & set(range(len(data)))):
        yield f"cut to {length} bytes", data[:length]
    if len(data) > 600:
        yield "a sector of zeros", data[:100] + bytes(512) + data[612:]
    yield "all zeros", bytes(len(data))


def newlines(data: bytes) -> list[int]:
    """The places of line feeds; of a file that is no text the first few."""
    return [place for place, byte in enumerate(data) if byte == ord("\n")][: many(12, 500)]


def arrays(found: checkpoint.Checkpoint) -> Any:
    parts = (found.model, found.optimizer, found.state)
    return [sorted((k, a.tobytes()) for k, a in part.items()) for part in parts], found.position


def observe(folder: Path) -> Seen:
    """All that can be read of a run, or what the errors and warnings say."""
    seen: Seen = {}
    try:
        opened = run.open(folder)
    except CheckpointError as error:
        return {"open": error}
    seen["config"] = opened.config

    def note(name: str, read: Any) -> None:
        try:
            seen[name] = read()
        except CheckpointError as error:
            seen[name] = error

    note("metrics", opened.metrics)
    note("final", lambda: [sorted((k, a.tobytes()) for k, a in opened.load_model()[0].items())])
    note("description", opened.description)
    note("finished", lambda: opened.finished)
    note("best", lambda: arrays(checkpoint.load(opened.checkpoints, "best").checkpoint))
    note("latest", opened.latest)
    if isinstance(seen["latest"], checkpoint.Loaded):
        loaded = seen["latest"]
        seen["latest"] = (
            CheckpointError("; ".join(loaded.warnings))
            if loaded.warnings
            else (arrays(loaded.checkpoint))
        )
    return seen


def check(name: str, damage: str, whole: Seen, seen: Seen) -> None:
    """What is seen is what was there, or a fault that names the file."""
    place = f"{name}, {damage}"
    faults = [value for value in seen.values() if isinstance(value, CheckpointError)]
    assert faults, f"{place}: nobody noticed"
    for key, value in seen.items():
        if isinstance(value, CheckpointError):
            assert Path(name).name in str(value), f"{place}: {value}"
        else:
            assert value == whole[key], f"{place}: {key} was believed"


def test_every_damage_of_every_file_of_a_run_is_named(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, tried = tmp_path / "run", 0
    shutil.copytree(finished, folder)
    whole = observe(folder)
    assert not any(isinstance(value, CheckpointError) for value in whole.values())
    # Nobody reads a checkpoint that is neither the last nor the best while those are whole.
    steps = {f"step-{p['step']:08d}" for p in (whole["best"][1], whole["latest"][1])}
    for name in files(folder):
        if "step-" in name and not any(step in name for step in steps):
            continue
        path = folder / name
        data = path.read_bytes()
        for damage, bad in damages(data):
            path.write_bytes(bad)
            check(name, damage, whole, observe(folder))
            tried += 1
        path.write_bytes(data)
    assert observe(folder) == whole
    if THOROUGH:
        with capsys.disabled():
            sys.stdout.write(f"\n{tried} corruptions tried, all named\n")


def test_going_on_from_a_damaged_run_gives_the_same_bits_or_names_the_file(
    finished: Path, tmp_path: Path
) -> None:
    meant, ends = outcome(finished), set()
    for name in files(finished):
        data = (finished / name).read_bytes()
        for number, (damage, bad) in enumerate(some(list(damages(data)), many(2, 12))):
            folder = tmp_path / f"{name.replace('/', '-')}-{number}"
            shutil.copytree(finished, folder)
            (folder / name).write_bytes(bad)
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                fault = fault_of(lambda folder=folder: train(folder, epochs=4))  # type: ignore[misc]
            said = " ".join(str(warning.message) for warning in told) + fault
            assert Path(name).name in said or outcome(folder) == meant, f"{name}, {damage}: {said}"
            assert fault or outcome(folder) == meant, f"{name}, {damage}"
            ends.add("refused" if fault else "mended" if told else "not needed")
    assert ends == {"refused", "mended", "not needed"}


def test_a_damaged_file_says_what_was_done_instead(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    latest = run.open(folder).latest()
    assert latest is not None
    path = latest.path / "optimizer.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    size = path.stat().st_size
    before = sorted(p.name for p in latest.path.parent.glob("step-*"))[-2]
    with pytest.warns(RuntimeWarning) as told:
        train(folder, epochs=4)
    assert [str(warning.message) for warning in told] == [
        (
            f"{folder}: {latest.path.name}: optimizer.safetensors has {size:,} bytes, the manifest "
            f"says {size + 1:,}; using {before} instead"
        )
    ]
    assert outcome(folder) == outcome(finished)


def test_records_that_are_lost_are_not_taken_for_none(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with run.create(folder, {}) as opened:
        for epoch in (1, 2, 3):
            opened.append_metrics({"epoch": epoch, "step": 10 * epoch})
            position = {"step": 10 * epoch, "epoch": epoch}
            checkpoint.save(opened.checkpoints, checkpoint.Checkpoint({}, position=position))
        path = folder / "metrics.jsonl"
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:2]))
        loaded = opened.latest()
        assert loaded is not None
        assert loaded.step == 20
        assert loaded.warnings == (
            (
                "step-00000030: metrics.jsonl holds the records of 2 epochs up to step 30; there "
                "were 3; using step-00000020 instead"
            ),
        )
        with pytest.raises(CheckpointError, match=r"metrics\.jsonl holds the records of 2 epochs"):
            opened.rewind(30, 3)
        path.write_bytes(b"".join([*lines[:2], lines[2].replace(b"30", b"31")]))
        with pytest.raises(CheckpointError, match=r"metrics\.jsonl:3: the line is not as it was"):
            opened.rewind(30, 3)
        assert opened.rewind(20, 2) == 0
        assert len(opened.metrics()) == 2
        path.unlink()
        with pytest.raises(CheckpointError) as caught:
            opened.latest()
        assert re.findall("there were ([0-9])", str(caught.value)) == ["3", "2", "1"]


def test_the_newline_that_a_flip_took_is_not_a_torn_line(tmp_path: Path) -> None:
    with run.create(tmp_path, {}) as opened:
        opened.append_metrics({"step": 1})
        path = tmp_path / "metrics.jsonl"
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + b"\x0b")
        with pytest.raises(CheckpointError, match=r"metrics\.jsonl:1: the line is not"):
            opened.metrics()
        path.write_bytes(whole[:-1])
        assert opened.metrics() == []


def test_pointers_without_checkpoints_are_not_a_run_that_begins(tmp_path: Path) -> None:
    train(tmp_path / "run", epochs=1)
    with run.open(tmp_path / "run", write=True) as opened:
        for path in opened.checkpoints.glob("step-*"):
            shutil.rmtree(path)
        with pytest.raises(CheckpointError, match=r"step-00000002: manifest\.json is missing"):
            opened.latest()


def test_a_finished_run_without_some_of_its_records_is_named(tmp_path: Path) -> None:
    with run.create(tmp_path, {}) as opened:
        for step in (1, 2):
            opened.append_metrics({"step": step})
        opened.save_model({"w": np.ones(2)}, {})
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    assert fault_of(run.open(tmp_path).metrics) == (
        f"{path} holds the records of 1 epoch; there were 2"
    )
