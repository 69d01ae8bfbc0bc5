"""Forms in which learners write derivations, and what they leave unsaid."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

from typing import Any

import pytest

import chainrule as cr
from chainrule.formula import check


def batch(W: "d k", X: "n d", Y: "n k"):
    P = cr.softmax(X @ W)
    return -cr.mean(cr.sum(Y * cr.log(P), axis=1))


def single(W: "k d", b: "k", x: "d", t: "k"):
    p = cr.softmax(W @ x + b)
    return -cr.sum(t * cr.log(p))


def rayleigh(x: "n", A: "n n"):
    return (x @ A @ x) / (2 * (x @ x))


RIGHT: list[tuple[Any, str]] = [
    (rayleigh, "1/(2 xᵀx) (A + A.T) x − (xᵀAx)/(xᵀx)² x"),
    (rayleigh, "1/2xᵀx · (A + Aᵀ)x − (xᵀAx)/(xᵀx)² x"),
    (rayleigh, "1/2xᵀx (Ax + A.T x) − xᵀAx/(xᵀx)² x"),
    (rayleigh, "(A + Aᵀ)x/2xᵀx − xᵀAx/(xᵀx)² x"),
]


@pytest.mark.parametrize(("f", "text"), RIGHT)
def test_a_fraction_of_numbers_stands_in_front_of_arrays(f: Any, text: str) -> None:
    assert check(f, next(iter(f.__annotations__)), text).verdict == "right"


@pytest.mark.parametrize("text", ["1/n X.T (P - Y)", "1/n Xᵀ(P − Y)", "X.T @ (P - Y) / n"])
def test_targets_that_sum_to_one_are_an_assumption(text: str) -> None:
    found = check(batch, "W", text)
    assert (found.verdict, found.message) == ("wrong", "only true if the rows of Y sum to 1")
    assert check(batch, "W", text, facts={"Y": "simplex"}).verdict == "right"
    assert check(batch, "W", text, facts={"Y": "onehot"}).verdict == "right"


def test_a_vector_of_targets_may_have_to_sum_to_one() -> None:
    assert check(single, "b", "p - t").message == "only true if t sums to 1"
    assert check(single, "W", "(p - t) x.T").message == "only true if t sums to 1"
    assert check(single, "b", "p - t", facts={"t": "simplex"}).verdict == "right"


def test_a_factor_is_found_beside_an_assumption() -> None:
    found = check(batch, "W", "X.T @ (P - Y)")
    message = "right up to the factor 1/n, if the rows of Y sum to 1"
    assert (found.verdict, found.message) == ("right up to", message)
    found = check(batch, "W", "X.T @ (Y - P) / n")
    assert found.message == "right up to the sign, if the rows of Y sum to 1"


def test_two_vectors_of_different_lengths_make_an_outer_product() -> None:
    found = check(single, "W", "(p - t) @ x")
    assert found.kind == "shape"
    assert found.message == (
        "the shapes k and d do not fit in a product; np.outer(u, v), or u vᵀ, is the matrix of "
        "all products"
    )
    assert check(single, "W", "np.outer(sum(t) * p - t, x)").verdict == "right"
    assert check(single, "W", "(sum(t) p - t) x.T").verdict == "right"


def test_nested_fractions_are_read_once() -> None:
    text = "x"
    for _ in range(60):
        text = f"1/n ({text} + x)"

    def square(x: "n"):
        return x @ x

    assert check(square, "x", f"{text} − {text} + 2x").verdict == "right"
