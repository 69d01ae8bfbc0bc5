"""Grading derivations: what is right, what is nearly right, and what is wrong with the rest."""
# ruff: noqa: F722, F821, ANN — the annotations are names of axes

import pytest

import chainrule as cr
from chainrule.errors import FormulaError
from chainrule.formula import check


def least_squares(w: "d", X: "n d", y: "n"):
    return cr.sum((X @ w - y) ** 2) / X.shape[0]


def ridge(w: "d", X: "n d", y: "n", lam: ""):
    return cr.sum((X @ w - y) ** 2) + lam * cr.sum(w**2)


def network(W: "d k", b: "k", X: "n d", Y: "n k"):
    H = cr.tanh(X @ W + b)
    return 0.5 * cr.sum((H - Y) ** 2)


RIGHT = [
    (least_squares, "w", "2 * X.T @ (X @ w - y) / n"),
    (least_squares, "w", "2/n · Xᵀ(Xw − y)"),
    (least_squares, "w", "r = X @ w - y\n2 * X.T @ r / len(y)"),
    (least_squares, "w", "2/n · (XᵀXw − Xᵀy) = 2/n · Xᵀ(Xw − y)"),
    (least_squares, "w", "∂L/∂w = 2/n · Xᵀr where r = Xw − y"),
    (network, "W", "Xᵀ((H − Y) ⊙ (1 − H∘²))"),
    (network, "W", "np.einsum('nd,nk->dk', X, (H - Y) * (1 - np.tanh(X @ W + b)**2))"),
    (network, "b", "((H - Y) * (1 - H**2)).sum(axis=0)"),
    (ridge, "w", lambda w, X, y, lam: 2 * X.T @ (X @ w - y) + 2 * lam * w),
]


@pytest.mark.parametrize(("f", "wrt", "derivation"), RIGHT)
def test_every_equivalent_form_is_right(f, wrt, derivation) -> None:
    found = check(f, wrt, derivation)
    assert found.verdict == "right"
    assert found


WRONG = [
    (least_squares, "w", "2 * X.T @ (y - X @ w) / n", "sign", "right up to"),
    (least_squares, "w", "X.T @ (X @ w - y) / n", "factor", "right up to"),
    (least_squares, "w", "2 * X.T @ (X @ w - y)", "missing mean", "right up to"),
    (least_squares, "w", "2 * X @ (X @ w - y) / n", "transpose", "right up to"),
    (ridge, "w", "2 * X.T @ (X @ w - y)", "missing regulariser", "right up to"),
    (ridge, "w", lambda w, X, y, lam: 2 * X.T @ (X @ w - y), "missing regulariser", "right up to"),
    (network, "W", "X.T @ (H - Y)", "missing activation derivative", "right up to"),
    (network, "W", "((H - Y) * (1 - H**2)).T @ X", "transpose", "right up to"),
    (network, "b", "(H - Y) * (1 - H**2)", "shape", "wrong"),
    (network, "W", "((H - Y) * (1 - H**2)).sum(0)", "stopped early", "wrong"),
]


@pytest.mark.parametrize(("f", "wrt", "derivation", "kind", "verdict"), WRONG)
def test_a_mistake_is_named(f, wrt, derivation, kind, verdict) -> None:
    found = check(f, wrt, derivation)
    assert (found.kind, found.verdict) == (kind, verdict)


def test_the_line_that_first_goes_wrong_is_named() -> None:
    found = check(
        ridge,
        "w",
        [
            "2 * X.T @ (X @ w - y) + 2 * lam * w",
            "2 * (X.T @ X + lam * np.eye(len(w))) @ w - 2 * X.T @ y",
            "2 * (X.T @ X + lam) @ w - 2 * X.T @ y",
        ],
    )
    assert (found.line, found.kind) == (3, "wrong from step 3")
    assert "λ·I" in found.message


def test_the_answer_prints_like_a_teacher() -> None:
    assert str(check(ridge, "w", "2 * X.T @ (X @ w - y)")) == (
        "The regulariser's term 2λw is missing.\n   ∂ridge/∂w = 2Xᵀ(Xw − y) + 2λw"
    )


def cube(x: "n"):
    return cr.sum(x**3)


def constant(x: "n"):
    return cr.sum(cr.sign(x))


NOTHING = ["None", "True", "'abc'", "x.shape", "(1, 2)", "[1:, :]", "()"]


@pytest.mark.parametrize("text", NOTHING)
def test_what_has_no_value_is_never_taken_for_zero(text: str) -> None:
    for f, derivation in ((cube, f"3x² + {text}"), (constant, text)):
        with pytest.raises(FormulaError, match="no array"):
            check(f, "x", derivation)
    assert check(constant, "x", "𝟎")


def test_parts_that_cannot_be_joined_are_never_taken_for_zero() -> None:
    problem = "n×1 and 1×1 cannot be joined side by side"
    assert check(constant, "x", "[x, x.T @ x]").message == problem
    assert check(cube, "x", "3x² + [x, x.T @ x]").message == f"{problem}; this is too much"


def test_parts_that_do_not_fit_are_told() -> None:
    def joined(u: "n", v: "m", M: "k n"):
        return cr.concat([M @ u, v])

    told = check(joined, "u", "[M; I; 𝟎]", order="jacobian")
    assert told.message == "the parts have sizes that do not fit one another"
