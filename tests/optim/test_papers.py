"""Optimizers against plain transcriptions of their papers, step by step, in NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import optim
from chainrule.optim.muon import newton_schulz

Array = np.ndarray
Stepper = Callable[[Array, Array], Array]


def lion(rate: float, beta1: float, beta2: float, decay: float) -> Stepper:
    """Algorithm 2 of Chen et al., 2023."""
    m = None

    def step(w: Array, g: Array) -> Array:
        nonlocal m
        m = np.zeros_like(w) if m is None else m
        update = np.sign(beta1 * m + (1 - beta1) * g)
        m = beta2 * m + (1 - beta2) * g
        return w - rate * (update + decay * w)

    return step


def zeropower(g: Array) -> Array:
    """newtonschulz5 of Jordan et al., 2024, without its bfloat16."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / np.linalg.norm(g)
    if g.shape[0] > g.shape[1]:
        x = x.T
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if g.shape[0] > g.shape[1] else x


def muon(rate: float, mu: float, decay: float) -> Stepper:
    """The post's update, with its momentum as a plain sum: only the direction matters."""
    m = None

    def step(w: Array, g: Array) -> Array:
        nonlocal m
        m = g if m is None else mu * m + g
        rows, columns = len(w), w.size // len(w)
        update = zeropower((g + mu * m).reshape(rows, columns)).reshape(w.shape)
        return w * (1 - rate * decay) - rate * max(1, rows / columns) ** 0.5 * update

    return step


def rmsprop(rate: float, rho: float, eps: float) -> Stepper:
    """Slide 29 of Tieleman and Hinton, 2012."""
    v: Any = 0.0

    def step(w: Array, g: Array) -> Array:
        nonlocal v
        v = rho * v + (1 - rho) * g**2
        return w - rate * g / (np.sqrt(v) + eps)

    return step


def adagrad(rate: float, eps: float) -> Stepper:
    """Figure 1 of Duchi et al., 2011: composite mirror descent with diag(s), s = √Σ g²."""
    past: list[Array] = []

    def step(w: Array, g: Array) -> Array:
        past.append(g)
        return w - rate * g / (np.linalg.norm(np.stack(past), axis=0) + eps)

    return step


def sgdw(rate: float, momentum: float, decay: float) -> Stepper:
    """Algorithm 1 of Loshchilov and Hutter, 2019, with the learning rate out of the moment."""
    m: Any = 0.0

    def step(w: Array, g: Array) -> Array:
        nonlocal m
        m = momentum * m + rate * g
        return w - m - rate * decay * w

    return step


PAPERS: dict[str, tuple[optim.Optimizer, Callable[[], Stepper]]] = {
    "lion": (optim.Lion(0.03, beta2=0.95), lambda: lion(0.03, 0.9, 0.95, 0.0)),
    "lion with decay": (optim.Lion(0.03, weight_decay=0.5), lambda: lion(0.03, 0.9, 0.99, 0.5)),
    "muon": (optim.Muon(0.02), lambda: muon(0.02, 0.95, 0.0)),
    "muon with decay": (optim.Muon(0.1, 0.8, weight_decay=0.3), lambda: muon(0.1, 0.8, 0.3)),
    "rmsprop": (optim.RMSProp(0.05, decay=0.9), lambda: rmsprop(0.05, 0.9, 1e-8)),
    "adagrad": (optim.Adagrad(0.5), lambda: adagrad(0.5, 1e-10)),
    "sgdw": (
        optim.SGD(0.1, momentum=0.9, weight_decay=0.2, decoupled=True),
        lambda: sgdw(0.1, 0.9, 0.2),
    ),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(4, 3), (3, 5), (4, 2, 3)], ids=str)
@pytest.mark.parametrize("name", PAPERS)
def test_each_of_fifteen_steps_is_that_of_the_paper(
    name: str, shape: tuple[int, ...], dtype: str
) -> None:
    optimizer, make = PAPERS[name]
    stepper = make()
    generator = np.random.default_rng(1)
    theirs = generator.standard_normal(shape).astype(dtype).astype("float64")
    ours = cr.tensor(theirs, dtype=dtype)
    state = optimizer.init(ours)
    tolerance = 1e-11 if dtype == "float64" else 2e-4
    for _ in range(15):
        g = generator.standard_normal(shape).astype(dtype)
        theirs = stepper(theirs, g.astype("float64"))
        ours, state = optimizer.update(cr.tensor(g), state, ours)
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=tolerance, atol=tolerance)
    assert ours.dtype.name == dtype


def test_newton_schulz_keeps_the_singular_vectors_and_brings_the_values_near_1() -> None:
    generator = np.random.default_rng(0)
    for shape in ((6, 6), (8, 3), (3, 8)):
        matrix = generator.standard_normal(shape)
        u, s, v = np.linalg.svd(matrix, full_matrices=False)
        made = newton_schulz(cr.tensor(matrix)).numpy()
        inside = u.T @ made @ v.T
        np.testing.assert_allclose(inside, np.diag(np.diag(inside)), atol=1e-12)
        large = s > np.linalg.norm(matrix) / 100
        assert 0.68 < np.diag(inside)[large].min() <= np.diag(inside).max() < 1.21
    assert np.array_equal(newton_schulz(cr.zeros((3, 2))).numpy(), np.zeros((3, 2)))


def test_muon_gives_what_is_no_matrix_to_adamw() -> None:
    muon = optim.Muon(0.1, weight_decay=0.2, adamw_share=0.3)
    adamw = optim.AdamW(0.1 * 0.3, weight_decay=0.2)
    model = {"bias": cr.tensor([1.0, -2.0]), "weight": cr.ones((2, 2))}
    vector = model["bias"]
    state, own = muon.init(model), adamw.init(vector)
    for gradient in ([1.0, 0.5], [-3.0, 0.1]):
        g = cr.tensor(gradient)
        model, state = muon.update({"bias": g, "weight": cr.ones((2, 2))}, state, model)
        vector, own = adamw.update(g, own, vector)
        np.testing.assert_array_equal(model["bias"].numpy(), vector.numpy())
