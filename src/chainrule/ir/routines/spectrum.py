# ruff: noqa: ARG001 — every rule has the signature of its table
"""Eigenvalues and eigenvectors of any square matrix: eig.

They are complex, and a complex number is a pair here: arrays have an axis of size 2, real part and
imaginary part, in front of the core axes. The product of two complex numbers is then a contraction
with the constant tensor c of complex multiplication, (x y)ᵣ = Σ c_pqr x_p y_q, and so are its
derivatives.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from chainrule.errors import GradientError
from chainrule.ir import build
from chainrule.ir.dtype import DType
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Type
from chainrule.ir.routine import Params, Routine, Tangents, like_first, register
from chainrule.ir.routines.matrices import batch_of, converged, diagonal, first_matrix

Array = np.ndarray

_PRODUCT: Final = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [-1.0, 0.0]]])


def _multiplication(dtype: DType) -> Node:
    return build.data(_PRODUCT.astype(dtype.numpy))


# ---------------------------------------------------------------- complex matrices in nodes


def _matmul(left: Node, right: Node) -> Node:
    """The product of complex matrices."""
    b = batch_of(left)[:-1]
    p, q, r, i, j, k = range(len(b), len(b) + 6)
    operands = (left, right, _multiplication(left.dtype))
    return build.einsum(operands, ((*b, p, i, j), (*b, q, j, k), (p, q, r)), (*b, r, i, k))


def _real_times(left: Node, right: Node) -> Node:
    """The product of real matrices with complex ones."""
    b = batch_of(left)
    p, i, j, k = range(len(b), len(b) + 4)
    return build.einsum((left, right), ((*b, i, j), (*b, p, j, k)), (*b, p, i, k))


def _inverse(node: Node) -> Node:
    """Invert complex matrices, as real ones of twice the size: [[Re, −Im], [Im, Re]]."""
    *batch, _, n, _ = node.shape
    b = tuple(range(len(batch)))
    p, q, r, i, j = range(len(b), len(b) + 5)
    operands = (node, _multiplication(node.dtype))
    block = build.einsum(operands, ((*b, p, i, j), (p, q, r)), (*b, r, i, q, j))
    block = build.reshape(block, (*batch, 2 * n, 2 * n))
    (found,) = build.routine("inv", block, params=("eig",))
    return build.reshape(build.slice_axis(found, found.ndim - 1, 0, n), (*batch, 2, n, n))


# ---------------------------------------------------------------- gaps between complex values


def _complex(x: Array, axis: int) -> Array:
    real, imaginary = np.moveaxis(x, axis, 0)
    return np.asarray(real + 1j * imaginary)


def _stacked(x: Array, axis: int, dtype: np.dtype) -> Array:
    return np.stack([x.real, x.imag], axis).astype(dtype, copy=False)


def _divide_by_complex_gaps(x: Array, values: Array, conjugate: bool) -> tuple[Array]:
    """xᵢⱼ / (λⱼ − λᵢ) and 0 for i = j; the column of a repeated value must be exactly 0."""
    n = x.shape[-1]
    if not x.size:
        return (x,)
    numerator, spectrum = _complex(x, -3), _complex(values, -2)
    gaps = spectrum[..., None, :] - spectrum[..., :, None]
    largest = np.abs(spectrum).max(-1)[..., None, None]
    closed = np.abs(gaps) <= np.finfo(x.dtype).eps * n * largest
    repeated = closed & ~np.eye(n, dtype=bool)
    bad = repeated & (numerator != 0).any(-2, keepdims=True)
    if bad.any():
        raise _repeated(bad, spectrum)
    gaps = np.where(closed, 1, np.conj(gaps) if conjugate else gaps)
    return (_stacked(np.where(closed, 0, numerator / gaps), -3, x.dtype),)


def _repeated(bad: Array, spectrum: Array) -> GradientError:
    index, which = first_matrix(np.asarray(bad.any(axis=(-1, -2))))
    i, j = sorted(int(k) for k in np.argwhere(bad[index])[0])
    value = spectrum[index][i]
    shown = f"{value.real:.6g}" if not value.imag else f"{value:.6g}"
    return GradientError(
        f"eig: eigenvalues {i} and {j} of {which} are both {shown}, so their eigenvectors have no "
        "derivative\n\n  The eigenvectors of a repeated value can be turned freely within their "
        "space."
    )


def _complex_gaps_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """y = x / (λⱼ − λᵢ)  ⇒  dy = −y (dλⱼ − dλᵢ) / (λⱼ − λᵢ), for the operand λ."""
    (y,), dv = outputs, tangents[1]
    assert dv is not None
    if params[0]:  # the gaps are conjugate, and so are their tangents
        dv = _conjugate(dv)
    b = batch_of(y)[:-1]
    p, q, r, i, j = range(len(b), len(b) + 5)
    operands = (y, dv, _multiplication(y.dtype))
    columns, rows = (
        build.einsum(operands, ((*b, p, i, j), (*b, q, k), (p, q, r)), (*b, r, i, j))
        for k in (j, i)
    )
    moved = build.subtract(rows, columns)
    return build.routine("divide_by_complex_gaps", moved, inputs[1], params=params)


def _conjugate(values: Node) -> Node:
    b = tuple(range(values.ndim - 1))
    signs = build.data(np.array([1, -1], values.dtype.numpy))
    labels = (*b, len(b))
    return build.einsum((values, signs), (labels, (labels[-2],)), labels)


DIVIDE_BY_COMPLEX_GAPS: Final = register(Routine(
    "divide_by_complex_gaps", like_first, _divide_by_complex_gaps, _complex_gaps_tangent,
    (3, 2), 0,
    lambda params, inputs, cotangent: build.routine(
        "divide_by_complex_gaps", cotangent, inputs[1], params=(not params[0],)
    )[0],
))  # fmt: skip


# ---------------------------------------------------------------- eig


def _eig_types(types: tuple[Type, ...], params: Params) -> tuple[Type, ...]:
    (*batch, n, _), dtype = types[0]
    return (
        Type((*batch, 2, n), dtype), Type((*batch, 2, n, n), dtype), Type((*batch, n, n), dtype),
    )  # fmt: skip


def _eig_value(a: Array) -> tuple[Array, Array, Array]:
    """Eigenvalues, eigenvectors, and for each vector a 1 at the element that is kept real."""
    values, vectors = converged("eig", np.linalg.eig, a)
    size = np.where(vectors.imag == 0, np.abs(vectors), -1)
    if not a.size:
        pivot = np.zeros(a.shape, a.dtype)
    else:
        pivot = (np.arange(a.shape[-1])[:, None] == size.argmax(-2)[..., None, :]).astype(a.dtype)
    return _stacked(values, -2, a.dtype), _stacked(vectors, -3, a.dtype), pivot


def _eig_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """With S = V⁻¹ dA V: dλ = diag(S), dV = W − V diag(ρ + iτ), W = V (S / gaps).

    ρⱼ = Re(vⱼᴴ wⱼ) keeps the length 1, τⱼ = Im(wₖⱼ) / vₖⱼ keeps element k real.

    Source:  boeddeker2017computation
    """
    (values, vectors, pivot), (da,) = outputs, tangents
    assert da is not None
    s = _matmul(_inverse(vectors), _real_times(da, vectors))
    (divided,) = build.routine("divide_by_complex_gaps", s, values, params=(False,))
    w = _matmul(vectors, divided)
    moved = build.subtract(w, _turned(vectors, w, pivot))
    return [diagonal(s), moved, None]


def _turned(vectors: Node, w: Node, pivot: Node) -> Node:
    """V diag(ρ + iτ)."""
    b = batch_of(vectors)[:-1]
    p, q, r, i, j = range(len(b), len(b) + 5)
    full = (*b, p, i, j)
    length = build.einsum((vectors, w), (full, full), (*b, j))
    at_pivot = [
        build.einsum((part, pivot), (full, (*b, i, j)), (*b, p, j)) for part in (w, vectors)
    ]
    axis, size = len(b), length.shape
    imaginary = build.reshape(build.slice_axis(at_pivot[0], axis, 1, 1), size)
    real = build.reshape(build.slice_axis(at_pivot[1], axis, 0, 1), size)
    phase = build.apply("divide", imaginary, real)
    stacked = (*size[:-1], 1, size[-1])
    factor = build.join([build.reshape(t, stacked) for t in (length, phase)], axis)
    operands = (vectors, factor, _multiplication(w.dtype))
    return build.einsum(operands, (full, (*b, q, j), (p, q, r)), (*b, r, i, j))


EIG: Final = register(Routine("eig", _eig_types, _eig_value, _eig_tangent, (2,)))
