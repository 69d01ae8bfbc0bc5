"""Hessians of quotients, with the value and the gradient by name."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

import chainrule as cr
from chainrule.formula import check, explain


def rayleigh(x: "d", A: "d d"):
    R = (x @ A @ x) / (x @ x)
    return R


def test_the_hessian_of_the_rayleigh_quotient_is_that_of_textbooks() -> None:
    told = explain(rayleigh, "x", order=2, facts={"A": "symmetric"})
    assert str(told).splitlines()[:4] == [
        "∂²rayleigh/∂x∂xᵀ = 2/‖x‖² · (A − gxᵀ − xgᵀ − RI)          d×d",
        "   where  R = 1/‖x‖² · xᵀAx (scalar)   g = 2/‖x‖² · (Ax − Rx) (d)",
        "   assuming A = Aᵀ",
        "   g is the gradient ∂rayleigh/∂x",
    ]


def test_so_it_is_for_any_matrix() -> None:
    told = explain(rayleigh, "x", order=2)
    assert str(told).splitlines()[0] == (
        "∂²rayleigh/∂x∂xᵀ = (A + Aᵀ − 2(gxᵀ + xgᵀ + RI)) / ‖x‖²          d×d"
    )


def test_a_value_without_a_name_has_that_of_the_function() -> None:
    def q(x: "d", A: "d d", B: "d d"):
        return (x @ A @ x) / (x @ B @ x)

    told = explain(q, "x", order=2, facts={"A": "symmetric", "B": "symmetric"})
    assert str(told).splitlines()[0] == (
        "∂²q/∂x∂xᵀ = 2/(xᵀBx) · (A − qB − Bxgᵀ − gxᵀB)          d×d"
    )


def test_a_derivation_may_have_the_gradient_in_it() -> None:
    lines = """R = x.T @ A @ x / (x.T @ x)
    g = 2 / (x.T @ x) * (A @ x - R * x)
    2 / (x.T @ x) * (A - R * I - g x^T - x g^T)"""
    told = check(rayleigh, "x", lines, order=2, facts={"A": "symmetric"})
    assert told.verdict == "right"


def test_a_name_that_the_user_has_stays_the_users() -> None:
    def q(x: "d", g: "d d"):
        return (x @ g @ x) / (x @ x)

    assert "gradient" not in str(explain(q, "x", order=2))


def test_a_short_hessian_stays_as_it_is() -> None:
    def q(x: "d", a: "d"):
        return (a @ x) / cr.sqrt(x @ x)

    assert "gradient" not in str(explain(q, "x", order=2))
