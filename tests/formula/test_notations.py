"""Notations in which a derivation is read: LaTeX, labels of one's own, primes, 1 for 𝟏."""
# ruff: noqa: F722, F821, ANN — the annotations are names of axes

import pytest

import chainrule as cr
from chainrule.errors import FormulaError
from chainrule.formula import check, explain
from chainrule.formula.printing.latex import latex, latex_name
from chainrule.formula.reading.latex import unlatexed
from tests.formula import listed


def least_squares(w: "d", X: "n d", y: "n"):
    return cr.mean((X @ w - y) ** 2)


def softmax_regression(W: "d k", b: "k", X: "n d", Y: "n k"):
    P = cr.softmax(X @ W + b, axis=1)
    return -cr.mean(cr.sum(Y * cr.log(P), axis=1))


def form(x: "n", A: "n n"):
    return x @ A @ x


def det(A: "n n"):
    return cr.linalg.det(A)


def halves(Z: "n m"):
    return cr.sum(cr.relu(Z) ** 2)


def ratio(x: "n", y: "n"):
    return cr.sum(x**2 / y)


RIGHT = [
    (least_squares, "w", r"\frac{2}{n} X^\top (Xw - y)"),
    (least_squares, "w", r"\frac{2}{n}X^{\mathsf{T}}\left(X w-y\right)"),
    (least_squares, "w", r"\frac2n \sum_{i=1}^{n} (\mathbf{x}_i^\top \mathbf{w} - y_i)\,x_i"),
    (least_squares, "w", r"\frac{2}{n}\sum_i X_{ij}\Bigl(\sum_k X_{ik}w_k - y_i\Bigr)"),
    (least_squares, "w", r"\nabla_w L = \frac{2}{n} X^\top r \text{ where } r = Xw - y"),
    (least_squares, "w", r"\begin{aligned} r &= Xw - y \\ g &= \tfrac{2}{n} X^{T} r \end{aligned}"),
    (least_squares, "w", "2/n (X'X w - X'y)"),
    (least_squares, "w", "2/n Σᵢ (Σⱼ Xᵢⱼ wⱼ − yᵢ) Xᵢₖ"),
    (least_squares, "w", "2/n Σ_i X_ij (Σ_k X_ik w_k - y_i)"),
    (least_squares, "w", "2/n Σᵢ xᵢ(xᵢᵀw − yᵢ)"),
    (least_squares, "w", "r = Xw - y\n2/n Σᵢ rᵢ Xᵢⱼ"),
    (softmax_regression, "W", r"\frac1n X^\top (\text{softmax}(XW + \mathbf{1}b^\top) - Y)"),
    (softmax_regression, "W", "$1/n X^T (P - Y)$"),
    (softmax_regression, "W", "1/n Σᵢ Xᵢⱼ (Pᵢₖ − Yᵢₖ)"),
    (softmax_regression, "b", "1/n Σᵢ (Pᵢₖ − Yᵢₖ)"),
    (softmax_regression, "b", r"\frac{1}{n}(P - Y)^\top \mathbf{1}"),
    (softmax_regression, "b", "1/n (P - Y)^T 1"),
    (form, "x", "(A + A')x"),
    (form, "x", "Σⱼ (Aᵢⱼ + Aⱼᵢ) xⱼ"),
    (form, "A", "xᵢxⱼ"),
    (form, "A", r"\mathbf{x}\mathbf{x}^{\top}"),
    (det, "A", r"\det(A)\,A^{-\top}"),
    (det, "A", "det(A)·A⁻ᵀ"),
    (halves, "Z", r"2 Z \odot \mathbb{1}[Z > 0]"),
    (halves, "Z", r"2 Z \circ \mathbf{1}_{Z > 0}"),
    (halves, "Z", r"2 Z \odot \mathbf{1}\{Z \ge 0\}"),
    (ratio, "y", "−xᵢ²/yᵢ²"),
    (ratio, "x", "2 x_i/y_i"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "wrt", "derivation"), RIGHT, ids=[r[2] for r in RIGHT])
def test_a_right_derivation_is_right_in_every_notation(f, wrt, derivation) -> None:
    facts = {"Y": "onehot"} if f is softmax_regression else None
    assert str(check(f, wrt, derivation, facts=facts)) == (
        "Right: it agrees with automatic differentiation at all points and sizes"
    )


