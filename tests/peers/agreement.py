"""What a peer must agree on with chainrule: values, gradients, Hessian-vector products."""

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import tree
from tests.cases import ALL
from tests.cases.case import Case

Arrays = list[np.ndarray]
Table = dict[str, Callable[..., Any]]
Peer = Callable[[Callable[..., Any], Arrays, Arrays, Sequence[int]], tuple[Arrays, Arrays, Arrays]]
"""(function, inputs, weights or none, places of float inputs) to values, gradient, product."""


def each_case(table: Table) -> Any:
    """The cases whose name stands in a table of peer functions."""
    found = [case for case in ALL if case.name in table]
    assert {case.name for case in found} == set(table), set(table) - {c.name for c in found}
    return pytest.mark.parametrize("case", found, ids=lambda case: case.name)


def weights_of(name: str, values: Arrays) -> Arrays:
    """Weights that make a number of several results."""
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    return [generator.standard_normal(v.shape) for v in values]


def ours(
    function: Callable[..., Any], inputs: Arrays, weights: Arrays, places: Sequence[int]
) -> tuple[Arrays, Arrays, Arrays]:
    """Chainrule's values, gradient and Hessian times the input itself."""
    tensors = [cr.tensor(x) for x in inputs]
    values = [np.asarray(v) for v in tree.flatten(function(*tensors))[0]]
    if not weights:
        return values, [], []

    def number(*chosen: Any) -> Any:
        full = list(tensors)
        for place, x in zip(places, chosen, strict=True):
            full[place] = x
        results = tree.flatten(function(*full))[0]
        return sum((cr.sum(r * w) for r, w in zip(results, weights, strict=True)), cr.tensor(0.0))

    chosen = [tensors[p] for p in places]
    gradient = cr.grad(number, argnums=tuple(range(len(places))))
    first, second = cr.jvp(lambda *xs: list(gradient(*xs)), chosen, chosen)
    return values, [np.asarray(g) for g in first], [np.asarray(g) for g in second]


def assert_agreement(case: Case, function: Callable[..., Any], peer: Peer) -> None:
    """The peer has the same value and, as far as the case has derivatives, the same of these."""
    inputs = case.draw()
    places = [k for k, x in enumerate(inputs) if x.dtype.kind == "f"]
    values, _, _ = ours(case.function, inputs, [], places)
    weights = weights_of(case.name, values) if case.orders else []
    actual = ours(case.function, inputs, weights, places)
    expected = peer(function, inputs, weights, places)
    for kind, left, right in zip(
        ("value", "gradient", "Hessian-vector product"), actual, expected, strict=True
    ):
        assert len(left) == len(right), kind
        for a, b in zip(left, right, strict=True):
            size = float(np.abs(b).max(initial=1.0))
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * size, err_msg=kind)
