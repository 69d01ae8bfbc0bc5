"""The derivative of a convolution by its input: gathered where that is cheap."""

import math
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.functions import convolution
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import Accumulate, Einsum, View
from chainrule.ir.verify import verify
from chainrule.passes.contract import contract
from chainrule.passes.inline import inline
from chainrule.passes.phases import gather_phases
from chainrule.passes.simplify import simplify
from chainrule.passes.windows import gather_windows
from chainrule.runtime.reference import Program

Settings = dict[str, Any]


def derivative(shape: tuple[int, ...], kernel: tuple[int, ...], settings: Settings) -> Graph:
    """The cotangent of x in y = conv(x, w), before the pass."""

    def pulled(x: cr.Tensor, w: cr.Tensor) -> Any:
        return cr.grad(lambda x: cr.sum(convolution.conv(x, w, **settings) ** 3))(x)

    graph = cr.trace(pulled)(cr.ones(shape), cr.ones(kernel)).graph
    return contract(simplify(inline(graph)))


def spreads(graph: Graph) -> int:
    return sum(isinstance(n.op, Accumulate) for n in graph.nodes())


GATHERED: list[tuple[tuple[int, ...], tuple[int, ...], Settings]] = [
    ((2, 3, 6, 6), (4, 3, 3, 3), {"padding": 1}),
    ((2, 3, 6, 6), (4, 3, 3, 3), {"padding": "same", "dilation": 2}),
    ((2, 3, 9, 9), (3, 3, 3, 3), {}),
    ((2, 3, 5, 5), (3, 3, 5, 5), {}),  # one place: the kernel is read through windows of the place
    ((2, 4, 6, 5), (6, 2, 3, 2), {"padding": ((0, 2), (1, 0)), "groups": 2}),
    ((2, 3, 8), (3, 3, 3), {"padding": 1}),
    ((2, 3, 4, 4), (3, 3, 3, 3), {"padding": 1}),  # 9 numbers of the kernel a place, not 16 places
    ((2, 6, 14, 14), (16, 6, 5, 5), {}),
    ((2, 2, 4, 4, 4), (2, 2, 3, 3, 3), {"padding": 1}),
]
SPREAD: list[tuple[tuple[int, ...], tuple[int, ...], Settings]] = [
    ((2, 3, 6, 6), (3, 3, 4, 4), {}),  # 36 places instead of 9: 4 times the multiplications
    ((2, 1, 8, 8), (11, 1, 3, 3), {"padding": 1}),  # 11 times the windows
]


PHASED: list[tuple[tuple[int, ...], tuple[int, ...], Settings]] = [
    ((2, 3, 6, 6), (3, 3, 3, 3), {"padding": 1, "stride": 2}),
    ((2, 3, 7, 9), (3, 3, 3, 3), {"padding": "same", "stride": 2}),
    ((2, 3, 8, 8), (6, 3, 1, 1), {"stride": 2}),
    ((2, 3, 11, 8), (3, 3, 2, 5), {"padding": ((1, 0), (2, 2)), "stride": (3, 2)}),
    ((2, 3, 12, 12), (3, 3, 3, 3), {"padding": 2, "stride": 3, "dilation": 2}),
    ((2, 4, 9), (6, 2, 4), {"padding": 1, "stride": 2, "groups": 2}),
    ((2, 3, 9, 6), (3, 3, 3, 3), {"padding": 1, "stride": (2, 1)}),
]


@pytest.mark.parametrize(("shape", "kernel", "settings"), PHASED, ids=str)
def test_windows_of_longer_steps_are_gathered_phase_by_phase(
    shape: tuple[int, ...], kernel: tuple[int, ...], settings: Settings
) -> None:
    graph = derivative(shape, kernel, settings)
    after = gather_phases(graph)
    verify(after)
    assert spreads(graph) == 1
    assert spreads(after) == 0
    generator = np.random.default_rng(0)
    arrays = [generator.standard_normal(s) for s in (shape, kernel)]
    wanted, found = (Program(g)(*arrays)[0] for g in (graph, after))
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10)


def test_windows_side_by_side_are_reordered_axes() -> None:
    x = cr.ones((2, 3, 6, 9))

    def pulled(window: int, stride: int) -> Graph:
        def f(x: cr.Tensor) -> Any:
            return cr.grad(lambda x: cr.sum(cr.avg_pool2d(x, window, stride=stride) ** 3))(x)

        return contract(simplify(inline(cr.trace(f)(x).graph)))

    for window, stride, left in ((3, 3, 0), (3, 2, 1), (2, 2, 1)):  # the last leaves a gap
        graph = pulled(window, stride)
        after = gather_windows(graph)
        verify(after)
        assert spreads(after) == left
        given = np.random.default_rng(0).standard_normal(x.shape)
        np.testing.assert_allclose(Program(after)(given)[0], Program(graph)(given)[0], rtol=1e-12)


@pytest.mark.parametrize(("shape", "kernel", "settings"), GATHERED + SPREAD, ids=str)
def test_the_derivative_is_that_without_the_pass(
    shape: tuple[int, ...], kernel: tuple[int, ...], settings: Settings
) -> None:
    graph = derivative(shape, kernel, settings)
    after = gather_windows(graph)
    verify(after)
    generator = np.random.default_rng(0)
    arrays = [generator.standard_normal(s) for s in (shape, kernel)]
    (made,), (expected,) = Program(after)(*arrays), Program(graph)(*arrays)
    np.testing.assert_allclose(made, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("shape", "kernel", "settings"), GATHERED, ids=str)
def test_windows_of_step_1_are_gathered(
    shape: tuple[int, ...], kernel: tuple[int, ...], settings: Settings
) -> None:
    graph = derivative(shape, kernel, settings)
    assert (spreads(graph), spreads(gather_windows(graph))) == (1, 0)


def test_of_two_ways_to_gather_the_one_with_fewer_multiplications_is_taken() -> None:
    graph = derivative((2, 3, 4, 4), (3, 3, 3, 3), {"padding": 1})
    products = [
        math.prod(sizes.values())
        for n in gather_windows(graph).nodes()
        if isinstance(n.op, Einsum) and len(n.inputs) == 2
        for sizes in [_sizes(n)]
        if any(isinstance(operand.op, View) for operand in n.inputs)
    ]
    assert max(products) == 2 * 3 * 3 * 16 * 9


def _sizes(node: Node) -> dict[int, int]:
    assert isinstance(node.op, Einsum)
    sizes: dict[int, int] = {}
    for operand, labels in zip(node.inputs, node.op.subscripts.inputs, strict=True):
        sizes |= dict(zip(labels, operand.shape, strict=True))
    return sizes


@pytest.mark.parametrize(("shape", "kernel", "settings"), SPREAD, ids=str)
def test_others_are_spread_as_before(
    shape: tuple[int, ...], kernel: tuple[int, ...], settings: Settings
) -> None:
    graph = derivative(shape, kernel, settings)
    assert spreads(gather_windows(graph)) == spreads(graph) == 1
