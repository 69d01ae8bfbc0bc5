"""Contractions with windows: overlapping views, copied a block at a time.

BLAS wants matrices, and a view of windows is none: it reads each element of an image several times.
A copy of the whole would be many times the image; a block of it stays in the cache until BLAS has
read it. Where the places of the windows lie in rows with a short gap (the padding), the gaps are
copied too and dropped afterwards, so that whole images and not single rows are copied at a time.

Source:  chellapilla2006high, sec. 3
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from chainrule.ir.subscripts import Labels

Array = np.ndarray
Product = Callable[[Array, Array], Array]
Maker = Callable[[Labels, Labels, Labels], Product]

_LARGE: Final = 1 << 16  # elements; below, a copy of the whole is cheap
_BLOCK: Final = 1 << 20  # elements of a block: 4 MB of float32, which an L3 cache holds
_SHORT: Final = 16  # elements of a window that are reduced one after another
_GAP: Final = 1.5  # how much longer rows with their gaps may be


def overlaps(array: Array) -> bool:
    """Whether a large view reads its memory more than twice."""
    if array.size < _LARGE:
        return False
    span = sum((n - 1) * abs(s) for n, s in zip(array.shape, array.strides, strict=True))
    return bool(array.size > 2 * (span // array.itemsize + 1))


class Plan(NamedTuple):
    """How a contraction with windows is cut: along a label, with two labels read as one.

    ``window``, ``other`` and ``output`` are the labels after that, each sorted for the product.
    """

    cut: int
    rows: tuple[int, int] | None
    window: Labels
    other: Labels
    output: Labels


def blocked(windows: Array, labels: Labels, other: Array, given: Labels, output: Labels,
            make: Maker) -> Array:  # fmt: skip
    """Contract a view of windows with another array; ``make`` gives the product of two blocks."""
    plan = _plan(labels, given, output, windows.shape, windows.strides, windows.itemsize)
    source, width = _flattened(windows, labels, plan)
    product = make(plan.other, plan.window, plan.output)
    size = windows.shape[labels.index(plan.cut)]
    step = max(1, _BLOCK * size // max(1, source.size))
    sizes = dict(zip((*labels, *given), (*windows.shape, *other.shape), strict=True))
    adds = plan.cut not in output
    shape = tuple(sizes[n] for n in output)
    result = (np.zeros if adds else np.empty)(shape, windows.dtype)
    for start in range(0, size, step):
        part = slice(start, min(start + step, size))
        block = source[_along(plan.window, plan.cut, part)]
        cut_other = other[_along(given, plan.cut, part)] if plan.cut in given else other
        factor = _spread(cut_other, given, plan, width, source.shape[-1])
        made = _gathered(product(factor, block), plan, output, width, sizes)
        if adds:
            result += made
        else:
            result[_along(output, plan.cut, part)] = made
    return result


@lru_cache(maxsize=4096)
def _plan(
    labels: Labels,
    given: Labels,
    output: Labels,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    itemsize: int,
) -> Plan:
    far = max(range(len(labels)), key=lambda a: (shape[a] > 1, strides[a]))
    rows = _rows(labels, given, output, shape, strides, itemsize, labels[far])
    if rows is None:
        near = min(range(len(labels)), key=lambda a: (strides[a], -shape[a]))
        window = (*(n for n in labels if n != labels[near]), labels[near])
        return Plan(labels[far], None, window, given, _sorted(given, window, output))
    flat = rows[1]
    window = (*(n for n in labels if n not in rows), flat)
    second = given if flat not in given else (*(n for n in given if n not in rows), flat)
    kept = tuple(n for n in output if n != rows[0])
    return Plan(labels[far], rows, window, second, _sorted(second, window, kept))


def _sorted(other: Labels, window: Labels, output: Labels) -> Labels:
    """The output with the rows of the product, the other operand's labels, in front."""
    both = tuple(n for n in output if n in other and n in window)
    return (
        *both,
        *(n for n in other if n in output and n not in both),
        *(n for n in window if n in output and n not in both),
    )


