"""Absolute values and signs: |x| between bars, what they make together, and reading them back."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

from typing import Any

import pytest

import chainrule as cr
from chainrule.errors import FormulaError
from chainrule.formula import check, explain


def cubes(x: "n", y: "n"):
    return cr.sum(cr.abs(x - y) ** 3)


def squares(x: "n"):
    return cr.sum(cr.abs(-3 * x) ** 2)


def doubled(x: "n"):
    return cr.sum(cr.abs(2 * x))


def logarithm(x: "n"):
    return cr.sum(cr.log(cr.abs(x)))


def volume(A: "n n"):
    return cr.log(cr.abs(cr.linalg.det(A)))


def scores(w: "d", X: "n d"):
    return cr.sum(cr.abs(X @ w) ** 3)


def lasso(W: "d k"):
    return cr.sum(cr.abs(W) ** 1.5)


def nested(x: "n"):
    return cr.sum(cr.abs(cr.abs(x) - 1) ** 3)


PRINTED: list[tuple[Any, int, str]] = [
    (cubes, 1, "3 (x − y) ⊙ |x − y|"),
    (squares, 1, "18x"),
    (doubled, 1, "2 sign(x)"),
    (logarithm, 1, "1 ⊘ x"),
    (volume, 1, "A⁻ᵀ"),
    (scores, 2, "6Xᵀdiag(|Xw|)X"),
    (lasso, 1, "3/2 · (√abs(W) ⊙ sign(W))"),
    (nested, 1, "3 abs(|x| − 1) ⊙ sign(x) ⊙ (|x| − 1)"),
]


@pytest.mark.parametrize(("f", "order", "text"), PRINTED)
def test_signs_and_absolute_values_are_as_few_as_there_can_be(
    f: Any, order: Any, text: str
) -> None:
    variable = next(iter(f.__annotations__))
    found = explain(f, variable, order=order)
    assert found.unicode.split(" = ", 1)[1].split("          ")[0] == text
    if order == 1:
        assert check(f, variable, text).verdict == "right"


def test_latex_has_bars() -> None:
    assert r"\lvert x - y \rvert" in explain(cubes, "x").latex


RIGHT: list[tuple[Any, str]] = [
    (cubes, "3 |x − y| ⊙ (x − y)"),
    (cubes, "3|x-y|*(x-y)"),
    (cubes, "3 sign(x − y) ⊙ |x − y|²"),
    (volume, "det(A)/|det(A)| · sign(det(A)) A^-T"),
    (scores, "3 X.T (X w ⊙ |X w|)"),
    (scores, "3Xᵀ(Xw ⊙ |Xw|)"),
]


@pytest.mark.parametrize(("f", "text"), RIGHT)
def test_bars_are_read(f: Any, text: str) -> None:
    assert check(f, next(iter(f.__annotations__)), text).verdict == "right"


def test_a_logarithm_of_bars_needs_no_brackets() -> None:
    def entropy(A: "n n"):
        return cr.linalg.slogdet(A)[1] * cr.linalg.det(A)

    text = explain(entropy, "A").unicode
    assert "(1 + log|det(A)|)" in text
    assert check(entropy, "A", "det(A) (1 + log|det(A)|) A⁻ᵀ").verdict == "right"


def test_a_matrix_between_bars_can_be_read_in_two_ways() -> None:
    with pytest.raises(FormulaError) as caught:
        check(volume, "A", "|A| A⁻ᵀ")
    assert str(caught.value) == (
        "|A| of a matrix can be read in two ways\n\n    |A| A⁻ᵀ\n    ^^^\n\n"
        "  Write det(A) for the determinant, abs(A) for the elements' absolute values."
    )


def test_bars_must_be_closed() -> None:
    with pytest.raises(FormulaError) as caught:
        check(cubes, "x", "3 |x − y")
    assert str(caught.value) == (
        "expected '|', which closes the '|', found the end\n\n    3 |x − y\n            ^"
    )


def test_two_vectors_beside_each_other_need_a_sign() -> None:
    found = check(cubes, "x", "3 (x − y)|x − y|")
    assert found.kind == "shape"
    assert str(found).startswith(
        "The shapes n and n do not fit in a product; ⊙ multiplies them element by element."
    )
