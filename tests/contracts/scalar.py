"""What several contracts need of a case: more examples, and one number made of all results."""

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.tensors import Tensor, tensor
from tests.cases.case import Case, sample

EXAMPLES = 3


def examples(case: Case) -> list[list[np.ndarray]]:
    """Draw several inputs for a case: a list of examples for each operand."""
    generator = np.random.default_rng(zlib.crc32(case.name.encode()) + 1)
    return [[sample(spec, generator) for _ in range(EXAMPLES)] for spec in case.inputs]


def floating(arrays: Sequence[np.ndarray]) -> tuple[int, ...]:
    """The places of the floating-point operands."""
    return tuple(k for k, x in enumerate(arrays) if x.dtype.kind == "f")


def results(value: Any) -> list[Tensor]:
    """The floating-point leaves of a result."""
    leaves, _ = tree.flatten(value)
    return [leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.dtype.is_float]


def weighted(function: Callable[..., Any]) -> Callable[..., Tensor]:
    """The sum of all results, each element with a weight of its own: one number."""

    def number(*args: Any) -> Tensor:
        total = None
        for leaf in results(function(*args)):
            generator = np.random.default_rng(leaf.size)
            weights = generator.uniform(0.5, 1.5, leaf.shape).astype(leaf.dtype.numpy)
            term = (leaf * tensor(weights)).sum()
            total = term if total is None else total + term
        assert total is not None
        return total

    return number
