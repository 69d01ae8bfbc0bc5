"""A training in PyTorch, a process of its own: see whole.py, which names the arguments."""

from __future__ import annotations

import gzip
import math
import os
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch


def mnist(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """The images and the labels of a part."""

    def read(kind: str, offset: int) -> np.ndarray:
        with gzip.open(folder / f"{part}-{kind}-ubyte.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=offset).copy()

    return read("images-idx3", 16).reshape(-1, 1, 28, 28), read("labels-idx1", 8)


def cifar10(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """The same of CIFAR-10."""
    numbers = range(1, 6) if part == "train" else ()
    names = [f"data_batch_{k}.bin" for k in numbers] or ["test_batch.bin"]
    records = np.concatenate([np.fromfile(folder / n, np.uint8).reshape(-1, 3073) for n in names])
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]


def network(sizes: list[int], dropout: float) -> torch.nn.Sequential:
    """He's normal distribution, as ours."""
    layers: list[torch.nn.Module] = [torch.nn.Flatten()]
    for n, m in pairwise(sizes):
        linear = torch.nn.Linear(n, m)
        torch.nn.init.kaiming_normal_(linear.weight)
        torch.nn.init.zeros_(linear.bias)
        layers += [linear, torch.nn.ReLU(), torch.nn.Dropout(dropout)]
    return torch.nn.Sequential(*layers[:-2])


def accuracy(model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """In percent."""
    model.eval()
    with torch.no_grad():
        parts = zip(x.split(1024), y.split(1024), strict=True)
        right = sum((model(a).argmax(1) == b).sum() for a, b in parts)
    model.train()
    return 100 * float(right) / len(y)


def main() -> None:
    """Train, test and save."""
    data, folder, hidden, epochs, decay, dropout, augment, seed, out = sys.argv[1:]
    torch.set_num_threads(os.cpu_count() or 1)
    torch.manual_seed(int(seed))
    read, test = (mnist, "t10k") if data == "mnist" else (cifar10, "test")
    (x, y), (x_test, y_test) = (read(Path(folder), part) for part in ("train", test))
    order = np.random.default_rng(int(seed)).permutation(len(x))
    held_out, kept = np.split(order, [len(x) // 10])
    images, labels = torch.from_numpy(x[kept]).float(), torch.from_numpy(y[kept]).long()
    mean, deviation = images.mean(), images.std()
    images = (images - mean) / deviation
    others = [((torch.from_numpy(a).float() - mean) / deviation, torch.from_numpy(b).long())
              for a, b in ((x[held_out], y[held_out]), (x_test, y_test))]  # fmt: skip
    sizes = [math.prod(x.shape[1:]), *map(int, hidden.split(",")), 10]
    model = network(sizes, float(dropout))
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=0.001, weight_decay=float(decay), fused=True
    )
    steps = int(epochs) * math.ceil(len(images) / 128)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda t: 0.5 * (1 + math.cos(math.pi * t / steps))
    )
    for epoch in range(int(epochs)):
        for rows in torch.randperm(len(images)).split(128):
            batch = images[rows]
            if augment == "flip":
                flipped = torch.rand(len(batch), 1, 1, 1) < 0.5
                batch = torch.where(flipped, batch.flip(-1), batch)
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(batch), labels[rows]).backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}: {accuracy(model, *others[0]):.2f} of those held out")
    torch.save(model.state_dict(), out)
    print(f"accuracy {accuracy(model, *others[1]):.2f} %")


main()
