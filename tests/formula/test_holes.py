"""Where a derivative is 0 by convention, and what is printed is 0/0, the two are not compared."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

import pytest

import chainrule as cr
from chainrule.formula import check, explain


def norm_of_relu(x: "n"):
    return cr.linalg.norm(cr.relu(x))


def norms_of_rows(X: "n d"):
    return cr.sum(cr.linalg.vector_norm(cr.relu(X), axis=1))


def spread_of_relu(x: "n"):
    return cr.std(cr.relu(x))


def norm_of_products(X: "n n"):
    A = cr.relu(X)
    return cr.linalg.norm(A @ A)


PROGRAMS = [
    (norm_of_relu, "x", "1/‖relu(x)‖ · relu(x)"),
    (norms_of_rows, "X", "diag(1 ⊘ √(relu(X)∘²𝟏))relu(X)"),
    (spread_of_relu, "x", "((relu(x) − mean(relu(x))) ⊙ [x > 0]) / (√n ‖relu(x) − mean(relu(x))‖)"),
    (norm_of_products, "X", "1/‖AA‖_F · ((AᵀAA + AAAᵀ) ⊙ [X > 0])"),
]


@pytest.mark.parametrize(("f", "name", "text"), PROGRAMS)
def test_norms_of_what_may_be_zero_are_explained_and_checked(f, name, text) -> None:
    assert explain(f, name).points == 5
    assert check(f, name, text).verdict == "right"
    assert check(f, name, f"2 ({text})").message == "right up to the factor 1/2"


def test_a_formula_is_compared_where_the_derivative_is_not_zero() -> None:
    told = check(norm_of_relu, "x", "x / ‖relu(x)‖")
    assert told.verdict == "wrong"


def test_what_is_undefined_at_every_point_but_one_says_one_point() -> None:
    told = explain(lambda x: cr.sum(cr.sqrt(cr.relu(x))), "x", axes={"x": "n"})
    assert str(told).endswith("at 1 random point")
