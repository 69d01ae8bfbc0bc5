"""The linear algebra extension: single matrices and stacks; tall, wide and square ones."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from chainrule.functions import linalg
from chainrule.functions.linear import einsum
from chainrule.tensors import Tensor
from tests.cases.case import Case, Spec


def _case(function: str, kind: str, *shape: int, **options: Any) -> Case:
    """A function with NumPy's name and result."""
    own, oracle = getattr(linalg, function), getattr(np.linalg, function)
    words = "".join(f" {k}={v}" for k, v in options.items())
    return Case(
        f"{function} {kind} {list(shape)}{words}",
        lambda x: own(x, **options),
        (Spec(kind, shape),),
        lambda x: oracle(x, **options),
    )


def _free(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of factors that does not see the signs of their columns: squares of elements."""
    return lambda x: tuple(f * f for f in function(x))


def _squares(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: tuple(einsum("...,...->...", f, f) for f in function(x))


def _factors(function: str, kind: str, *shape: int, **options: Any) -> Case:
    own, oracle = getattr(linalg, function), getattr(np.linalg, function)
    words = "".join(f" {k}={v}" for k, v in options.items())
    return Case(
        f"{function} {kind} {list(shape)}{words}",
        _squares(lambda x: own(x, **options)),
        (Spec(kind, shape),),
        _free(lambda x: oracle(x, **options)),
    )


def _solve(name: str, kind: str, left: tuple[int, ...], right: tuple[int, ...]) -> Case:
    def value(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.linalg.solve(a, b[:, None])[..., 0] if b.ndim == 1 else np.linalg.solve(a, b)

    return Case(f"solve {name}", linalg.solve, (Spec(kind, left), Spec("normal", right)), value)


def _triangular(upper: bool, adjoint: bool) -> Case:
    def value(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        a = np.triu(a) if upper else np.tril(a)
        return np.linalg.solve(a.mT if adjoint else a, b)

    def function(a: Tensor, b: Tensor) -> Tensor:
        return linalg.solve_triangular(a, b, upper=upper, adjoint=adjoint)

    inputs = (Spec("invertible", (2, 3, 3)), Spec("normal", (2, 3, 2)))
    return Case(f"solve_triangular upper={upper} adjoint={adjoint}", function, inputs, value)


def _eig_value(x: np.ndarray) -> tuple[np.ndarray, ...]:
    values, vectors = np.linalg.eig(x)
    return values.real, values.imag, vectors.real, vectors.imag


def _lstsq(left: tuple[int, ...], right: tuple[int, ...]) -> Case:
    def value(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, ...]:
        columns = b[:, None] if b.ndim == 1 else b
        found = np.linalg.pinv(a) @ columns
        residuals = ((a @ found - columns) ** 2).sum(-2)
        if b.ndim == 1:
            found, residuals = found[..., 0], residuals[..., 0]
        a = np.broadcast_to(a, (*found.shape[: a.ndim - 2], *a.shape[-2:])) if a.ndim > 2 else a
        return found, residuals, np.linalg.matrix_rank(a), np.linalg.svd(a, compute_uv=False)

    inputs = (Spec("normal", left), Spec("normal", right))
    return Case(f"lstsq {list(left)} {list(right)}", linalg.lstsq, inputs, value)


def _basis(function: str, oracle: Callable[..., Any], *shape: int, orders: int = 2) -> Case:
    """A basis up to the signs of its vectors; its size depends on values, which vmap hides."""
    own = getattr(linalg, function)
    inputs = (Spec("normal", shape),)
    return Case(
        f"{function} {list(shape)}", lambda x: own(x) * own(x), inputs,
        lambda x: oracle(x) ** 2, orders, batched=False,
    )  # fmt: skip


def _power_value(x: np.ndarray, exponent: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(x)
    return np.asarray((vectors * values[..., None, :] ** exponent) @ vectors.mT)


def _leading(function: Callable[..., Any]) -> Callable[..., Any]:
    """The factors U and V without the columns that have no derivative."""

    def apply(x: Tensor) -> Tensor:
        u, s, vh = function(x, full_matrices=True)
        return einsum("ij,j,jk->ik", u, einsum("i,i->i", s, s), vh)

    return apply


CASES = [
    _case("cholesky", "spd", 3, 3),
    _case("cholesky", "spd", 2, 2, 2),
    _case("cholesky", "spd", 2, 2, upper=True),
    _factors("eigh", "symmetric", 3, 3),
    _factors("eigh", "symmetric", 2, 3, 3),
    _case("eigvalsh", "symmetric", 3, 3),
    _case("eigvalsh", "symmetric", 2, 2, 2),
    _factors("qr", "normal", 3, 3),
    _factors("qr", "normal", 4, 2),
    _factors("qr", "normal", 2, 4),
    _factors("qr", "normal", 2, 3, 2),
    _factors("qr", "normal", 2, 3, mode="complete"),
    _factors("svd", "normal", 3, 3, full_matrices=False),
    _factors("svd", "normal", 4, 2, full_matrices=False),
    _factors("svd", "normal", 2, 4, full_matrices=False),
    _factors("svd", "normal", 2, 2, 3, full_matrices=False),
    _factors("svd", "normal", 3, 3),
    Case("svd as a matrix function", _leading(linalg.svd), (Spec("normal", (3, 3)),)),
    _case("svdvals", "normal", 4, 2),
    _case("svdvals", "normal", 2, 2, 3),
    _solve("a vector", "invertible", (3, 3), (3,)),
    _solve("columns", "invertible", (3, 3), (3, 2)),
    _solve("stacks", "invertible", (2, 3, 3), (2, 3, 2)),
    _solve("batch axes that broadcast", "invertible", (2, 1, 2, 2), (3, 2, 1)),
    _solve("a stack of matrices and a vector", "invertible", (2, 2, 2), (2,)),
    *[_triangular(upper, adjoint) for upper in (False, True) for adjoint in (False, True)],
    *[
        Case(f"lu {list(s)}", linalg.lu, (Spec("normal", s),), scipy.linalg.lu)
        for s in ((3, 3), (4, 2), (2, 4), (2, 3, 3))
    ],
    *[
        Case(f"eig {kind} {list(s)}", linalg.eig, (Spec(kind, s),), _eig_value)
        for kind, s in (("invertible", (3, 3)), ("normal", (4, 4)), ("normal", (2, 2, 2)))
    ],
    *[
        Case(
            f"eigvals {list(s)}", linalg.eigvals, (Spec("normal", s),), lambda x: _eig_value(x)[:2]
        )
        for s in ((4, 4), (2, 3, 3))
    ],
    *[
        Case(f"expm {list(s)}", linalg.expm, (Spec("normal", s),), scipy.linalg.expm)
        for s in ((3, 3), (2, 2, 2))
    ],
    *[
        Case(
            f"{name} {list(s)}",
            getattr(linalg, name),
            (Spec("spd", s),),
            np.vectorize(oracle, signature="(n,n)->(n,n)"),
        )
        for name, oracle in (("sqrtm", scipy.linalg.sqrtm), ("logm", scipy.linalg.logm))
        for s in ((3, 3), (2, 2, 2))
    ],
    *[
        Case(
            f"fractional_matrix_power {p}",
            lambda x, p=p: linalg.fractional_matrix_power(x, p),
            (Spec("spd", (2, 3, 3)),),
            lambda x, p=p: _power_value(x, p),
        )
        for p in (-0.5, 0.25, 2.0, 3.5)
    ],
    *[
        _lstsq(left, right)
        for left, right in (
            ((4, 2), (4, 2)),
            ((2, 4), (2, 3)),
            ((4, 2), (4,)),
            ((2, 1, 3, 2), (2, 3, 1)),
        )
    ],
    *[
        Case(
            f"projection {list(s)}",
            linalg.projection,
            (Spec("normal", s),),
            lambda x: x @ np.linalg.pinv(x),
        )
        for s in ((4, 2), (2, 3, 1))
    ],
    _basis("orth", scipy.linalg.orth, 4, 2),
    _basis("null_space", scipy.linalg.null_space, 2, 3, orders=0),
    *[
        Case(
            f"cond ord={order}",
            lambda x, order=order: linalg.cond(x, ord=order),
            (Spec("invertible", (2, 3, 3)),),
            lambda x, order=order: np.linalg.cond(x, order),
        )
        for order in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)
    ],
    Case("linalg.kron", linalg.kron, (Spec("normal", (2, 3)), Spec("normal", (3, 1))), np.kron),
    _case("inv", "invertible", 3, 3),
    _case("inv", "invertible", 2, 2, 2),
    _case("inv", "invertible", 1, 1),
    _case("pinv", "normal", 3, 3),
    _case("pinv", "normal", 4, 2),
    _case("pinv", "normal", 2, 2, 3),
    _case("det", "normal", 3, 3),
    _case("det", "normal", 2, 4, 4),
    _case("det", "normal", 1, 1),
    _case("det", "normal", 0, 0),
    _case("slogdet", "invertible", 3, 3),
    _case("slogdet", "invertible", 2, 2, 2),
    Case("matrix_rank", linalg.matrix_rank, (Spec("normal", (2, 3, 2)),), np.linalg.matrix_rank, 0),
    *[
        Case(
            f"matrix_power {n}",
            lambda x, n=n: linalg.matrix_power(x, n),
            (Spec("invertible", (2, 2, 2)),),
            lambda x, n=n: np.linalg.matrix_power(x, n),
        )
        for n in (-2, -1, 0, 1, 2, 5)
    ],
    *[
        Case(
            f"vector_norm ord={order} axis={axis}",
            lambda x, order=order, axis=axis: linalg.vector_norm(x, axis=axis, ord=order),
            (Spec("distinct", (2, 3)),),
            lambda x, order=order, axis=axis: np.linalg.vector_norm(x, axis=axis, ord=order),
        )
        for order in (2, 1, math.inf, -math.inf, 0, 3, 0.5, 2.5, -1)
        for axis in (None, 0, -1)
    ],
    _case("norm", "normal", 3),
    _case("norm", "normal", 2, 3),
    _case("vector_norm", "normal", 2, 3, 2, axis=(0, 2), keepdims=True),
    *[
        _case("matrix_norm", "normal", 2, 3, 2, ord=order)
        for order in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)
    ],
    _case("matrix_norm", "normal", 3, 2, keepdims=True),
    Case(
        "cross",
        linalg.cross,
        (Spec("normal", (2, 3)), Spec("normal", (1, 3))),
        np.linalg.cross,
    ),
    Case(
        "cross axis=0",
        lambda x, y: linalg.cross(x, y, axis=0),
        (Spec("normal", (3, 2)), Spec("normal", (3, 2))),
        lambda x, y: np.linalg.cross(x, y, axis=0),
    ),
    *[_case("diagonal", "normal", 2, 3, 4, offset=k) for k in (0, 1, -1, 3, 4, -5)],
    _case("diagonal", "normal", 3, 3),
    *[_case("trace", "normal", 2, 3, 4, offset=k) for k in (0, 1, -1)],
    _case("trace", "normal", 3, 3),
]
