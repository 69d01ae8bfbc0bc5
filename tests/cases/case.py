"""What a case is: a function, how to draw its inputs, and what it is compared with."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np


class Spec(NamedTuple):
    """How to draw one input: a kind and a shape.

    Kinds: normal, positive (0.5 to 2.5), unit (−0.9 to 0.9), probability (0.1 to 0.9), large
    (1.2 to 4), distinct (no two equal), spd, symmetric, invertible, lower, integer (0 to 4), bool,
    simplex.
    """

    kind: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """One function on one choice of inputs.

    ``value`` is the oracle on NumPy arrays (``None``: the case has no value to compare with).
    ``orders`` says how many derivatives are checked (0 for functions without one), ``batched``
    whether vmap over every float input is compared with a loop.
    """

    name: str
    function: Callable[..., Any]
    inputs: tuple[Spec, ...]
    value: Callable[..., Any] | None = None
    orders: int = 2
    batched: bool = True
    tolerance: float = 1e-6

    def draw(self, dtype: str = "float64") -> list[np.ndarray]:
        """Draw the inputs; the same every time."""
        generator = np.random.default_rng(zlib.crc32(self.name.encode()))
        return [sample(s, generator, dtype) for s in self.inputs]


def sample(spec: Spec, generator: np.random.Generator, dtype: str = "float64") -> np.ndarray:
    """Draw an array of a kind."""
    shape = spec.shape
    match spec.kind:
        case "normal":
            x = generator.standard_normal(shape)
        case "positive":
            x = generator.uniform(0.5, 2.5, shape)
        case "probability":
            x = generator.uniform(0.1, 0.9, shape)
        case "unit":
            x = generator.uniform(-0.9, 0.9, shape)
        case "large":
            x = generator.uniform(1.2, 4.0, shape)
        case "distinct":
            count = int(np.prod(shape))
            x = generator.permutation(np.linspace(-2, 2, count) + 0.013).reshape(shape)
        case "spd":
            a = generator.standard_normal(shape)
            x = a @ np.swapaxes(a, -1, -2) / shape[-1] + np.eye(shape[-1])
        case "symmetric":
            a = generator.standard_normal(shape)
            x = a + np.swapaxes(a, -1, -2)
        case "invertible":
            x = generator.standard_normal(shape) + 2 * np.eye(*shape[-2:])
        case "lower":
            x = np.tril(generator.standard_normal(shape)) + 2 * np.eye(*shape[-2:])
        case "simplex":
            x = generator.dirichlet(np.ones(shape[-1]), shape[:-1])
        case "integer":
            return np.asarray(generator.integers(0, 5, shape))
        case "bool":
            return np.asarray(generator.random(shape) < 0.5)
        case _:
            raise ValueError(f"no kind {spec.kind!r}")
    return np.asarray(x, dtype)
