"""Deep and shared programs: no recursion limit, linear numbers of nodes, no exponential walk.

Costs are counted in nodes, never in seconds: every node takes a serial number.
"""

import math
from collections.abc import Callable
from typing import Any

import pytest

import chainrule as cr
from chainrule.ir.graph import Graph, ancestors, mark
from chainrule.ir.show import show
from chainrule.ir.verify import verify
from chainrule.recording import recording
from chainrule.tensors import node_of, of_node

Function = Callable[..., Any]


def nodes_made(run: Callable[[], Any]) -> int:
    """How many nodes something makes."""
    before = mark()
    run()
    return mark() - before - 1


def chain(length: int) -> Function:
    def f(x: Any) -> Any:
        for _ in range(length):
            x = cr.sin(x)
        return x

    return f


TRANSFORMS: dict[str, Callable[[Function], Callable[[Any], Any]]] = {
    "grad": lambda f: lambda x: cr.grad(f)(x),
    "jvp": lambda f: lambda x: cr.jvp(f, (x,), (x,))[1],
    "vjp": lambda f: lambda x: cr.vjp(f, x)[1](x)[0],
    "vmap": lambda f: lambda x: cr.vmap(f)(x.reshape((1,))),
    "jit": lambda f: lambda x: cr.jit(f)(x),
    "second order": lambda f: lambda x: cr.grad(cr.grad(f))(x),
    "jvp of grad": lambda f: lambda x: cr.jvp(cr.grad(f), (x,), (x,))[1],
    "vmap of grad": lambda f: lambda x: cr.vmap(cr.grad(f))(x.reshape((1,))),
    "jit of grad": lambda f: lambda x: cr.jit(cr.grad(f))(x),
}
each_transform = pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)


@pytest.mark.parametrize("name", ["grad", "jvp", "vmap", "jit", "jit of grad"])
def test_ten_thousand_operations_need_no_recursion(name: str) -> None:
    found = TRANSFORMS[name](chain(10_000))(cr.tensor(1.0))
    value, slope = 1.0, 1.0
    for _ in range(10_000):
        slope *= math.cos(value)
        value = math.sin(value)
    expected = value if name in ("vmap", "jit") else slope
    assert float(found.sum()) == pytest.approx(expected, rel=1e-9)


@each_transform
def test_the_number_of_nodes_grows_linearly_with_the_program(transform: Any) -> None:
    counts = [nodes_made(lambda n=n: transform(chain(n))(cr.tensor(1.0))) for n in (50, 100, 200)]
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])
    assert counts[2] <= 200 * 60


def doubled(depth: int) -> Function:
    """y ← f(y) + f(y): 2^depth paths lead through it."""

    def f(x: Any) -> Any:
        for _ in range(depth):
            half = x * 0.5
            x = half + half
        return x

    return f


def squared(depth: int) -> Function:
    def f(x: Any) -> Any:
        for _ in range(depth):
            x = x * x
        return x

    return f


@each_transform
@pytest.mark.parametrize("program", [doubled, squared], ids=["doubled", "squared"])
def test_shared_values_are_walked_once(transform: Any, program: Callable[[int], Function]) -> None:
    def count(depth: int) -> int:
        return nodes_made(lambda: transform(program(depth))(cr.tensor(1.0)))

    counts = [count(depth) for depth in (50, 100, 200)]
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])
    assert counts[2] <= 200 * 60


def test_derivatives_through_all_paths_are_exact() -> None:
    assert cr.grad(doubled(200))(cr.tensor(1.0)).item() == 1.0
    assert cr.grad(squared(200))(cr.tensor(1.0)).item() == 2.0**200
    assert cr.grad(cr.grad(squared(20)))(cr.tensor(1.0)).item() == 2.0**20 * (2.0**20 - 1)
    assert cr.jvp(squared(200), (cr.tensor(1.0),), (cr.tensor(1.0),))[1].item() == 2.0**200


def test_a_deep_graph_is_verified_and_shown() -> None:
    with recording("a test", opaque=True) as opened:
        x = of_node(node_of(cr.tensor(1.0), opened), opened)
        y = chain(10_000)(x)
        assert y._node is not None
        assert x._node is not None
        graph = Graph((x._node,), (y._node,))
        verify(graph)
        assert len(show(graph).splitlines()) == 10_002
        assert len(ancestors(graph.outputs)) == 10_001


def test_many_nested_transforms_stay_linear_in_the_recorded_program() -> None:
    """A transform inside a long program walks its own part, not what lies before it."""

    def f(n: int) -> Function:
        def run(x: Any) -> Any:
            for _ in range(n):
                x = cr.grad(lambda y: cr.sin(y))(x)
            return x

        return run

    counts = [nodes_made(lambda n=n: cr.grad(f(n))(cr.tensor(0.5))) for n in (20, 40, 80)]
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])


def test_a_derivative_of_a_part_does_not_copy_what_lies_before() -> None:
    def f(before: int) -> Function:
        def run(x: Any) -> Any:
            y = chain(before)(x)
            return cr.grad(lambda z: z * z)(y)

        return run

    counts = [nodes_made(lambda n=n: cr.jit(f(n))(cr.tensor(0.5))) for n in (100, 200, 400)]
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])
