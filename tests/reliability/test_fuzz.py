"""Whatever a file of a run or of settings holds, it is read or refused by name."""

import contextlib
import json
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chainrule.cli.config import from_stored, resolve
from chainrule.cli.config_file import read_settings
from chainrule.cli.form import restore
from chainrule.cli.settings import SETTINGS
from chainrule.errors import ChainruleError, CheckpointError
from chainrule.train import checkpoint, run
from chainrule.train.checkpoint import Checkpoint
from chainrule.train.encoding import decode_tensors, encode_tensors, seal, seal_line
from chainrule.train.progress import Progress, unpack
from tests.data.fuzzing import MEBIBYTE, damaged, read_quietly
from tests.reliability.effort import many

THOROUGHLY = settings(max_examples=many(50, 1000))
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


NAMES = [name for setting in SETTINGS for name in (setting.name, setting.option)]
VALUES = ["1", "-1", "0.5", "1e999", "nan", "true", '"adam"', '"mlp:8"', "[1, 2]", "{}", '"', "'''"]
LINES = st.tuples(st.sampled_from([*NAMES, "data", "x", '"a.b"', "[t]"]), st.sampled_from(VALUES))
FILE = b'data = "digits"\nmodel = "mlp:8"\nlr = 0.01 # rate\n[table]\nx = 1979-05-27\n'


@THOROUGHLY
@given(
    damaged([FILE])
    | st.binary(max_size=100)
    | st.lists(LINES, max_size=5).map(lambda lines: "\n".join(map(" = ".join, lines)).encode()),
    st.booleans(),
)
@example(b"a = " + b"[" * 50_000, False)
@example(b"lr = " + b"9" * 10_000, False)
@example(b"lr = 0x" + b"f" * 10_000, False)
@example(b"a." * 30_000 + b"b = 1", False)
def test_a_file_of_settings(folder: Path, data: bytes, several: bool) -> None:
    (folder / "a.toml").write_bytes(data)
    reader = lambda path: read_settings(str(path), several)  # noqa: E731
    read_quietly(reader, folder / "a.toml", click.UsageError, 64 * MEBIBYTE)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            "a." * 101 + "b = 1",
            "{}:1: there are more than 100 dots in a line; it holds no settings",
        ),
        ("lr = " + "9" * 5000, "{} is not TOML: exceeds the limit (4300 digits) for integer"),
    ],
)
def test_settings_that_would_keep_us_for_long(folder: Path, data: str, message: str) -> None:
    path = folder / "long.toml"
    path.write_text(data)
    with pytest.raises(click.UsageError) as caught:
        read_settings(str(path))
    assert caught.value.message.startswith(f"--config: {message.format(path)}")


STORED = resolve("digits", {"data": "digits"}).stored()


@THOROUGHLY
@given(st.dictionaries(st.sampled_from([*STORED]) | st.text(max_size=6), values, max_size=4))
def test_a_stored_configuration(changes: dict[str, Any]) -> None:
    with contextlib.suppress(CheckpointError):
        from_stored({**STORED, **changes}, "config.json")


RUN_FILE = seal(STORED)


@given(
    damaged([RUN_FILE, b"{}"])
    | st.binary(max_size=60)
    | values.map(lambda v: json.dumps(v).encode())
)
@example(b"[" * 100_000)
@example(b'{"digest": ' + b"9" * 5000 + b"}")
def test_the_configuration_of_a_run(folder: Path, data: bytes) -> None:
    (folder / "config.json").write_bytes(data)
    read_quietly(run.open, folder, CheckpointError, 16 * MEBIBYTE)


LINE = seal_line({"epoch": 1, "step": 3, "loss": 0.5}, "").encode() + b"\n"


@given(damaged([LINE * 3, LINE]) | st.binary(max_size=60))
def test_the_records_of_a_run(folder: Path, data: bytes) -> None:
    inside = folder / "records"
    if not inside.exists():
        run.create(inside, {}).close()
    (inside / "metrics.jsonl").write_bytes(data)
    read_quietly(lambda path: run.open(path).metrics(), inside, CheckpointError)


@given(values, values, st.sampled_from(["latest", "best"]))
def test_pointers_and_manifests_that_are_well_sealed(
    folder: Path, pointer: Any, parts: Any, name: Any
) -> None:
    inside = folder / "checkpoints"
    path = inside / "step-00000001"
    if not path.exists():
        checkpoint.save(inside, Checkpoint({"w": np.ones(2)}, position={"step": 1}))
    (inside / f"{name}.json").write_bytes(seal({"checkpoint": pointer, "manifest": pointer}))
    (path / "manifest.json").write_bytes(seal({"format": 1, "parts": parts}))
    read_quietly(lambda where: checkpoint.load(where, name), inside, CheckpointError)


WEIGHTS = encode_tensors({"a": np.ones((2, 3)), "b": np.arange(4, dtype=np.int8)}, "x")


@THOROUGHLY
@given(damaged([WEIGHTS]) | st.binary(max_size=200) | values.map(lambda v: header(json.dumps(v))))
@example(b"\xff" * 8)
@example((10**8).to_bytes(8, "little") + b"{}")
def test_weights(folder: Path, data: bytes) -> None:
    read_quietly(lambda _: decode_tensors(data, "x"), folder, CheckpointError)


def header(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(8, "little") + data + bytes(64)


@THOROUGHLY
@given(st.dictionaries(st.sampled_from(["step", "epoch", "batch", "tally", "x"]), values))
@example({"step": 1, "epoch": 1, "batch": 1, "tally": {"loss": "x"}})
@example({"step": 10**400, "epoch": -1, "batch": 1.5, "tally": {}})
def test_the_position_of_a_training(position: dict[str, Any]) -> None:
    found = Checkpoint({}, position={"step": 1, "epoch": 1, "batch": 0, "tally": {}} | position)
    with contextlib.suppress(CheckpointError):
        unpack(found, Progress((), ()))


@THOROUGHLY
@given(
    st.dictionaries(
        st.sampled_from(["name", "classes", "example_shape", "layout", "preparation", "targets"])
        | st.text(max_size=5),
        values,
    )
)
def test_what_a_final_model_says_of_its_data(description: dict[str, Any]) -> None:
    with contextlib.suppress(ChainruleError):
        restore(description, {"w": np.ones(2)})
