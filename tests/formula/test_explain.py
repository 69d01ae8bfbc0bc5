"""explain: formulas of ordinary functions, in the user's names."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import stats
from chainrule.errors import FormulaError
from chainrule.formula import check, explain
from chainrule.formula.printing.notation import UNICODE
from chainrule.formula.typeset import tree as ts


def first_line(text: str) -> str:
    return " ".join(text.splitlines()[0].split())


def test_a_local_variable_gives_its_name_to_the_formula() -> None:
    def loss(W: "d k", X: "n d", Y: "n k"):
        P = cr.softmax(X @ W)
        return -cr.mean(cr.sum(Y * cr.log(P), axis=1))

    told = explain(loss, "W", facts={"Y": "simplex"})
    assert told.unicode.splitlines()[:3] == [
        "∂L/∂W = 1/n · Xᵀ(P − Y)          d×k",
        "   where  P = softmax(XW) (n×k)",
        "   assuming Y𝟏 = 𝟏",
    ]
    assert told.error < 1e-12


def test_axes_may_be_passed_instead_of_annotations() -> None:
    told = explain(lambda x, A: x @ A @ x, "x", axes={"x": "n", "A": "n n"})
    assert first_line(told.unicode).endswith("= (A + Aᵀ)x n")


def test_a_known_symmetry_is_used_and_said() -> None:
    told = explain(
        lambda x, A: x @ A @ x, "x", axes={"x": "n", "A": "n n"}, facts={"A": "symmetric"}
    )
    assert "= 2Ax" in told.unicode
    assert "assuming A = Aᵀ" in told.unicode


@pytest.mark.parametrize(
    ("w", "y", "wrt", "formula"),
    [
        ("d", "1", "w", "= 2(w − 𝟏ᵀy)  "),
        ("n d", "1 d", "w", "= 2(w − 𝟏𝟏ᵀy)  "),
        ("n d", "1 d", "y", "= −2 𝟏𝟏ᵀ(w − 𝟏𝟏ᵀy)  "),
        ("n d", "n 1", "y", "= −2(w − y𝟏𝟏ᵀ)𝟏𝟏ᵀ  "),
    ],
)
def test_a_parameter_may_have_an_axis_of_one_element(w, y, wrt, formula) -> None:
    told = explain(lambda w, y: cr.sum((w - y) ** 2), wrt, axes={"w": w, "y": y})
    assert formula in told.unicode


def test_examples_without_axis_names_give_numbers() -> None:
    told = explain(lambda x: cr.mean(x**2), "x", cr.ones(8))
    assert "¼x" in told.unicode


def test_sizes_that_hang_together_are_taken_from_the_examples() -> None:
    def total(x: "t", g: "m"):
        return g @ (x[1:] - x[:-1])

    told = explain(total, "g", cr.ones(7), cr.ones(6))
    assert told.error < 1e-12


def test_a_function_that_does_not_depend_on_its_argument_says_so() -> None:
    def f(a: "n", b: "n"):
        return cr.sum(a)

    told = explain(f, "b")
    assert told.unicode.splitlines()[0] == "∂f/∂b = 𝟎          n"
    assert "f does not depend on b" in told.unicode


def test_a_zero_that_is_none_at_first_sight_is_found() -> None:
    def f(w: "d", X: "n d"):
        u = X @ w
        return cr.sum(u**2) - w @ X.T @ X @ w

    assert explain(f, "w").unicode.startswith("∂f/∂w = 𝟎")


def test_the_hessian_of_a_matrix_is_a_kronecker_product() -> None:
    def loss(W: "d k", X: "n d", Y: "n k"):
        R = X @ W - Y
        return cr.sum(R**2)

    told = explain(loss, "W", order=2)
    assert told.unicode.splitlines()[0] == "∂²L/∂W² = 2 XᵀX ⊗ I          (d·k)×(d·k)"
    assert "vec is row-major" in told.unicode


def test_what_matrices_cannot_say_is_written_with_indices() -> None:
    def loss(W: "k c f", U: "n t k c", G: "n t f"):
        return cr.sum(G * cr.einsum("ntkc,kcf->ntf", U, W))

    assert "Σₙₜ" in explain(loss, "W").unicode


@pytest.mark.parametrize(
    ("wrt", "message"),
    [("q", "explain: f has no parameter 'q' with axes; it has x")],
)
def test_a_parameter_that_is_not_there_is_named(wrt: str, message: str) -> None:
    def f(x: "n"):
        return cr.sum(x)

    with pytest.raises(FormulaError) as caught:
        explain(f, wrt)
    assert str(caught.value) == message


def test_a_parameter_without_axes_is_named() -> None:
    with pytest.raises(FormulaError) as caught:
        explain(lambda x: cr.sum(x), "x")
    assert str(caught.value) == (
        "the shape of x is not known\n\n"
        '  Annotate it with the names of its axes, as in x: "n d", pass axes={"x": "n d"}, or '
        'example arguments.\n  On the command line: --axes x="n d".'
    )


def test_a_formula_that_cannot_be_checked_anywhere_is_not_shown() -> None:
    def f(x: "n"):
        return cr.sum(cr.sqrt(-1 - x**2))

    with pytest.raises(FormulaError) as caught:
        explain(f, "x")
    assert str(caught.value) == (
        "explain: no formula of f could be checked: its derivative is undefined or "
        "ill-conditioned at all of 20 random points\n\n"
        '  Say what is known of its parameters, as in facts={"A": "spd", "x": "positive"}.'
    )


def test_integers_that_are_not_equal_are_a_mask() -> None:
    def f(x: "n", a: "n", b: "n"):
        return cr.sum(cr.where(a != b, x, 0.0))

    assert explain(f, "x", facts={"a": "integer<3", "b": "integer<3"}).error < 1e-12


def huber(w: "d", X: "n d", y: "n", delta: ""):
    r = X @ w - y
    a = cr.abs(r)
    return cr.sum(cr.where(a <= delta, r**2 / 2, delta * (a - delta / 2)))


def test_two_branches_are_a_clip_only_where_the_bound_is_positive() -> None:
    told = explain(huber, "w", facts={"delta": "positive"})
    assert UNICODE(told.tree) == "Xᵀclip(r, −δ, δ)"
    assert told.assumptions == ("δ > 0",)
    unknown = explain(huber, "w")
    assert UNICODE(unknown.tree) == "Xᵀ(δ·(sign(r) ⊙ [a > δ]) + r ⊙ [a ≤ δ])"


def test_a_name_that_the_function_does_not_use_may_stand_in_its_derivative() -> None:
    def loss(w: "d", X: "n d", y: "n"):
        z = X @ w
        p = cr.sigmoid(z)  # noqa: F841 — as in a program that also reports p
        return cr.sum(cr.softplus(z) - y * z)

    assert UNICODE(explain(loss, "w").tree) == "Xᵀ(p − y)"


def test_rows_of_one_number_do_not_spoil_the_check_of_a_normalization() -> None:
    def rows(X: "n d", G: "n d", eps=1e-5):
        m = cr.mean(X, axis=1, keepdims=True)
        s = cr.sqrt(cr.mean((X - m) ** 2, axis=1, keepdims=True) + eps)
        return cr.sum(G * (X - m) / s)

    assert explain(rows, "X").error < 1e-9


def attend(Q: "n h t e", K: "n h s e", V: "n h s e", G: "n h t e"):
    S = cr.einsum("nhte,nhse->nhts", Q, K) / Q.shape[3] ** 0.5
    A = cr.softmax(S, axis=-1)
    return cr.sum(G * cr.einsum("nhts,nhse->nhte", A, V))


def test_attention_of_several_heads_is_written_with_indices() -> None:
    told = explain(attend, "V")
    assert str(told).splitlines()[:2] == [
        "∂attend/∂Vₙₕₛₑ = Σₜ Aₙₕₜₛ Gₙₕₜₑ          n×h×s×e",
        "   where  Sₙₕₜₛ = 1/√e · Σₑ Kₙₕₛₑ Qₙₕₜₑ (n×h×t×s)   A = softmax(S) (n×h×t×s)",
    ]
    assert explain(attend, "Q").error < 1e-12


def test_functions_and_roots_of_index_notation_are_read_at_the_labels_outside() -> None:
    def normalized(X: "n t c", g: "c", G: "n t c"):
        return cr.sum(G * cr.sin(cr.layer_norm(X, g)))

    told = explain(normalized, "g")
    assert told.error < 1e-12
    assert UNICODE(told.tree).endswith("/ √(10⁻⁵ + 1/c · Σᵢ (Xₙₜᵢ − 1/c · Σⱼ Xₙₜⱼ)²)")


def test_elements_alone_need_no_labels() -> None:
    def f(X: "n t c", G: "n t c"):
        return cr.sum(G * cr.sin(X))

    assert UNICODE(explain(f, "X").tree) == "G ⊙ cos(X)"


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_log_sum_exp_along_any_axis_of_three(axis: int) -> None:
    def f(X: "n t c"):
        return cr.sum(cr.sin(cr.logsumexp(X, axis=axis)))

    assert explain(f, "X").error < 1e-12


def test_what_holds_for_these_sizes_only_says_so() -> None:
    def somewhere(x: "n"):
        return x[(len(x) ** 2 + len(x)) % 4] ** 2

    told = explain(somewhere, "x")
    assert UNICODE(told.tree) == "2x[2]·e₂"
    assert told.notes == ("for n = 5 only: an index of the program is another at other sizes",)

    def every_fifth(x: "n"):
        return cr.sum(x[::5] ** 2)

    told = explain(every_fifth, "x")
    assert UNICODE(told.tree) == "2 place(x[::5], [::5])"
    assert told.notes == ("for n = 5 only: a size of the program is another at other sizes",)

    def tilted(x: "n"):
        return cr.sum(x**2) * math.cos(len(x))

    told = explain(tilted, "x")
    assert told.notes == ("for n = 5 only: a number of the program is another at other sizes",)


def test_slices_tell_their_ends_and_padding_its_zeros() -> None:
    def first(x: "n"):
        return cr.sum(x[:3] ** 2)

    def rough(x: "n"):
        return cr.sum((x[1:] - x[:-1]) ** 2)

    def pooled(X: "n 2", g: "n"):
        return cr.sum(g * cr.maximum(X[:, 0], X[:, 1]))

    assert UNICODE(explain(first, "x", np.ones(7)).tree) == "2 pad(x[:3], 0, n−3)"
    assert UNICODE(explain(rough, "x").tree) == (
        "2(pad(x[1:] − x[:−1], 1, 0) − pad(x[1:] − x[:−1], 0, 1))"
    )
    assert UNICODE(explain(pooled, "X").tree) == (
        "(g ⊙ [X[:, 0] > X[:, 1]])e₀ᵀ + (g ⊙ [X[:, 1] > X[:, 0]])e₁ᵀ"
    )


@pytest.mark.parametrize("axes", ["n", "n d"])
def test_the_jacobian_of_one_number_is_its_gradient(axes: str) -> None:
    def total(x: Any) -> Any:
        return cr.sum(cr.exp(x))

    told = explain(total, "x", axes={"x": axes}, order="jacobian")
    assert told.unicode.splitlines()[0].split() == [
        "∂total/∂x",
        "=",
        "exp(x)",
        axes.replace(" ", "×"),
    ]
    assert check(total, "x", "exp(x)", axes={"x": axes}, order="jacobian").verdict == "right"
    assert check(total, "x", "2 exp(x)", axes={"x": axes}, order="jacobian").verdict != "right"


def test_a_program_with_other_steps_at_each_size_is_explained_at_one() -> None:
    told = explain(lambda x: cr.sum(cr.cumulative_prod(x)), "x", axes={"x": "n"})
    assert any("only" in note for note in told.notes)


def test_numbers_that_meet_are_multiplied() -> None:
    """2 beside 2 was printed as 22."""
    told = explain(lambda X: cr.sum(stats.covariance(X, correction=0) ** 2), "X", axes={"X": "n d"})
    assert first_line(told.unicode).startswith("∂f/∂X = 4/n² · (X − 1/n · 𝟏𝟏ᵀX)")
    two = ts.Number((), Fraction(2))
    assert UNICODE(ts.Product((), (two, two))) == "2·2"


def test_a_formula_is_that_of_one_value() -> None:
    wanted = {
        lambda x: (x, x): ("2 Tensors", "lambda x: f(x)[0] gives the first one."),
        lambda x: None: ("no Tensor", "Does it lack a return?"),
    }
    for f, (given, remedy) in wanted.items():
        with pytest.raises(FormulaError) as caught:
            explain(f, "x", axes={"x": "n"})
        told = f"f gives {given}, and a formula is that of one\n\n  {remedy}"
        assert str(caught.value) == told


def test_a_derivation_of_what_is_0_is_told_that_it_is() -> None:
    told = check(lambda x: cr.sum(cr.floor(x)), "x", "x", axes={"x": "n"})
    assert told.message == "the derivative is 0"


def test_places_counted_from_the_end_hold_at_one_size() -> None:
    """Such an index is another number at other sizes; it was read outside of the array."""
    told = explain(lambda X: cr.sum(X[:, cr.tensor([0, -1])] ** 2), "X", axes={"X": "m n"})
    assert first_line(told.unicode) == "∂f/∂X = 2XSᵀS m×n"
    assert "for m = 5, n = 7 only: an index of the program is another at other sizes" in told.notes


def test_a_formula_that_has_no_value_says_so() -> None:
    with pytest.raises(FormulaError, match="has no value at some sizes"):
        explain(lambda X: cr.sum(cr.softmax(X[:0]) ** 2), "X", axes={"X": "n"})
