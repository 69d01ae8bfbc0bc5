"""The IDX reader: every type and rank, plain and packed, and every way to be broken."""

import gzip
import hashlib
import os
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data import mnist, read_idx
from chainrule.errors import DataError
from tests.data.samples import TYPES, idx_bytes, real, write_mnist

GOOD = idx_bytes(np.arange(6).reshape(3, 2))


def read_bytes(folder, data):
    path = folder / "a.idx"
    path.write_bytes(data)
    return read_idx(path)


@pytest.mark.parametrize("packed", [False, True])
@given(
    code=st.sampled_from(sorted(TYPES)),
    shape=st.lists(st.integers(0, 4), max_size=5),
)
def test_every_type_and_rank_is_read(tmp_path_factory, packed, code, shape):
    expected = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    data = idx_bytes(expected, code)
    folder = tmp_path_factory.mktemp("idx")
    array = read_bytes(folder, gzip.compress(data, mtime=0) if packed else data)
    assert array.dtype == TYPES[code]
    assert not array.flags.writeable
    np.testing.assert_array_equal(array, expected.astype(TYPES[code]))


def test_a_plain_file_is_mapped_and_not_read(tmp_path):
    assert isinstance(read_bytes(tmp_path, GOOD), np.memmap)


def test_a_file_of_several_gzip_members_is_read(tmp_path):
    packed = gzip.compress(GOOD[:9], mtime=0) + gzip.compress(GOOD[9:])
    assert read_bytes(tmp_path, packed).tolist() == [[0, 1], [2, 3], [4, 5]]


BROKEN = {
    "empty": (b"", "the file ends too early", 0, "4 bytes of magic", "0 bytes"),
    "no sizes": (
        GOOD[:9],
        "the file ends too early",
        4,
        "8 bytes of sizes for 2 axes",
        "5 bytes",
    ),
    "truncated": (GOOD[:-1], "the file ends too early", 17, "3 × 2 uint8 = 6 bytes", "5 bytes"),
    "trailing": (
        GOOD + b"!",
        "there are bytes after the values",
        18,
        "the end of the file",
        "more bytes",
    ),
    "magic": (
        b"\x89PNG" + GOOD,
        "this is not an IDX file",
        0,
        "00 00, a type (08, 09, 0b, 0c, 0d, 0e), and at most 32 axes (20)",
        "89 50 4e 47",
    ),
    "packed magic": (
        gzip.compress(b"text, not numbers", mtime=0),
        "this is not an IDX file",
        0,
        "00 00, a type (08, 09, 0b, 0c, 0d, 0e), and at most 32 axes (20)",
        "74 65 78 74",
    ),
    "absurd sizes": (
        bytes([0, 0, 0x0E, 3]) + b"\xff" * 12,
        "the file ends too early",
        16,
        f"4294967295 × 4294967295 × 4294967295 float64 = {8 * (2**32 - 1) ** 3} bytes",
        "0 bytes",
    ),
    "no values of absurd sizes": (
        bytes([0, 0, 8, 4]) + bytes(4) + b"\xff" * 12,
        "the sizes are too large for an array",
        4,
        "a product below 2⁶³ bytes",
        "0 × 4294967295 × 4294967295 × 4294967295",
    ),
    "packed truncated": (
        gzip.compress(GOOD[:-1], mtime=0),
        "the file ends too early",
        17,
        "3 × 2 uint8 = 6 bytes",
        "5 bytes",
    ),
    "packed trailing": (
        gzip.compress(GOOD + b"!!", mtime=0),
        "there are bytes after the values",
        18,
        "the end of the file",
        "more bytes",
    ),
    "half a gzip": (
        gzip.compress(GOOD, mtime=0)[:-4],
        "the gzip stream is corrupt",
        "beyond 0, unpacked",
        "compressed data",
        "Compressed file ended before the end-of-stream marker was reached",
    ),
    "wrong checksum": (
        gzip.compress(GOOD, mtime=0)[:-8] + bytes(4) + gzip.compress(GOOD)[-4:],
        "the gzip stream is corrupt",
        "beyond 0, unpacked",
        "compressed data",
        f"CRC check failed 0x0 != {zlib.crc32(GOOD):#x}",
    ),
}


@pytest.mark.parametrize(
    ("data", "fact", "offset", "expected", "found"), BROKEN.values(), ids=BROKEN
)
def test_a_broken_file_is_explained(tmp_path, data, fact, offset, expected, found):
    with pytest.raises(DataError) as caught:
        read_bytes(tmp_path, data)
    assert str(caught.value) == (
        f"idx: {fact}\n\n"
        f"    file      {tmp_path / 'a.idx'}\n"
        f"    offset    {offset}\n"
        f"    expected  {expected}\n"
        f"    found     {found}"
    )


def test_a_packed_header_cannot_make_us_allocate(tmp_path):
    with pytest.raises(DataError) as caught:
        read_bytes(
            tmp_path, gzip.compress(bytes([0, 0, 8, 2, 0, 0, 255, 255, 0, 0, 255, 255]), mtime=0)
        )
    size = (tmp_path / "a.idx").stat().st_size
    assert str(caught.value) == (
        "idx: the header promises more than the file can hold\n\n"
        f"    file      {tmp_path / 'a.idx'}\n"
        "    offset    4\n"
        "    expected  65535 × 65535 uint8 = 4294836225 bytes\n"
        f"    found     at most {1032 * size} bytes"
    )


