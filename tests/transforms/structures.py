"""Functions with the structure of their derivatives: the lists that the tests go through."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import chainrule as cr


def drawn(seed: int, *shape: int) -> Any:
    return cr.tensor(np.random.default_rng(seed).standard_normal(shape))


X, Y, y = drawn(0, 8, 3), drawn(1, 8, 2), drawn(2, 8)
A, B, M, V = drawn(3, 5, 5), drawn(4, 2, 12), drawn(5, 5, 4), drawn(6, 2, 4)
S, T = X.T @ X, Y.T @ Y
PROBABILITIES = cr.softmax(Y)
PLACES, ITEMS = cr.tensor([0, 3, 3, 1]), cr.tensor([1, 0, 2, 2])
IMAGES, KERNEL = drawn(20, 2, 1, 5, 5), drawn(21, 2, 1, 3, 3)


class Case(NamedTuple):
    """A function, its arguments and the structure of its second derivative."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    structure: str | None = None


def network(W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
    return cr.mean((cr.tanh(X @ W1 + b1) @ W2 + b2 - Y) ** 2)


def rosenbrock(x: Any) -> Any:
    return cr.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def flat_network(p: Any) -> Any:
    W, b, w = cr.reshape(p[:6], (3, 2)), p[6:8], p[8:]
    return cr.mean((cr.tanh(X @ W + b) @ w - y) ** 2)


def ratings(U: Any) -> Any:
    """Some users rate some items: each rating reads one row of either matrix."""
    return cr.sum((cr.sum(U[PLACES] * V.T[ITEMS], axis=1) - y[:4]) ** 2)


def recurrent(x: Any) -> Any:
    def step(h: Any, row: Any) -> Any:
        h = cr.tanh(row @ A + h @ A.T)
        return h, h

    start = cr.zeros((x.shape[0], 5))
    return cr.scan(step, start, cr.permute_dims(x, (1, 0, 2)))[0]


HESSIANS: dict[str, Case] = {
    "logistic": Case(
        lambda w: cr.mean(cr.softplus(X @ w) - y * (X @ w)), (drawn(7, 3),), "1/8·Xᵀ diag(A₁) X"
    ),
    "least squares": Case(
        lambda W: cr.sum((X @ W - Y) ** 2), (drawn(7, 3, 2),), "2·Kronecker(XᵀX, I)"
    ),
    "ridge": Case(
        lambda W: cr.mean((X @ W - Y) ** 2) + 0.5 * cr.sum(W**2),
        (drawn(7, 3, 2),),
        "I + 1/8·Kronecker(XᵀX, I)",
    ),
    "softmax": Case(
        lambda W: -cr.mean(cr.sum(cr.log_softmax(X @ W) * PROBABILITIES, axis=1)),
        (drawn(7, 3, 2),),
    ),
    "factorization": Case(
        lambda U: cr.sum((U @ V - M) ** 2), (drawn(7, 5, 2),), "2·Kronecker(I, VVᵀ)"
    ),
    "both factors": Case(lambda U, W: cr.sum((U @ W.T - M) ** 2), (drawn(7, 5, 2), drawn(8, 4, 2))),
    "quadratic": Case(lambda x: x @ A @ x, (drawn(7, 5),), "A + Aᵀ"),
    "relu": Case(lambda x: cr.sum(cr.relu(x) ** 2), (drawn(7, 5),), "2·diag(A₁²)"),
    "square of a sum": Case(lambda x: cr.sum(x) ** 2, (drawn(7, 5),), "2·𝟏𝟏ᵀ"),
    "fourth powers": Case(lambda x: cr.sum(x**4), (drawn(7, 5, 2),), "12·diag(A₁)"),
    "rows that meet": Case(lambda x: cr.sum(x**4) + cr.sum(x @ x.T), (drawn(7, 5, 2),)),
    "Kronecker": Case(
        lambda W: cr.sum((S @ W) * (W @ T)),
        (drawn(7, 3, 2),),
        "Kronecker(S, T) + Kronecker(Sᵀ, Tᵀ)",
    ),
    "commutation": Case(lambda W: cr.sum(W * W.T), (drawn(7, 3, 3),), "2·K"),
    "low rank and diagonal": Case(
        lambda w: cr.sum((B @ w) ** 2) + cr.sum(w**4), (drawn(7, 12),), "12·diag(A₁) + 2·BᵀB"
    ),
    "low rank and diagonal in blocks": Case(
        lambda W: cr.sum((B @ W) ** 2) + cr.sum(W**4), (drawn(7, 12, 3),)
    ),
    "rows of probabilities": Case(
        lambda W: cr.sum(cr.logsumexp(W, axis=1)) + cr.sum(W**2), (drawn(7, 3, 6),)
    ),
    "an outer product": Case(
        lambda x: cr.sum(x**4) + cr.sum(drawn(3, 9, 12) @ x) ** 2, (drawn(7, 12),)
    ),
    "network": Case(network, (drawn(7, 3, 5), drawn(8, 5), drawn(9, 5, 2), drawn(10, 2))),
    "log-determinant": Case(lambda W: cr.linalg.slogdet(W @ W.T)[1], (drawn(7, 3, 5),)),
    "where": Case(
        lambda x: cr.sum(cr.where(x > 0, cr.log(x), x**2)), (cr.tensor([0.0, 1.0, -1.0]),)
    ),
    "norm": Case(lambda x: cr.sum(x**2) ** 0.5, (drawn(7, 4),)),
    "log-sum-exp": Case(cr.logsumexp, (drawn(7, 4),), "diag(A₁) − A₁A₁ᵀ"),
    "a shift": Case(
        lambda x: cr.sum(x[1:] ** 2 * x[:-1]),
        (drawn(7, 5),),
        "2·diag(S₁ᵀA₁) + 2·S₂ᵀ diag(A₂) S₁ + 2·S₁ᵀ diag(A₂) S₂",
    ),
    "a slice": Case(lambda x: cr.sum(x[1:] ** 2), (drawn(7, 5),), "2·diag(S₁ᵀ𝟏)"),
    "a valley": Case(rosenbrock, (drawn(7, 5),)),
    "reversed": Case(lambda x: cr.sum(cr.flip(x) ** 2 * x), (drawn(7, 5),)),
    "joined and folded": Case(
        lambda x: cr.sum(cr.reshape(cr.concat([x, x * x, x]), (3, 5)) ** 3), (drawn(7, 5),)
    ),
    "one flat vector": Case(flat_network, (drawn(7, 10),)),
    "ratings": Case(
        ratings,
        (drawn(7, 5, 2),),
        "block-diagonal over axis 0: 2·Σ[m] S₁[m,i] A₁[m,j] A₁[m,l]",
    ),
    "rows picked": Case(
        lambda U: cr.sum(U[PLACES] ** 2), (drawn(7, 5, 2),), "2·Kronecker(diag(S₁ᵀ𝟏), I)"
    ),
    "a kernel": Case(
        lambda K: cr.sum(cr.conv2d(IMAGES, K, padding=1) ** 2), (drawn(7, 2, 1, 3, 3),)
    ),
    "a Kronecker sum": Case(
        lambda W: cr.sum((X @ W) ** 2) + cr.sum((W @ Y.T) ** 2),
        (drawn(7, 3, 2),),
        "2·Kronecker(I, A₁A₁ᵀ) + 2·Kronecker(XᵀX, I)",
    ),
    "powers of two factors": Case(
        lambda W: cr.sum((X @ W @ Y.T) ** 2) + cr.sum((X @ W) ** 2) + 3 * cr.sum(W**2),
        (drawn(7, 3, 2),),
        "6·I + 2·Kronecker(XᵀX, I) + 2·Kronecker(XᵀX, A₁A₁ᵀ)",
    ),
    "a Kronecker sum of three": Case(
        lambda W: cr.sum((W @ Y.T) ** 2) + cr.sum(cr.einsum("ij,bjk->bik", X, W) ** 2),
        (drawn(7, 3, 3, 2),),
        "2·Kronecker(I, I, A₁A₁ᵀ) + 2·Kronecker(I, XᵀX, I)",
    ),
    "no dependence": Case(lambda x: cr.tensor(1.0), (drawn(7, 5),), "0"),
    "wide and symmetric": Case(
        lambda w: cr.mean(cr.softplus(cr.concat([B.T, 2 * B.T], axis=1) @ w)), (drawn(7, 4),)
    ),
}

JACOBIANS: dict[str, Case] = {
    "batch": Case(lambda x: cr.tanh(x @ A) @ A, (drawn(7, 3, 5),)),
    "linear": Case(lambda x: x @ A, (drawn(7, 3, 5),), "Kronecker(I, Aᵀ)"),
    "softmax of rows": Case(
        cr.softmax, (drawn(7, 3, 5),), "block-diagonal over axis 0: diag(A₁) − A₁[i,j] A₁[i,l]"
    ),
    "two results": Case(lambda x, w: (x @ w, cr.sum(x, axis=0)), (drawn(7, 3, 5), drawn(8, 5, 2))),
    "diagonal": Case(cr.linalg.diagonal, (drawn(7, 3, 3),)),
    "relu of a matrix": Case(cr.relu, (drawn(7, 3, 3),), "diag(A₁)"),
    "windows": Case(lambda x: cr.tanh(cr.conv2d(x, KERNEL)), (IMAGES,)),
    "windows beyond the edge": Case(lambda x: cr.conv2d(x, KERNEL, padding=1, stride=2), (IMAGES,)),
    "neighbors": Case(
        lambda x: x[:, 1:] * x[:, :-1],
        (drawn(7, 3, 4),),
        "block-diagonal over axis 0: S₁[j,l] A₁[i,j] + S₂[j,l] A₂[i,j]",
    ),
    "a loop": Case(recurrent, (drawn(7, 3, 4, 5),), "block-diagonal over axis 0: A₁"),
    "a running product": Case(
        lambda x: cr.cumulative_prod(x, axis=1), (drawn(7, 3, 4),), "block-diagonal over axis 0: A₁"
    ),
    "systems": Case(cr.linalg.solve, (drawn(7, 3, 2, 2), drawn(8, 3, 2, 2))),
    "determinants": Case(cr.linalg.det, (drawn(7, 3, 2, 2),), "block-diagonal over axis 0: A₁"),
    "blocks of zeros": Case(
        lambda a, b: (cr.cumulative_sum(a, axis=1), cr.cumulative_prod(b, axis=1)),
        (drawn(7, 3, 2), drawn(8, 3, 2)),
        (
            "0, a: block-diagonal over axis 0: A₁\n0, b: 0\n1, a: 0\n"
            "1, b: block-diagonal over axis 0: A₁"
        ),
    ),
    "constant": Case(lambda x: cr.ones(3), (drawn(7, 3, 3),), "0"),
}

BOTH = {**HESSIANS, **JACOBIANS}
