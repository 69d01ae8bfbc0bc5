"""The derivatives of log-densities, as a textbook has them."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

from typing import Any

import pytest

import chainrule as cr
from chainrule.formula import check, explain
from chainrule.formula.printing.notation import UNICODE
from chainrule.probability import (
    Bernoulli,
    Beta,
    Categorical,
    Dirichlet,
    Exponential,
    Gamma,
    Laplace,
    MultivariateNormal,
    Normal,
    Poisson,
)


def poisson(k: "n", lam: "n"):
    return cr.sum(Poisson(lam).log_density(k))


def counts(k: "n", w: "d", X: "n d"):
    return cr.sum(Poisson(cr.exp(X @ w)).log_density(k))


def normal(x: "n", mu: "", sigma: ""):
    return cr.sum(Normal(mu, sigma).log_density(x))


def bernoulli(y: "n", p: "n"):
    return cr.sum(Bernoulli(probability=p).log_density(y))


def logits(y: "n", z: "n"):
    return cr.sum(Bernoulli(z).log_density(y))


def beta_density(x: "n", a: "", b: ""):
    return cr.sum(Beta(a, b).log_density(x))


def categorical(c: "n", z: "n k"):
    return cr.sum(Categorical(z).log_density(c))


def dirichlet(p: "k", alpha: "k"):
    return Dirichlet(alpha).log_density(p)


def waiting(x: "n", lam: ""):
    return cr.sum(Exponential(lam).log_density(x))


def gamma_density(x: "n", alpha: "", beta: ""):
    return cr.sum(Gamma(alpha, beta).log_density(x))


def laplace(x: "n", mu: "", b: ""):
    return cr.sum(Laplace(mu, b).log_density(x))


def gaussian(x: "d", mu: "d", Sigma: "d d"):
    return MultivariateNormal(mu, Sigma).log_density(x)


def gaussians(X: "n d", mu: "d", Sigma: "d d"):
    return cr.sum(MultivariateNormal(mu, Sigma).log_density(X))


LISTED: list[tuple[Any, str, str, dict[str, str]]] = [
    (poisson, "lam", "k ⊘ λ − 1", {}),
    (poisson, "k", "log(λ) − digamma(1 + k)", {}),
    (counts, "w", "Xᵀ(k − exp(Xw))", {}),
    (normal, "mu", "1/σ² · 𝟏ᵀ(x − μ)", {}),
    (normal, "sigma", "‖x − μ‖²/σ³ − n/σ", {}),
    (bernoulli, "p", "(y − p) ⊘ (p ⊙ (1 − p))", {"y": "mask"}),
    (logits, "z", "y − σ(z)", {"y": "mask"}),
    (beta_density, "a", "𝟏ᵀlog(x) + n·digamma(a + b) − n·digamma(a)", {}),
    (categorical, "z", "Y − P", {"c": "integer<k"}),
    (beta_density, "x", "(a − 1) ⊘ x − (b − 1) ⊘ (1 − x)", {}),
    (dirichlet, "alpha", "log(p) + digamma(𝟏ᵀα) − digamma(α)", {"p": "simplex"}),
    (dirichlet, "p", "(α − 1) ⊘ p", {"p": "simplex"}),
    (waiting, "lam", "n/λ − 𝟏ᵀx", {}),
    (gamma_density, "beta", "αn/β − 𝟏ᵀx", {"x": "positive"}),
    (gamma_density, "x", "(α − 1) ⊘ x − β", {"x": "positive"}),
    (laplace, "mu", "1/b · 𝟏ᵀsign(x − μ)", {}),
    (gaussian, "mu", "Σ⁻¹(x − μ)", {"Sigma": "spd"}),
    (gaussian, "Sigma", "½ (Σ⁻¹(x − μ)(x − μ)ᵀΣ⁻¹ − Σ⁻¹)", {"Sigma": "spd"}),
    (gaussians, "mu", "Σ⁻¹(Xᵀ𝟏 − nμ)", {"Sigma": "spd"}),
    (gaussians, "Sigma", "½ (Σ⁻¹(X − 𝟏μᵀ)ᵀ(X − 𝟏μᵀ)Σ⁻¹ − nΣ⁻¹)", {"Sigma": "spd"}),
]


@pytest.mark.parametrize(
    ("f", "wrt", "shown", "facts"), LISTED, ids=[f"{f.__name__}-{w}" for f, w, *_ in LISTED]
)
def test_a_density_has_the_derivative_of_the_textbook(
    f: Any, wrt: str, shown: str, facts: dict[str, str]
) -> None:
    told = explain(f, wrt, facts=facts)
    assert UNICODE(told.tree) == shown
    assert check(f, wrt, shown, facts=facts).verdict == "right"


def test_a_rate_with_features_is_checked() -> None:
    assert check(counts, "w", "X.T @ (k - np.exp(X @ w))").verdict == "right"
    assert check(counts, "w", "X.T @ (np.exp(X @ w) - k)").kind == "sign"


def test_the_curvature_of_dirichlet_says_that_a_number_stands_everywhere() -> None:
    told = explain(dirichlet, "alpha", order=2, facts={"p": "simplex"})
    assert UNICODE(told.tree) == "trigamma(𝟏ᵀα)·𝟏𝟏ᵀ − diag(trigamma(α))"


def test_the_edge_of_a_support_is_a_kink_without_slopes_unless_facts_exclude_it() -> None:
    told = explain(gamma_density, "x")
    assert [n for n in told.notes if "kink" in n] == [
        "kink: at xᵢ = 0: where takes the first branch"
    ]
    told = explain(gamma_density, "x", facts={"x": "positive"})
    assert not any("kink" in n for n in told.notes)


def test_the_curvature_of_a_gamma_density_has_the_trigamma_function() -> None:
    told = explain(gamma_density, "alpha", order=2)
    assert UNICODE(told.tree) == "−n·trigamma(α)"
