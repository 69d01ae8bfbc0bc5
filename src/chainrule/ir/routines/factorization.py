# ruff: noqa: ARG001 — every rule has the signature of its table
"""Matrix factorizations: cholesky, qr, eigh, svd, with what their derivatives need.

Values come from LAPACK through NumPy; leading axes are batch axes. Symmetric routines read the
symmetric part (X + Xᵀ)/2, so value and derivative agree in every direction.

Vectors of a repeated value can be turned freely within their space and have no derivative there.
The check is part of the value of ``divide_by_gaps``, which is computed only where the derivative of
the vectors is really asked for; a numerator that is exactly 0 asks for nothing.
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
    diagonal,
    differences,
    first_columns,
    first_matrix,
    product,
    symmetric,
    transposed,
    weighted,
)  # fmt: skip
from chainrule.ir.routines.solving import triangle

Array = np.ndarray


def _symmetric(a: Array) -> Array:
    total = np.asarray(a + np.swapaxes(a, -1, -2))
    total *= a.dtype.type(0.5)
    return total


# ---------------------------------------------------------------- cholesky


_LARGE: Final = 64
"""Rows from which on a matrix is factored where it lies; what calls LAPACK takes 10 µs."""


def _in_place(a: Array) -> tuple[Array, int]:
    """The factor, written over a symmetric matrix, and the order of the minor that is not positive.

    LAPACK counts along columns; of a symmetric matrix they are the rows.
    """
    from scipy.linalg import get_lapack_funcs

    (factor,) = get_lapack_funcs(("potrf",), (a,))
    made: tuple[Array, int] = factor(a.T, lower=True, overwrite_a=True, clean=True)
    return made


def _indefinite(a: Array) -> ArgumentError:
    orders = np.array([_in_place(a[i].copy())[1] for i in np.ndindex(a.shape[:-2])])
    orders = orders.reshape(a.shape[:-2])
    place, which = first_matrix(orders > 0)
    return _indefinite_minor(a, int(orders[place]), which)


def _indefinite_minor(a: Array, order: int, which: str) -> ArgumentError:
    return ArgumentError(
        f"cholesky: {which} is not positive definite: its leading minor of order "
        f"{order} is not positive\n\n{describe_stack(a)}"
    )


def _is_symmetric(a: Array) -> bool:
    """Whether all matrices of a stack are exactly symmetric; most that are not differ at once."""
    mirror = a.swapaxes(-1, -2)
    if a.size >= _MANY and np.not_equal(a[:1], mirror[:1]).any():
        return False
    return not np.not_equal(a, mirror).any()


_MANY: Final = 2**17
"""Numbers that take longer to compare than to look at the first matrix before."""


def _cholesky_value(a: Array) -> tuple[Array]:
    if a.ndim < 3 or not _is_symmetric(a):
        a = _symmetric(a)
    if a.ndim == 2 and len(a) >= _LARGE:
        found, order = _in_place(a)
        if order:
            raise _indefinite_minor(a, order, "the matrix")
        return (found,)
    try:
        return (np.linalg.cholesky(a),)
    except np.linalg.LinAlgError:
        raise _indefinite(a) from None


def _cholesky_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """A = L Lᵀ  ⇒  dL = L Φ(L⁻¹ dA L⁻ᵀ), where Φ halves the diagonal and drops what is above it.

    Source:  murray2016differentiation
    """
    (factor,), (da,) = outputs, tangents
    assert da is not None
    params = (True, False, "cholesky")
    half = build.routine("triangular_solve", factor, symmetric(da), params=params)[0]
    whole = build.routine("triangular_solve", factor, transposed(half), params=params)[0]
    n = factor.shape[-1]
    return [product(factor, weighted(whole, triangle(n, lower=True) - np.eye(n) / 2))]


CHOLESKY: Final = register(Routine(
    "cholesky", like_first, _cholesky_value, _cholesky_tangent, (2,),
))  # fmt: skip


# ---------------------------------------------------------------- qr


def _qr_types(types: tuple[Type, ...], params: Params) -> tuple[Type, ...]:
    *batch, m, n = types[0].shape
    k = min(m, n)
    return Type((*batch, m, k), types[0].dtype), Type((*batch, k, n), types[0].dtype)


def _qr_value(a: Array) -> tuple[Array, Array]:
    q, r = np.linalg.qr(a)
    return q, r


def _qr_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """Give dQ = C − Q (M − Ω) and dR = Qᵀ dA − Ω R.

    C = dA₁ R₁⁻¹,  M = Qᵀ C,  Ω = tril₋(M) − tril₋(M)ᵀ

    A₁ and R₁ are the first k columns; a wide matrix has more, which only R sees.

    Source:  walter2010algorithmic; roberts2020qr
    """
    (q, r), (da,) = outputs, tangents
    assert da is not None
    k = q.shape[-1]
    solved = build.routine(
        "triangular_solve", first_columns(r, k), transposed(first_columns(da, k)),
        params=(False, True, "qr"),
    )[0]  # fmt: skip
    c = transposed(solved)
    m = product(transposed(q), c)
    below = weighted(m, np.tril(np.ones((k, k)), -1))
    omega = build.subtract(below, transposed(below))
    dq = build.add((c, product(q, m), product(q, omega)), (1, -1, 1))
    return [dq, build.subtract(product(transposed(q), da), product(omega, r))]


QR: Final = register(Routine("qr", _qr_types, _qr_value, _qr_tangent, (2,)))


# ---------------------------------------------------------------- orthonormal complement


def _complement_types(types: tuple[Type, ...], params: Params) -> tuple[Type, ...]:
    *batch, m, k = types[0].shape
    return (Type((*batch, m, m - k), types[0].dtype),)


def _complement_value(q: Array, owner: str) -> tuple[Array]:
    return (np.linalg.qr(q, mode="complete")[0][..., q.shape[-1] :],)


def _complement_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """Only the space has a derivative, not the basis that was chosen for it: asking raises."""
    (q,), (rest,), (dq,) = inputs, outputs, tangents
    assert dq is not None
    moved = build.negative(product(q, transposed(dq), rest))
    return build.routine("refuse", moved, params=params)


COMPLEMENT: Final = register(Routine(
    "complement", _complement_types, _complement_value, _complement_tangent, (2,),
))  # fmt: skip


def _refuse_value(x: Array, owner: str) -> tuple[Array]:
    if x.any() and owner == "null_space":
        raise GradientError(
            "null_space: the basis has no derivative\n\n  It is any orthonormal basis of the null "
            "space. Use I − cr.linalg.projection(xᵀ) where that space\n  is meant."
        )
    if x.any():
        whole, option = {
            "qr": ("Q", 'mode="reduced"'),
            "svd": ("U or Vh", "full_matrices=False"),
        }[owner]
        raise GradientError(
            f"{owner}: the last columns of the whole {whole} have no derivative\n\n"
            "  They are any orthonormal basis of the space that the other columns leave. Use "
            f"{option},\n  or I − Q Qᵀ of the reduced factor where that space is meant."
        )
    return (x,)


REFUSE: Final = register(Routine(
    "refuse", like_first, _refuse_value, None, (2,), 0,
    lambda params, inputs, cotangent: build.routine("refuse", cotangent, params=params)[0],
))  # fmt: skip


# ---------------------------------------------------------------- gaps between values

Gap = Literal["eigenvalues", "singular values", "zero"]


def _no_vectors(kind: Gap, bad: Array, left: Array) -> GradientError:
    index, which = first_matrix(np.asarray(bad.any(axis=(-1, -2))))
    i, j = (int(k) for k in np.argwhere(bad[index])[0])
    if kind == "zero":
        return GradientError(
            f"svd: singular value {j} of {which} is 0, so its singular vectors have no derivative"
            "\n\n  They can be turned freely within the null space. The singular values themselves "
            "have\n  derivatives where the vectors' are not asked for."
        )
    i, j = sorted((i, j))
    name, single = ("eigh", "eigenvector") if kind == "eigenvalues" else ("svd", "singular vector")
    value = abs(left[index][i]) if name == "svd" else left[index][i]
    return GradientError(
        f"{name}: {kind} {i} and {j} of {which} are both {value:.6g}, so their {single}s have no "
        f"derivative\n\n  The {single}s of a repeated value can be turned freely within their "
        f"space.\n  The {kind} themselves have derivatives, and so have, in reverse mode,\n  the "
        f"{single}s of the others."
    )


def _divide_by_gaps(x: Array, left: Array, right: Array, kind: Gap) -> tuple[Array]:
    """xᵢⱼ / (rⱼ − lᵢ); a gap that is 0 up to rounding must meet a numerator that is exactly 0.

    Of eigenvectors the whole column must be 0: a vector of a repeated value has no derivative.
    """
    if not x.size:
        return (x,)
    gaps = right[..., None, :] - left[..., :, None]
    largest = np.maximum(np.abs(left).max(-1), np.abs(right).max(-1))[..., None, None]
    closed = np.abs(gaps) <= np.finfo(x.dtype).eps * max(x.shape[-2:]) * largest
    asked = x != 0
    if kind == "eigenvalues":
        asked = asked.any(-2, keepdims=True)
    if kind != "zero":
        diagonal_ = np.eye(x.shape[-1], dtype=bool)
        x, asked = np.where(diagonal_, x.dtype.type(0), x), asked & ~diagonal_
    bad = closed & asked
    if bad.any():
        raise _no_vectors(kind, bad, left)
    return (np.where(closed, x.dtype.type(0), x / np.where(closed, gaps.dtype.type(1), gaps)),)


def _gaps_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """y = x / (r − l)  ⇒  dy = −y (dr − dl) / (r − l), for the operands l and r."""
    _, left, right = inputs
    dl, dr = (t or build.zeros_like(n) for n, t in zip((left, right), tangents[1:], strict=True))
    moved = build.multiply(outputs[0], differences(dl, dr))
    return [build.negative(build.routine("divide_by_gaps", moved, left, right, params=params)[0])]


DIVIDE_BY_GAPS: Final = register(Routine(
    "divide_by_gaps", like_first, _divide_by_gaps, _gaps_tangent, (2, 1, 1), 0,
    lambda params, inputs, cotangent: build.routine(
        "divide_by_gaps", cotangent, *inputs[1:], params=params
    )[0],
))  # fmt: skip


def _over_gaps(x: Node, left: Node, right: Node, kind: Gap) -> Node:
    return build.routine("divide_by_gaps", x, left, right, params=(kind,))[0]


# ---------------------------------------------------------------- eigh


def _eigvalsh_types(types: tuple[Type, ...], params: Params) -> tuple[Type, ...]:
    return (Type(types[0].shape[:-1], types[0].dtype),)


def _eigh_types(types: tuple[Type, ...], params: Params) -> tuple[Type, ...]:
    return (*_eigvalsh_types(types, params), types[0])


def _eigh_value(a: Array) -> tuple[Array, Array]:
    values, vectors = converged("eigh", np.linalg.eigh, _symmetric(a))
    return values, vectors


def _eigh_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """With S = Vᵀ dA V: dλ = diag(S), dV = V Ω, where ωᵢⱼ = sᵢⱼ / (λⱼ − λᵢ)."""
    (values, vectors), (da,) = outputs, tangents
    assert da is not None
    s = product(transposed(vectors), symmetric(da), vectors)
    return [diagonal(s), product(vectors, _over_gaps(s, values, values, "eigenvalues"))]


EIGH: Final = register(Routine("eigh", _eigh_types, _eigh_value, _eigh_tangent, (2,)))


def _eigvalsh_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    return _eigh_tangent(params, inputs, build.routine("eigh", inputs[0]), tangents)[:1]


EIGVALSH: Final = register(Routine(
    "eigvalsh", _eigvalsh_types,
    lambda a: (converged("eigvalsh", np.linalg.eigvalsh, _symmetric(a)),),
    _eigvalsh_tangent, (2,),
))  # fmt: skip


# ---------------------------------------------------------------- svd


def _svd_types(types: tuple[Type, ...], params: Params) -> tuple[Type, ...]:
    (*batch, m, n), dtype = types[0]
    k = min(m, n)
    return Type((*batch, m, k), dtype), Type((*batch, k), dtype), Type((*batch, k, n), dtype)


def _svd_value(a: Array) -> tuple[Array, Array, Array]:
    u, s, vh = converged("svd", lambda x: np.linalg.svd(x, full_matrices=False), a)
    return u, s, vh


def _svd_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """Give dU = U (X + Y) + (I − U Uᵀ) dA V S⁻¹, ds = diag(P), and dV likewise with X − Y.

    P = Uᵀ dA V,  xᵢⱼ = (pᵢⱼ + pⱼᵢ) / 2(sⱼ − sᵢ),  yᵢⱼ = (pᵢⱼ − pⱼᵢ) / 2(sⱼ + sᵢ)

    These are the known rules with 1/(sⱼ² − sᵢ²) split into partial fractions, which loses no
    digits where two singular values are close.

    Source:  giles2008extended, sec. 3.2
    """
    (u, s, vh), (da,) = outputs, tangents
    assert da is not None
    v = transposed(vh)
    p = product(transposed(u), da, v)
    x = _over_gaps(symmetric(p), s, s, "singular values")
    skew = build.scale(build.subtract(p, transposed(p)), 0.5)
    y = _over_gaps(skew, build.negative(s), s, "singular values")
    du = product(u, build.add((x, y)))
    dv = product(v, build.subtract(x, y))
    m, n = inputs[0].shape[-2:]
    if m > n:
        du = build.add((du, _outside(u, product(da, v), s)))
    if n > m:
        dv = build.add((dv, _outside(v, product(transposed(da), u), s)))
    return [du, diagonal(p), transposed(dv)]


def _outside(basis: Node, moved: Node, s: Node) -> Node:
    """(I − B Bᵀ) X S⁻¹."""
    zeros = build.fill(0, moved.shape[:-1], s.dtype)
    over = _over_gaps(moved, zeros, s, "zero")
    return build.subtract(over, product(basis, product(transposed(basis), over)))


SVD: Final = register(Routine("svd", _svd_types, _svd_value, _svd_tangent, (2,)))


def _svdvals_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    return _svd_tangent(params, inputs, build.routine("svd", inputs[0]), tangents)[1:2]


SVDVALS: Final = register(Routine(
    "svdvals", lambda types, params: _svd_types(types, params)[1:2],
    lambda a: (converged("svdvals", lambda x: np.linalg.svd(x, compute_uv=False), a),),
    _svdvals_tangent, (2,),
))  # fmt: skip
