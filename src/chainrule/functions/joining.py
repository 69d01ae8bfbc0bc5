"""Tensors put together, taken apart and repeated, under the array API standard's names."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule.elsewhere import reduced
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.axes import axis_of
from chainrule.functions.lift import (
    Lifted,
    Operand,
    as_tensor,
    describe,
    known_along,
    known_array,
    made_at_once,
    promoted,
)
from chainrule.functions.manipulation import ravel
from chainrule.ir import build
from chainrule.ir.dtype import int64
from chainrule.ir.graph import Node
from chainrule.tensors import Tensor, of_value, of_values
from chainrule.wording import plural

__all__ = ["concat", "repeat", "split", "stack", "tile", "unstack"]


# ---------------------------------------------------------------- joining


def _concat_nodes(*operands: Any) -> Node:
    *nodes, axis = operands
    return build.join(nodes, axis)


def _stack_nodes(*operands: Any) -> Node:
    *nodes, axis = operands
    shape = (*nodes[0].shape[:axis], 1, *nodes[0].shape[axis:])
    return build.join([build.reshape(n, shape) for n in nodes], axis)


_concat = Lifted(_concat_nodes)
_stack = Lifted(_stack_nodes)


@reduced
def concat(arrays: Sequence[Operand], /, axis: int | None = 0) -> Tensor:
    """Put Tensors one after another along an axis; ``axis=None`` ravels them first.

    Shapes:  arrays: m ..., n ...   →   m+n ...
             arrays: m n, k   →   m·n+k   for axis=None
    Raises:  ShapeError: sizes differ along another axis.

    >>> cr.concat([cr.tensor([1, 2]), cr.tensor([3])])
    Tensor([1, 2, 3])
    """
    if (known := _of_one_dtype(arrays)) is not None:
        found = made_at_once(np.concatenate, known, axis)
        if found is not None:
            return found
    tensors = _several("concat", arrays)
    if axis is None:
        tensors, axis = [ravel(t) for t in tensors], 0
    first = tensors[0]
    place = axis_of("concat", axis, first)
    rest = [(*t.shape[:place], *t.shape[place + 1 :]) for t in tensors]
    if any(t.ndim != first.ndim for t in tensors) or any(r != rest[0] for r in rest):
        _refuse("concat", tensors, f"Only along axis {place} may sizes differ.")
    return _concat(tensors, place)


@reduced
def stack(arrays: Sequence[Operand], /, axis: int = 0) -> Tensor:
    """Put Tensors of one shape beside each other along a new axis.

    Shapes:  arrays: m ..., m ...   →   2 m ...
             arrays: ..., ..., ...   →   ... 3   for axis=-1
    Raises:  ShapeError: the shapes differ.

    >>> cr.stack([cr.tensor([1, 2]), cr.tensor([3, 4])], axis=1)
    Tensor([[1, 3],
            [2, 4]])
    """
    if (known := _of_one_dtype(arrays)) is not None:
        found = made_at_once(_stacked, known, axis)
        if found is not None:
            return found
    tensors = _several("stack", arrays)
    place = axis_of("stack", axis, tensors[0], extra=1)
    if any(t.shape != tensors[0].shape for t in tensors):
        _refuse("stack", tensors, "Tensors to stack have one shape; cr.concat joins along an axis.")
    return _stack(tensors, place)


def _stacked(arrays: list[np.ndarray], axis: int) -> np.ndarray:
    """What NumPy's stack gives, in less time; ValueError where it refuses."""
    rank = arrays[0].ndim
    place = operator.index(axis)
    place += rank + 1 if place < 0 else 0
    if not 0 <= place <= rank:
        raise ValueError(axis)
    index: tuple[Any, ...] = (*(slice(None),) * place, None)
    return np.concatenate([a[index] for a in arrays], place)


def _of_one_dtype(arrays: Sequence[Operand]) -> list[np.ndarray] | None:
    """The arrays of known Tensors that need no promotion."""
    known: list[np.ndarray] = []
    dtype: np.dtype[Any] | None = None
    for x in arrays if type(arrays) in _LISTED else ():
        value = x._value if type(x) is Tensor else None
        if value is None:
            return None
        if dtype is None:
            dtype = value.dtype
        elif value.dtype is not dtype:
            return None
        known.append(value)
    return known or None


_LISTED = (list, tuple)


def _several(name: str, arrays: Sequence[Operand]) -> list[Tensor]:
    listed = list(arrays)
    if not listed:
        raise ArgumentError(f"{name}: give at least one Tensor")
    return promoted(name, *listed)


