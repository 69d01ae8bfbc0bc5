"""THE LIST of programs whose prints are kept as golden files."""
# ruff: noqa: F722, F821, ANN — the annotations are names of axes

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import chainrule as cr


@dataclass(frozen=True)
class Program:
    """A function, the variable, and what is known of its parameters."""

    f: Callable[..., Any]
    wrt: str
    facts: Mapping[str, str] = field(default_factory=dict)
    order: Any = 1


def ridge(w: "d", X: "n d", y: "n", lam: ""):
    return cr.sum((X @ w - y) ** 2) / X.shape[0] + lam * cr.sum(w**2)


def log_det(A: "n n"):
    return cr.linalg.slogdet(A.T @ A + cr.eye(A.shape[0]))[1]


def attention(Q: "n d", K: "n d", V: "n e", G: "n e"):
    S = Q @ K.T / Q.shape[1] ** 0.5
    A = cr.softmax(S)
    O = A @ V  # noqa: E741 — as it is called in papers
    return cr.sum(G * O)


def three_layers(
    X: "n d", W1: "d h", b1: "h", W2: "h m", b2: "m", W3: "m k", b3: "k", Y: "n k"
):  # fmt: skip
    H1 = cr.relu(X @ W1 + b1)
    H2 = cr.relu(H1 @ W2 + b2)
    P = cr.softmax(H2 @ W3 + b3)
    loss = -cr.sum(Y * cr.log(P)) / X.shape[0]
    return loss


def normalized(
    X: "n d", W1: "d h", g1: "h", c1: "h", W2: "h m", g2: "m", c2: "m", W3: "m k", Y: "n k"
):  # fmt: skip
    Z1 = X @ W1
    m1, v1 = cr.batch_statistics(Z1)
    H1 = cr.relu(cr.batch_norm(Z1, m1, v1, g1, c1))
    Z2 = H1 @ W2
    m2, v2 = cr.batch_statistics(Z2)
    H2 = cr.relu(cr.batch_norm(Z2, m2, v2, g2, c2))
    loss = -cr.sum(Y * cr.log_softmax(H2 @ W3)) / X.shape[0]
    return loss


def layer_norm(x: "d", g: "d", eps=1e-5):
    m = cr.mean(x)
    s = cr.sqrt(cr.mean((x - m) ** 2) + eps)
    z = (x - m) / s
    return cr.sum(g * z)


def logistic(w: "d", X: "n d", y: "n"):
    p = cr.sigmoid(X @ w)
    return -cr.mean(y * cr.log(p) + (1 - y) * cr.log(1 - p))


PROGRAMS = {
    "ridge": Program(ridge, "w"),
    "log_det": Program(log_det, "A"),
    "attention": Program(attention, "Q"),
    "three_layers": Program(three_layers, "W1", {"Y": "simplex"}),
    "normalized": Program(normalized, "W1", {"Y": "simplex"}),
    "layer_norm": Program(layer_norm, "x"),
}
HESSIANS = {"logistic_hessian": Program(logistic, "w", order=2)}
