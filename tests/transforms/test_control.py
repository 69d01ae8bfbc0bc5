"""scan, cond, checkpoint, custom_derivative: values and derivatives, composed."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, DTypeError, ShapeError

pytestmark = pytest.mark.usefixtures("runtime")


def rnn(w, xs, reverse=False):
    """cₜ₊₁ = tanh(w cₜ + xₜ), yₜ = cₜ₊₁²."""

    def step(c, x):
        new = cr.tanh(cr.matmul(w, c) + x)
        return new, new * new

    return cr.scan(step, cr.zeros(w.shape[0]), xs, reverse=reverse)


def rnn_unrolled(w, xs, reverse=False):
    c, ys = cr.zeros(w.shape[0]), []
    order = range(xs.shape[0])
    for t in reversed(order) if reverse else order:
        c = cr.tanh(cr.matmul(w, c) + xs[t])
        ys.append(c * c)
    return c, cr.stack(ys[::-1] if reverse else ys)


def loss(run, reverse=False):
    def f(w, xs):
        c, ys = run(w, xs, reverse)
        return cr.sum(c * c * c) + cr.sum(ys * cr.cos(ys))

    return f


@pytest.fixture
def inputs():
    generator = np.random.default_rng(0)
    return cr.tensor(generator.standard_normal((2, 2))), cr.tensor(
        generator.standard_normal((4, 2))
    )


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("wrap", [lambda f: f, cr.jit])
def test_scan_agrees_with_the_unrolled_loop_to_second_order(inputs, reverse, wrap):
    for transform in (
        lambda f: cr.grad(f, argnums=(0, 1)),
        lambda f: lambda w, xs: cr.jvp(f, (w, xs), (w, xs)),
        lambda f: lambda w, xs: cr.hessian(f, argnums=(0, 1))(w, xs).matrix(),
        lambda f: lambda w, xs: cr.jacobian(cr.grad(f), mode="reverse")(w, xs).dense(),
        lambda f: lambda w, xs: cr.vmap(f, in_axes=(None, 0))(w, cr.stack([xs, 2 * xs])),
        lambda f: lambda w, xs: cr.vmap(cr.grad(f), in_axes=(0, None))(cr.stack([w, -w]), xs),
    ):
        found = wrap(transform(loss(rnn, reverse)))(*inputs)
        wanted = transform(loss(rnn_unrolled, reverse))(*inputs)
        for a, b in zip(cr.tree.flatten(found)[0], cr.tree.flatten(wanted)[0], strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-12)


def test_scan_of_no_steps_gives_back_the_carry():
    c, ys = cr.scan(lambda c, x: (c + x, x), cr.tensor(1.0), cr.zeros((0,)))
    assert c.item() == 1.0
    assert ys.shape == (0,)


def test_scan_by_length():
    c, ys = cr.scan(lambda c, _: (2 * c, c), cr.tensor(1.0), length=4)
    assert c.item() == 16.0
    assert ys.tolist() == [1.0, 2.0, 4.0, 8.0]


def test_scan_refuses_a_carry_that_changes():
    with pytest.raises(ShapeError) as caught:
        cr.scan(lambda c, x: (cr.stack([c, c]), x), cr.tensor(0.0), cr.zeros(3))
    assert str(caught.value) == "scan: leaf 0 of the carry goes in as f64[] and comes out as f64[2]"


def test_scan_refuses_a_step_without_a_pair():
    with pytest.raises(ArgumentError, match=r"must return a pair \(carry, output\)"):
        cr.scan(lambda c, x: c + x, cr.tensor(0.0), cr.zeros(3))


@pytest.mark.parametrize("flag", [True, False])
@pytest.mark.parametrize("wrap", [lambda f: f, cr.jit])
def test_cond_differentiates_the_chosen_branch(flag, wrap):
    def f(x, flag):
        return cr.cond(flag, lambda a: a * a * a, lambda a: cr.sin(a), x)

    predicate = cr.tensor(flag)
    g = cr.grad(f)
    assert wrap(g)(cr.tensor(0.7), predicate).item() == pytest.approx(
        3 * 0.49 if flag else np.cos(0.7)
    )
    second = wrap(cr.grad(g))(cr.tensor(0.7), predicate).item()
    assert second == pytest.approx(6 * 0.7 if flag else -np.sin(0.7))


def test_cond_under_vmap_selects():
    f = cr.vmap(lambda x: cr.cond(x > 0, lambda a: cr.log(a), lambda a: a, x))
    assert f(cr.tensor([-2.0, 1.0])).tolist() == [-2.0, 0.0]


def test_cond_refuses_branches_that_differ():
    with pytest.raises(ShapeError, match=r"one branch returns f64\[\], the other f64\[1\]"):
        cr.cond(cr.tensor(True), lambda x: x, lambda x: cr.reshape(x, (1,)), cr.tensor(1.0))
    with pytest.raises(DTypeError, match="the predicate is one boolean"):
        cr.cond(cr.tensor(1.0), lambda: cr.tensor(1.0), lambda: cr.tensor(1.0))


def test_checkpoint_changes_no_derivative():
    f = lambda x: cr.sum(cr.sin(cr.exp(x) * x))  # noqa: E731
    g = cr.checkpoint(f)
    x = cr.tensor([0.3, -1.2])
    for transform in (cr.grad, lambda f: cr.grad(lambda x: cr.sum(cr.grad(f)(x))), cr.hessian):
        for wrap in (lambda f: f, cr.jit):
            np.testing.assert_allclose(
                np.asarray(wrap(transform(g))(x)), np.asarray(transform(f)(x)), rtol=1e-12
            )


def test_checkpoint_keeps_only_the_arguments():
    """The reverse graph reads the block's operand and computes the rest inside a barrier."""
    graph = cr.jit(cr.grad(cr.checkpoint(lambda x: cr.sin(cr.sin(cr.sin(x)))))).graph(
        cr.tensor(1.0)
    )
    kinds = [type(node.op).__name__ for node in graph.nodes()]
    assert "Map" not in kinds
    assert kinds.count("Block") == 1


