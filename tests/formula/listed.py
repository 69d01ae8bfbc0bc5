"""THE LIST of formulas in docs/formulas.md: functions as a reader would write them."""
# ruff: noqa: F722, F821, ANN — the annotations are names of axes

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import chainrule as cr

Question = tuple[str | tuple[str, str], Any]


@dataclass(frozen=True)
class Listed:
    """A function, and the derivatives that are asked of it: pairs of a variable and an order."""

    title: str
    f: Callable[..., Any]
    questions: Sequence[Question]
    facts: Mapping[str, str] = field(default_factory=dict)


# ---------------------------------------------------------------- regression


def least_squares(w: "d", X: "n d", y: "n"):
    r = X @ w - y
    return cr.sum(r**2)


def ridge(w: "d", X: "n d", y: "n", lam=0.1):
    r = X @ w - y
    return cr.mean(r**2) + lam * cr.sum(w**2)


def lasso(w: "d", X: "n d", y: "n", lam=0.1):
    r = X @ w - y
    return cr.mean(r**2) / 2 + lam * cr.sum(cr.abs(w))


def huber(w: "d", X: "n d", y: "n"):
    r = X @ w - y
    return cr.mean(cr.where(cr.abs(r) <= 1, r**2 / 2, cr.abs(r) - 0.5))


REGRESSION = [
    Listed("Least squares", least_squares, [("w", 1), ("w", 2), ("X", 1)]),
    Listed("Ridge", ridge, [("w", 1), ("w", 2)]),
    Listed("Lasso", lasso, [("w", 1)]),
    Listed("Huber", huber, [("w", 1)]),
]


# ---------------------------------------------------------------- classification


def logistic(w: "d", X: "n d", y: "n"):
    p = cr.sigmoid(X @ w)
    return -cr.mean(y * cr.log(p) + (1 - y) * cr.log(1 - p))


def cross_entropy(W: "d k", b: "k", X: "n d", Y: "n k"):
    Z = X @ W + b
    P = cr.softmax(Z, axis=1)
    return -cr.mean(cr.sum(Y * cr.log(P), axis=1))


def smoothed_cross_entropy(Z: "n k", Y: "n k", eps=0.1):
    T = (1 - eps) * Y + eps / Y.shape[1]
    return -cr.mean(cr.sum(T * cr.log_softmax(Z, axis=1), axis=1))


def hinge(W: "d k", X: "n d", Y: "n k"):
    S = X @ W
    right = cr.sum(S * Y, axis=1, keepdims=True)
    return cr.sum((1 - Y) * cr.relu(S - right + 1)) / X.shape[0]


def perceptron(w: "d", X: "n d", y: "n"):
    p = cr.sigmoid(X @ w)
    return cr.sum((p - y) ** 2) / 2


def negative_log_sigmoid(w: "d", x: "d"):
    return -cr.log(cr.sigmoid(w @ x))


CLASSIFICATION = [
    Listed("Logistic regression", logistic, [("w", 1), ("w", 2)]),
    Listed(
        "Softmax and cross-entropy",
        cross_entropy,
        [("W", 1), ("b", 1), ("W", 2)],
        {"Y": "onehot"},
    ),
    Listed("Smoothed labels", smoothed_cross_entropy, [("Z", 1)], {"Y": "onehot"}),
    Listed("Multi-class hinge", hinge, [("W", 1)], {"Y": "onehot"}),
    Listed("A sigmoid perceptron with squared loss", perceptron, [("w", 1)]),
    Listed("−log σ(wᵀx)", negative_log_sigmoid, [("w", 1), ("w", 2)]),
]


# ---------------------------------------------------------------- networks


def one_layer(W: "d h", b: "h", X: "n d", T: "n h"):
    H = cr.tanh(X @ W + b)
    return cr.sum((H - T) ** 2) / 2


def two_layers(W1: "d h", b1: "h", W2: "h k", b2: "k", X: "n d", Y: "n k"):
    Z1 = X @ W1 + b1
    H1 = cr.relu(Z1)
    Z2 = H1 @ W2 + b2
    P = cr.softmax(Z2, axis=1)
    return -cr.mean(cr.sum(Y * cr.log(P), axis=1))


def three_layers(W1: "d h", b1: "h", W2: "h g", b2: "g", W3: "g k", b3: "k", X: "n d", Y: "n k"):
    Z1 = X @ W1 + b1
    H1 = cr.relu(Z1)
    Z2 = H1 @ W2 + b2
    H2 = cr.relu(Z2)
    Z3 = H2 @ W3 + b3
    P = cr.softmax(Z3, axis=1)
    return -cr.mean(cr.sum(Y * cr.log(P), axis=1))


def layer_norm(x: "d", g: "d", eps=1e-5):
    m = cr.mean(x)
    s = cr.sqrt(cr.mean((x - m) ** 2) + eps)
    z = (x - m) / s
    return g @ z


