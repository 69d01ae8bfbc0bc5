"""Joined arrays: block matrices, parts that are read back, and triangles of matrices."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ShapeError
from chainrule.formula import check, explain
from chainrule.formula.printing.notation import ASCII, UNICODE
from tests.formula.test_code import run


def below(A: "n d", B: "m d"):
    return cr.concat([A, B], axis=0)


def beside(A: "n d", B: "n k"):
    return cr.concat([A, B], axis=1)


def mapped(u: "n", v: "m", M: "k n", N: "p m"):
    return cr.concat([M @ u, cr.tanh(N @ v), v])


def thrice(u: "n", v: "n"):
    return cr.concat([u, 2 * u, u * v])


def read_again(u: "n", v: "m", w: "p"):
    z = cr.concat([u, v, w])
    return cr.sum(cr.exp(z) * z)


def linear(W: "h k", x: "n", s: "m", U: "k n", V: "k m"):
    z, C = cr.concat([x, s]), cr.concat([U, V], axis=1)
    return cr.sum(cr.tanh(W @ (C @ z)))


def polynomial(w: "3", x: "n", y: "n"):
    A = cr.stack([cr.ones(x.shape), x, x**2], axis=1)
    r = A @ w - y
    return cr.sum(r**2)


def skipped(W: "d h", X: "n d"):
    H = cr.relu(X @ W)
    C = cr.concat([X, H], axis=1)
    return cr.sum(C**2)


def lower(x: "n", A: "n n"):
    return cr.tril(A) @ x


def strict(A: "n n", x: "n"):
    return cr.sum((cr.triu(A, 1) @ x) ** 2)


def every_other(x: "n"):
    return cr.sum(cr.exp(x[::2]))


def dense(W: "d k", X: "n d"):
    return cr.tanh(X @ W)


def two_widths(A: "n d", B: "m k"):
    return cr.concat([A, B])


LISTED: list[tuple[Any, str, Any, str]] = [
    (below, "A", "jacobian", "[I; 𝟎] ⊗ I"),
    (below, "B", "jacobian", "[𝟎; I] ⊗ I"),
    (beside, "B", "jacobian", "I ⊗ [𝟎; I]"),
    (mapped, "u", "jacobian", "[M; 𝟎; 𝟎]"),
    (mapped, "v", "jacobian", "[𝟎; diag(1 − tanh(Nv)²)N; I]"),
    (mapped, "M", "jacobian", "[I; 𝟎; 𝟎] ⊗ uᵀ"),
    (thrice, "u", "jacobian", "[I; 2I; diag(v)]"),
    (read_again, "v", 1, "exp(v) ⊙ (1 + v)"),
    (read_again, "v", 2, "diag(exp(v) ⊙ (2 + v))"),
    (linear, "x", 1, "UᵀWᵀ(1 − tanh(WCz)²)"),
    (linear, "U", 1, "Wᵀ(1 − tanh(WCz)²)xᵀ"),
    (linear, "s", 2, "−2VᵀWᵀdiag(tanh(WCz) ⊙ (1 − tanh(WCz)²))WV"),
    (polynomial, "w", 1, "2Aᵀr"),
    (skipped, "W", 1, "2XᵀH"),
    (lower, "x", "jacobian", "tril(A)"),
    (strict, "A", 1, "2 triu(triu(A, 1)xxᵀ, 1)"),
    (every_other, "x", 1, "place(exp(x[::2]), [::2])"),
    (every_other, "x", 2, "I[::2, :]ᵀdiag(exp(x[::2]))I[::2, :]"),
    (dense, "W", "jacobian", "diag(vec(1 − dense∘²))(X ⊗ I)"),
]


@pytest.mark.parametrize(("f", "wrt", "order", "shown"), LISTED)
def test_a_join_is_a_block_matrix_and_is_read_back(
    f: Any, wrt: str, order: Any, shown: str
) -> None:
    told = explain(f, wrt, order=order)
    assert UNICODE(told.tree) == shown
    assert told.error < 1e-9
    assert not any("only" in note for note in told.notes)
    assert check(f, wrt, shown.replace("dense", "tanh(XW)"), order=order).verdict == "right"


def gated(x: "n", s: "m", W: "k n", U: "l m"):
    h = cr.tanh(cr.concat([W @ x, U @ s]))
    return cr.sum(h**2)


def widened(W: "n p", U: "n a", V: "n b"):
    return cr.sum(cr.tanh(W.T @ cr.concat([U, V], axis=1)))


def running(x: "n"):
    return cr.sum((cr.tril(cr.ones(x.shape * 2)) @ x) ** 2)


def head_and_tail(x: "n"):
    return cr.sum(x[1:] * x[:-1])


RIGHT: list[tuple[Any, str, Any, str]] = [
    (gated, "x", 1, "2[Wᵀ, 𝟎](h ⊙ (1 − h²))"),
    (gated, "x", 1, "2[W; 𝟎]ᵀ(h ⊙ (1 − h²))"),
    (widened, "W", 1, "[U, V](1 − tanh(Wᵀ[U, V])∘²)ᵀ"),
    (polynomial, "w", 1, "2[𝟏, x, x²]ᵀ([𝟏, x, x²]w − y)"),
    (running, "x", 1, "2 tril(𝟏𝟏ᵀ)ᵀtril(𝟏𝟏ᵀ)x"),
    (head_and_tail, "x", 1, "place(x[1:], [:-1]) + place(x[:-1], [1:])"),
    (strict, "A", 1, "2 triu(triu(A, 1)xxᵀ, 1)"),
]


@pytest.mark.parametrize(("f", "wrt", "order", "text"), RIGHT)
def test_another_form_is_right_too(f: Any, wrt: str, order: Any, text: str) -> None:
    assert check(f, wrt, text, order=order).verdict == "right"


WRONG: list[tuple[Any, str, Any, str]] = [
    (below, "A", "jacobian", "I ⊗ [I; 𝟎]"),
    (below, "A", "jacobian", "[I, 𝟎] ⊗ I"),
    (beside, "B", "jacobian", "I ⊗ [I; 𝟎]"),
    (mapped, "u", "jacobian", "[𝟎; M; 𝟎]"),
    (mapped, "v", "jacobian", "[𝟎; N; I]"),
    (thrice, "u", "jacobian", "I + 2I + diag(v)"),
    (read_again, "v", 1, "exp(z) ⊙ (1 + z)"),
    (linear, "x", 1, "CᵀWᵀ(1 − tanh(WCz)²)"),
    (gated, "x", 1, "2[W; 𝟎]ᵀ(h ⊙ (1 − h))"),
    (gated, "x", 1, "2[𝟎, Wᵀ](h ⊙ (1 − h²))"),
    (polynomial, "w", 1, "2[x, 𝟏, x²]ᵀr"),
    (lower, "x", "jacobian", "tril(A, 1)"),
    (strict, "A", 1, "2 triu(triu(A, 1)xxᵀ)"),
    (running, "x", 1, "2 tril(𝟏𝟏ᵀ)tril(𝟏𝟏ᵀ)ᵀx"),
    (every_other, "x", 1, "place(exp(x[1::2]), [::2])"),
    (every_other, "x", 2, "I[::2, :]diag(exp(x[::2]))I[::2, :]"),
    (head_and_tail, "x", 1, "place(x[1:], [1:]) + place(x[:-1], [:-1])"),
]


@pytest.mark.parametrize(("f", "wrt", "order", "text"), WRONG)
def test_a_wrong_block_slice_or_triangle_is_refused(
    f: Any, wrt: str, order: Any, text: str
) -> None:
    assert check(f, wrt, text, order=order).verdict != "right"


def test_a_block_matrix_has_every_print() -> None:
    told = explain(thrice, "u", order="jacobian")
    assert ASCII(told.tree) == "[I; 2 I; diag(v)]"
    assert r"\begin{bmatrix}I \\ 2 I \\ \operatorname{diag}(v)\end{bmatrix}" in told.latex
    assert told.mathml.count("<mtr>") == 3
    assert told.pretty().splitlines()[:3] == [
        " ∂thrice    ⎡   I   ⎤",
        "───────── = ⎢   2I  ⎥          3n×n",
        "    ∂u      ⎣diag(v)⎦",
    ]
    u, v = np.arange(3.0), np.array([2.0, 0.5, 1.0])
    found = run(told.python, {"u": u, "v": v}, "np")
    np.testing.assert_array_equal(found, np.vstack([np.eye(3), 2 * np.eye(3), np.diag(v)]))


def test_a_definition_joins_rows_columns_and_numbers() -> None:
    def line(a: "", b: "", x: "n", y: "n"):
        w, A = cr.stack([a, b]), cr.stack([cr.ones(x.shape), x], axis=1)
        return cr.sum((A @ w - y) ** 2)

    told = explain(line, "a")
    assert "w = [a; b] (2)   A = [𝟏, x] (n×2)" in str(told)
    assert UNICODE(explain(line, "b", order=2).tree) == "2‖x‖²"


def test_names_of_axes_need_not_agree_along_the_joined_one() -> None:
    with pytest.raises(ShapeError, match="meets axis 'k'"):
        cr.trace(two_widths)(cr.ones((2, 3)), cr.ones((4, 3)))


def test_blocks_of_derivatives_through_a_join_have_formulas() -> None:
    g = np.random.default_rng(0)
    W, M, N = (cr.tensor(g.standard_normal(s)) for s in ((6, 7), (5, 4), (2, 3)))
    u, v = cr.tensor(g.standard_normal(4)), cr.tensor(g.standard_normal(3))

    def energy(u, v):
        z = cr.concat([u, v])
        return cr.sum(cr.exp(W @ z))

    def net(u, v):
        return cr.concat([M @ u, cr.tanh(N @ v), v])

    found = cr.hessian(energy, argnums=(0, 1))(u, v)
    scale = np.exp(W.numpy() @ np.concatenate([u.numpy(), v.numpy()]))
    np.testing.assert_allclose(found.matrix().numpy(), W.numpy().T @ (scale[:, None] * W.numpy()))
    assert found.formula.splitlines()[2:4] == [
        "∂²energy/∂u∂v = W[:, :4]ᵀdiag(exp(Wz))W[:, 4:]", "   where  z = [u; v]",
    ]  # fmt: skip
    assert cr.jacobian(net, argnums=(0, 1))(u, v).formula.splitlines() == [
        "∂net/∂u = [M; 𝟎; 𝟎]", "∂net/∂v = [𝟎; diag(1 − tanh(Nv)²)N; I]",
    ]  # fmt: skip


def test_windows_of_images_have_no_formula_but_a_structure() -> None:
    image = cr.ones((1, 1, 6, 6))
    found = cr.jacobian(lambda K: cr.conv2d(image, K))(cr.ones((1, 1, 3, 3)))
    assert found.formula == found.structure


def test_slices_of_arrays_with_many_axes_have_no_formula_but_a_structure() -> None:
    found = cr.jacobian(lambda x: x[:, :, 1:, 1:])(cr.ones((2, 3, 4, 5)))
    assert found.formula == found.structure == "Kronecker(I, I, S₁, S₂)"
