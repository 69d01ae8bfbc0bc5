"""Derivatives of functions that users write, as a teacher would write them down."""

# ruff: noqa: F722, F821, ANN, N803 — the annotations are names of axes

from typing import Any

import pytest

import chainrule as cr
from chainrule.formula import check, explain
from chainrule.formula.printing.notation import UNICODE


def elbo(mu: "n k", s: "n k", E: "n k", W: "k d", X: "n d"):
    Z = mu + cr.exp(s / 2) * E
    R = Z @ W - X
    return 0.5 * cr.sum(R**2) - 0.5 * cr.sum(1 + s - mu**2 - cr.exp(s))


def group_lasso(W: "d k", X: "n d", Y: "n k", lam: ""):
    return 0.5 * cr.sum((X @ W - Y) ** 2) + lam * cr.sum(cr.sqrt(cr.sum(W**2, axis=1)))


def laplacian(F: "n k", A: "n n", Y: "n k", lam: ""):
    L = cr.eye(A.shape[0]) * cr.sum(A, axis=1)[:, None] - A
    return cr.sum((F - Y) ** 2) + lam * cr.linalg.trace(F.T @ L @ F)


def contrastive(Q: "n d", K: "n d", tau: ""):
    S = Q @ K.T / tau
    return cr.mean(cr.logsumexp(S, axis=1) - cr.linalg.diagonal(S))


def focal(z: "n", y: "n"):
    p = cr.sigmoid(z)
    return -cr.sum(y * (1 - p) ** 2 * cr.log(p) + (1 - y) * p**2 * cr.log(1 - p))


def dice(p: "n", y: "n"):
    return 1 - 2 * cr.sum(p * y) / (cr.sum(p) + cr.sum(y))


def cox(w: "d", X: "n d", R: "n n", e: "n"):
    s = X @ w
    return -cr.sum(e * (s - cr.log(R @ cr.exp(s))))


def gated(W: "h h", x: "h", s: "h", g: "h"):
    z = cr.sigmoid(W @ s + x)
    return g @ ((1 - z) * s + z * x)


def whitened(W: "k d", X: "n d"):
    Z = X @ W.T
    C = Z.T @ Z / X.shape[0]
    return cr.sum((C - cr.eye(W.shape[0])) ** 2)


CURVED = (
    "block-diagonal over n: ½ (diag(exp(sₙ)) + ½ diag(exp(½ sₙ) ⊙ eₙ)WWᵀdiag(exp(½ sₙ) ⊙ eₙ) "
    "+ ½ diag(W rₙ ⊙ exp(½ sₙ) ⊙ eₙ))"
)
LISTED: list[tuple[Any, str, Any, str]] = [
    (elbo, "mu", 1, "RWᵀ + μ"),
    (elbo, "mu", 2, "I + I ⊗ WWᵀ"),
    (elbo, "s", 2, CURVED),
    (group_lasso, "W", 1, "λ·diag(1 ⊘ √(W∘²𝟏))W + Xᵀ(XW − Y)"),
    (group_lasso, "W", 2,
     "(block-diagonal over d: λ(1/‖w_d‖ · I − w_d w_dᵀ / ‖w_d‖³)) + XᵀX ⊗ I"),
    (laplacian, "F", 1, "2(λLF + F − Y)"),
    (laplacian, "F", 2, "2(I + λ·(L ⊗ I))"),
    (contrastive, "Q", 1, "1/(τn) · (P − I)K"),
    (contrastive, "tau", 1, "(tr(S) − tr(SᵀP))/(τn)"),
    (focal, "z", 1,
     "p² ⊙ (1 − y) ⊙ (p − 2 log(1 − p) ⊙ (1 − p)) + y ⊙ (1 − p)² ⊙ (2 p ⊙ log(p) + p − 1)"),
    (dice, "p", 2, "2/(𝟏ᵀ(p + y))² · ((y − 2pᵀy/(𝟏ᵀ(p + y)))𝟏ᵀ + 𝟏yᵀ)"),
    (cox, "w", 1, "Xᵀ(Rᵀ(e ⊘ Rexp(s)) ⊙ exp(s) − e)"),
    (gated, "W", 1, "((x − s) ⊙ g ⊙ z ⊙ (1 − z))sᵀ"),
    (whitened, "W", 1, "4/n · (C − I)ZᵀX"),
]  # fmt: skip
FACTS = {laplacian: {"A": "symmetric"}, cox: {"R": "positive"}, focal: {"y": "mask"},
         dice: {"p": "probability", "y": "mask"}}  # fmt: skip


@pytest.mark.parametrize(("f", "wrt", "order", "shown"), LISTED)
def test_a_model_is_explained_as_on_a_board(f: Any, wrt: str, order: Any, shown: str) -> None:
    told = explain(f, wrt, order=order, facts=FACTS.get(f))
    assert UNICODE(told.tree) == shown
    assert told.error < 1e-7
    where = "; ".join(f"{name} = {UNICODE(tree)}" for name, tree in told.where)
    text = f"{shown} where {where}" if where else shown
    assert check(f, wrt, text, order=order, facts=FACTS.get(f)).verdict == "right"