def layer_norm_rows(X: "n d", gamma: "d", G: "n d", eps=1e-5):
    m = cr.mean(X, axis=1, keepdims=True)
    s = cr.sqrt(cr.mean((X - m) ** 2, axis=1, keepdims=True) + eps)
    Z = (X - m) / s
    return cr.sum(G * Z * gamma)


def batch_norm(X: "n d", gamma: "d", beta: "d", G: "n d", eps=1e-5):
    mu = cr.mean(X, axis=0)
    v = cr.mean((X - mu) ** 2, axis=0)
    Z = (X - mu) / cr.sqrt(v + eps)
    return cr.sum(G * (Z * gamma + beta))


def attention(Q: "n d", K: "m d", V: "m e", G: "n e"):
    A = cr.softmax(Q @ K.T / Q.shape[1] ** 0.5, axis=1)
    return cr.sum(G * (A @ V))


def heads(Q: "n h t e", K: "n h s e", V: "n h s e", G: "n h t e"):
    S = cr.einsum("nhte,nhse->nhts", Q, K) / Q.shape[3] ** 0.5
    A = cr.softmax(S, axis=-1)
    return cr.sum(G * cr.einsum("nhts,nhse->nhte", A, V))


def convolution(W: "k c f", U: "n t k c", G: "n t f"):
    Y = cr.einsum("ntkc,kcf->ntf", U, W)
    return cr.sum(G * Y)


_LABELS = {"Y": "onehot"}
NETWORKS = [
    Listed("One layer", one_layer, [("W", 1), ("b", 1)]),
    Listed("Two layers", two_layers, [("W1", 1), ("b1", 1), ("W2", 1), ("b2", 1)], _LABELS),
    Listed(
        "Three layers",
        three_layers,
        [("W1", 1), ("b1", 1), ("W2", 1), ("b2", 1), ("W3", 1), ("b3", 1)],
        _LABELS,
    ),
    Listed("Layer norm", layer_norm, [("x", 1)]),
    Listed("Layer norm of rows", layer_norm_rows, [("X", 1), ("gamma", 1)]),
    Listed("Batch norm", batch_norm, [("X", 1), ("gamma", 1), ("beta", 1)]),
    Listed("Attention", attention, [("Q", 1), ("K", 1), ("V", 1)]),
    Listed("Attention with several heads", heads, [("Q", 1), ("V", 1)]),
    Listed("Convolution, on windows", convolution, [("W", 1)]),
]


# ---------------------------------------------------------------- convolutions


def filtering(x: "t", w: "k"):
    y = cr.conv1d(x[None, None, :], w[None, None, :], padding="same")[0, 0]
    return cr.sum((y - x) ** 2) / 2


def convolution_layer(W: "k c 3 3", b: "k", X: "n c h w"):
    Z = cr.conv2d(X, W) + b[:, None, None]
    H = cr.relu(Z)
    return cr.sum(H**2) / 2


def strided(W: "k c 3 3", X: "n c h w"):
    Y = cr.conv2d(X, W, stride=2, padding=1)
    return cr.sum(Y**2) / 2


def pooling(X: "n c h w"):
    P = cr.max_pool2d(X, 2)
    return cr.sum(P**2) / 2


def network(K: "f c 3 3", b: "f", W: "f k", X: "n c h w", Y: "n k"):
    Z = cr.conv2d(X, K, padding="same") + b[:, None, None]
    H = cr.relu(Z)
    A = cr.mean(H, axis=(2, 3))
    P = cr.softmax(A @ W, axis=1)
    return -cr.mean(cr.sum(Y * cr.log(P), axis=1))


CONVOLUTIONS = [
    Listed("A filter", filtering, [("w", 1), ("x", 1)]),
    Listed("A convolution layer", convolution_layer, [("W", 1), ("b", 1), ("X", 1)]),
    Listed("A stride and zeros around", strided, [("W", 1), ("X", 1)]),
    Listed("Max pooling", pooling, [("X", 1)]),
    Listed("A network with a convolution", network, [("K", 1), ("W", 1)], _LABELS),
]


# ---------------------------------------------------------------- factorization


def factorization(U: "n k", V: "m k", A: "n m"):
    R = U @ V.T - A
    return cr.sum(R**2)


def principal_components(W: "d k", S: "d d"):
    return cr.linalg.trace(W.T @ S @ W)


def reconstruction(W: "d k", X: "n d"):
    R = X - X @ W @ W.T
    return cr.sum(R**2)


FACTORIZATION = [
    Listed("Matrix factorization", factorization, [("U", 1), ("U", 2), ("V", 2), (("U", "V"), 2)]),
    Listed("Principal components", principal_components, [("W", 1), ("W", 2)], {"S": "symmetric"}),
    Listed("Reconstruction", reconstruction, [("W", 1)]),
]


