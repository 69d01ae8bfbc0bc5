"""Fully connected networks: the smallest, linear classifiers, and those of MNIST and CIFAR-10."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

import chainrule as cr
from benchmarks.work.contest import Contestant, Row
from benchmarks.work.limits import Limit
from benchmarks.work.training import (
    BETA1,
    BETA2,
    CLOSE_IN_BF16,
    EPS,
    Net,
    Problem,
    contestants,
    without_bf16,
)

Layer = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Dense(Net):
    """Layers with relu between each two; ``plain`` is a list of pairs of Tensors, no module."""

    sizes: tuple[int, ...]
    plain: bool = False

    @cached_property
    def layers(self) -> list[Layer]:
        """Weights, inputs × outputs, and biases."""
        generator = np.random.default_rng(0)
        return [
            (
                generator.standard_normal((n, m), np.float32) * np.float32((2 / n) ** 0.5),
                np.zeros(m, np.float32),
            )
            for n, m in pairwise(self.sizes)
        ]

    def ours(self) -> tuple[Any, Callable[[Any, cr.Tensor], cr.Tensor]]:
        """Give the model, and what it computes of a batch."""
        if self.plain:
            return [(cr.tensor(w), cr.tensor(b)) for w, b in self.layers], _plain
        model = cr.nn.mlp(self.sizes, key=cr.random.key(0))
        arrays = [array for w, b in self.layers for array in (w.T.copy(), b)]
        return filled(model, arrays), lambda m, x: m(x)

    def torch(self) -> Any:
        """Give the module."""
        import torch

        made: list[Any] = []
        for w, b in self.layers:
            layer = torch.nn.Linear(*w.shape)
            layer.weight.data = torch.from_numpy(w.T.copy())
            layer.bias.data = torch.from_numpy(b.copy())
            made += [layer, torch.nn.ReLU()]
        return torch.nn.Sequential(*made[:-1])

    def jax(self) -> tuple[Any, Callable[[Any, Any], Any]]:
        """Give the parameters, and what they compute of a batch."""
        import jax
        import jax.numpy as jnp

        def apply(params: Any, x: Any) -> Any:
            for w, b in params[:-1]:
                x = jax.nn.relu(x @ w + b)
            w, b = params[-1]
            return x @ w + b

        return [(jnp.array(w), jnp.array(b)) for w, b in self.layers], apply

    def limit(self, batch: int, image_bytes: int, slots: int) -> Limit:
        """Products forward and backward, none for the inputs; parameters and slots both ways."""
        products = [n * m for n, m in pairwise(self.sizes)]
        operations = 2 * batch * (3 * sum(products) - products[0])
        parameters = sum(products) + sum(self.sizes[1:])
        return Limit(operations, batch * image_bytes + 8 * (1 + slots) * parameters)


def filled(model: Any, arrays: list[np.ndarray]) -> Any:
    """Put arrays in the place of a model's parameters, in their order."""
    leaves, structure = cr.tree.flatten(model)
    assert [leaf.shape for leaf in leaves] == [array.shape for array in arrays]
    return cr.tree.unflatten(structure, [cr.tensor(array) for array in arrays])


def _plain(layers: Any, x: cr.Tensor) -> cr.Tensor:
    for w, b in layers[:-1]:
        x = cr.relu(x @ w + b)
    w, b = layers[-1]
    return x @ w + b


