# ruff: noqa: ARG001 — every rule has the signature of its table
"""Bases of the spaces of a matrix whose rank is known: null_space; leading axes are batch axes."""

from __future__ import annotations

from typing import Final

import numpy as np

from chainrule.ir import build
from chainrule.ir.dtype import from_numpy
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Type
from chainrule.ir.routine import Params, Routine, Tangents, register
from chainrule.ir.routines.matrices import converged, product

Array = np.ndarray


def _null_space_types(types: tuple[Type, ...], params: Params) -> tuple[Type, ...]:
    (*batch, _, n), dtype = types[0]
    return (Type((*batch, n, n - params[0]), dtype),)


def _null_space_value(a: Array, rank: int) -> tuple[Array]:
    """The last columns of V; each vector's largest element is positive."""
    return (null_basis(right_vectors(a)[1], rank),)


def right_vectors(a: Array) -> tuple[Array, Array]:
    """The singular values and all of Vᵀ; what U has more than V is not computed."""
    wide = a.shape[-1] > a.shape[-2]
    _, s, vh = converged("null_space", lambda x: np.linalg.svd(x, full_matrices=wide), a)
    return s, vh


def null_basis(vh: Array, rank: int) -> Array:
    """The columns of V behind the rank, in the one form that they have here."""
    basis = np.swapaxes(vh[..., rank:, :], -1, -2)
    if not basis.size:
        return basis.copy()
    place = np.abs(basis).argmax(-2)[..., None, :]
    signs = np.where(np.take_along_axis(basis, place, -2) < 0, -1, 1)
    return np.asarray(basis * signs.astype(vh.dtype))


def _null_space_tangent(
    params: Params, inputs: list[Node], outputs: list[Node], tangents: Tangents
) -> Tangents:
    """Only the space has a derivative, not the basis that was chosen for it: asking raises."""
    (a,), (basis,), (da,) = inputs, outputs, tangents
    assert da is not None
    eps = np.finfo(a.dtype.numpy).eps
    rtol = build.fill(float(max(a.shape[-2:]) * eps), a.shape[:-2], from_numpy(a.dtype.numpy))
    (inverse,) = build.routine("pinv", a, rtol)
    moved = build.negative(product(inverse, da, basis))
    return build.routine("refuse", moved, params=("null_space",))


NULL_SPACE: Final = register(Routine(
    "null_space", _null_space_types, _null_space_value, _null_space_tangent, (2,),
))  # fmt: skip
