"""Each pass keeps every value, gives a valid graph and has nothing to do the second time."""

import numpy as np
import pytest
from hypothesis import given, settings

import chainrule as cr
from chainrule.ir.graph import Graph
from chainrule.ir.verify import verify
from chainrule.passes.contract import contract
from chainrule.passes.dead import dead
from chainrule.passes.inline import inline
from chainrule.passes.pipeline import optimize
from chainrule.passes.share import share
from chainrule.passes.simplify import simplify
from chainrule.passes.symmetric import symmetric
from chainrule.passes.units import drop_units
from chainrule.passes.windows import gather_windows
from chainrule.runtime.reference import Program
from tests.properties.programs import ChainruleSide, programs

PASSES = (inline, share, simplify, contract, symmetric, gather_windows, drop_units, dead)


def drawn(program):
    generator = np.random.default_rng(0)
    return [cr.tensor(generator.standard_normal(s)) for s in program.shapes]


def number_of(program):
    return lambda *xs: program.number(ChainruleSide(), xs)


def recorded(function, *arguments):
    """The graph of a function as jit records it, before any pass."""
    return cr.trace(function)(*arguments).graph


@settings(max_examples=40)
@given(programs())
def test_each_pass_keeps_values_on_random_programs_and_their_gradients(program):
    inputs = drawn(program)
    for function in (number_of(program), cr.grad(number_of(program))):
        graph = recorded(function, *inputs)
        arrays = [x.numpy() for x in inputs]
        wanted = Program(graph)(*arrays)
        for step in PASSES:
            graph = step(graph)
            verify(graph)
            for a, b in zip(Program(graph)(*arrays), wanted, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@settings(max_examples=30)
@given(programs())
def test_optimizing_twice_changes_nothing_more(program):
    once = optimize(recorded(cr.grad(number_of(program)), *drawn(program)))
    assert len(optimize(once).nodes()) == len(once.nodes())


def kinds(graph: Graph) -> list[str]:
    return [type(n.op).__name__ for n in graph.nodes()]


def test_a_transpose_that_feeds_a_product_becomes_labels():
    graph = optimize(recorded(lambda x, w: x @ w.T, cr.ones((2, 3)), cr.ones((4, 3))))
    assert kinds(graph) == ["Input", "Input", "Einsum"]
    gradient = optimize(
        recorded(
            lambda x, w: cr.grad(lambda w: cr.sum((x @ w.T) * x[:, :2]))(w),
            cr.ones((3, 3)), cr.ones((2, 3)),
        )
    )  # fmt: skip
    assert kinds(gradient) == ["Input", "View", "Einsum"]


def test_products_and_sums_of_numbers_gather():
    graph = optimize(recorded(lambda x: 2.0 * (3.0 * (x * 1.0)) - 0.0, cr.ones(3)))
    assert kinds(graph) == ["Input", "Fill", "Einsum"]


def test_a_number_twice_is_two_times_the_number() -> None:
    x = cr.tensor([1.5, -0.0, np.inf, np.nan, 1e308, 5e-324])
    for f in (lambda x: x + x, lambda x: -x - x, lambda x: x + x + x):
        graph = recorded(f, x)
        after = simplify(graph)
        assert kinds(after).count("Einsum") == 1
        np.testing.assert_array_equal(*(Program(g)(x.numpy())[0] for g in (graph, after)))


def test_integers_wrap_around_as_without_the_pass():
    x = cr.tensor([100, 100, 100], dtype="int8")
    f = lambda x: cr.einsum("i->", x * x)  # noqa: E731
    assert cr.jit(f)(x).item() == f(x).item()


def test_zero_times_infinity_stays_undefined():
    x = cr.tensor([np.inf, 1.0])
    assert np.isnan(cr.jit(lambda x: x * 0.0)(x).numpy()[0])


def test_adding_zero_to_negative_zero_gives_zero():
    assert np.copysign(1, cr.jit(lambda x: x + 0.0)(cr.tensor(-0.0)).item()) == 1


def test_negative_zero_is_kept_apart():
    f = cr.jit(lambda x: (cr.copysign(x, 0.0), cr.copysign(x, -0.0)))
    plus, minus = f(cr.tensor([1.0]))
    assert (plus.item(), minus.item()) == (1.0, -1.0)


def test_many_factors_are_multiplied_in_a_cheap_order():
    a, b, c = cr.ones((50, 2)), cr.ones((2, 50)), cr.ones((50, 1))
    graph = optimize(recorded(lambda a, b, c: cr.einsum("ij,jk,kl->il", a, b, c), a, b, c))
    shapes = [n.shape for n in graph.nodes()[3:]]
    assert shapes == [(2, 1), (50, 1)]


def test_the_sum_of_a_product_that_is_kept_is_made_of_its_factors() -> None:
    def f(x: cr.Tensor, w: cr.Tensor) -> tuple[cr.Tensor, cr.Tensor]:
        product = x.T @ w
        return 2 * product, cr.sum(product)

    generator = np.random.default_rng(0)
    x, w = (cr.tensor(generator.standard_normal((4, n))) for n in (30, 20))
    graph = optimize(cr.trace(f)(x, w).graph)
    _, total = graph.outputs
    shapes = {node.shape for node in Graph(graph.inputs, (total,)).nodes()}
    assert (30, 20) not in shapes
    np.testing.assert_allclose(cr.jit(f)(x, w)[1].numpy(), np.sum(x.numpy().T @ w.numpy()))


def test_a_trace_of_a_kept_product_stays_a_trace() -> None:
    def f(x: cr.Tensor, w: cr.Tensor) -> tuple[cr.Tensor, cr.Tensor]:
        product = x.T @ w
        return 2 * product, cr.linalg.trace(product)

    generator = np.random.default_rng(0)
    x, w = (cr.tensor(generator.standard_normal((4, 30))) for _ in range(2))
    np.testing.assert_allclose(cr.jit(f)(x, w)[1].numpy(), np.trace(x.numpy().T @ w.numpy()))


def test_a_loop_drops_what_nobody_reads():
    def f(xs):
        (used, _), _ = cr.scan(
            lambda c, x: ((c[0] + x, c[1] * 2.0), c[0]), (cr.tensor(0.0), cr.tensor(1.0)), xs
        )
        return used

    graph = optimize(recorded(f, cr.ones(4)))
    (loop,) = [n.op for n in graph.nodes() if type(n.op).__name__ == "Loop"]
    assert (loop.carries, loop.slices) == (1, 0)


@pytest.mark.parametrize("step", PASSES)
def test_a_pass_leaves_formal_inputs_alone(step):
    graph = recorded(lambda x, y: x, cr.ones(2), cr.ones(3))
    assert step(graph).inputs == graph.inputs


@pytest.mark.parametrize(("dtype", "number"), [("float64", 1e200), ("float32", 1e30)])
def test_numbers_are_not_gathered_into_one_that_overflows_or_underflows(dtype, number):
    for start, factor in ((1 / number, number), (number, 1 / number)):
        x = cr.tensor(start, dtype=dtype)
        np.testing.assert_allclose(cr.jit(lambda x, c=factor: x * c * c)(x).numpy(), factor, 1e-6)