# ---------------------------------------------------------------- matrices


def log_det(A: "n n"):
    return cr.linalg.slogdet(A)[1]


def inverse(A: "n n", a: "n", b: "n"):
    return a @ cr.linalg.inv(A) @ b


def det(A: "n n"):
    return cr.linalg.det(A)


def trace(A: "n n"):
    return cr.linalg.trace(A)


def trace_of_square(A: "n n"):
    return cr.linalg.trace(A @ A)


def quadratic_form(x: "n", A: "n n"):
    return x @ A @ x


def log_sum_exp(x: "n"):
    return cr.logsumexp(x)


def norm(x: "n"):
    return cr.linalg.norm(x)


def bilinear(X: "n m", a: "n", b: "m"):
    return a @ X @ b


def gram(X: "n m", a: "m", b: "m"):
    return b @ X.T @ X @ a


def trace_of_product(X: "n m", A: "k n", B: "m k"):
    return cr.linalg.trace(A @ X @ B)


def trace_of_form(X: "n m", B: "n n"):
    return cr.linalg.trace(X.T @ B @ X)


def frobenius(X: "n m"):
    return cr.sum(X**2)


MATRICES = [
    Listed("log det", log_det, [("A", 1)], {"A": "invertible"}),
    Listed("Inverse", inverse, [("A", 1)], {"A": "invertible"}),
    Listed("Determinant", det, [("A", 1)], {"A": "invertible"}),
    Listed("Trace", trace, [("A", 1)]),
    Listed("Trace of the square", trace_of_square, [("A", 1), ("A", 2)]),
    Listed("Quadratic form", quadratic_form, [("x", 1), ("x", 2), ("A", 1)]),
    Listed("Log-sum-exp", log_sum_exp, [("x", 1), ("x", 2)]),
    Listed("Norm", norm, [("x", 1), ("x", 2)]),
    Listed("aᵀXb", bilinear, [("X", 1)]),
    Listed("bᵀXᵀXa", gram, [("X", 1), ("X", 2)]),
    Listed("tr(AXB)", trace_of_product, [("X", 1)]),
    Listed("tr(XᵀBX)", trace_of_form, [("X", 1), ("X", 2)]),
    Listed("‖X‖²", frobenius, [("X", 1), ("X", 2)]),
]


# ---------------------------------------------------------------- Gaussians


def log_likelihood(mu: "d", Sigma: "d d", X: "n d"):
    D = X - mu
    form = cr.sum(D.T * cr.linalg.solve(Sigma, D.T))
    return -0.5 * form - 0.5 * X.shape[0] * cr.linalg.slogdet(Sigma)[1]


def kl(mu0: "d", S0: "d d", mu1: "d", S1: "d d"):
    r = mu1 - mu0
    t = cr.linalg.trace(cr.linalg.solve(S1, S0)) + r @ cr.linalg.solve(S1, r) - mu0.shape[0]
    return 0.5 * (t + cr.linalg.slogdet(S1)[1] - cr.linalg.slogdet(S0)[1])


GAUSSIANS = [
    Listed("Log-likelihood", log_likelihood, [("mu", 1), ("Sigma", 1)], {"Sigma": "spd"}),
    Listed(
        "Divergence of two Gaussians",
        kl,
        [("mu0", 1), ("S0", 1), ("mu1", 1), ("S1", 1)],
        {"S0": "spd", "S1": "spd"},
    ),
]


# ---------------------------------------------------------------- what SymPy gives as 0, or not


def det_squared(A: "n n"):
    return cr.linalg.det(A) ** 2


def exp_trace(A: "n n"):
    return cr.exp(cr.linalg.trace(A))


def trace_and_square(A: "n n"):
    return cr.linalg.trace(A) + cr.linalg.trace(A @ A)


def sigmoid_of_product(x: "n", a: "n"):
    return cr.sigmoid(a @ x)


def log_of_product(x: "n", a: "n"):
    return cr.log(a @ x)


SYMPY = [
    Listed("det²", det_squared, [("A", 1)], {"A": "invertible"}),
    Listed("exp tr A", exp_trace, [("A", 1)]),
    Listed("tr A + tr A²", trace_and_square, [("A", 1)]),
    Listed("σ(aᵀx)", sigmoid_of_product, [("x", 1), ("x", 2)]),
    Listed("log(aᵀx)", log_of_product, [("x", 1)], {"a": "positive", "x": "positive"}),
]

SECTIONS: Mapping[str, Sequence[Listed]] = {
    "Regression": REGRESSION,
    "Classification": CLASSIFICATION,
    "Networks": NETWORKS,
    "Convolutions": CONVOLUTIONS,
    "Factorization and components": FACTORIZATION,
    "Matrices": MATRICES,
    "Gaussians": GAUSSIANS,
    "What SymPy prints as 0": SYMPY,
}