def _refuse(name: str, tensors: Sequence[Tensor], rule: str) -> None:
    lines = "\n".join(f"    {describe(t)}" for t in tensors)
    raise ShapeError(f"{name}: the shapes do not fit together\n\n{lines}\n\n  {rule}")


# ---------------------------------------------------------------- taking apart


def _unstack_nodes(x: Node, axis: int) -> list[Node]:
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    return [build.reshape(build.slice_axis(x, axis, k, 1), shape) for k in range(x.shape[axis])]


def _split_nodes(x: Node, axis: int, sizes: tuple[int, ...]) -> list[Node]:
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    return [
        build.slice_axis(x, axis, start, size) for start, size in zip(starts, sizes, strict=True)
    ]


_unstack = Lifted(_unstack_nodes)
_split = Lifted(_split_nodes)


@reduced
def unstack(x: Operand, /, axis: int = 0) -> tuple[Tensor, ...]:
    """Take a Tensor apart along an axis, which vanishes.

    Shapes:  x: 3 ...   →   ..., ..., ...
             x: ... 2   →   ..., ...   for axis=-1
    Raises:  ShapeError: the axis does not exist.

    >>> cr.unstack(cr.tensor([[1, 2], [3, 4]]))
    (Tensor([1, 2]), Tensor([3, 4]))
    """
    tensor = as_tensor(x, "unstack")
    place = axis_of("unstack", axis, tensor)
    if (value := known_array(tensor)) is not None:
        order = (place, *range(place), *range(place + 1, value.ndim))
        parts: Iterable[np.ndarray] = value.transpose(order)
        return tuple(of_values(parts if value.ndim > 1 else map(np.asarray, parts)))
    return tuple(_unstack([tensor], place)) if tensor.shape[place] else ()


