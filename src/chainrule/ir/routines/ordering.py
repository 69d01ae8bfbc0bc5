"""Routines along one axis, the last: running sums and products, sorting order, binary search.

The leading axes are batch axes, as for every routine.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from chainrule.ir import build
from chainrule.ir.dtype import int64
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Type
from chainrule.ir.routine import Params, Routine, Tangents, register


def _same_type(operands: tuple[Type, ...], _params: Params) -> tuple[Type, ...]:
    return operands


def _indices(operands: tuple[Type, ...], _params: Params) -> tuple[Type, ...]:
    """One index for each element of the last operand."""
    return (Type(operands[-1].shape, int64),)


# ---------------------------------------------------------------- running sums and products


def _cumsum_value(x: np.ndarray, reverse: bool) -> list[np.ndarray]:
    if reverse:
        return [np.cumsum(x[..., ::-1], -1, x.dtype)[..., ::-1]]
    return [np.cumsum(x, -1, x.dtype)]


def _cumsum_transpose(params: Params, _inputs: list[Node], cotangent: Node) -> Node:
    """yᵢ = Σ x_j over j ≤ i, so x̄_j = Σ ȳᵢ over i ≥ j: the sum from the other end."""
    return build.routine("cumsum", cotangent, params=(not params[0],))[0]


CUMSUM = register(Routine("cumsum", _same_type, _cumsum_value, None, (1,), 0, _cumsum_transpose))
"""The sum of all elements up to each one; with ``reverse``, from each one on."""


def _cumprod_value(x: np.ndarray) -> list[np.ndarray]:
    return [np.cumprod(x, -1, x.dtype)]


def _cumprod_tangent(
    _params: Params, inputs: list[Node], _outputs: list[Node], tangents: Tangents
) -> Tangents:
    """Double the length of the product that ends at each element, until all factors are in.

    p′ᵢ = pᵢ₋ₛ pᵢ,  t′ᵢ = pᵢ₋ₛ tᵢ + tᵢ₋ₛ pᵢ  for s = 1, 2, 4, …: nothing is divided by x, which may
    be 0.
    """
    product, tangent = inputs[0], tangents[0]
    assert tangent is not None
    axis, size = product.ndim - 1, product.shape[-1]
    length = 1
    while length < size:
        rest = size - length
        before, tangent_before = (build.slice_axis(n, axis, 0, rest) for n in (product, tangent))
        after, tangent_after = (build.slice_axis(n, axis, length, rest) for n in (product, tangent))
        grown = build.add(
            (build.multiply(before, tangent_after), build.multiply(tangent_before, after))
        )
        tangent = build.join([build.slice_axis(tangent, axis, 0, length), grown], axis)
        first = build.slice_axis(product, axis, 0, length)
        product = build.join([first, build.multiply(before, after)], axis)
        length *= 2
    return [tangent]


CUMPROD = register(Routine("cumprod", _same_type, _cumprod_value, _cumprod_tangent, (1,)))
"""The product of all elements up to each one."""


# ---------------------------------------------------------------- order


_LONG = 1024
"""Elements of a row from which on NumPy's unstable order and its mending is the faster way."""

_PACKED: Final = 2**24
"""Words of a row up to which two of them seldom agree in the bits that are left of them."""
_BLOCK: Final = 2**13
_FEW: Final = 64
"""Words that show whether those of a row agree often."""


def stable_order(x: np.ndarray) -> np.ndarray:
    """The order that sorts the last axis and leaves equal elements as they stand.

    NumPy's quick order, four times as fast as its stable one, is the same wherever elements differ.
    The others are put in order afterwards: with the number of its group of equal elements in front,
    the places of a row are sorted as numbers.
    """
    size = x.shape[-1]
    if size < _LONG or x.dtype.itemsize < 4:
        return np.argsort(x, -1, kind="stable")
    if x.dtype == np.uint64 and size <= _PACKED:
        found = _packed_order(x, size)
        if found is not None:
            return found
    if np.all(x[..., 1:] >= x[..., :-1]):
        return np.broadcast_to(np.arange(size), x.shape).copy()
    order = np.argsort(x, -1)
    ordered = x[order] if x.ndim == 1 else np.take_along_axis(x, order, -1)
    same = ordered[..., 1:] == ordered[..., :-1]
    if x.dtype.kind == "f":
        same |= np.isnan(ordered[..., :-1])
    if not same.any():
        return order
    group = np.zeros(x.shape, np.int64)
    np.cumsum(~same, -1, out=group[..., 1:])
    group *= size
    order += group
    order.sort(-1)
    order -= group
    return order


def _packed_order(x: np.ndarray, size: int) -> np.ndarray | None:
    """The order of words of which no two agree in all but the last bits, as random words do not.

    The place of each takes the room of those bits: to sort numbers is twice as fast as an order.
    """
    places = (size - 1).bit_length()
    low, width = np.uint64((1 << places) - 1), np.uint64(places)
    if not _all_differ(np.sort(x[..., :_FEW] >> width, -1)):
        return None
    packed, places_of_block = np.empty_like(x), np.arange(min(size, _BLOCK), dtype=np.uint64)
    for start in range(0, size, _BLOCK):  # what lies in between stays in the cache
        block = packed[..., start : start + _BLOCK]
        np.bitwise_and(x[..., start : start + _BLOCK], ~low, out=block)
        block |= (places_of_block + np.uint64(start))[: block.shape[-1]]
    packed.sort(-1)
    for start in range(0, size, _BLOCK):
        if not _all_differ(packed[..., start : start + _BLOCK + 1] >> width):
            return None
    packed &= low
    return packed.view(np.int64)


def _all_differ(ordered: np.ndarray) -> bool:
    return bool((ordered[..., 1:] != ordered[..., :-1]).all())


def _argsort_value(x: np.ndarray, descending: bool) -> list[np.ndarray]:
    if not descending:
        return [stable_order(x)]
    backward = stable_order(x[..., ::-1])[..., ::-1]
    return [x.shape[-1] - 1 - backward]  # of equal elements the first still comes first


ARGSORT = register(Routine("argsort", _indices, _argsort_value, None, (1,)))
"""Where each element of the sorted row stands in the row; stable; NaN counts as the largest."""


def _searchsorted_value(x: np.ndarray, values: np.ndarray, side: str) -> list[np.ndarray]:
    if x.size and not any(x.strides[:-1]):  # a single row, perhaps repeated by vmap
        return [np.searchsorted(x[(0,) * (x.ndim - 1)], values, side)]  # type: ignore[call-overload]
    found = np.empty(values.shape, np.int64)
    for batch in np.ndindex(x.shape[:-1]):
        found[batch] = np.searchsorted(x[batch], values[batch], side)  # type: ignore[call-overload]
    return [found]


SEARCHSORTED = register(Routine("searchsorted", _indices, _searchsorted_value, None, (1, 1)))
"""How many elements of a sorted row are less than a value or, from the right, not greater."""
