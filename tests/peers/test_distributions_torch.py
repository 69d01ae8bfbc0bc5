"""Densities, entropies and divergences are PyTorch's, with their derivatives by parameters."""

from typing import Any

import numpy as np
import pytest

from chainrule import probability as pr
from chainrule.tensors import tensor
from chainrule.testing import assert_close
from chainrule.transform import grad

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
D = torch.distributions

PAIRS: dict[str, tuple[Any, Any, tuple[float, ...], tuple[float, ...], float]] = {
    "Normal": (pr.Normal, D.Normal, (0.3, 1.4), (-0.2, 0.8), 0.7),
    "Laplace": (pr.Laplace, D.Laplace, (0.3, 1.4), (-0.2, 0.8), 0.7),
    "Exponential": (pr.Exponential, D.Exponential, (1.4,), (0.8,), 0.7),
    "Gamma": (pr.Gamma, D.Gamma, (2.3, 1.4), (1.2, 0.8), 0.7),
    "Beta": (pr.Beta, D.Beta, (2.3, 1.4), (1.2, 0.8), 0.7),
    "Bernoulli": (pr.Bernoulli, lambda s: D.Bernoulli(logits=s), (0.4,), (-1.0,), 1.0),
    "Poisson": (pr.Poisson, D.Poisson, (2.3,), (3.1,), 4.0),
}


@pytest.mark.parametrize("name", PAIRS)
def test_values_and_gradients_are_those_of_torch(name: str) -> None:
    ours, theirs, first, second, x = PAIRS[name]
    number = torch.tensor(x, dtype=torch.float64)
    leaves = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in first]
    other = theirs(*[torch.tensor(v, dtype=torch.float64) for v in second])
    mine = ours(*second)

    def compare(function: Any, value: Any) -> None:
        gradients = torch.autograd.grad(value, leaves, materialize_grads=True)
        parameters = tuple(tensor(v) for v in first)
        assert_close(function(*parameters), value.detach().numpy(), rtol=1e-10)
        found = grad(lambda v: function(*v))(parameters)
        assert_close(found, tuple(g.numpy() for g in gradients), rtol=1e-9)

    compare(lambda *v: ours(*v).log_density(x), theirs(*leaves).log_prob(number))
    compare(lambda *v: pr.kl(ours(*v), mine).value, D.kl_divergence(theirs(*leaves), other))
    if name != "Poisson":  # PyTorch has no entropy of it
        compare(lambda *v: ours(*v).entropy(), theirs(*leaves).entropy())


def test_vectors_are_those_of_torch() -> None:
    generator = np.random.default_rng(0)
    a = generator.standard_normal((3, 3))
    covariance, x = a @ a.T + np.eye(3), generator.standard_normal((5, 3))
    normal = D.MultivariateNormal(torch.tensor(x[0]), torch.tensor(covariance))
    p = pr.MultivariateNormal(x[0], covariance)
    assert_close(p.log_density(x), normal.log_prob(torch.tensor(x)).numpy(), rtol=1e-10)
    other = D.MultivariateNormal(torch.tensor(x[1]), torch.eye(3, dtype=torch.float64))
    q = pr.MultivariateNormal(x[1], np.eye(3))
    assert_close(pr.kl(p, q).value, D.kl_divergence(normal, other).numpy(), rtol=1e-10)
    alpha, beta = np.array([0.5, 1.5, 3.0]), np.array([2.0, 1.0, 0.7])
    peers = [D.Dirichlet(torch.tensor(v)) for v in (alpha, beta)]
    mine = [pr.Dirichlet(v) for v in (alpha, beta)]
    assert_close(mine[0].entropy(), peers[0].entropy().numpy(), rtol=1e-10)
    assert_close(pr.kl(*mine).value, D.kl_divergence(*peers).numpy(), rtol=1e-10)


def test_the_derivative_of_a_gamma_draw_is_that_of_torch_at_the_same_draw() -> None:
    """Both follow the distribution function: ∂x/∂α = −(∂P/∂α) / p at the number drawn."""
    from chainrule.functions.incomplete import gammainc, gammaincinv

    for alpha in (0.3, 2.0, 20.0):
        share = float(gammainc(alpha, alpha * 0.9))
        found = grad(lambda a, share=share: gammaincinv(a, share))(tensor(alpha))
        draw = torch.tensor([alpha * 0.9], dtype=torch.float64)
        expected = torch._standard_gamma_grad(torch.tensor([alpha], dtype=torch.float64), draw)
        assert_close(found, np.asarray(expected.numpy()[0]), rtol=1e-4)
