"""One training step of an MLP against PyTorch eager: the same arithmetic, float32, SGD."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

import numpy as np

import chainrule as cr
from benchmarks.timing import alternate, machine, median, ratio, table

NETS = ((784, 512, 512, 10), (784, 10), (2, 16, 16, 2))
BATCH = 128
RATE = 0.1


def ours(sizes: tuple[int, ...], x: np.ndarray, y: np.ndarray) -> Callable[[], float]:
    """A function that makes one step and gives the loss."""
    with cr.nn.seed(0):
        model = cr.nn.mlp(sizes)
    optimizer = cr.optim.SGD(RATE)
    held = [model, optimizer.init(model)]

    @cr.jit
    def step(model: object, state: object, x: cr.Tensor, y: cr.Tensor) -> tuple[object, ...]:
        loss, gradients = cr.value_and_grad(lambda m: cr.loss.cross_entropy(m(x), y))(model)
        return (*optimizer.update(gradients, state, model), loss)

    def run() -> float:
        held[0], held[1], loss = step(held[0], held[1], x, y)
        return loss.item()

    return run


def torch_eager(sizes: tuple[int, ...], x: np.ndarray, y: np.ndarray) -> Callable[[], float]:
    """The same in PyTorch, eager."""
    import torch

    layers: list[torch.nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)

    def run() -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    return run


def by_hand(sizes: tuple[int, ...], x: np.ndarray, y: np.ndarray) -> Callable[[], float]:
    """The same in NumPy, written by hand."""
    generator = np.random.default_rng(0)
    weights = [
        generator.standard_normal((a, b), np.float32) * np.float32((2 / a) ** 0.5)
        for a, b in pairwise(sizes)
    ]
    biases = [np.zeros(b, np.float32) for b in sizes[1:]]
    truth = np.eye(sizes[-1], dtype=np.float32)[y]

    def run() -> float:
        values = [x]
        for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
            z = values[-1] @ w + b
            values.append(np.maximum(z, 0) if k < len(weights) - 1 else z)
        logits = values[-1] - values[-1].max(1, keepdims=True)
        e = np.exp(logits)
        total = e.sum(1, keepdims=True)
        delta = (e / total - truth) / np.float32(len(x))
        loss = float(np.mean(np.log(total[:, 0]) - (logits * truth).sum(1)))
        for k in reversed(range(len(weights))):
            dw, db = values[k].T @ delta, delta.sum(0)
            if k:
                delta = (delta @ weights[k].T) * (values[k] > 0)
            weights[k] -= np.float32(RATE) * dw
            biases[k] -= np.float32(RATE) * db
        return loss

    return run


def main() -> None:
    """Print the table."""
    rows = [
        [
            "net, batch 128, SGD",
            "chainrule",
            "NumPy by hand",
            "PyTorch eager",
            "PyTorch ÷ chainrule",
        ]
    ]
    for sizes in NETS:
        generator = np.random.default_rng(1)
        x = generator.standard_normal((BATCH, sizes[0]), np.float32)
        y = generator.integers(0, sizes[-1], BATCH)
        work = {"ours": ours(sizes, x, y), "hand": by_hand(sizes, x, y)}
        with suppress(ImportError):
            work["torch"] = torch_eager(sizes, x, y)
        times = alternate(work, rounds=21, seconds=0.1)
        shown = [
            f"{median(times[k]) * 1e6:.0f} µs" if k in times else "not installed"
            for k in ("ours", "hand", "torch")
        ]
        spread = "".join(
            f"{m:.2f} ({low:.2f} to {high:.2f})"
            for m, low, high in [ratio(times["torch"], times["ours"])] if "torch" in times
        )  # fmt: skip
        rows.append(["-".join(map(str, sizes)), *shown, spread])
    print(f"\n{machine()}; reference runtime (NumPy)\n")
    print(table(rows), "\n")
