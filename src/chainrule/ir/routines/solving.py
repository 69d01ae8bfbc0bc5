# ruff: noqa: ARG001 — every rule has the signature of its table
"""Routines that solve: linear systems, inverses, determinants.

Values come from LAPACK through NumPy and SciPy; leading axes are batch axes. The derivatives are
those of giles2008extended unless a rule says otherwise.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from chainrule.errors import ArgumentError, GradientError
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Type
from chainrule.ir.routine import Params, Routine, Tangents, like_first, register
from chainrule.ir.routines.matrices import (
    converged,
    describe_stack,
    first_matrix,
    inner,
    product,
    scaled,
    transposed,
    weighted,
)  # fmt: skip

Array = np.ndarray


def _like_second(types: tuple[Type, ...], params: Params) -> tuple[Type, ...]:
    return (types[1],)


def _scalar_of(types: tuple[Type, ...], params: Params) -> tuple[Type, ...]:
    return (Type(types[0].shape[:-2], types[0].dtype),)


# ---------------------------------------------------------------- linear systems


def _singular(name: str, a: Array) -> ArgumentError:
    _, which = first_matrix(np.linalg.slogdet(a)[0] == 0)
    return ArgumentError(
        f"{name}: {which} is singular\n\n{describe_stack(a)}\n\n"
        "  Its columns are linearly dependent; cr.linalg.pinv gives the least-squares solution."
    )


def _solve_value(a: Array, b: Array) -> tuple[Array]:
    try:
        return (np.linalg.solve(a, b),)
    except np.linalg.LinAlgError:
        raise _singular("solve", a) from None


def _solve_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """A X = B  ⇒  dX = −A⁻¹ dA X."""
    a, (x,), da = inputs[0], outputs, tangents[0]
    assert da is not None
    return [build.negative(build.routine("solve", a, product(da, x))[0])]


def _solve_transpose(params: Params, inputs: list[Node], cotangent: Node) -> Node:
    return build.routine("solve", transposed(inputs[0]), cotangent)[0]


SOLVE: Final = register(Routine(
    "solve", _like_second, _solve_value, _solve_tangent, (2, 2), 1, _solve_transpose,
))  # fmt: skip


# ---------------------------------------------------------------- triangular systems

Owner = Literal["solve_triangular", "cholesky", "qr", "lu"]
"""Whose value or derivative a triangular system belongs to: errors speak of that."""


def _check_diagonal(a: Array, owner: Owner) -> None:
    """Raise for a zero on the diagonal; qr's derivative also minds one that is 0 up to rounding."""
    diagonal = np.abs(np.diagonal(a, axis1=-2, axis2=-1))
    if owner == "qr":
        noise = np.finfo(a.dtype).eps * a.shape[-1] * np.linalg.norm(a, axis=-2)
    else:
        noise = np.zeros_like(diagonal)
    zero = diagonal <= noise
    if not zero.any():
        return
    place, which = first_matrix(zero.any(axis=-1))
    k = int(np.argmax(zero[place]))
    if owner == "lu":
        raise GradientError(
            f"lu: pivot {k} of {which} is 0, so L and U have no derivative\n\n"
            f"{describe_stack(a, 'U')}\n\n"
            "  The factors of a matrix with dependent leading columns are not unique."
        )
    if owner == "qr":
        raise GradientError(
            f"qr: column {k} of {which} depends on the columns before it, so Q and R have no "
            f"derivative\n\n{describe_stack(a, 'R')}\n\n"
            "  The factors of a matrix with dependent columns are not unique."
        )
    raise ArgumentError(
        f"{owner}: {which} is singular: element [{k}, {k}] of its diagonal is 0\n\n"
        f"{describe_stack(a)}"
    )


def _triangular_value(a: Array, b: Array, lower: bool, adjoint: bool, owner: Owner) -> tuple[Array]:
    from scipy.linalg import get_lapack_funcs

    if owner == "qr":
        _check_diagonal(a, owner)
    if not b.size:
        return (np.empty(b.shape, b.dtype),)
    (solve,) = get_lapack_funcs(("trtrs",), (a, b))
    # Rows lie one after another, for LAPACK the columns of the transpose: that spares a copy.
    told = {"lower": not lower, "trans": int(not adjoint)}
    if a.ndim == 2:
        solved, zeros = solve(a.T, b, **told)
    else:
        solved, zeros = np.empty(b.shape, b.dtype), 0
        for index in np.ndindex(b.shape[:-2]):
            solved[index], zero = solve(a[index].T, b[index], **told)
            zeros += zero
    if zeros:
        _check_diagonal(a, owner)
    return (solved,)


