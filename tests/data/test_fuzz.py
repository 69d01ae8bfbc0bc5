"""Whatever bytes a reader meets, it reads them or raises DataError, in bounded memory and time."""

import contextlib
import gzip
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chainrule.data import cifar10, mnist, read_idx
from chainrule.data.cifar10 import CIFAR10_FILES
from chainrule.errors import DataError
from tests.data.samples import idx_bytes, write_mnist, write_random_cifar10

PLAIN = idx_bytes(np.arange(24).reshape(4, 3, 2) % 10)
PACKED = gzip.compress(PLAIN, mtime=0)
ONES = gzip.compress(idx_bytes(np.ones((2, 2)), 0x0E), mtime=0)
FILES = [PLAIN, PACKED, idx_bytes(np.arange(10)), ONES]


@st.composite
def damaged(draw):
    """One of the files with some bits flipped, then cut or with something appended."""
    data = bytearray(draw(st.sampled_from(FILES)))
    for place in draw(st.lists(st.integers(0, 8 * len(data) - 1), max_size=6)):
        data[place // 8] ^= 1 << place % 8
    return bytes(data[: draw(st.integers(0, len(data)))]) + draw(st.binary(max_size=4))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def read_quietly(reader, path):
    tracemalloc.start()
    try:
        with contextlib.suppress(DataError):
            reader(path)
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


@given(st.one_of(damaged(), st.binary(max_size=200)))
@example(bytes([0, 0, 0x0E, 32]) + b"\xff" * 128)
@example(gzip.compress(bytes([0, 0, 0x0E, 32]) + b"\xff" * 128, mtime=0))
@example(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 0]) + bytes(10**6)))
@example(b"\x1f\x8b\x08\x08" + b"a" * 10**5)
@example(bytes([0, 0, 8, 32]) + bytes(4) + b"\xff" * 124)
def test_the_idx_reader_raises_only_data_errors(folder, data):
    (folder / "a.idx").write_bytes(data)
    read_quietly(read_idx, folder / "a.idx")


@pytest.mark.parametrize("file", FILES, ids=["plain", "packed", "numbers", "ones"])
def test_the_idx_reader_meets_every_truncation(folder, file):
    for size in range(len(file)):
        (folder / "a.idx").write_bytes(file[:size])
        with pytest.raises(DataError):
            read_idx(folder / "a.idx")


@given(name=st.sampled_from(["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]), data=damaged())
def test_mnist_raises_only_data_errors(tmp_path_factory, name, data):
    folder = write_mnist(tmp_path_factory.mktemp("mnist"), 4, 4)
    (folder / name).write_bytes(data)
    read_quietly(mnist, folder)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return write_random_cifar10(tmp_path_factory.mktemp("cifar10"), 2)[0]


@given(
    name=st.sampled_from(CIFAR10_FILES),
    size=st.integers(0, 3 * 3073),
    flips=st.lists(st.integers(0, 8 * 2 * 3073 - 1), max_size=4),
)
def test_cifar10_raises_only_data_errors(records, name, size, flips):
    path = records / name
    good = path.read_bytes()
    data = bytearray(good)
    for place in flips:
        data[place // 8] ^= 1 << place % 8
    try:
        path.write_bytes((bytes(data) + good)[:size])
        read_quietly(cifar10, records)
    finally:
        path.write_bytes(good)