@reduced
def split(x: Operand, sections: int | Sequence[int], /, axis: int = 0) -> list[Tensor]:
    """Cut a Tensor along an axis: into a number of equal parts, or before each of some indices.

    Shapes:  x: 2·n ...   →   n ..., n ...   for sections=2
    Raises:  ShapeError: the axis cannot be cut into equal parts.

    >>> cr.split(cr.arange(5), [2, 3])
    [Tensor([0, 1]), Tensor([2]), Tensor([3, 4])]
    """
    tensor = as_tensor(x, "split")
    place = axis_of("split", axis, tensor)
    size = tensor.shape[place]
    if isinstance(sections, Sequence):
        cuts = [0, *(min(max(c + size if c < 0 else c, 0), size) for c in sections), size]
        sizes = tuple(max(b - a, 0) for a, b in pairwise(cuts))
        if cuts != sorted(cuts):
            raise ArgumentError(f"split: the indices {list(sections)} do not grow")
    else:
        if sections < 1 or size % sections:
            raise ShapeError(
                f"split: axis {place} of size {size} does not fall into {sections} equal parts"
                f"\n\n    {describe(tensor)}"
            )
        sizes = (size // sections,) * sections
    return list(_split([tensor], place, sizes))


# ---------------------------------------------------------------- repetition


def repeat_nodes(x: Node, count: int, axis: int) -> Node:
    """Each element along an axis so many times."""
    lead, rest = x.shape[: axis + 1], x.shape[axis + 1 :]
    kept = [a if a <= axis else a + 1 for a in range(x.ndim)]
    wide = build.expand(x, (*lead, count, *rest), kept)
    return build.reshape(wide, (*x.shape[:axis], x.shape[axis] * count, *rest))


def _pick_nodes(x: Node, places: tuple[int, ...], axis: int) -> Node:
    order = (axis, *(a for a in range(x.ndim) if a != axis))
    index = build.data(np.asarray(places, np.int64))
    read = build.gather(build.transpose(x, order), [index])
    return build.transpose(read, (*range(1, axis + 1), 0, *range(axis + 1, x.ndim)))


def _tile_nodes(x: Node, repetitions: tuple[int, ...]) -> Node:
    wide = tuple(n for pair in zip(repetitions, x.shape, strict=True) for n in pair)
    copies = build.expand(x, wide, range(1, 2 * x.ndim, 2))
    shape = tuple(r * n for r, n in zip(repetitions, x.shape, strict=True))
    return build.reshape(copies, shape)


_repeat = Lifted(repeat_nodes)
_pick = Lifted(_pick_nodes)
_tile = Lifted(_tile_nodes)


@reduced
def repeat(
    x: Operand, repeats: int | Sequence[int] | Tensor | np.ndarray, /, axis: int | None = None
) -> Tensor:
    """Repeat each element along an axis; ``axis=None`` ravels first.

    ``repeats`` is one number, or one for each element of the axis; its value must be known.

    Shapes:  x: ... n   →   ... k·n   for repeats=k, axis=-1
             x: m n   →   k·m·n   for repeats=k
    Raises:  ShapeError: there are not as many numbers as elements.
             ArgumentError: a number is negative.
             RecordingError: the numbers are not known while jit or vmap records.

    >>> cr.repeat(cr.tensor([1, 2]), 2), cr.repeat(cr.tensor([1, 2]), [1, 3])
    (Tensor([1, 1, 2, 2]), Tensor([1, 2, 2, 2]))
    """
    counts = repeats if type(repeats) is int else _numbers(repeats)
    if (value := known_along(x, axis)) is not None:
        found = made_at_once(_repeated, value, counts, axis)
        if found is not None:
            return found
    tensor = as_tensor(x, "repeat")
    if axis is None:
        tensor, axis = ravel(tensor), 0
    place = axis_of("repeat", axis, tensor)
    numbers = np.atleast_1d(counts)
    if numbers.size and numbers.min() < 0:
        raise ArgumentError(f"repeat: {numbers.min()} is no number of repetitions")
    if len(numbers) == 1:
        return _repeat([tensor], int(numbers[0]), place)
    if len(numbers) != tensor.shape[place]:
        raise ShapeError(
            f"repeat: {plural(len(numbers), 'number')} for axis {place} of size "
            f"{tensor.shape[place]}\n\n"
            f"    {describe(tensor)}"
        )
    picked = np.repeat(np.arange(len(numbers)), numbers)
    return _pick([tensor], tuple(picked.tolist()), place)


def _numbers(repeats: Any) -> np.ndarray:
    """One integer after another."""
    given = repeats._known() if isinstance(repeats, Tensor) else np.asarray(repeats)
    counts = given.ravel()
    if counts.dtype is int64.numpy:
        return counts
    if counts.dtype.kind in "iu":
        return counts.astype(np.int64)
    return np.array([operator.index(n) for n in counts], np.int64)


_COPIES, _BYTES = 4, 8  # how many copies of one number, and what they fill, up to which passes pay


def _repeated(value: np.ndarray, counts: int | np.ndarray, axis: int | None) -> np.ndarray:
    """What NumPy's repeat gives; a few copies of a short number by as many passes over all."""
    if axis is None:
        value, axis = value.reshape(-1), 0
    if type(counts) is not int or not 0 < counts <= _COPIES:
        return value.repeat(counts, axis)
    shape = value.shape
    if axis not in (-1, len(shape) - 1) or counts * value.itemsize > _BYTES:
        return value.repeat(counts, axis)
    made = np.empty((*shape, counts), value.dtype)
    for k in range(counts):
        made[..., k] = value
    return made.reshape(*shape[:-1], shape[-1] * counts)


def tile(x: Operand, repetitions: int | Sequence[int], /) -> Tensor:
    """Lay copies of a whole Tensor beside each other, this many along each axis.

    Shapes:  x: m n   →   j·m k·n   for repetitions=(j, k)

    >>> cr.tile(cr.tensor([1, 2]), (2, 2))
    Tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    tensor = as_tensor(x, "tile")
    given = tuple(repetitions) if isinstance(repetitions, Sequence) else (repetitions,)
    numbers = (1,) * (tensor.ndim - len(given)) + tuple(operator.index(n) for n in given)
    if any(n < 0 for n in numbers):
        raise ArgumentError(f"tile: {min(numbers)} is no number of repetitions")
    if (value := known_array(tensor)) is not None:
        return of_value(_tiled(value, numbers))
    shape = (1,) * (len(numbers) - tensor.ndim) + tensor.shape
    return _tile([_reshape([tensor], shape)], numbers)


def _tiled(value: np.ndarray, numbers: tuple[int, ...]) -> np.ndarray:
    """All copies in one pass."""
    sizes = (1,) * (len(numbers) - value.ndim) + value.shape
    beside = [n for pair in zip(numbers, sizes, strict=True) for n in pair]
    made = np.empty(beside, value.dtype)
    made[...] = value.reshape([n for size in sizes for n in (1, size)])
    return made.reshape([k * n for k, n in zip(numbers, sizes, strict=True)])


_reshape = Lifted(build.reshape)
