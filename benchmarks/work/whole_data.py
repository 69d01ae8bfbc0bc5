"""What the peers of whole.py read: images and labels as bytes, by NumPy alone."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Settings(NamedTuple):
    """The arguments of a peer's process, in this order."""

    data: str
    folder: str
    hidden: str
    epochs: int
    decay: float
    dropout: float
    augment: str
    seed: int
    precision: str

    @classmethod
    def parsed(cls, given: list[str]) -> Settings:
        """From the command line."""
        data, folder, hidden, epochs, decay, dropout, augment, seed, precision = given
        return cls(data, folder, hidden, int(epochs), float(decay), float(dropout), augment,
                   int(seed), precision)  # fmt: skip


class Part(NamedTuple):
    """Images, standardized by the mean and the deviation of those that are trained on; labels."""

    images: np.ndarray
    labels: np.ndarray


def parts(s: Settings) -> tuple[Part, Part, Part]:
    """What is trained on, the tenth of it that is held out, and what is tested on."""
    read, test = (_mnist, "t10k") if s.data == "mnist" else (_cifar10, "test")
    (x, y), (x_test, y_test) = (read(Path(s.folder), part) for part in ("train", test))
    order = np.random.default_rng(s.seed).permutation(len(x))
    held_out, kept = np.split(order, [len(x) // 10])
    train = x[kept].astype(np.float32)
    mean, deviation = train.mean(dtype=np.float64), train.std(dtype=np.float64)

    def part(images: np.ndarray, labels: np.ndarray) -> Part:
        made = images.astype(np.float32)
        made -= np.float32(mean)
        made *= np.float32(1 / deviation)
        return Part(made, labels.astype(np.int64))

    return part(x[kept], y[kept]), part(x[held_out], y[held_out]), part(x_test, y_test)


def _mnist(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    def read(kind: str, offset: int) -> np.ndarray:
        with gzip.open(folder / f"{part}-{kind}-ubyte.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=offset)

    return read("images-idx3", 16).reshape(-1, 1, 28, 28), read("labels-idx1", 8)


def _cifar10(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    numbers = range(1, 6) if part == "train" else ()
    names = [f"data_batch_{k}.bin" for k in numbers] or ["test_batch.bin"]
    records = np.concatenate([np.fromfile(folder / n, np.uint8).reshape(-1, 3073) for n in names])
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]
