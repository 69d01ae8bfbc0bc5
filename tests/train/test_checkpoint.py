"""Checkpoints: whole or named as corrupt, with the right ones kept."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.errors import ArgumentError, CheckpointError
from chainrule.train import checkpoint, durable, manifest
from chainrule.train.checkpoint import Checkpoint, load, save, steps
from chainrule.train.encoding import seal
from tests.train.kill_driver import content, names
from tests.train.test_encoding import json_values, named_arrays

PARTS = ("model.safetensors", "optimizer.safetensors", "state.safetensors", "position.json")


def finite(arrays: dict[str, Any]) -> dict[str, Any]:
    zero = {name: np.where(np.isfinite(a), a, a.dtype.type(0)) for name, a in arrays.items()}
    return {name: np.asarray(a) for name, a in zero.items()}


def bits(arrays: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {name: (a.shape, a.dtype, a.tobytes()) for name, a in arrays.items()}


def is_step(loaded: checkpoint.Loaded, step: int) -> bool:
    meant = content(step)
    found = loaded.checkpoint
    assert bits(found.model) == bits(meant.model)
    assert bits(found.optimizer) == bits(meant.optimizer)
    return loaded.step == step and found.position == meant.position


@settings(max_examples=25)
@given(named_arrays, named_arrays, named_arrays, st.dictionaries(st.text(max_size=5), json_values))
def test_a_checkpoint_comes_back_bit_for_bit(
    model: dict[str, Any], optimizer: dict[str, Any], state: dict[str, Any], extra: dict[str, Any]
) -> None:
    meant = Checkpoint(finite(model), optimizer, state, {**extra, "step": 5})
    with TemporaryDirectory() as folder:
        path = save(folder, meant)
        loaded = load(folder)
        assert (loaded.path, loaded.step, loaded.warnings) == (path, 5, ())
        found = loaded.checkpoint
        assert bits(found.model) == bits(meant.model)
        assert bits(found.optimizer) == bits(meant.optimizer)
        assert bits(found.state) == bits(meant.state)
        assert found.position == meant.position
        assert (path / "state.safetensors").exists() == bool(state)


def test_a_folder_of_checkpoints_has_the_documented_files(tmp_path: Path) -> None:
    path = save(tmp_path / "checkpoints", content(1234), best=True)
    assert path == tmp_path / "checkpoints" / "step-00001234"
    assert names(path) == sorted([*PARTS, "manifest.json"])
    assert names(path.parent) == ["best.json", "latest.json", "step-00001234"]


def test_the_last_ones_and_the_best_are_kept(tmp_path: Path) -> None:
    for step in range(1, 8):
        save(tmp_path, content(step), keep=2, best=step == 3)
    assert steps(tmp_path) == (3, 6, 7)
    assert is_step(load(tmp_path), 7)
    assert is_step(load(tmp_path, "best"), 3)
    assert is_step(load(tmp_path, 6), 6)
    save(tmp_path, content(8), keep=1, best=True)
    assert steps(tmp_path) == (8,)


def test_a_corrupt_checkpoint_does_not_count_among_those_kept(tmp_path: Path) -> None:
    for step in (1, 2):
        save(tmp_path, content(step))
    with (tmp_path / "step-00000002" / "model.safetensors").open("ab") as file:
        file.write(b"x")
    save(tmp_path, content(3), keep=2)
    assert steps(tmp_path) == (1, 2, 3)


def test_nothing_is_deleted_while_the_best_is_not_known(tmp_path: Path) -> None:
    save(tmp_path, content(1), best=True)
    (tmp_path / "best.json").write_bytes(b"{")
    for step in (2, 3):
        save(tmp_path, content(step), keep=1)
    assert steps(tmp_path) == (1, 2, 3)


def test_checkpoints_of_later_steps_stay_until_they_are_passed(tmp_path: Path) -> None:
    for step in (1, 2, 5):
        save(tmp_path, content(step))
    save(tmp_path, content(3), keep=1)
    assert steps(tmp_path) == (3, 5)
    assert is_step(load(tmp_path), 3)
    save(tmp_path, content(5, version=2), keep=1)
    assert names(tmp_path) == ["latest.json", "step-00000005.2"]
    assert load(tmp_path, 5).checkpoint.position["v"] == 2
    save(tmp_path, content(5, version=3), keep=1)
    assert names(tmp_path) == ["latest.json", "step-00000005.3"]


def damages(data: bytes, stride: int = 1) -> Iterator[bytes]:
    """Flip a bit of each byte, cut at many lengths, add a byte."""
    for index in range(0, len(data), stride):
        damaged = bytearray(data)
        damaged[index] ^= 1 << (index % 8)
        yield bytes(damaged)
    yield from (data[:length] for length in {*range(0, len(data), 7 * stride), len(data) - 1})
    yield data + b"\0"


@pytest.mark.parametrize("name", [*PARTS, "manifest.json"])
def test_a_damaged_part_is_named_and_the_previous_checkpoint_used(
    name: str, tmp_path: Path
) -> None:
    save(tmp_path, content(1), best=True)
    path = save(tmp_path, content(2)) / name
    whole = path.read_bytes()
    # Every bit of a manifest is flipped in the tests of the sealed record.
    for damaged in damages(whole, stride=5 if name == "manifest.json" else 1):
        path.write_bytes(damaged)
        loaded = load(tmp_path)
        assert is_step(loaded, 1)
        (warning,) = loaded.warnings
        assert warning.startswith(f"step-00000002: {name} ")
        assert warning.endswith("; using step-00000001 instead")
    path.unlink()
    (warning,) = load(tmp_path).warnings
    assert warning == f"step-00000002: {name} is missing; using step-00000001 instead"
    path.write_bytes(whole)
    assert load(tmp_path).warnings == ()


def test_a_damaged_pointer_is_named_and_the_newest_checkpoint_used(tmp_path: Path) -> None:
    for step in (1, 2):
        save(tmp_path, content(step))
    path = tmp_path / "latest.json"
    for damaged in damages(path.read_bytes(), stride=2):
        path.write_bytes(damaged)
        loaded = load(tmp_path)
        assert is_step(loaded, 2)
        (warning,) = loaded.warnings
        assert warning.startswith("latest.json ")
        assert warning.endswith("; using step-00000002 instead")
    path.unlink()
    assert load(tmp_path).warnings == ("latest.json is missing; using step-00000002 instead",)


def test_the_message_says_what_differs(tmp_path: Path) -> None:
    save(tmp_path, content(1))
    path = save(tmp_path, content(2))
    data = (path / "model.safetensors").read_bytes()
    (path / "model.safetensors").write_bytes(data[:-1] + b"\0")
    (warning,) = load(tmp_path).warnings
    pattern = (
        r"step-00000002: model\.safetensors has sha256 [0-9a-f]{12}…, "
        r"the manifest says [0-9a-f]{12}…; using step-00000001 instead"
    )
    assert re.fullmatch(pattern, warning)
    (path / "model.safetensors").write_bytes(data[:-1])
    (warning,) = load(tmp_path).warnings
    assert warning == (
        f"step-00000002: model.safetensors has {len(data) - 1} bytes, the manifest says "
        f"{len(data)}; using step-00000001 instead"
    )


def test_if_none_is_whole_each_is_listed_with_its_fault(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        save(tmp_path, content(step))
    (tmp_path / "step-00000001" / "manifest.json").unlink()
    (tmp_path / "step-00000002" / "position.json").write_bytes(b"")
    (tmp_path / "step-00000003" / "model.safetensors").unlink()
    size = len((tmp_path / "step-00000003" / "position.json").read_bytes())
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path)
    assert str(caught.value) == (
        f"no whole checkpoint in {tmp_path} among those asked for\n\n"
        "    step-00000003: model.safetensors is missing\n"
        f"    step-00000002: position.json has 0 bytes, the manifest says {size}\n"
        "    step-00000001: manifest.json is missing"
    )


def test_missing_is_not_corrupt(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        for which in ("latest", "best"):
            with pytest.raises(CheckpointError) as caught:
                load(folder, which)  # type: ignore[arg-type]
            assert str(caught.value) == f"no checkpoint in {folder}"
    save(tmp_path, content(3))
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path, 4)
    assert str(caught.value) == f"no checkpoint of step 4 in {tmp_path}; there are: 3"


def test_the_best_and_a_step_have_no_substitute(tmp_path: Path) -> None:
    save(tmp_path, content(1))
    path = save(tmp_path, content(2), best=True)
    (path / "position.json").unlink()
    for which in ("best", 2):
        with pytest.raises(CheckpointError, match=r"step-00000002: position\.json is missing"):
            load(tmp_path, which)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="which is 'newest'"):
        load(tmp_path, "newest")  # type: ignore[arg-type]


def test_a_checkpoint_that_was_moved_to_another_name_is_not_taken(tmp_path: Path) -> None:
    save(tmp_path, content(1))
    path = save(tmp_path, content(2))
    shutil.rmtree(path)
    shutil.copytree(tmp_path / "step-00000001", path)
    (warning,) = load(tmp_path).warnings
    assert warning == (
        "step-00000002: manifest.json is another one than the pointer to it was made for"
        "; using step-00000001 instead"
    )
    with pytest.raises(CheckpointError, match=r"step-00000002: position\.json is of step 1"):
        load(tmp_path, 2)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({"format": 2, "parts": {}}, "manifest.json has format 2; this version reads 1"),
        ({"format": 1}, "manifest.json does not list its parts with size and sha256"),
        ({"format": 1, "parts": {"a": 3}}, "manifest.json does not list its parts"),
        ({"format": 1, "parts": {}}, "manifest.json does not list model.safetensors"),
    ],
)
def test_a_well_sealed_manifest_of_another_kind_is_named(
    manifest: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = save(tmp_path, content(1))
    (path / "manifest.json").write_bytes(seal(manifest))
    with pytest.raises(CheckpointError, match=message):
        load(tmp_path, 1)


def test_a_pipe_in_place_of_a_part_does_not_block(tmp_path: Path) -> None:
    path = save(tmp_path, content(1))
    (path / "model.safetensors").unlink()
    os.mkfifo(path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"model\.safetensors is not a regular file"):
        load(tmp_path, 1)


def test_weights_that_are_not_finite_are_never_saved(tmp_path: Path) -> None:
    save(tmp_path, content(1))
    bad = Checkpoint({"w": np.array([1.0, np.nan, np.inf])}, position={"step": 2})
    with pytest.raises(CheckpointError) as caught:
        save(tmp_path, bad)
    assert str(caught.value) == (
        "model['w'] holds values that are not finite (2 of 3); nothing was saved"
    )
    assert names(tmp_path) == ["latest.json", "step-00000001"]


@pytest.mark.parametrize("step", [None, -1, 1.5, True, "3", 10**18])
def test_a_position_needs_a_step(step: object, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError) as caught:
        save(tmp_path, Checkpoint({}, position={"step": step}))
    assert str(caught.value) == f"save: position['step'] is {step!r}; it must be a count from 0"
    assert names(tmp_path) == []


def test_arguments_that_cannot_be_meant_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="keep is 0; at least the new checkpoint must be kept"):
        save(tmp_path, content(1), keep=0)
    with pytest.raises(ArgumentError, match=r"position\['loss'\] is nan"):
        save(tmp_path, Checkpoint({}, position={"step": 1, "loss": float("nan")}))
    with pytest.raises(ArgumentError, match="complex"):
        save(tmp_path, Checkpoint({"w": np.ones(1, complex)}, position={"step": 1}))
    assert names(tmp_path) == []


def test_what_does_not_read_back_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, content(1))
    real = durable.read_bytes

    def flipped(path: Path, limit: int | None = None) -> bytes:
        data = real(path, limit)
        return data[:-1] + b"\0" if path.name == "model.safetensors" else data

    monkeypatch.setattr(manifest, "read_bytes", flipped)
    with pytest.raises(CheckpointError, match="not read back as written, nothing was saved: model"):
        save(tmp_path, content(2))
    assert names(tmp_path) == ["latest.json", "step-00000001"]