def triangle(size: int, lower: bool) -> Array:
    """Ones on and below (above) the diagonal."""
    return np.tril(np.ones((size, size))) if lower else np.triu(np.ones((size, size)))


def _triangular_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """L X = B  ⇒  dX = −L⁻¹ tril(dL) X, and Lᵀ in the place of L where that is meant."""
    lower, adjoint, _ = params
    a, (x,), da = inputs[0], outputs, tangents[0]
    assert da is not None
    part = weighted(da, triangle(a.shape[-1], lower))
    moved = product(transposed(part) if adjoint else part, x)
    return [build.negative(build.routine("triangular_solve", a, moved, params=params)[0])]


def _triangular_transpose(params: Params, inputs: list[Node], cotangent: Node) -> Node:
    lower, adjoint, owner = params
    return build.routine(
        "triangular_solve", inputs[0], cotangent, params=(lower, not adjoint, owner)
    )[0]


TRIANGULAR_SOLVE: Final = register(Routine(
    "triangular_solve", _like_second, _triangular_value, _triangular_tangent, (2, 2), 1,
    _triangular_transpose,
))  # fmt: skip


# ---------------------------------------------------------------- inverses

_NO_DERIVATIVE: Final = {
    "cond": "is singular, so its condition number has no derivative",
    "slogdet": "is singular, so the logarithm of its determinant has no derivative",
    "det": "is singular, where derivatives of det beyond the second are not available",
}


def _infinite_inverse(a: Array) -> Array:
    """The inverses of a stack, with those of singular matrices made of infinities."""
    singular = np.linalg.slogdet(a)[0] == 0
    safe = np.where(singular[..., None, None], np.eye(a.shape[-1], dtype=a.dtype), a)
    return np.where(singular[..., None, None], a.dtype.type(np.inf), np.linalg.inv(safe))


def _check_vectors(a: Array) -> None:
    """Raise where eigenvectors do not span the space, up to rounding: the matrix is defective."""
    if not a.size:
        return
    defective = np.linalg.cond(a) * np.finfo(a.dtype).eps * a.shape[-1] > 1
    if defective.any():
        _, which = first_matrix(np.asarray(defective))
        raise GradientError(
            f"eig: {which} is defective: its eigenvectors do not span the space, so its "
            "eigenvalues and eigenvectors have no derivative"
        )


def _inv_value(a: Array, owner: str) -> tuple[Array]:
    if owner == "cond":
        return (_infinite_inverse(a),)
    if owner == "eig":
        _check_vectors(a)
    try:
        return (np.linalg.inv(a),)
    except np.linalg.LinAlgError:
        if owner == "inv":
            raise _singular("inv", a) from None
        _, which = first_matrix(np.linalg.slogdet(a)[0] == 0)
        name = owner.removesuffix(" tangent")
        raise GradientError(
            f"{name}: {which} {_NO_DERIVATIVE[name]}\n\n{describe_stack(a)}"
        ) from None


def _inv_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """X = A⁻¹  ⇒  dX = −X dA X."""
    (x,), (da,) = outputs, tangents
    assert da is not None
    if params == ("cond",):  # its value is infinite where there is no inverse
        (x,) = build.routine("inv", inputs[0], params=("cond tangent",))
    return [build.negative(product(x, da, x))]


INV: Final = register(Routine("inv", like_first, _inv_value, _inv_tangent, (2,)))


def _pinv_types(types: tuple[Type, ...], params: Params) -> tuple[Type, ...]:
    *batch, m, n = types[0].shape
    return (Type((*batch, n, m), types[0].dtype),)


def _pinv_value(a: Array, rtol: Array) -> tuple[Array]:
    return (converged("pinv", lambda x: np.linalg.pinv(x, rtol=rtol), a),)


def _pinv_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """X = A⁺  ⇒  dX = −X dA X + X Xᵀ dAᵀ (I − A X) + (I − X A) dAᵀ Xᵀ X, where the rank stays.

    Source:  golub1973differentiation, eq. 4.12
    """
    a, (x,), da = inputs[0], outputs, tangents[0]
    if da is None:
        return [None]
    flipped = transposed(da)
    right = product(x, product(transposed(x), flipped))
    left = product(product(flipped, transposed(x)), x)
    return [build.add(
        (product(x, da, x), right, product(right, a, x), left, product(x, product(a, left))),
        (-1, 1, -1, 1, -1),
    )]  # fmt: skip


PINV: Final = register(Routine("pinv", _pinv_types, _pinv_value, _pinv_tangent, (2, 0)))


# ---------------------------------------------------------------- determinants


def _det_value(a: Array) -> tuple[Array]:
    return (np.asarray(np.linalg.det(a)),)


