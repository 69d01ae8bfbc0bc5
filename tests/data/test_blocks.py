"""The block shuffle: every row once, in an order that a seed fixes, with little in memory."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data import Dataset, from_arrays
from chainrule.data.blocks import BlockOrder, block_order, is_larger_than_memory
from chainrule.data.computed import Computed
from chainrule.data.rows import Rows, is_mapped, release

SMALL = st.integers(1, 40)


def numbered(count, width=3, **options):
    """A data set whose targets are its row numbers."""
    inputs = np.arange(width * count, dtype=np.int64).reshape(count, width)
    return Dataset(inputs, np.arange(count), shuffle="blocks", **options)


@given(st.integers(0, 200), SMALL, SMALL, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_an_order_visits_every_row_once(count, rows, window, seed, epoch):
    order = BlockOrder(count, rows, window, seed, epoch)
    assert sorted(order.order()) == list(range(count))


@given(st.integers(1, 60), SMALL, SMALL, st.integers(0, 9))
def test_a_window_visits_the_rows_of_its_blocks_and_no_others(count, rows, window, epoch):
    order = BlockOrder(count, rows, window, 1, epoch)
    whole, first = order.order(), 0
    for number in range(len(order)):
        visited = whole[first : order.ends[number]]
        np.testing.assert_array_equal(visited, order.visited(number))
        assert len({row // rows for row in visited}) <= window
        spans = np.concatenate([np.arange(s.start, s.stop) for s in order.spans(number)])
        np.testing.assert_array_equal(np.sort(visited), spans)
        first = int(order.ends[number])


def small_blocks(monkeypatch, rows=4, window=3):
    monkeypatch.setattr("chainrule.data.blocks._BLOCK_BYTES", rows * 24)
    monkeypatch.setattr("chainrule.data.blocks._WINDOW_BYTES", window * rows * 24)


@pytest.mark.parametrize("count", [1, 4, 11, 12, 50, 97])
@pytest.mark.parametrize("batch", [1, 5, 12, 64])
def test_batches_are_the_rows_of_the_order_also_from_a_later_start(monkeypatch, count, batch):
    small_blocks(monkeypatch)
    data = numbered(count)
    order = data.order(seed=3, epoch=2)
    assert sorted(order) == list(range(count))
    whole = list(data.batches(batch, seed=3, epoch=2))
    np.testing.assert_array_equal(np.concatenate([t for _, t in whole]), order)
    for inputs, targets in whole:
        np.testing.assert_array_equal(inputs, data.inputs[targets])
    for start in range(len(whole) + 1):
        rest = data.batches(batch, seed=3, epoch=2, start=start)
        assert [t.tolist() for _, t in rest] == [t.tolist() for _, t in whole[start:]]


def test_the_order_is_the_same_on_every_machine_and_depends_on_seed_and_epoch():
    assert BlockOrder(7, 2, 2, seed=1, epoch=2).order().tolist() == [1, 0, 5, 4, 2, 3, 6]
    orders = {
        tuple(BlockOrder(60, 4, 5, seed, epoch).order()) for seed in range(3) for epoch in range(3)
    }
    assert len(orders) == 9


def test_blocks_have_256_kilobytes_and_windows_64_megabytes():
    examples = np.broadcast_to(np.uint8(0), (10**6, 3072))
    order = block_order(examples, 0, 0)
    assert (order.rows, order.window) == (85, 257)


def mapped(path, count, width=3072):
    with path.open("wb") as file:
        file.truncate(count * width)
    return np.memmap(path, np.uint8, "r", shape=(count, width))


def test_blocks_are_chosen_for_mapped_files_from_a_gigabyte_on(tmp_path):
    large = mapped(tmp_path / "large", 2**20, 1024)
    targets = np.zeros(2**20, np.int64)
    data = Dataset(large, targets)
    np.testing.assert_array_equal(data.order(0), block_order(large, 0, 0).order())
    by_rows = Dataset(large, targets, shuffle="rows")
    assert abs(np.diff(by_rows.order(0)[:1000])).mean() > 2**20 / 4
    smaller = Dataset(large[:-1], targets[:-1])
    assert (
        smaller.order(0)[:99] == Dataset(np.zeros((2**20 - 1, 1)), targets[:-1]).order(0)[:99]
    ).all()


def test_the_windows_of_a_text_are_no_larger_than_their_file(tmp_path):
    tokens = mapped(tmp_path / "text", 2**20, 2).ravel()
    windows = np.lib.stride_tricks.sliding_window_view(tokens, 1024)
    assert windows.nbytes > 2**30
    assert not is_larger_than_memory(windows)
    assert is_mapped(windows)


def test_what_is_taken_from_a_mapped_file_stays_there(tmp_path):
    inputs = mapped(tmp_path / "x", 100)
    data = from_arrays(inputs, np.zeros(100)).take(np.arange(50, 100)).take([3, 1])
    assert is_mapped(data.inputs)
    images = replace(data, image_shape=(32, 32, 3)).as_images("CHW").flattened().as_images("HWC")
    assert is_mapped(images.inputs)
    assert next(images.batches(2))[0].shape == (2, 32, 32, 3)
    assert not is_mapped(np.zeros(3))
    release(data.inputs)
    assert next(data.batches(2))[0].shape == (2, 3072)


def test_pages_that_could_be_written_are_kept(tmp_path):
    private = np.memmap(mapped(tmp_path / "x", 4).filename, np.uint8, "c", shape=(4, 3072))
    private[1] = 7
    release(private)
    assert (private[1] == 7).all()


class Squares(Computed):
    shape, dtype = (50, 2), np.dtype(np.float32)

    def compute(self, rows):
        return np.stack([rows, rows**2], axis=1).astype(np.float32)


@pytest.mark.parametrize("shuffle", ["rows", "blocks"])
@pytest.mark.parametrize("source", [Squares(), Rows((Squares(),))])
def test_examples_that_are_made_when_asked_for_are_visited_likewise(source, shuffle):
    data = Dataset(source, np.arange(50), shuffle=shuffle)
    first, second = data.split(0.5, seed=1, stratified=False)
    for part in (data, first, second, first.take([3, 3, 1])):
        seen = 0
        for inputs, targets in part.batches(8, seed=0):
            np.testing.assert_array_equal(inputs, np.stack([targets, targets**2], axis=1))
            seen += len(targets)
        assert seen == len(part)
    assert data.flattened().shape == (2,)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("shuffle", ["rows", "blocks"])
def test_an_epoch_over_a_large_file_holds_little_of_it(large, shuffle):
    """0.5 GB pass through; a file that is left mapped would show up as that much memory."""
    data = Dataset(large, np.zeros(len(large)), shuffle=shuffle)
    assert growth(data.batches(512, seed=0)) < 400e6


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_few_rows_from_all_over_a_large_file_hold_little_of_it(large):
    """Each brings in what lies around it, so 1 % of the rows could bring in the whole file."""
    data = Dataset(large, np.zeros(len(large)))
    scattered = data.take(np.arange(0, len(large), 100))
    assert growth(scattered.batches(256)) < 400e6
    assert growth(scattered.batches(256, seed=0)) < 400e6


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A mapped file that was really written: only then is it kept in large pieces."""
    path = tmp_path_factory.mktemp("large") / "x"
    piece = np.random.default_rng(0).integers(0, 256, 2**24, np.uint8).tobytes()
    with path.open("wb") as file:
        for _ in range(32):
            file.write(piece)
    yield np.memmap(path, np.uint8, "r", shape=(2**17, 4096))
    path.unlink()


def growth(batches):
    """The most by which the resident memory grows on the way."""
    before, most = resident(), 0
    for number, _ in enumerate(batches):
        if number % 16 == 0:
            most = max(most, resident())
    return max(most, resident()) - before


def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096
