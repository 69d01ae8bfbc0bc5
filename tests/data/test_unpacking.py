"""Files that were unpacked before they were asked for are read as others are."""

import gzip
from contextvars import copy_context
from pathlib import Path

import numpy as np
import pytest

from chainrule import unpacking
from chainrule.data import mnist, read_idx
from chainrule.errors import DataError
from chainrule.unpacking import unpack_ahead
from tests.data.samples import idx_bytes

DRAWN = np.random.default_rng(0).integers(0, 256, (1500, 28, 28), dtype=np.uint8)
NAME = "train-images-idx3-ubyte.gz"


def ahead(folder: Path, path: Path) -> np.ndarray:
    unpack_ahead(str(folder))
    return read_idx(path)


def packed(folder: Path, data: bytes) -> Path:
    path = folder / NAME
    path.write_bytes(gzip.compress(data, 1))
    return path


def read(folder: Path, data: bytes) -> np.ndarray:
    return copy_context().run(ahead, folder, packed(folder, data))


def test_it_has_the_same_bytes(tmp_path: Path) -> None:
    found = read(tmp_path, idx_bytes(DRAWN))
    np.testing.assert_array_equal(found, DRAWN)
    assert not found.flags.writeable


def test_it_is_not_unpacked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def plainly(*_: object) -> None:
        raise AssertionError("the bytes that a thread unpacked are not taken")

    def early() -> np.ndarray:
        unpack_ahead(str(tmp_path))
        (ahead,) = unpacking._AHEAD.get().values()
        ahead.result()
        monkeypatch.setattr(unpacking, "_stream", plainly)
        return read_idx(path)

    path = packed(tmp_path, idx_bytes(DRAWN))
    np.testing.assert_array_equal(copy_context().run(early), DRAWN)


def test_numbers_of_another_type_are_read_too(tmp_path: Path) -> None:
    numbers = DRAWN[:, :14].view(np.uint16).astype(">i4")
    np.testing.assert_array_equal(read(tmp_path, idx_bytes(numbers, 0x0C)), numbers)


@pytest.mark.parametrize("more", [-1, 1])
def test_what_is_wrong_is_told_as_without_it(tmp_path: Path, more: int) -> None:
    path = packed(tmp_path, (idx_bytes(DRAWN) + b"\0")[: more - 1 or None])
    with pytest.raises(DataError) as plainly:
        read_idx(path)
    with pytest.raises(DataError) as early:
        copy_context().run(ahead, tmp_path, path)
    assert str(early.value) == str(plainly.value)


def test_a_file_that_was_replaced_since_is_read_anew(tmp_path: Path) -> None:
    def replaced() -> np.ndarray:
        unpack_ahead(str(tmp_path))
        return read_idx(packed(tmp_path, idx_bytes(DRAWN[:1400])))

    packed(tmp_path, idx_bytes(DRAWN))
    assert len(copy_context().run(replaced)) == 1400


def test_a_folder_that_is_not_there_is_told_by_who_reads_it(tmp_path: Path) -> None:
    def missing() -> None:
        unpack_ahead(str(tmp_path / "nowhere"))
        mnist(tmp_path / "nowhere")

    with pytest.raises(DataError, match="there is no such folder"):
        copy_context().run(missing)
