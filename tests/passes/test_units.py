"""Axes of one element are left out of products; values stay."""

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import Einsum, Reshape, View
from chainrule.ir.verify import verify
from chainrule.passes.inline import inline
from chainrule.passes.pipeline import optimize
from chainrule.passes.simplify import simplify
from chainrule.passes.units import drop_units
from chainrule.runtime.reference import Program


def arrays(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.standard_normal(shape) for shape in shapes]


def products(graph: Graph) -> list[Node]:
    return [n for n in graph.nodes() if isinstance(n.op, Einsum) and len(n.inputs) == 2]


@pytest.mark.parametrize(
    ("x", "w", "settings"),
    [
        ((2, 4, 5, 6), (3, 4, 1, 1), {}),
        ((2, 4, 5, 6), (3, 4, 1, 1), {"stride": 2}),
        ((2, 4, 5, 6), (3, 4, 3, 1), {"padding": "same"}),
        ((2, 4, 5, 6), (3, 4, 1, 1), {"padding": 1}),
        ((1, 4, 1, 6), (6, 2, 1, 2), {"groups": 2}),
        ((1, 1, 1, 1), (1, 1, 1, 1), {}),
        ((2, 1, 7), (3, 1, 3), {"dilation": 2}),
    ],
)
def test_values_of_convolutions_stay(
    x: tuple[int, ...], w: tuple[int, ...], settings: dict[str, Any]
) -> None:
    given = arrays(x, w)

    def f(x: cr.Tensor, w: cr.Tensor) -> Any:
        return cr.conv(x, w, **settings), *cr.grad(
            lambda x, w: cr.sum(cr.conv(x, w, **settings) ** 2), (0, 1)
        )(x, w)

    graph = simplify(inline(cr.trace(f)(*map(cr.tensor, given)).graph))
    after = drop_units(graph)
    verify(after)
    for a, b in zip(Program(after)(*given), Program(graph)(*given), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
    (forward, *_) = products(after)
    assert max(w) == 1 or all(1 not in n.shape for n in (forward, *forward.inputs))


def test_a_convolution_with_one_place_is_a_product_of_its_own_operands() -> None:
    x, w = map(cr.tensor, arrays((2, 4, 5, 6), (3, 4, 1, 1)))
    graph = optimize(cr.trace(cr.conv2d)(x, w).graph)
    (product,) = products(graph)
    weight, image = product.inputs
    assert image in graph.inputs
    assert weight.shape == (3, 4)
    assert isinstance(weight.op, Reshape)
    assert graph.outputs == (product,)


def test_a_product_with_one_column_keeps_it() -> None:
    x, w = map(cr.tensor, arrays((5, 4), (4, 1)))
    (product,) = products(optimize(cr.trace(lambda x, w: x @ w)(x, w).graph))
    assert product.shape == (5, 1)


def test_windows_lose_their_axes_of_one_element() -> None:
    x, w = map(cr.tensor, arrays((2, 4, 5, 6), (3, 4, 3, 1)))
    graph = optimize(cr.trace(lambda x, w: cr.conv2d(x, w, padding="same"))(x, w).graph)
    (product,) = products(graph)
    windows = product.inputs[1]
    assert isinstance(windows.op, View)
    assert windows.shape == (2, 4, 3, 5, 6)
    assert windows.inputs[0] in graph.inputs
