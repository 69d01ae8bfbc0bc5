"""Activation functions: constants of the papers, special points, PyTorch's numbers."""

import numpy as np
import pytest
from scipy.special import erfc

from chainrule.functions import activations as act
from chainrule.tensors import tensor
from chainrule.transform import grad, vmap


def test_selu_keeps_mean_0_and_variance_1_as_its_paper_proves() -> None:
    """Theorem 1 of klambauer2017self: (0, 1) is a fixed point for normal pre-activations."""
    x, step = np.linspace(-10, 10, 200_001, retstep=True)
    density = step * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    y = act.selu(tensor(x)).numpy()
    np.testing.assert_allclose(density @ y, 0, atol=1e-6)
    np.testing.assert_allclose(density @ y**2, 1, atol=1e-6)


def test_gelu_keeps_its_relative_accuracy_far_below_zero() -> None:
    x = np.array([-5.0, -10.0, -20.0])
    np.testing.assert_allclose(
        act.gelu(tensor(x)).numpy(), x / 2 * erfc(-x / np.sqrt(2)), rtol=1e-13
    )
    assert (act.gelu(tensor(x)).numpy() < 0).all()


def test_the_tanh_form_of_gelu_is_close_to_the_exact_one() -> None:
    x = tensor(np.linspace(-5, 5, 101))
    difference = act.gelu(x).numpy() - act.gelu(x, approximate="tanh").numpy()
    assert 1e-4 < np.abs(difference).max() < 5e-4


def test_log_sigmoid_keeps_its_accuracy_on_both_sides() -> None:
    x = np.array([-800.0, -40.0, 40.0])
    np.testing.assert_allclose(
        act.log_sigmoid(tensor(x)).numpy(), [-800, -40, -np.exp(-40)], rtol=1e-14
    )


@pytest.mark.parametrize("beta", [0.1, 1, 7.5])
def test_softplus_is_relu_far_out_and_sharper_for_larger_beta(beta: float) -> None:
    x = tensor([-1e5, 0.0, 1e5])
    np.testing.assert_allclose(act.softplus(x, beta).numpy(), [0, np.log(2) / beta, 1e5])


def test_prelu_learns_its_weight() -> None:
    x, weight = tensor([[-1.0, 2.0], [-3.0, -4.0]]), tensor([0.25, 0.5])
    gradient = grad(lambda w: act.prelu(x, w).sum())(weight)
    np.testing.assert_array_equal(gradient.numpy(), [-4, -4])


def test_soft_and_hard_thresholding_are_proximal_maps() -> None:
    """The minimizer over a grid of (x − z)²/2 + penalty(z)."""
    z = np.linspace(-3, 3, 6001)
    for x in (-2.0, -0.3, 0.45, 0.8, 1.7):
        soft = z[np.argmin((x - z) ** 2 / 2 + 0.5 * np.abs(z))]
        hard = z[np.argmin((x - z) ** 2 / 2 + 0.125 * (np.abs(z) > 1e-9))]
        np.testing.assert_allclose(act.softshrink(tensor(x)).numpy(), soft, atol=1e-3)
        np.testing.assert_allclose(act.hardshrink(tensor(x)).numpy(), hard, atol=1e-3)


def test_glu_splits_any_axis_also_under_vmap() -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    expected = x[..., :2] / (1 + np.exp(-x[..., 2:]))
    np.testing.assert_allclose(act.glu(tensor(x)).numpy(), expected)
    np.testing.assert_allclose(vmap(act.glu)(tensor(x)).numpy(), expected)
    assert act.glu(tensor(x), axis=0).shape == (1, 3, 4)


@pytest.mark.parametrize("name", [n for n in act.__all__ if n not in ("prelu", "glu", "threshold")])
def test_float32_stays_float32_and_sizes_zero_and_rank_zero_work(name: str) -> None:
    function = getattr(act, name)
    assert function(tensor(np.ones((2, 0), np.float32))).shape == (2, 0)
    assert function(tensor(np.ones(2, np.float32))).dtype.name == "float32"
    assert function(tensor(0.5)).shape == ()
    assert function(np.array([0.5])).dtype.name == "float64"
    assert function(1).shape == ()
