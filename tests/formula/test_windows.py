"""Convolutions and pooling: windows in index notation, as one writes them on a board."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.formula import check, explain
from chainrule.formula.grading.program import program
from chainrule.formula.printing.latex import latex
from chainrule.formula.printing.notation import ASCII, UNICODE


def filtered(x: "t", w: "l"):
    y = cr.conv1d(x[None, None, :], w[None, None, :])[0, 0]
    return cr.sum(y**2) / 2


def channels(X: "n c t", W: "k c l"):
    Y = cr.conv1d(X, W)
    return cr.sum(Y**2) / 2


def image(X: "1 1 h w", K: "1 1 3 3"):
    Y = cr.conv2d(X, K)
    return cr.sum(Y**2) / 2


def layer(X: "n c h w", W: "k c r s", b: "k"):
    Z = cr.conv2d(X, W) + b[:, None, None]
    H = cr.relu(Z)
    return cr.sum(H**2) / 2


def strided(X: "n c h w", W: "k c 3 3"):
    Y = cr.conv2d(X, W, stride=2)
    return cr.mean(Y**2)


def padded(X: "n c h w", W: "k c 3 3"):
    Y = cr.conv2d(X, W, padding="same")
    return cr.mean(Y**2)


def dilated(X: "n c h w", W: "k c 3 3"):
    Y = cr.conv2d(X, W, dilation=2)
    return cr.sum(Y**2) / 2


def both(X: "n c t", W: "k c 3"):
    Y = cr.conv1d(X, W, padding=2, stride=2, dilation=2)
    return cr.sum(Y**2) / 2


def depthwise(X: "n c h w", W: "c 1 3 3"):
    Y = cr.conv2d(X, W, groups=X.shape[1])
    return cr.sum(Y**2) / 2


def spread(X: "n c h w", W: "c f 3 3"):
    Y = cr.conv_transpose2d(X, W)
    return cr.sum(Y**2) / 2


def averaged(X: "n c t"):
    P = cr.avg_pool1d(X, 2)
    return cr.sum(P**2)


def largest(X: "n c h w"):
    P = cr.max_pool2d(X, 2)
    return cr.sum(P**2) / 2


def overlapping(X: "n c t"):
    P = cr.max_pool1d(X, 3, stride=2)
    return cr.sum(P**2) / 2


def decayed(X: "n c t", W: "k c 3", lam=0.1):
    Y = cr.conv1d(X, W)
    return cr.sum(Y**2) / 2 + lam * cr.sum(W**2)


def summed(X: "n c t", W: "k c 3"):
    return cr.sum(cr.conv1d(X, W))


LISTED: list[tuple[Callable[..., Any], str, str, dict[str, str]]] = [
    (filtered, "w", "Σᵢ yᵢ x[i+l]", {"y": "Σₗ wₗ x[i+l]"}),
    (filtered, "x", "Σₗ wₗ y[t−l]", {"y": "Σₗ wₗ x[i+l]"}),
    (channels, "W", "Σₙᵢ Yₙₖᵢ X[n, c, i+l]", {"Y": "Σcₗ Wₖcₗ X[n, c, i+l]"}),
    (channels, "X", "Σₖₗ Wₖcₗ Y[n, k, t−l]", {"Y": "Σcₗ Wₖcₗ X[n, c, i+l]"}),
    (image, "K", "Σᵢⱼ Yᵢⱼ X[0, 0, i+u, j+v]", {"Y": "Σᵤᵥ K[0, 0, u, v] X[0, 0, i+u, j+v]"}),
    (image, "X", "Σᵤᵥ K[0, 0, u, v] Y[h−u, w−v]", {"Y": "Σᵤᵥ K[0, 0, u, v] X[0, 0, i+u, j+v]"}),
    (layer, "W", "Σₙᵢⱼ Hₙₖᵢⱼ X[n, c, i+r, j+s]",
     {"Z": "Σcᵣₛ Wₖcᵣₛ X[n, c, i+r, j+s] + bₖ", "H": "relu(Z)"}),
    (layer, "X", "Σₖᵣₛ Wₖcᵣₛ H[n, k, h−r, w−s]",
     {"Z": "Σcᵣₛ Wₖcᵣₛ X[n, c, i+r, j+s] + bₖ", "H": "relu(Z)"}),
    (layer, "b", "Σₙᵢⱼ Hₙₖᵢⱼ",
     {"Z": "Σcᵣₛ Wₖcᵣₛ X[n, c, i+r, j+s] + bₖ", "H": "relu(Z)"}),
    (strided, "W", "2/(k n ⌊(h−1)/2⌋ ⌊(w−1)/2⌋) · Σₙᵢⱼ Yₙₖᵢⱼ X[n, c, 2i+u, 2j+v]",
     {"Y": "Σcᵤᵥ Wₖcᵤᵥ X[n, c, 2i+u, 2j+v]"}),
    (strided, "X", "2/(k n ⌊(h−1)/2⌋ ⌊(w−1)/2⌋) · Σₖᵢⱼ Yₙₖᵢⱼ W[k, c, h−2i, w−2j]",
     {"Y": "Σcᵤᵥ Wₖcᵤᵥ X[n, c, 2i+u, 2j+v]"}),
    (padded, "W", "2/(hknw) · Σₙₕw Yₙₖₕw X[n, c, h+u−1, w+v−1]",
     {"Y": "Σcᵤᵥ Wₖcᵤᵥ X[n, c, h+u−1, w+v−1]"}),
    (padded, "X", "2/(hknw) · Σₖᵤᵥ Wₖcᵤᵥ Y[n, k, h−u+1, w−v+1]",
     {"Y": "Σcᵤᵥ Wₖcᵤᵥ X[n, c, h+u−1, w+v−1]"}),
    (dilated, "X", "Σₖᵤᵥ Wₖcᵤᵥ Y[n, k, h−2u, w−2v]",
     {"Y": "Σcᵤᵥ Wₖcᵤᵥ X[n, c, i+2u, j+2v]"}),
    (both, "X", "Σₖᵢᵤ [t = 2i+2u−2] Wₖcᵤ Yₙₖᵢ", {"Y": "Σcᵤ Wₖcᵤ X[n, c, 2i+2u−2]"}),
    (depthwise, "W", "Σₙᵢⱼ Yₙcᵢⱼ X[n, c, i+u, j+v]",
     {"Y": "Σᵤᵥ W[c, 0, u, v] X[n, c, i+u, j+v]"}),
    (spread, "X", "Σfᵤᵥ W_cfuv Y[n, f, h+u, w+v]", {"Y": "Σcᵤᵥ W_cfuv X[n, c, i−u, j−v]"}),
    (averaged, "X", "P[n, c, ⌊t/2⌋]", {"P": "½ · Σ_{u<2} X[n, c, 2i+u]"}),
    (largest, "X", "[Xₙcₕw = P[n, c, ⌊h/2⌋, ⌊w/2⌋]] P[n, c, ⌊h/2⌋, ⌊w/2⌋]",
     {"P": "max_{u,v<2}(X[n, c, 2i+u, 2j+v])"}),
    (overlapping, "X", "Σᵢ Σ_{u<3} [t = 2i+u] [Xₙcₜ = Pₙcᵢ] Pₙcᵢ",
     {"P": "max_{u<3}(X[n, c, 2i+u])"}),
    (decayed, "W", "2λ · Wₖcᵤ + Σₙᵢ Yₙₖᵢ X[n, c, i+u]", {"Y": "Σcᵤ Wₖcᵤ X[n, c, i+u]"}),
    (summed, "W", "Σₙ Σ_{i<t−2} X[n, c, i+u]", {}),
    (summed, "X", "Σₖ Σ_{i<t−2} W[k, c, t−i]", {}),
]  # fmt: skip


@pytest.mark.parametrize(("f", "wrt", "formula", "where"), LISTED)
def test_a_convolution_is_written_with_indices(
    f: Any, wrt: str, formula: str, where: dict[str, str]
) -> None:
    told = explain(f, wrt)
    assert UNICODE(told.tree) == formula
    assert {name: UNICODE(tree) for name, tree in told.where} == where
    assert not any("only" in note for note in told.notes)


@pytest.mark.parametrize(("f", "wrt", "formula", "where"), LISTED)
def test_it_is_read_back_in_each_notation(
    f: Any, wrt: str, formula: str, where: dict[str, str]
) -> None:
    tree = explain(f, wrt).tree
    for text in (formula, latex(tree), ASCII(tree).replace("lambda", "lam")):
        assert check(f, wrt, text).verdict == "right", text


@pytest.mark.parametrize(("f", "wrt"), [entry[:2] for entry in LISTED])
def test_the_python_texts_of_it_run(f: Any, wrt: str) -> None:
    told, point = explain(f, wrt), program(f, wrt).points[0]
    arrays = {n: v for n, v in point.arguments.items() if isinstance(v, np.ndarray)}
    plain: dict[str, Any] = {"np": np, "lam": 0.1, **arrays}
    exec(told.python, plain)
    np.testing.assert_allclose(plain[f"d{wrt}"], point.truth, rtol=1e-10, atol=1e-12)
    own: dict[str, Any] = {"cr": cr, "np": np, "lam": 0.1}
    own |= {n: cr.tensor(v) for n, v in arrays.items()}
    exec(told.chainrule, own)
    np.testing.assert_allclose(own[f"d{wrt}"].numpy(), point.truth, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("f", "wrt", "derivation", "verdict"), [
    (channels, "X", "Σₖₗ Wₖcₗ Y[n, k, t+l]", "right up to"),  # the sign of l is wrong
    (channels, "X", "Σₖᵤ Wₖcᵤ Y[n, k, t-u]", "right"),
    (channels, "X", "Σₖᵢ Yₙₖᵢ W[k, c, t-i]", "right"),
    (channels, "W", "2 Σₙᵢ Yₙₖᵢ X[n, c, i+l]", "right up to"),
    (filtered, "w", "sum_i y_i x[i + l]", "right"),
    (filtered, "w", r"\sum_j y_j x_{j+l}", "right"),
    (averaged, "X", "P[n, c, floor(t/2)]", "right"),
    (averaged, "X", "Σᵢ Σ_{u<2} [t = 2i+u] Pₙcᵢ", "right"),
    (averaged, "X", "Σᵢ Σ_{u<3} [t = 2i+u] Pₙcᵢ", "wrong"),
])  # fmt: skip
def test_derivations_with_windows_are_graded(
    f: Any, wrt: str, derivation: str, verdict: str
) -> None:
    assert check(f, wrt, derivation).verdict == verdict


def test_too_few_indices_are_told_with_the_shape() -> None:
    told = check(channels, "X", "Σₖₗ Wₖcₗ Y[n, t-l]")
    assert told.message.startswith("2 indices for the shape n×k×(t−l+1)")


def test_a_label_that_no_array_bounds_keeps_its_bound() -> None:
    def squares(X: "n c t", W: "k c 3"):
        return cr.sum(cr.conv1d(X, W) ** 2)

    told = explain(squares, "X", expand=True)
    assert UNICODE(told.tree) == (
        "2 · Σₖₗᵤ Σ_{i<t−2} Wₖₗᵤ W[k, c, t−i] X[n, l, i+u]"
    )  # not Σₖₗᵤᵥ Wₖcᵥ Wₖₗᵤ X[n, l, t−v+u], where i = t − v is no place of a window


def test_what_goes_through_two_layers_is_told_block_by_block() -> None:
    def net(X: "n c h w", K1: "f c 3 3", K2: "g f 3 3"):
        H = cr.relu(cr.conv2d(X, K1))
        Y = cr.conv2d(H, K2)
        return cr.sum(Y**2) / 2

    told = explain(net, "K1")
    assert told.unicode.splitlines()[0] == (
        "∂net/∂K1_fcuv = Σₙᵢⱼ δz₁ₙfᵢⱼ X[n, c, i+u, j+v]          f×c×3×3"
    )
    assert {n: UNICODE(t) for n, t in told.where} == {
        "z₁": "Σcᵤᵥ K1_fcuv X[n, c, i+u, j+v]", "H": "relu(z₁)",
        "Y": "Σfᵤᵥ K2_gfuv H[n, f, i+u, j+v]", "δY": "Y",
        "δH": "Σgᵤᵥ K2_gfuv δY[n, g, i−u, j−v]", "δz₁": "δH ⊙ [z₁ > 0]",
    }  # fmt: skip
    assert "zero outside of δY" in told.notes
    assert any(
        note.startswith("kink: at Σcᵤᵥ K1_fcuv X[n, c, i+u, j+v] = 0") for note in told.notes
    )


def test_the_labels_of_rows_and_columns_stand_at_the_left_side() -> None:
    def slid(x: "t", w: "3"):
        return cr.conv1d(x[None, None, :], w[None, None, :])[0, 0]

    def first(told: Any) -> str:
        return told.unicode.splitlines()[0].split("   ")[0]

    assert first(explain(slid, "w", order="jacobian")) == "∂slidᵢ/∂wᵤ = x[i+u]"
    assert first(explain(slid, "x", order="jacobian")) == "∂slidᵢ/∂xₜ = Σᵤ wᵤ [t = i+u]"
    assert first(explain(filtered, "w", order=2)) == "∂²filtered/∂wₗ∂wᵤ = Σ_{i<t−l+1} x[i+l] x[i+u]"


def test_the_sizes_of_windows_have_names() -> None:
    told = explain(largest, "X")
    assert [tree.dims for _, tree in told.where] == [("n", "c", "⌊h/2⌋", "⌊w/2⌋")]

    def pooled(X: "n c h w", W: "k c 3 3"):
        P = cr.max_pool2d(cr.conv2d(X, W), 2)
        return cr.mean(P) ** 2

    told = explain(pooled, "W")
    assert ("n", "k", "⌊(h−2)/2⌋", "⌊(w−2)/2⌋") in [tree.dims for _, tree in told.where]


def test_in_latex_the_indices_stand_below() -> None:
    assert latex(explain(padded, "X").tree).endswith(
        r"\sum_{k u v} \, W_{k c u v} \, Y_{n,k,h-u+1,w-v+1}"
    )
    assert latex(explain(averaged, "X").tree) == r"P_{n,c,\lfloor t/2\rfloor}"
    assert "{\\max}_{u,v<2}(X_{n,c,2 i+u,2 j+v})" in explain(largest, "X").latex


def test_the_shapes_stand_below_the_factors() -> None:
    rows = explain(channels, "X").pretty().splitlines()
    assert rows[1].startswith("─")
    assert "[n, k, t−l]" in rows[1]
    assert rows[2].split() == ["∂Xₙcₜ", "kl", "k×c×l", "n×k×(t−l+1)"]


def test_the_board_of_a_convolution_is_told_in_steps() -> None:
    told = str(explain(layer, "X", steps=True))
    assert " 3  X\n      gradient  δXₙcₕw = Σₖᵣₛ Wₖcᵣₛ δZ[n, k, h−r, w−s]" in told
    told = str(explain(layer, "W", steps=True))
    assert "local     ∂Zₙₖᵢⱼ/∂Wₗcᵣₛ = Iₖₗ X[n, c, i+r, j+s]" in told
