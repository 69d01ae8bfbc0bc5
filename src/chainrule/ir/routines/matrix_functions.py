# ruff: noqa: ARG001 — every rule has the signature of its table
"""Functions of matrices: the exponential of any, powers and the logarithm of symmetric ones.

The derivative of a matrix function in a direction is again a matrix function, of a block matrix:
f([[A, E], [0, A]]) has the derivative L(A, E) in its corner. Of a symmetric matrix it is
V (f[λᵢ, λⱼ] ⊙ VᵀEV) Vᵀ with the divided differences of f, which are f′ where two eigenvalues are
equal: so it exists at repeated eigenvalues, too, although the eigenvectors have no derivative.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from chainrule.errors import ArgumentError, GradientError
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.ir.routine import Params, Routine, Tangents, like_first, register
from chainrule.ir.routines.divided_differences import first_difference, second_difference
from chainrule.ir.routines.matrices import converged, describe_stack, first_matrix

Array = np.ndarray


# ---------------------------------------------------------------- exponential


def _expm_value(a: Array) -> tuple[Array]:
    from scipy.linalg import expm

    if not a.size:
        return (a.copy(),)
    finite = np.isfinite(a).all(axis=(-1, -2))
    if not finite.all():
        _, which = first_matrix(np.asarray(~finite))
        raise ArgumentError(
            f"expm: {which} has elements that are inf or nan\n\n{describe_stack(a)}"
        )
    return (expm(a),)


def _expm_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """dX = L(A, dA) = ∫₀¹ exp(tA) dA exp((1−t)A) dt."""
    (a,), (da,) = inputs, tangents
    assert da is not None
    return build.routine("expm_tangent", a, da)


EXPM: Final = register(Routine("expm", like_first, _expm_value, _expm_tangent, (2,)))


def _expm_tangent_value(a: Array, e: Array) -> tuple[Array]:
    """The corner of exp([[A, E], [0, A]]), with E brought to the size of A first.

    L is linear in E, and a large E would only cost more squarings.

    Source:  almohy2009computing
    """
    n = a.shape[-1]
    size, wanted = (np.abs(x).sum(-2, keepdims=True).max(-1, keepdims=True, initial=0) for x in
                    (e, a))  # fmt: skip
    factor = np.where(size > 0, np.maximum(wanted, 1) / np.where(size > 0, size, 1), 1)
    block = np.zeros((*a.shape[:-2], 2 * n, 2 * n), a.dtype)
    block[..., :n, :n], block[..., n:, n:], block[..., :n, n:] = a, a, e * factor
    return ((_expm_value(block)[0][..., :n, n:] / factor).astype(a.dtype, copy=False),)


def _expm_second(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """L is the corner of exp(B); in the direction dB = diag(dA, dA) that changes by L(B, dB)."""
    (a, e), da = inputs, tangents[0]
    assert da is not None
    zeros, n, axis = build.zeros_like(a), a.shape[-1], a.ndim
    block, direction = (
        build.join([build.join(row, axis - 1) for row in rows], axis - 2)
        for rows in (((a, e), (zeros, a)), ((da, zeros), (zeros, da)))
    )
    (moved,) = build.routine("expm_tangent", block, direction)
    return [build.slice_axis(build.slice_axis(moved, axis - 2, 0, n), axis - 1, n, n)]


def _expm_tangent_transpose(params: Params, inputs: list[Node], cotangent: Node) -> Node:
    """⟨Y, L(A, E)⟩ = ⟨L(Aᵀ, Y), E⟩."""
    return build.routine("expm_tangent", build.swap_last(inputs[0]), cotangent)[0]


EXPM_TANGENT: Final = register(Routine(
    "expm_tangent", like_first, _expm_tangent_value, _expm_second, (2, 2), 1,
    _expm_tangent_transpose,
))  # fmt: skip


# ---------------------------------------------------------------- powers and logarithm

# The parameters of the routines below are the public name, for messages, and the exponent of the
# power; None stands for the logarithm.


def _spectrum(a: Array, name: str, exponent: float | None) -> tuple[Array, Array]:
    """Eigenvalues and vectors; values that are 0 up to rounding are 0."""
    values, vectors = converged(name, np.linalg.eigh, (a + np.swapaxes(a, -1, -2)) / 2)
    largest = np.abs(values).max(-1, keepdims=True, initial=0)
    values = np.where(np.abs(values) <= largest * a.shape[-1] * np.finfo(a.dtype).eps, 0, values)
    with_zero = exponent is not None and exponent >= 0
    bad = values < 0 if with_zero else values <= 0
    if bad.any():
        index, which = first_matrix(np.asarray(bad.any(-1)))
        k = int(np.argmax(bad[index]))
        kind = "positive semidefinite" if with_zero else "positive definite"
        raise ArgumentError(
            f"{name}: {which} is not {kind}: its eigenvalue {k} is {values[index][k]:.6g}\n\n"
            f"{describe_stack(a)}"
        )
    return values.astype(a.dtype, copy=False), vectors


def _apply(vectors: Array, middle: Array) -> Array:
    """V M Vᵀ."""
    return np.asarray(vectors @ middle @ np.swapaxes(vectors, -1, -2))


def _in_basis(vectors: Array, x: Array) -> Array:
    """Vᵀ X V of the symmetric part of X."""
    return _apply(np.swapaxes(vectors, -1, -2), (x + np.swapaxes(x, -1, -2)) / 2)


def _weighted(name: str, weights: Array, x: Array) -> Array:
    """Elementwise weights · x, where an infinite weight must meet an element that is 0."""
    infinite = ~np.isfinite(weights)
    if not infinite.any():
        return np.asarray(weights * x)
    largest = np.abs(x).max(axis=(-1, -2), keepdims=True, initial=0)
    asked = np.abs(x) > np.finfo(x.dtype).eps * x.shape[-1] * largest
    bad = infinite & asked
    if bad.any():
        _, which = first_matrix(np.asarray(bad.any(axis=(-1, -2))))
        raise GradientError(
            f"{name}: {which} has the eigenvalue 0, where the function has no derivative\n\n"
            "  A singular matrix has a derivative only in directions that keep its null space."
        )
    return np.asarray(np.where(infinite, 0, np.where(infinite, 1, weights) * x))


def _value(a: Array, name: str, exponent: float | None) -> tuple[Array]:
    values, vectors = _spectrum(a, name, exponent)
    new = np.log(values) if exponent is None else values**exponent
    return ((vectors * new[..., None, :]) @ np.swapaxes(vectors, -1, -2),)


def _tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    (a,), (da,) = inputs, tangents
    assert da is not None
    return build.routine("symmetric_function_tangent", a, da, params=params)


SYMMETRIC_FUNCTION: Final = register(Routine(
    "symmetric_function", like_first, _value, _tangent, (2,),
))  # fmt: skip


def _first(a: Array, e: Array, name: str, exponent: float | None) -> tuple[Array]:
    """V (f[λᵢ, λⱼ] ⊙ VᵀEV) Vᵀ.

    Source:  higham2008functions, th. 3.11
    """
    values, vectors = _spectrum(a, name, exponent)
    weights = first_difference(exponent, values[..., :, None], values[..., None, :])
    return (_apply(vectors, _weighted(name, weights, _in_basis(vectors, e))),)


def _first_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    (a, e), da = inputs, tangents[0]
    assert da is not None
    return build.routine("symmetric_function_second", a, e, da, params=params)


def _self_adjoint(params: Params, inputs: list[Node], cotangent: Node) -> Node:
    return build.routine("symmetric_function_tangent", inputs[0], cotangent, params=params)[0]


SYMMETRIC_FUNCTION_TANGENT: Final = register(Routine(
    "symmetric_function_tangent", like_first, _first, _first_tangent, (2, 2), 1, _self_adjoint,
))  # fmt: skip


def _second(a: Array, e: Array, d: Array, name: str, exponent: float | None) -> tuple[Array]:
    """V (Σₖ f[λᵢ, λₖ, λⱼ] (eᵢₖ dₖⱼ + dᵢₖ eₖⱼ)) Vᵀ, one k after the other."""
    values, vectors = _spectrum(a, name, exponent)
    left, right = _in_basis(vectors, e), _in_basis(vectors, d)
    total = np.zeros_like(left)
    rows, columns = values[..., :, None], values[..., None, :]
    for k in range(a.shape[-1]):
        weights = second_difference(exponent, rows, values[..., k, None, None], columns)
        both = left[..., :, k, None] * right[..., None, k, :]
        total += _weighted(name, weights, both + np.swapaxes(both, -1, -2))
    return (_apply(vectors, total),)


def _third(params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents) -> Tangents:
    (a, _, d), (da, de, _) = inputs, tangents
    if da is not None:
        raise GradientError(
            f"{params[0]}: derivatives beyond the second are not available\n\n"
            "  Where the eigenvalues are distinct, cr.linalg.eigh gives the function as "
            "V diag(f(λ)) Vᵀ, which has all of them."
        )
    assert de is not None
    return build.routine("symmetric_function_second", a, de, d, params=params)


def _second_transpose(params: Params, inputs: list[Node], cotangent: Node) -> Node:
    """The form ⟨Y, M(E, D)⟩ is symmetric in all three, since f is the gradient of tr F(A)."""
    a, e, _ = inputs
    return build.routine("symmetric_function_second", a, e, cotangent, params=params)[0]


SYMMETRIC_FUNCTION_SECOND: Final = register(Routine(
    "symmetric_function_second", like_first, _second, _third, (2, 2, 2), 2, _second_transpose,
))  # fmt: skip
