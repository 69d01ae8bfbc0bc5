"""The values of View and its transpose Accumulate in NumPy, without a copy wherever possible."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from chainrule.ir.primitives import Axis, Shape, View

Kernel = Callable[[np.ndarray], np.ndarray]
Index = tuple[Any, ...]
_BLOCK = 1 << 17  # elements of a result that stay in the cache while windows are added


def view_kernel(view: View, shape: Shape) -> Kernel:
    """A function that reads an array of this shape through the view."""
    if _is_simple(view):
        return _simple_view(view, shape)
    low, high = _padding(view, shape)
    offsets = [axis.offset + a for axis, a in zip(view.axes, low, strict=True)]
    padded = any(low) or any(high)
    padded_shape = tuple(n + a + b for n, a, b in zip(shape, low, high, strict=True))
    inside = tuple(slice(a, a + n) for n, a in zip(shape, low, strict=True))

    def run(array: np.ndarray) -> np.ndarray:
        source = array
        if padded:
            source = np.zeros(padded_shape, array.dtype)
            source[inside] = array
        return _strided(source, view, offsets, writeable=False)

    return run


def accumulate_kernel(view: View, shape: Shape) -> Kernel:
    """A function that adds the elements of an array where the view of this shape reads them.

    Axes on which the view repeats are summed first; then every index along the axes that share an
    operand's axis (windows) but the longest is a pass of its own, so that no pass meets an element
    twice.
    """
    low, high = _padding(view, shape)
    offsets = [axis.offset + a for axis, a in zip(view.axes, low, strict=True)]
    padded_shape = tuple(n + a + b for n, a, b in zip(shape, low, high, strict=True))
    crop: Index = (*(slice(a, a + n) for n, a in zip(shape, low, strict=True)), ...)
    used = {o for axis in view.axes for o, _ in axis.terms}
    repeated = tuple(o for o in range(len(view.shape)) if o not in used)
    kept = tuple(o for o in range(len(view.shape)) if o in used)
    looped = _looped(view)
    alone = next((o for axis in view.axes for o, _ in axis.terms if o not in looped), None)
    passes: list[Iterable[Any]] = [
        range(view.shape[o]) if o in looped else (slice(None),) for o in kept
    ]
    if alone is not None and looped:  # a block of the result stays in the cache for all its passes
        size = view.shape[alone]
        step = max(1, _BLOCK * size // max(1, math.prod(shape)))
        passes[kept.index(alone)] = [slice(k, k + step) for k in range(0, size, step)]
    # The blocks are the outermost loop.
    order = sorted(range(len(kept)), key=lambda k: kept[k] != alone)
    back = [order.index(k) for k in range(len(kept))]
    inner = _without(view, repeated)

    def run(array: np.ndarray) -> np.ndarray:
        target = np.zeros(padded_shape, array.dtype)
        if not array.size:
            return target[crop]
        source = np.asarray(np.add.reduce(array, axis=repeated, dtype=array.dtype))
        window = _strided(target, inner, offsets, writeable=True)
        for loops in itertools.product(*[passes[k] for k in order]):
            index = tuple([loops[k] for k in back])
            window[index] += source[index]
        return target[crop]

    return run


class Repeated:
    """A kernel that repeats what it reads along axes where that has size 1."""

    __slots__ = ("read", "shape")

    def __init__(self, read: Kernel, shape: Shape) -> None:
        self.read = read
        self.shape = shape

    def __call__(self, array: np.ndarray) -> np.ndarray:
        return np.broadcast_to(self.read(array), self.shape)


def _is_simple(view: View) -> bool:
    """Whether each axis of the operand follows at most one of the result, each at most once."""
    used = [o for axis in view.axes for o, _ in axis.terms]
    return all(len(axis.terms) <= 1 for axis in view.axes) and len(set(used)) == len(used)


def _simple_view(view: View, shape: Shape) -> Kernel:
    index: list[slice | int] = []
    target: list[slice] = []
    inside = True
    for axis, size in zip(view.axes, shape, strict=True):
        if not axis.terms:
            index.append(axis.offset if 0 <= axis.offset < size else slice(0, 0))
            inside &= 0 <= axis.offset < size
            continue
        ((o, step),) = axis.terms
        first, count = _inside(axis.offset, step, view.shape[o], size)
        inside &= count == view.shape[o]
        index.append(_slice(axis.offset + step * first, step, count))
        target.append(slice(first, first + count))
    used = [axis.terms[0][0] for axis in view.axes if axis.terms]
    order = tuple(sorted(range(len(used)), key=lambda k: used[k]))
    insert = tuple(slice(None) if o in used else None for o in range(len(view.shape)))
    read = _basic(tuple(index), shape, order, insert)
    repeats = any(n != 1 for o, n in enumerate(view.shape) if o not in used)
    if inside:
        return Repeated(read, view.shape) if repeats else read
    place = tuple(target[k] for k in order)
    own = tuple(view.shape[o] if o in used else 1 for o in range(len(view.shape)))
    room = tuple(n for o, n in enumerate(view.shape) if o in used)
    source = tuple(index)
    empty = any(
        not axis.terms and not 0 <= axis.offset < n
        for axis, n in zip(view.axes, shape, strict=True)
    )

    def run(array: np.ndarray) -> np.ndarray:
        result = np.zeros(room, array.dtype)
        if not empty:
            result[place] = array[source].transpose(order)
        return np.broadcast_to(result.reshape(own), view.shape)

    return run


def _basic(
    index: tuple[slice | int, ...],
    shape: Shape,
    order: tuple[int, ...],
    insert: tuple[slice | None, ...],
) -> Kernel:
    whole = all(i == slice(0, n, 1) for i, n in zip(index, shape, strict=True))
    ordered = order == tuple(range(len(order)))
    plain = None not in insert

    def run(array: np.ndarray) -> np.ndarray:
        read = array if whole else array[index]
        read = read if ordered else read.transpose(order)
        return read if plain else read[insert]

    return run


def _inside(offset: int, step: int, count: int, size: int) -> tuple[int, int]:
    """The first index and the number of indices o < count with 0 ≤ offset + step·o < size."""
    if count == 0 or step == 0:
        return 0, count if 0 <= offset < size else 0
    if step > 0:
        first = max(0, -(offset // step))
        last = (size - 1 - offset) // step
    else:
        first = max(0, -((size - 1 - offset) // -step))
        last = offset // -step
    return (first, max(0, min(count - 1, last) - first + 1)) if first < count else (0, 0)


def _slice(start: int, step: int, count: int) -> slice:
    if count == 0:
        return slice(0, 0)
    stop = start + step * count
    return slice(start, stop if stop >= 0 else None, step)


def _padding(view: View, shape: Shape) -> tuple[list[int], list[int]]:
    low, high = [], []
    for axis, size in zip(view.axes, shape, strict=True):
        reach = [step * (view.shape[o] - 1) for o, step in axis.terms]
        least = axis.offset + sum(r for r in reach if r < 0)
        most = axis.offset + sum(r for r in reach if r > 0)
        low.append(max(0, -least))
        high.append(max(0, most - size + 1))
    return low, high


def _strided(array: np.ndarray, view: View, offsets: list[int], *, writeable: bool) -> np.ndarray:
    if not all(view.shape):
        return np.zeros(view.shape, array.dtype)
    strides = [0] * len(view.shape)
    for axis, stride in zip(view.axes, array.strides, strict=True):
        for o, step in axis.terms:
            strides[o] += step * stride
    start: Index = (*(slice(o, None) for o in offsets), ...)  # … keeps an array with no axes one
    corner = array[start]
    return as_strided(corner, view.shape, strides, writeable=writeable)


def _looped(view: View) -> set[int]:
    """Axes of the result to walk one index at a time, so that the rest of the view is injective."""
    looped: set[int] = set()
    for axis in view.axes:
        shared = sorted((o for o, _ in axis.terms), key=lambda o: view.shape[o])
        looped.update(shared[:-1])
    return looped


def _without(view: View, dropped: tuple[int, ...]) -> View:
    """The view with these unused axes of the result taken out."""
    kept = [o for o in range(len(view.shape)) if o not in dropped]
    place = {o: k for k, o in enumerate(kept)}
    axes = tuple(Axis(a.offset, tuple((place[o], s) for o, s in a.terms)) for a in view.axes)
    return View(tuple(view.shape[o] for o in kept), axes)
