"""A training in JAX, a process of its own: see whole.py, which names the arguments.

An epoch is one program that scans its steps and overwrites the parameters, which is JAX's quickest
way; a last batch that is shorter would need a second program and is left out. Random bits come
from the generator that is quick on a CPU.
"""

from __future__ import annotations

import math
import sys
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from whole_data import Part, Settings, parts

BATCH, RATE, BETA1, BETA2, EPS = 128, 0.001, 0.9, 0.999, 1e-8


def network(sizes: list[int], generator: np.random.Generator) -> list[Any]:
    """He's normal distribution, as ours."""
    return [
        (jnp.asarray(generator.standard_normal((n, m), np.float32) * (2 / n) ** 0.5), jnp.zeros(m))
        for n, m in pairwise(sizes)
    ]


def scores(model: list[Any], x: Any, key: Any, dropout: float) -> Any:
    """Those of a batch; without a key nothing is dropped."""
    x = x.reshape(len(x), -1)
    for w, b in model[:-1]:
        x = jax.nn.relu(x @ w + b)
        if dropout and key is not None:
            key, own = jax.random.split(key)
            x = jnp.where(jax.random.bernoulli(own, 1 - dropout, x.shape), x / (1 - dropout), 0)
    w, b = model[-1]
    return x @ w + b


def epoch_of(s: Settings, steps: int) -> Any:
    """The program of an epoch."""

    def loss(model: list[Any], x: Any, y: Any, key: Any) -> Any:
        made = jax.nn.log_softmax(scores(model, x, key, s.dropout))
        return -jnp.mean(jnp.take_along_axis(made, y[:, None], axis=1))

    def update(w: Any, g: Any, m: Any, v: Any, t: Any) -> tuple[Any, Any, Any]:
        rate = RATE * 0.5 * (1 + jnp.cos(jnp.pi * (t - 1) / steps))
        m, v = BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * g * g
        own = m / (1 - BETA1**t) / (jnp.sqrt(v / (1 - BETA2**t)) + EPS)
        return w - rate * (own + s.decay * w), m, v

    def epoch(held: Any, images: Any, labels: Any, order: Any) -> Any:
        def step(held: Any, rows: Any) -> tuple[Any, None]:
            model, m, v, t, key = held
            key, flip, drop = jax.random.split(key, 3)
            x = images[rows]
            if s.augment == "flip":
                flipped = jax.random.bernoulli(flip, 0.5, (BATCH, 1, 1, 1))
                x = jnp.where(flipped, x[..., ::-1], x)
            g = jax.grad(loss)(model, x, labels[rows], drop)
            leaves, tree = jax.tree.flatten(model)
            made = [
                update(*a, t + 1)
                for a in zip(leaves, *map(jax.tree.leaves, (g, m, v)), strict=True)
            ]
            model, m, v = (tree.unflatten(part) for part in zip(*made, strict=True))
            return (model, m, v, t + 1, key), None

        return jax.lax.scan(step, held, order)[0]

    return jax.jit(epoch, donate_argnums=0)


def main() -> None:
    """Train, test and save."""
    *given, out = sys.argv[1:]
    s = Settings.parsed(given)
    jax.config.update("jax_default_prng_impl", "rbg")
    train, held_out, test = parts(s)
    generator = np.random.default_rng(s.seed)
    sizes = [math.prod(train.images.shape[1:]), *map(int, s.hidden.split(",")), 10]
    model = network(sizes, generator)
    images, labels = jnp.asarray(train.images), jnp.asarray(train.labels)
    count = len(images) // BATCH
    program = epoch_of(s, s.epochs * count)
    zeros = jax.tree.map(jnp.zeros_like, model)
    held = (model, zeros, jax.tree.map(jnp.zeros_like, model), jnp.float32(0),
            jax.random.key(s.seed))  # fmt: skip
    answers = jax.jit(lambda model, x: jnp.argmax(scores(model, x, None, 0.0), axis=1))

    def accuracy(model: list[Any], part: Part) -> float:
        return 100 * float(np.mean(np.asarray(answers(model, part.images)) == part.labels))

    for epoch in range(s.epochs):
        order = generator.permutation(len(images))[: count * BATCH].reshape(count, BATCH)
        held = program(held, images, labels, jnp.asarray(order))
        print(f"epoch {epoch + 1}: {accuracy(held[0], held_out):.2f} of those held out")
    np.savez(out, *map(np.asarray, jax.tree.leaves(held[0])))
    print(f"accuracy {accuracy(held[0], test):.2f} %")


main()
