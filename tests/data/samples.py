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