def _rows(
    labels: Labels,
    given: Labels,
    output: Labels,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    itemsize: int,
    cut: int,
) -> tuple[int, int] | None:
    """Two labels, rows and places in a row, that can be read as one without long gaps."""
    inner = [a for a, s in enumerate(strides) if s == itemsize and labels[a] != cut]
    if not inner:
        return None
    w = max(inner, key=lambda a: shape[a])
    best: tuple[int, int] | None = None
    most = 1
    for h, (count, stride) in enumerate(zip(shape, strides, strict=True)):
        if labels[h] == cut or h == w or count <= most or stride % itemsize:
            continue
        pitch = stride // itemsize
        alike = all((labels[h] in s) == (labels[w] in s) for s in (given, output))
        if alike and shape[w] <= pitch <= _GAP * shape[w]:
            best, most = (labels[h], labels[w]), count
    return best


def _flattened(windows: Array, labels: Labels, plan: Plan) -> tuple[Array, int]:
    """The windows with the axes of the plan, and how far rows are apart in the flat axis."""
    if plan.rows is None:
        return windows.transpose([labels.index(n) for n in plan.window]), 0
    h, w = (labels.index(n) for n in plan.rows)
    width = windows.strides[h] // windows.itemsize
    length = (windows.shape[h] - 1) * width + windows.shape[w]
    axes = [labels.index(n) for n in plan.window[:-1]]
    shape = (*(windows.shape[a] for a in axes), length)
    strides = (*(windows.strides[a] for a in axes), windows.itemsize)
    return as_strided(windows, shape, strides, writeable=False), width


def _spread(other: Array, given: Labels, plan: Plan, width: int, length: int) -> Array:
    """The other operand with its rows along one axis, zeros in the gaps."""
    if plan.rows is None or plan.rows[1] not in given:
        return other
    ordered = other.transpose([given.index(n) for n in (*plan.other[:-1], *plan.rows)])
    flat = np.zeros((*ordered.shape[:-2], length), other.dtype)
    _as_rows(flat, ordered.shape[-2:], width)[...] = ordered
    return flat


def _gathered(made: Array, plan: Plan, output: Labels, width: int, sizes: dict[int, int]) -> Array:
    """The result of a block in the wanted order, with its rows apart again."""
    order = plan.output
    if plan.rows is not None and plan.rows[1] in output:
        made = np.moveaxis(made, order.index(plan.rows[1]), -1)
        made = _as_rows(made, (sizes[plan.rows[0]], sizes[plan.rows[1]]), width)
        order = (*(n for n in order if n != plan.rows[1]), *plan.rows)
    return made.transpose([order.index(n) for n in output])


def _as_rows(flat: Array, shape: tuple[int, ...], width: int) -> Array:
    step = flat.strides[-1]
    strides = (*flat.strides[:-1], width * step, step)
    return as_strided(flat, (*flat.shape[:-1], *shape), strides)


def _along(labels: Labels, label: int, part: slice) -> tuple[slice, ...]:
    return tuple(part if n == label else slice(None) for n in labels)


def reduce_windows(ufunc: np.ufunc, array: Array, axes: tuple[int, ...]) -> Array:
    """Reduce over axes, short ones one place after another.

    NumPy walks the axes to be reduced innermost, which takes 20 times as long for those of a window
    of 2×2.
    """
    shape = () if array.size < _LARGE else tuple([array.shape[a] for a in axes])
    if not 1 < math.prod(shape) <= _SHORT:
        return np.asarray(ufunc.reduce(array, axes, array.dtype))
    moved = np.moveaxis(array, axes, range(len(axes)))
    places = iter(np.ndindex(*shape))
    result = np.asarray(ufunc(moved[next(places)], moved[next(places)]))
    for place in places:
        ufunc(result, moved[place], out=result)
    return result
