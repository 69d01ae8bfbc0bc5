"""explain of products, extrema and the places where they are attained."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.formula import explain
from chainrule.formula.printing.notation import UNICODE
from chainrule.probability import Bernoulli, Laplace, Normal


def product(x: "n"):
    return cr.prod(x)


def products_of_columns(x: "n", Y: "n d"):
    return cr.prod(x) + 3 * cr.sum(cr.prod(Y * Y, axis=0))


def largest(x: "n", y: "n"):
    m = cr.max(x)
    return m * cr.sum(y)


def span(x: "n"):
    return cr.max(x) - cr.min(x)


def largest_of_rows(X: "n d"):
    return cr.sum(cr.max(X, axis=1) ** 2)


def largest_of_columns(X: "n d", b: "d"):
    return cr.sum(cr.max(X, axis=0) * b)


def largest_of_all(X: "n d"):
    return cr.max(X)


def at_the_largest(x: "n"):
    i = cr.argmax(x)
    return x[i] ** 2


def picked_by_rows(X: "n d"):
    return cr.sum(cr.one_hot(cr.argmax(X, axis=1), X.shape[1]) * X)


def picked_by_columns(X: "n d", c: "d"):
    rows = cr.argmin(X, axis=0)
    return cr.sum(X.T[cr.arange(X.shape[1]), rows] * c)


def sums_of_columns(X: "n d"):
    return cr.sum(cr.logsumexp(X, axis=0))


FORMULAS = [
    (product, "x", "prod(x) ⊘ x"),
    (products_of_columns, "Y", "6(1 ⊘ Y)diag(prodₙ((Y∘²)ᵀ))"),
    (largest, "x", "𝟏ᵀy·[x = m]"),
    (span, "x", "[x = max(x)] − [x = min(x)]"),
    (largest_of_rows, "X", "2 diag(max_d(X))[X = max_d(X)𝟏ᵀ]"),
    (largest_of_columns, "X", "[X = 𝟏maxₙ(Xᵀ)ᵀ]diag(b)"),
    (largest_of_all, "X", "[X = max(X)]"),
    (at_the_largest, "x", "2xᵀS·S"),
    (picked_by_rows, "X", "Y"),
    (picked_by_columns, "X", "Sᵀdiag(c)"),
    (sums_of_columns, "X", "Pᵀ"),
]


@pytest.mark.parametrize(("f", "wrt", "shown"), FORMULAS, ids=lambda v: getattr(v, "__name__", ""))
def test_a_reduction_has_the_derivative_of_the_textbook(
    f: Callable[..., Any], wrt: str, shown: str
) -> None:
    told = explain(f, wrt)
    assert UNICODE(told.tree) == shown
    assert told.error < 1e-12


@pytest.mark.parametrize(("f", "wrt", "shown"), FORMULAS, ids=lambda v: getattr(v, "__name__", ""))
def test_its_python_text_gives_the_gradient(f: Callable[..., Any], wrt: str, shown: str) -> None:
    told = explain(f, wrt)
    generator, sizes = np.random.default_rng(0), {"n": 4, "d": 3}
    given = {p: generator.normal(size=[sizes[w] for w in axes]) for p, axes in told.axes.items()}
    names: dict[str, Any] = {"np": np, **given}
    exec(told.python, names)
    others = {p: cr.tensor(v) for p, v in given.items() if p != wrt}
    automatic = cr.grad(lambda v: f(**{wrt: v}, **others))(cr.tensor(given[wrt]))
    np.testing.assert_allclose(names[f"d{wrt}"], automatic.numpy(), rtol=1e-12)


def test_the_hessian_of_a_product() -> None:
    told = explain(product, "x", order=2)
    assert UNICODE(told.tree) == "prod(x)·((1 ⊘ x)(1 ⊘ x)ᵀ − diag(1 ⊘ x²))"


def test_a_constant_array_of_one_number_is_that_number() -> None:
    def loss(w: "d", X: "n d", y: "n"):
        return -cr.sum(Normal(X @ w, 1.0).log_density(y))

    def spread(s: "n", m: "n", y: "n"):
        return -cr.sum(Normal(m, s).log_density(y))

    def robust(m: "n", y: "n"):
        return -cr.mean(Laplace(m, 2.0).log_density(y))

    assert UNICODE(explain(loss, "w").tree) == "−Xᵀ(y − Xw)"
    told = explain(spread, "s", facts={"s": "positive"})
    assert UNICODE(told.tree) == "(1 − (y − m)² ⊘ s²) ⊘ s"
    assert UNICODE(explain(robust, "m").tree) == "−1/(2n) · sign(y − m)"


def test_a_mask_is_where_it_equals_one() -> None:
    def loss(w: "d", X: "n d", y: "n"):
        return -cr.sum(Bernoulli(logits=X @ w).log_density(y))

    assert explain(loss, "w", facts={"y": "mask"}).error < 1e-12


def test_an_array_that_depends_on_the_sizes_is_checked_at_its_own() -> None:
    def f(x: "n"):
        return cr.sum(cr.tensor(np.linspace(0.0, 1.0, len(x))) * x**2)

    told = explain(f, "x")
    assert UNICODE(told.tree) == "2 c1 ⊙ x"
    assert told.notes == ("c1 is an array of the program, for n = 5",)


def middle_of_rows(X: "n d"):
    return cr.sum(cr.median(X, axis=1) ** 2)


def middle_of_columns(X: "n d"):
    return cr.sum(cr.median(X, axis=0) ** 2)


@pytest.mark.parametrize("f", [middle_of_rows, middle_of_columns])
def test_a_median_along_an_axis_is_two_sums_over_places(f: Callable[..., Any]) -> None:
    found = UNICODE(explain(f, "X").tree)
    assert found.startswith("Σᵢ δz₁")
    assert found.count(" + ") == 1
    assert "𝟎" not in found
    assert ")ᵀ" not in found