def test_custom_derivative_is_used_in_every_mode_and_order():
    calls = []

    def rule(inputs, y, tangents):
        calls.append(1)
        return y * tangents[0]

    f = cr.custom_derivative(rule)(lambda x: cr.exp(x))
    assert cr.grad(f)(0.5).item() == pytest.approx(np.exp(0.5))
    assert cr.jvp(f, (0.5,), (2.0,))[1].item() == pytest.approx(2 * np.exp(0.5))
    assert cr.grad(cr.grad(f))(0.5).item() == pytest.approx(np.exp(0.5))
    assert cr.vmap(cr.grad(f))(cr.tensor([0.0, 1.0])).tolist() == pytest.approx([1.0, np.e])
    assert cr.jit(cr.grad(f))(cr.tensor(0.5)).item() == pytest.approx(np.exp(0.5))
    assert calls


def test_custom_derivative_of_several_results():
    def rule(inputs, outputs, tangents):
        (x, y), (dx, dy) = inputs, tangents
        return dx * y + x * dy, dx - dy

    f = cr.custom_derivative(rule)(lambda x, y: (x * y, x - y))
    loss = lambda x, y: f(x, y)[0] * f(x, y)[1]  # noqa: E731
    dx, dy = cr.grad(loss, argnums=(0, 1))(3.0, 2.0)
    assert (dx.item(), dy.item()) == (2 * 3 * 2 - 4, 9 - 2 * 3 * 2)


def test_stop_gradient_stops_every_mode():
    f = lambda x: x * cr.stop_gradient(x * x)  # noqa: E731
    assert cr.grad(f)(3.0).item() == 9.0
    assert cr.jvp(f, (3.0,), (1.0,))[1].item() == 9.0
    assert cr.grad(cr.grad(f))(3.0).item() == 0.0