def test_more_data_than_the_header_says_is_not_unpacked(tmp_path):
    bomb = gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 1]) + bytes(200_000_000), 1)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="bytes after the values"):
            read_bytes(tmp_path, bomb)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_what_is_not_a_file_is_not_waited_for(tmp_path, kind):
    path = tmp_path / "a.idx"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    reason = {
        "missing": "No such file or directory", "folder": "it is a folder",
        "pipe": "not a regular file",
    }[kind]  # fmt: skip
    with pytest.raises(DataError) as caught:
        read_idx(path)
    assert str(caught.value) == (
        f"idx: the file cannot be read\n\n    file    {path}\n    reason  {reason}"
    )


def test_mnist_is_read_from_plain_packed_and_dotted_names(tmp_path):
    write_mnist(tmp_path)
    plain = mnist(tmp_path)
    labels = tmp_path / "train-labels-idx1-ubyte"
    (tmp_path / "train-labels.idx1-ubyte.gz").write_bytes(
        gzip.compress(labels.read_bytes(), mtime=0)
    )
    labels.unlink()
    (tmp_path / "t10k-images-idx3-ubyte").rename(tmp_path / "t10k-images.idx3-ubyte")
    for before, after in zip(plain, mnist(tmp_path), strict=True):
        np.testing.assert_array_equal(before.inputs, after.inputs)
        np.testing.assert_array_equal(before.targets, after.targets)
    assert repr(plain[0]) == "Dataset('mnist': 6 examples of 6 uint8 (3×2×1 HWC), 10 classes)"


def test_missing_files_of_mnist_are_listed(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError) as caught:
        mnist(tmp_path)
    assert str(caught.value) == (
        "mnist: 1 of its 4 files are missing\n\n"
        f"    folder                  {tmp_path}\n"
        "    t10k-labels-idx1-ubyte  not found, nor t10k-labels.idx1-ubyte, "
        "nor t10k-labels-idx1-ubyte.gz, nor t10k-labels.idx1-ubyte.gz\n\n"
        '  Pass the folder that holds the files: load("mnist", folder="FOLDER"),\n'
        "  or --data FOLDER on the command line."
    )


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_that_is_none_is_named(tmp_path, exists):
    path = tmp_path / "a"
    if exists:
        path.touch()
    with pytest.raises(DataError) as caught:
        mnist(path)
    assert str(caught.value) == (
        "mnist: there is no such folder\n\n"
        f"    folder  {path}\n"
        "    files   train-images-idx3-ubyte, train-labels-idx1-ubyte, "
        "t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte\n\n"
        '  Pass the folder that holds the files: load("mnist", folder="FOLDER"),\n'
        "  or --data FOLDER on the command line."
    )


MISFITS = {
    "counts": (
        "train-labels-idx1-ubyte",
        np.zeros(5),
        (
            "the numbers of images and labels differ\n\n"
            "    images  6 in {folder}/train-images-idx3-ubyte\n"
            "    labels  5 in {folder}/train-labels-idx1-ubyte"
        ),
    ),
    "label": (
        "t10k-labels-idx1-ubyte",
        np.array([1, 2, 10, 3]),
        (
            "no such class\n\n"
            "    file      {folder}/t10k-labels-idx1-ubyte\n"
            "    offset    10\n"
            "    expected  a label 0 to 9\n"
            "    found     10 for image 2"
        ),
    ),
    "rank": (
        "train-images-idx3-ubyte",
        np.zeros((6, 4)),
        (
            "these are other data\n\n"
            "    file      {folder}/train-images-idx3-ubyte\n"
            "    offset    0\n"
            "    expected  00 00 08 03 (uint8, 3 axes)\n"
            "    found     uint8, 2 axes"
        ),
    ),
    "sizes": (
        "t10k-images-idx3-ubyte",
        np.zeros((4, 2, 2)),
        (
            "the parts have images of different sizes\n\n"
            "    file          {folder}/train-images-idx3-ubyte\n"
            "    images        (3, 2, 1)\n"
            "    other file    {folder}/t10k-images-idx3-ubyte\n"
            "    other images  (2, 2, 1)"
        ),
    ),
}


@pytest.mark.parametrize(("name", "array", "message"), MISFITS.values(), ids=MISFITS)
def test_files_of_mnist_that_do_not_fit_are_explained(tmp_path, name, array, message):
    (write_mnist(tmp_path) / name).write_bytes(idx_bytes(array))
    with pytest.raises(DataError) as caught:
        mnist(tmp_path)
    assert str(caught.value) == f"mnist: {message.format(folder=tmp_path)}"


def test_an_empty_set_of_images_is_refused(tmp_path):
    with pytest.raises(DataError) as caught:
        mnist(write_mnist(tmp_path, test=0))
    assert str(caught.value) == (
        "mnist: the file is empty\n\n"
        f"    file      {tmp_path / 't10k-images-idx3-ubyte'}\n"
        "    offset    4\n"
        "    expected  at least one image\n"
        "    found     none"
    )


def test_the_real_mnist_is_read_pixel_exact():
    train, test = mnist(real("mnist"))
    with gzip.open(real("mnist", "train-images-idx3-ubyte.gz")) as file:
        digest = hashlib.md5(file.read()).hexdigest()
    assert digest == "6bbc9ace898e44ae57da46a324031adb"
    assert hashlib.md5(idx_bytes(train.inputs.reshape(-1, 28, 28))).hexdigest() == digest
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.targets[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.targets[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    statistics = train.standardize(per="all").standardization
    assert statistics.mean / 255 == pytest.approx(0.1307, abs=1e-4)  # as widely published
    assert statistics.std / 255 == pytest.approx(0.3081, abs=1e-4)
