"""A smoke test: one look at each part, in a few seconds."""

import math

import numpy as np

import chainrule as cr


def test_values_and_derivatives() -> None:
    x = cr.tensor([1.0, 2.0, 3.0])
    assert (x * x + 1).tolist() == [2.0, 5.0, 10.0]
    assert cr.grad(lambda x: (x * x).sum())(x).tolist() == [2.0, 4.0, 6.0]
    assert cr.grad(cr.grad(cr.sin))(1.0).item() == -math.sin(1.0)
    assert cr.jvp(cr.exp, (x,), (cr.ones(3),))[1].tolist() == cr.exp(x).tolist()
    assert np.asarray(cr.jacobian(lambda x: x * x)(x)).tolist() == np.diag([2, 4, 6]).tolist()


def test_transforms_compose() -> None:
    def loss(w: cr.Tensor, x: cr.Tensor, y: cr.Tensor) -> cr.Tensor:
        return (cr.tanh(x @ w) - y) ** 2

    x, y, w = cr.ones((5, 3)), cr.zeros(5), cr.full((3,), 0.1)
    per_example = cr.vmap(cr.grad(loss), in_axes=(None, 0, 0))
    eager, compiled = per_example(w, x, y), cr.jit(per_example)(w, x, y)
    assert eager.shape == (5, 3)
    cr.testing.assert_close(compiled, eager)
    cr.testing.check_gradients(loss, w, x[0], y[0])


def test_a_few_steps_of_training() -> None:
    generator = np.random.default_rng(0)
    x = cr.tensor(generator.standard_normal((64, 4)))
    true = cr.tensor([1.0, -2.0, 0.5, 3.0])
    y = x @ true

    @cr.jit
    def step(w: cr.Tensor) -> cr.Tensor:
        return w - 0.1 * cr.grad(lambda w: ((x @ w - y) ** 2).mean())(w)

    w = cr.zeros(4)
    for _ in range(100):
        w = step(w)
    cr.testing.assert_close(w, true, rtol=1e-4)