WRONG = [
    (least_squares, "w", r"-\frac{2}{n} X^\top (Xw - y)", "Right up to the sign."),
    (least_squares, "w", r"\frac{1}{n} X^\top (Xw - y)", "Right up to the factor 2."),
    (least_squares, "w", "X'(X w - y)", "Right up to the factor 2/n."),
    (least_squares, "w", "-X'(X w - y)", "Right up to the factor −2/n."),
    (least_squares, "w", "2*X.T@(X@w-y)/X.shape[1]", "Right up to the factor d/n."),
    (least_squares, "w", "2/n · Σᵢ Xᵢₖ (Σⱼ Xᵢⱼ wⱼ + yᵢ)", "The sign of −2/n · Xᵀy is wrong."),
    (form, "x", "2 Σⱼ Aᵢⱼ xⱼ", "Only true if A is symmetric."),
    (form, "A", "2xᵢxⱼ", "Right up to the factor 1/2."),
    (softmax_regression, "b", "sum(P - Y, axis=1)/n", "You want (P − Y)ᵀ."),
    (
        softmax_regression, "W", "1/n X^T (softmax(XW + b𝟏ᵀ) - Y)",
        "n×k and k×? do not fit element by element; you want (b 𝟏ᵀ)ᵀ.",
    ),
    (
        least_squares, "w", "r = Xw - y\n2/n Σᵢ rᵢ Xᵢₖ wₖ",
        "Line 2: the factor w is missing at 2 / n Σᵢ (X w − y)ᵢ Xᵢₖ wₖ.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("f", "wrt", "derivation", "told"), WRONG, ids=[w[2] for w in WRONG])
def test_a_wrong_derivation_is_told_in_every_notation(f, wrt, derivation, told) -> None:
    facts = {"Y": "onehot"} if f is softmax_regression else None
    assert str(check(f, wrt, derivation, facts=facts)).splitlines()[0] == told


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("X.T @ (P - Y)", "X.T @ (P - Y)"),
        (r"\frac12 \lambda W_{q}", "(1/2) λ Wq"),
        (r"\sum_{n t} \, G_{n t f} \, U_{n t k c}", "Σₙₜ G_ntf U_ntkc"),
        (r"\sum_{i=1}^{n}\sum_{j} A_{ij}", "Σᵢ Σⱼ Aᵢⱼ"),
        (r"{X}^{2} + X^{\circ 2} - A^{-1}B^{-\top}", "X² + X∘² - A⁻¹B⁻ᵀ"),
        (r"\|x\|_2^2 + \lVert X \rVert_F", "‖x‖² + ‖ X ‖_F"),
        (r"a = b \\ c = d", "a = b\nc = d"),
        (r"\exp\left(-\frac{x}{2}\right)", "exp(-(x/2))"),
        (r"\hat{y} - \mathbf{0}", "yhat - 𝟎"),
        (r"\sqrt{d_{k}}", "√(d_{k})".replace("_{k}", "ₖ")),
    ],
)
def test_latex_becomes_the_notation_of_prints(text: str, plain: str) -> None:
    assert unlatexed(text, {"Wq", "yhat"}.__contains__) == plain


ROUND = [x for x in (*listed.REGRESSION, *listed.CLASSIFICATION) if x.title != "Lasso"]


@pytest.mark.parametrize("one", ROUND, ids=[x.title for x in ROUND])
def test_latex_that_is_printed_is_read_back(one: listed.Listed) -> None:
    wrt, order = one.questions[0]
    told = explain(one.f, wrt, order=order, facts=one.facts)
    where = [f"{latex_name(name)} = {latex(tree)}" for name, tree in told.where]
    derivation = [*where, latex(told.tree)]
    assert check(one.f, wrt, derivation, order=order, facts=one.facts)


def test_an_error_in_latex_quotes_what_was_typed() -> None:
    def loss(w: "d", X: "n d", y: "n"):
        return cr.sum((X @ w - y) ** 2)

    typed = r"\begin{aligned} r &= X w - y \\ g &= \frac{2}{1} X^\top q \end{aligned}"
    with pytest.raises(FormulaError) as caught:
        check(loss, "w", typed)
    assert str(caught.value) == (
        "there is no 'q'\n\n    g = (2/1) Xᵀ q\n                 ^\n\n"
        "  There are L, X, loss, r, w, y, and the sizes d, n.\n\n"
        r"  This was read from  g &= \frac{2}{1} X^\top q \end{aligned}"
    )
    with pytest.raises(FormulaError) as caught:
        check(loss, "w", "2*X.T@q")
    assert "read from" not in str(caught.value)