def _det_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """d det(A) = ⟨cof(A), dA⟩, for singular matrices too."""
    (a,), (da,) = inputs, tangents
    assert da is not None
    return [inner(build.routine("cofactor", a)[0], da)]


DET: Final = register(Routine("det", _scalar_of, _det_value, _det_tangent, (2,)))


def _without_one(s: Array) -> Array:
    """The product of all elements but one, for each of them."""
    ones = np.ones_like(s[..., :1])
    before = np.cumprod(np.concatenate([ones, s[..., :-1]], -1), -1)
    after = np.cumprod(np.concatenate([ones, s[..., :0:-1]], -1), -1)[..., ::-1]
    return before * after


def _cofactor_value(a: Array) -> tuple[Array]:
    """U cof(S) Vᵀ · det(U) det(V), where cof(S) = diag(Πⱼ≠ᵢ sⱼ)."""
    if not a.shape[-1]:
        return (a.copy(),)
    u, s, vh = converged("det", np.linalg.svd, a)
    sign = np.sign(np.linalg.det(u) * np.linalg.det(vh))
    return ((u * (sign[..., None] * _without_one(s))[..., None, :]) @ vh,)


def _cofactor_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    (a,), (da,) = inputs, tangents
    assert da is not None
    return build.routine("cofactor_tangent", a, da)


COFACTOR: Final = register(Routine(
    "cofactor", like_first, _cofactor_value, _cofactor_tangent, (2,),
))  # fmt: skip


def _cofactor_tangent_value(a: Array, x: Array) -> tuple[Array]:
    """The second derivative of det, U (diag(G diag Y) − G ⊙ Yᵀ) Vᵀ for Y = Uᵀ X V, gᵢⱼ = Πₗ≠ᵢ,ⱼ sₗ.

    For diagonal S, det(S + tY) has the term t² Σᵢ<ⱼ gᵢⱼ (yᵢᵢ yⱼⱼ − yᵢⱼ yⱼᵢ).
    """
    n = a.shape[-1]
    if not n:
        return (a.copy(),)
    u, s, vh = converged("det", np.linalg.svd, a)
    sign = np.sign(np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    eye = np.eye(n, dtype=bool)
    g = np.where(eye, 0, _without_one(np.where(eye, 1, s[..., None, :])))
    y = np.swapaxes(u, -1, -2) @ x @ np.swapaxes(vh, -1, -2)
    trace_part = (g @ np.diagonal(y, axis1=-2, axis2=-1)[..., None])[..., 0]
    middle = np.where(eye, trace_part[..., None], 0) - g * np.swapaxes(y, -1, -2)
    return ((u @ (sign * middle) @ vh).astype(a.dtype, copy=False),)


def _third_of_det(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """With C = cof(A) and B = A⁻ᵀ, dC[X] = ⟨C, X⟩ B − B Xᵀ C, differentiated once more."""
    (a, x), da = inputs, tangents[0]
    assert da is not None
    c = build.routine("cofactor", a)[0]
    dc = build.routine("cofactor_tangent", a, da)[0]
    b = transposed(build.routine("inv", a, params=("det",))[0])
    db = build.negative(product(b, transposed(da), b))
    xt = transposed(x)
    return [build.add(
        (
            scaled(inner(dc, x), b), scaled(inner(c, x), db),
            product(db, xt, c), product(b, xt, dc),
        ),
        (1, 1, -1, -1),
    )]  # fmt: skip


def _cofactor_tangent_transpose(params: Params, inputs: list[Node], cotangent: Node) -> Node:
    """A second derivative is symmetric: ⟨dC[X], Y⟩ = ⟨dC[Y], X⟩."""
    return build.routine("cofactor_tangent", inputs[0], cotangent)[0]


COFACTOR_TANGENT: Final = register(Routine(
    "cofactor_tangent", like_first, _cofactor_tangent_value, _third_of_det, (2, 2), 1,
    _cofactor_tangent_transpose,
))  # fmt: skip


def _slogdet_types(types: tuple[Type, ...], params: Params) -> tuple[Type, ...]:
    return _scalar_of(types, params) * 2


def _slogdet_value(a: Array) -> tuple[Array, Array]:
    sign, logarithm = np.linalg.slogdet(a)
    return np.asarray(sign), np.asarray(logarithm)


def _slogdet_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """d log|det A| = ⟨A⁻ᵀ, dA⟩; the sign is constant where it has a derivative."""
    (a,), (da,) = inputs, tangents
    assert da is not None
    inverse = build.routine("inv", a, params=("slogdet",))[0]
    return [None, inner(transposed(inverse), da)]


SLOGDET: Final = register(Routine(
    "slogdet", _slogdet_types, _slogdet_value, _slogdet_tangent, (2,),
))  # fmt: skip
