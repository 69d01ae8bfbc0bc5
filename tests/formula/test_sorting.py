"""Derivatives through sorting: permutation matrices, named; and densities between two free ends."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.formula import check, explain
from chainrule.formula.printing.notation import UNICODE
from chainrule.probability import Uniform
from tests.formula.test_code import run


def ordered(x: "n"):
    return cr.sort(x)


def downward(x: "n", w: "n"):
    return w @ cr.sort(x, descending=True)


def wasserstein(x: "n", y: "n"):
    return cr.mean((cr.sort(x) - cr.sort(y)) ** 2)


def rows(X: "n d", W: "n d"):
    return cr.sum(W * cr.sort(X, axis=1))


def columns(X: "n d", W: "n d"):
    return cr.sum(W * cr.sort(X, axis=0))


def largest(x: "n"):
    return cr.sum(cr.topk(x, 3)[0] ** 2)


def middle(x: "n"):
    return cr.stats.median(x)


def middle_of_rows(X: "n d"):
    return cr.sum(cr.stats.median(X, axis=1))


def lower_middle(x: "n"):
    return cr.sort(x)[(x.shape[0] - 1) // 2]


def flat(x: "n", a: "", b: ""):
    return cr.sum(Uniform(a, b).log_density(x))


def each(x: "n", a: "n", b: "n"):
    return cr.sum(Uniform(a, b).log_density(x))


LISTED: list[tuple[Any, Any, Any, str]] = [
    (ordered, "x", "jacobian", "P"),
    (downward, "x", 1, "Pᵀw"),
    (wasserstein, "x", 1, "2/n · Pᵀ(Px − Qy)"),
    (wasserstein, "x", 2, "2/n · I"),
    (rows, "X", 1, "Σᵢ Wₙᵢ Pₙᵢd"),
    (largest, "x", 1, "2SᵀSx"),
    (middle, "x", 1, "½ Pᵀ(e_⌊(n−1)/2⌋ + e_⌊n/2⌋)"),
    (lower_middle, "x", 1, "Pᵀe_⌊(n−1)/2⌋"),
    (flat, "x", 1, "𝟎"),
    (flat, "a", 1, "n/(b − a)"),
    (flat, "b", 1, "−n/(b − a)"),
    (flat, ("a", "b"), 2, "−n/(b − a)²"),
    (each, "a", 1, "1 ⊘ (b − a)"),
]


@pytest.mark.parametrize(("f", "wrt", "order", "shown"), LISTED)
def test_a_derivative_through_an_order_has_its_textbook_form(
    f: Any, wrt: Any, order: Any, shown: str
) -> None:
    told = explain(f, wrt, order=order)
    assert UNICODE(told.tree) == shown
    assert told.error < 1e-12
    where = "; ".join(f"{name} = {UNICODE(tree)}" for name, tree in told.where)
    text = f"{shown} where {where}" if where else shown
    assert check(f, wrt, text, order=order).verdict == "right"


def test_a_permutation_says_what_it_sorts() -> None:
    told = explain(wasserstein, "x")
    assert "P = onehot(argsort(x)) (n×n)   Q = onehot(argsort(y)) (n×n)" in str(told)
    assert told.notes == (
        "P sorts: Pv is v in the order of x", "Q sorts: Qv is v in the order of y",
    )  # fmt: skip
    x, y = np.array([3.0, 1.0, 2.0]), np.array([0.5, 4.0, 1.0])
    slope = cr.grad(lambda t: wasserstein(t, cr.tensor(y)))(cr.tensor(x)).numpy()
    np.testing.assert_allclose(run(told.python, {"x": x, "y": y}, "np"), slope)


def test_sorted_columns_have_a_formula() -> None:
    assert explain(columns, "X").error < 1e-12


@pytest.mark.parametrize("n", [4, 5])
def test_the_median_is_the_mean_of_the_two_in_the_middle(n: int) -> None:
    told = explain(middle, "x")
    assert "for n" not in str(told)
    assert r"e_{\lfloor(n-1)/2\rfloor} + e_{\lfloor n/2\rfloor}" in told.latex
    x = np.random.default_rng(0).normal(size=n)
    slope = cr.grad(middle)(cr.tensor(x)).numpy()
    np.testing.assert_array_equal(run(told.python, {"x": x}, "np"), slope)
    np.testing.assert_array_equal(np.sort(slope)[::-1][:2], [1, 0] if n % 2 else [0.5, 0.5])
    assert explain(middle_of_rows, "X").error < 1e-12


def quarter(x: "n"):
    return cr.quantile(x, 0.25)


def test_a_quantile_has_a_formula_for_every_size() -> None:
    told = explain(quarter, "x")
    assert str(told).splitlines()[:3] == [
        "∂quarter/∂x = Pᵀ((n − 4floor(t) − 1)/4 · (onehot(ceil(t)) − onehot(floor(t)))",
        "              + onehot(floor(t)))          n",
        "   where  t = (n − 1)/4 (scalar)   P = onehot(argsort(x)) (n×n)",
    ]
    x = np.array([4.0, 1.0, 3.0, 2.0])
    for text, module in ((told.python, "np"), (told.chainrule, "cr")):
        np.testing.assert_allclose(run(text, {"x": x}, module), [0.0, 0.25, 0.0, 0.75])


@pytest.mark.parametrize(
    ("n", "right"), [(4, "¼Pᵀ(e₀ + 3 e₁)"), (5, "Pᵀe₁"), (8, "¼Pᵀ(e₁ + 3 e₂)")]
)
def test_a_quantile_of_so_many_numbers_has_its_places(n: int, right: str) -> None:
    told = explain(quarter, "x", axes={"x": str(n)})
    assert UNICODE(told.tree) == right


def test_several_quantiles_have_a_formula() -> None:
    def f(x: "n"):
        return cr.sum(cr.quantile(x, cr.tensor([0.25, 0.5])))

    assert explain(f, "x").error < 1e-12


def test_quantiles_of_statistics_are_those_with_a_formula_for_every_size() -> None:
    def by_statistics(x: "n"):
        return cr.stats.quantile(x, 0.25)

    def directly(x: "n"):
        return cr.quantile(x, 0.25)

    found, right = (cr.explain(f, "x") for f in (by_statistics, directly))
    assert (found.tree, found.where, found.notes) == (right.tree, right.where, right.notes)