def by_hand(p: Problem) -> Contestant:
    """The training written by hand in NumPy."""
    assert isinstance(p.net, Dense)
    layers = [(w.copy(), b.copy()) for w, b in p.net.layers]
    slots = [[np.zeros_like(a) for _ in range(2)] for layer in layers for a in layer]
    d, one = p.data, np.float32(1 / p.batch)
    truth = np.eye(p.classes, dtype=np.float32)[d.labels]
    taken = [0]

    def update(place: int, w: np.ndarray, g: np.ndarray) -> None:
        if p.adam:
            g = _adam(slots[place], g, taken[0])
        g *= np.float32(p.rate)
        w -= g

    def step(x: np.ndarray, y: np.ndarray) -> float:
        taken[0] += 1
        values = [x]
        for k, (w, b) in enumerate(layers):
            z = values[-1] @ w
            z += b
            values.append(np.maximum(z, 0, out=z) if k < len(layers) - 1 else z)
        logits = values[-1]
        logits -= logits.max(1, keepdims=True)
        e = np.exp(logits)
        total = e.sum(1, keepdims=True)
        loss = float(np.mean(np.log(total[:, 0]) - np.einsum("nk,nk->n", logits, y)))
        e /= total
        e -= y
        e *= one
        delta = e
        for k in reversed(range(len(layers))):
            (w, b), dw, db = layers[k], values[k].T @ delta, delta.sum(0)
            if k:
                delta = delta @ w.T
                delta *= values[k] > 0
            update(2 * k, w, dw)
            update(2 * k + 1, b, db)
        return loss

    def run() -> list[float]:
        pairs = ((d.floats, truth) if r is None else (d.floats[r], truth[r]) for r in d.order)
        return [step(*pair) for pair in pairs]

    return Contestant(run, np.array)


def _adam(slots: list[np.ndarray], g: np.ndarray, t: int) -> np.ndarray:
    m, v = slots
    m *= np.float32(BETA1)
    m += np.float32(1 - BETA1) * g
    g *= g
    g *= np.float32(1 - BETA2)
    v *= np.float32(BETA2)
    v += g
    root = (1 - BETA2**t) ** 0.5
    np.sqrt(v, out=g)
    g += np.float32(EPS * root)
    np.divide(m, g, out=g)
    g *= np.float32(root / (1 - BETA1**t))
    return g


def _row(name: str, title: str, asked: float, net: Dense, p: Problem) -> Row:
    size = net.sizes[0] * (1 if p.pixels else 4)
    limit = net.limit(p.batch, size, 2 if p.adam else 0)
    everyone = contestants(p, by_hand)
    if p.bf16:
        limit = limit._replace(bf16=True)
        return Row(name, title, asked, limit, everyone, p.steps, CLOSE_IN_BF16, without_bf16)
    return Row(name, title, asked, limit, everyone, p.steps)


def rows() -> list[Row]:
    """The lines of the table."""
    tiny, linear = Dense((2, 16, 16, 2), plain=True), Dense((3072, 10))
    mnist, cifar = Dense((784, 512, 512, 10)), Dense((3072, 1024, 1024, 10))
    return [
        _row("tiny-epoch", "2-16-16-2, batch 32, SGD, epoch", 2, tiny,
             Problem(tiny, (2,), 2, 32, 256)),
        _row("tiny-call", "2-16-16-2, batch 32, SGD, one call", 2, tiny,
             Problem(tiny, (2,), 2, 32, 1, gathered=False)),
        _row("linear", "linear 3072-10, batch 128, float32", 2, linear,
             Problem(linear, (3072,), 10, 128, 64, rate=0.001)),
        _row("linear-uint8", "linear 3072-10, batch 128, from uint8", 3, linear,
             Problem(linear, (3072,), 10, 128, 64, rate=0.001, pixels=True)),
        _row("mnist-sgd", "784-512-512-10, batch 128, SGD", 1.1, mnist,
             Problem(mnist, (784,), 10, 128, 32)),
        _row("mnist-adam", "784-512-512-10, batch 128, Adam", 1.1, mnist,
             Problem(mnist, (784,), 10, 128, 32, adam=True, rate=0.001)),
        _row("cifar-mlp", "3072-1024-1024-10, batch 256, SGD", 1.0, cifar,
             Problem(cifar, (3072,), 10, 256, 8)),
        _row("mnist-bf16", "784-512-512-10, batch 128, SGD, in bf16", 2, mnist,
             Problem(mnist, (784,), 10, 128, 32, bf16=True)),
        _row("cifar-mlp-bf16", "3072-1024-1024-10, batch 256, SGD, in bf16", 2, cifar,
             Problem(cifar, (3072,), 10, 256, 8, bf16=True)),
    ]  # fmt: skip
