"""Data sets as two arrays that a program gathers rows from."""

from pathlib import Path

import numpy as np
import pytest

from chainrule.data import Dataset, from_arrays
from chainrule.data import whole as module
from chainrule.data.computed import Computed
from chainrule.data.rows import Rows
from chainrule.data.whole import whole

X = np.random.default_rng(0).integers(0, 256, (7, 4)).astype(np.uint8)
Y = np.arange(7) % 3


class Doubled(Computed):
    """Rows that are computed when they are asked for."""

    shape, dtype = (7, 4), np.dtype(np.uint8)

    def compute(self, rows: np.ndarray) -> np.ndarray:
        return X[rows] * 2


def rows_of(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    as_stored = data.preparation_in_program is not None
    return next(data.batches(len(data), as_stored=as_stored))


@pytest.mark.parametrize("dtype", ["u1", "f4", "f8", "i4", "i8", "i2", ">f4", "?"])
def test_rows_are_those_of_a_batch(dtype: str) -> None:
    for data in (from_arrays(X.astype(dtype), Y), from_arrays(X.astype(dtype), Y).standardize()):
        found = whole(data)
        assert found is not None
        for ours, theirs in zip(found[:2], rows_of(data), strict=True):
            assert ours.dtype == theirs.dtype
            assert np.array_equal(ours, theirs)
            assert ours.flags.c_contiguous
            assert not ours.flags.writeable


def test_what_lies_in_order_is_not_copied() -> None:
    data = from_arrays(X, Y)
    found = whole(data)
    assert found is not None
    assert np.shares_memory(found.inputs, data.inputs)
    assert np.shares_memory(found.targets, data.targets)


def test_chosen_rows_of_an_array_are_not_copied() -> None:
    data = Dataset(Rows((X,)), Y).take([5, 2, 3]).flattened()
    found = whole(data)
    assert found is not None
    assert np.shares_memory(found.inputs, X)
    rows = found.places(np.array([2, 0]))
    assert rows.tolist() == [3, 5]
    for ours, theirs in zip(found[:2], rows_of(data), strict=True):
        assert np.array_equal(ours[rows], theirs[[2, 0]])


def test_rows_of_several_arrays_and_other_axes_are_copied(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    images = Dataset(X, Y, image_shape=(2, 2, 1)).as_images("CHW")
    for data in (Dataset(Rows((X[:3], X[3:])), Y), Dataset(mapped, Y).take([5, 2]), images):
        found = whole(data)
        assert found is not None
        assert np.array_equal(found.inputs, rows_of(data)[0])


def test_what_is_too_large_or_made_when_asked_for_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_MAPPED", 20)
    assert whole(Dataset(X, Y)) is not None  # no copy
    assert whole(Dataset(X, Y).take([0, 1])) is not None
    assert whole(Dataset(Rows((X[:3], X[3:])), Y)) is None
    assert whole(Dataset(X.astype(float), Y)) is None


def test_rows_that_are_computed_are_left() -> None:
    assert whole(Dataset(Doubled(), Y)) is None
    assert whole(Dataset(Doubled(), Y).take([0, 1])) is None
