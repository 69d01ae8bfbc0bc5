"""The largest, the smallest and products of several: ties are kinks, and derivations are graded."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.formula import check, compare, explain


def largest(x: "n"):
    return cr.max(x) ** 2


def largest_of_rows(X: "n k"):
    return cr.sum(cr.max(X, axis=1))


def product(x: "n"):
    return cr.prod(x)


def products_of_rows(X: "n k"):
    return cr.sum(cr.prod(X, axis=1) ** 2)


def at_the_largest(x: "n"):
    return x[cr.argmax(x)] ** 2


def larger(x: "n", y: "n"):
    return cr.sum(cr.maximum(x, y))


RIGHT: list[tuple[Any, str]] = [
    (largest, "2 * np.max(x) * (x == np.max(x))"),
    (largest, "2max(x)·[x = max(x)]"),
    (largest_of_rows, "(X == X.max(axis=1, keepdims=True))"),
    (largest_of_rows, "[X = maxₖ(X)𝟏ᵀ]"),
    (product, "np.prod(x) / x"),
    (product, "prod(x) ⊘ x"),
    (products_of_rows, "2 * np.prod(X, axis=1)[:, None] ** 2 / X"),
    (products_of_rows, "2 diag(prodₖ(X)²)(1 ⊘ X)"),
    (larger, "[x > y]"),
]


@pytest.mark.parametrize(("f", "text"), RIGHT)
def test_derivatives_with_extrema_and_products_are_right(f: Any, text: str) -> None:
    assert check(f, next(iter(f.__annotations__)), text).verdict == "right"


def least(x: "n"):
    return cr.min(x)


def pooled(T: "n t d"):
    return cr.sum(cr.max(T, axis=1) ** 2)


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (least, "x == min(x)"), (least, "1 - (x != np.amin(x))"),
        (least, "(x == x.min()).astype(float)"), (least, "1 - [x ≠ min(x)]"),
        (least, r"1 - \mathbf{1}\{x \neq \min(x)\}"),
        (largest_of_rows, "X == X.max(axis=1, keepdims=True)"),
        (pooled, "2 * T * (T == T.max(axis=1, keepdims=True))"),
        (pooled, "2 * T * (T == T.max(axis=1)[:, None, :])"),
    ],
)  # fmt: skip
def test_a_mask_by_equality_is_right_except_at_ties(f: Any, text: str) -> None:
    assert str(check(f, next(iter(f.__annotations__)), text)) == (
        "Right: it agrees with automatic differentiation at all points and sizes, except at ties, "
        "which automatic differentiation shares evenly"
    )


def test_a_mask_that_shares_ties_has_no_exception() -> None:
    text = "(x == min(x)) / sum(x == min(x))"
    assert check(least, "x", text).message.endswith("at all points and sizes")
    assert check(larger, "x", "x == maximum(x, y)").message.endswith("at all points and sizes")


def test_a_chain_of_equal_signs_is_no_comparison() -> None:
    assert check(product, "x", "x.prod() / x = prod(x) ⊘ x").verdict == "right"
    assert check(product, "x", "prod(x) ⊘ x == x").verdict == "wrong"


def test_mistakes_beside_extrema_are_found() -> None:
    assert check(product, "x", "np.prod(x) * x").verdict == "wrong"
    assert check(largest, "x", "np.max(x) * (x == np.max(x))").kind == "factor"
    assert check(largest_of_rows, "X", "np.max(X, axis=1)").kind == "shape"


def test_ties_are_kinks_of_the_formula() -> None:
    told = "kink: at ties of the largest in x: convention: shared evenly; the formula counts each"
    assert told in explain(largest, "x").notes
    assert "kink: at ties of the largest in x: convention: the first" in (
        explain(at_the_largest, "x").notes
    )


def test_a_maximum_that_cancels_has_no_kink() -> None:
    def stable(x: "n"):
        m = cr.max(x)
        return m + cr.log(cr.sum(cr.exp(x - m)))

    assert not any("kink" in note for note in explain(stable, "x").notes)


def corners(f: Any, *given: Any) -> list[str]:
    arguments = [cr.tensor(np.array(v)) for v in given]
    lines = str(compare(f, next(iter(f.__annotations__)), *arguments)).splitlines()
    return [line.split("(")[0].strip() for line in lines if "kink here" in line]


def test_ties_have_one_sided_derivatives() -> None:
    assert corners(largest, [1.0, 3.0, 3.0]) == [
        "kink here: x[1]: left 0, right 6, convention 3",
        "kink here: x[2]: left 0, right 6, convention 3",
    ]
    assert corners(at_the_largest, [2.0, 2.0, 1.0]) == [
        "kink here: x[0]: left 0, right 4, convention 4",
        "kink here: x[1]: left 0, right 4, convention 0",
    ]
    assert corners(largest, [1.0, 2.0, 3.0]) == []
    assert corners(largest_of_rows, [[1.0, 1.0], [2.0, 3.0]]) == [
        "kink here: X[0, 0]: left 0, right 1, convention 0.5",
        "kink here: X[0, 1]: left 0, right 1, convention 0.5",
    ]


def test_two_equal_arguments_are_named() -> None:
    found = str(compare(larger, "x", cr.tensor([1.0, 2.0]), cr.tensor([1.0, 3.0])))
    assert "x[0]: left 0, right 1, convention 0.5   (maximum at x[0] = y[0]" in found


def test_a_product_with_a_zero_has_no_value_by_the_formula_and_no_warning() -> None:
    found = str(compare(product, "x", cr.tensor([0.0, 1.0, 2.0])))
    assert "reverse" in found
