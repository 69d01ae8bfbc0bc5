"""Small files in the official formats, and the real ones where this checkout has them."""

from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def real(*names):
    """The real file or folder of this name, or a skipped test."""
    path = SHARED.joinpath(*names)
    if not path.exists():
        pytest.skip(f"{Path(*names)} is not in ../shared/data")
    return path


def fault_of(kind, call):
    """The message of the error of this kind that a call raises, or None if it raises none."""
    try:
        call()
    except kind as error:
        return str(error)
    return None


def idx_bytes(array, code=0x08):
    head = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return head + array.astype(TYPES[code]).tobytes()


def write_mnist(folder, train=6, test=4):
    """A set in MNIST's layout, of images of 3 × 2 pixels."""
    generator = np.random.default_rng(0)
    for part, count in (("train", train), ("t10k", test)):
        images = generator.integers(0, 256, (count, 3, 2))
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(count) % 10))
    return folder


def write_cifar10(folder, pixels, labels, batches):
    """The six official files; `batches` says for each image in which one it lies."""
    records = np.concatenate([labels[:, None], pixels], axis=1).astype(np.uint8)
    for batch in range(6):
        name = "test_batch.bin" if batch == 5 else f"data_batch_{batch + 1}.bin"
        records[batches == batch].tofile(folder / name)
    return folder


def write_random_cifar10(folder, count):
    """Six files of `count` records each."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (6 * count, 3072), dtype=np.uint8)
    labels = generator.integers(0, 10, 6 * count)
    return write_cifar10(folder, pixels, labels, np.repeat(np.arange(6), count)), pixels, labels


def write_random_cifar100(folder, count):
    """Two files of `count` records each: a coarse and a fine label, and pixels."""
    generator = np.random.default_rng(1)
    pixels = generator.integers(0, 256, (2 * count, 3072), dtype=np.uint8)
    labels = np.stack([np.arange(2 * count) % 20, np.arange(2 * count) % 100], axis=1)
    records = np.concatenate([labels.astype(np.uint8), pixels], axis=1)
    for part, name in enumerate(("train.bin", "test.bin")):
        records[part * count : (part + 1) * count].tofile(folder / name)
    return folder, pixels, labels


def python2_pickle(entries):
    """A dictionary as Python 2's cPickle wrote it in protocol 2, memo numbers and all."""
    memo = 0

    def put():
        nonlocal memo
        memo += 1
        return b"q" + bytes([memo]) if memo < 256 else b"r" + memo.to_bytes(4, "little")

    def string(text):
        if len(text) < 256:
            return b"U" + bytes([len(text)]) + text
        return b"T" + len(text).to_bytes(4, "little") + text

    def integer(value):
        if 0 <= value < 256:
            return b"K" + bytes([value])
        if 0 <= value < 65536:
            return b"M" + value.to_bytes(2, "little")
        return b"J" + value.to_bytes(4, "little", signed=True)

    def array(values):
        size = integer(values.shape[0]) + integer(values.shape[1])
        return (
            *(b"cnumpy.core.multiarray\n_reconstruct\n", put(), b"cnumpy\nndarray\n", put()),
            *(b"K\0\x85U\1b\x87R", put(), b"(K\1", size, b"\x86cnumpy\ndtype\n", put()),
            *(b"U\2u1K\0K\1\x87R", put(), b"(K\3U\1|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"),
            *(b"\x89", string(values.tobytes()), b"tb"),
        )

    def written(value):
        if isinstance(value, np.ndarray):
            return b"".join(array(value))
        if isinstance(value, list):
            return b"]" + put() + b"(" + b"".join(map(written, value)) + b"e"
        return integer(value) if isinstance(value, int) else string(value) + put()

    start = b"\x80\2}" + put() + b"("
    return start + b"".join(written(key) + written(entries[key]) for key in entries) + b"u."


def write_pickled_cifar10(folder, pixels, labels):
    """The version for Python, an equal share of the images in each of the six files."""
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    for name, x, y in zip(names, np.split(pixels, 6), np.split(labels, 6), strict=True):
        entries = {b"batch_label": b"a part", b"labels": y.tolist(), b"data": x}
        entries[b"filenames"] = [b"%d.png" % row for row in range(len(y))]
        (folder / name).write_bytes(python2_pickle(entries))
    return folder
