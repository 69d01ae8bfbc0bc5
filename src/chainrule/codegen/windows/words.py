"""Words: factors of sums over windows, two of them along an inner axis in one word, as bfloat16.

Σ_k x(k) w(k)   →   Σ_m x(2m) w(2m) + x(2m + 1) w(2m + 1)

The channels of a convolution and of its derivative by the image lie apart in both factors, so each
factor becomes half as many words before the sum; so do the images in the derivative by the kernel.
Where each part of the sum has one image, lines of it are taken by two: then windows begin at every
line, and so do words, each of which shares a line with its neighbor.

What has no such axis stays in float32: one channel, depthwise convolutions, small sums. An odd
number of channels is filled up with zeros. Sums are those of ``products/pairs.py``: of each word
the second product first, words in the order of the inner axes. Where there are tiles, words have
the order that these need (``ordered.py``), and sums that of ``products/tiles.py``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from chainrule.codegen.assembly.target import Target
from chainrule.codegen.products.pairs import TILED, vectors_of
from chainrule.codegen.products.panels import TILE
from chainrule.codegen.statements.affine import Affine, flattened, variable
from chainrule.codegen.statements.fuse import own_rank
from chainrule.codegen.statements.loops import Guard, Load, Pairs, Statement, Times, Words
from chainrule.codegen.statements.steps import Step
from chainrule.codegen.windows.ordered import (
    Ordered,
    best_in_tiles,
    by_channels,
    sum_of_words,
    with_axis,
    words_in_order,
    words_of_words,
)
from chainrule.codegen.windows.plan import plan_of
from chainrule.ir import build
from chainrule.ir.dtype import float32, int32
from chainrule.ir.graph import Node

__all__ = ["in_words"]

_LARGE: Final = 1 << 16  # multiply-adds; smaller sums stay in float32
_OFTEN: Final = 8  # times that a word is used


class _Halved(NamedTuple):
    """The words of a factor.

    shape, axis   of the words, and along which of its axes numbers are neighbors in one
    every         how far the second number of each word is from the first, if a word begins at
                  every place; 0 if words are side by side
    load          the word that is read, by the same variables
    """

    shape: tuple[int, ...]
    axis: int
    every: int
    load: Load


Factors = tuple[Load, Load]


def in_words(steps: Iterable[Step], target: Target) -> Iterator[Step]:
    """Give the steps; factors of large sums over windows are rounded to bfloat16 before."""
    maker = _Maker(target, {}, set())
    for step in steps:
        if target.pairs and isinstance(step, Statement):
            yield from maker.statements(step)
            maker.computed.add(step.target)
        else:
            yield step


def _factors(s: Statement) -> Factors | None:
    """What a large sum multiplies, if that is two arrays of float32."""
    if s.kind != "sum" or s.added or not isinstance(s.value, Times) or len(s.value.operands) != 2:
        return None
    first, second = s.value.operands
    if not isinstance(first, Load) or not isinstance(second, Load):
        return None
    plain = all(e.dtype is e.source.dtype is s.target.dtype is float32 for e in (first, second))
    return (first, second) if plain and math.prod(s.extents) >= _LARGE else None


class _Maker(NamedTuple):
    """Makes words of factors, those of an array once.

    made       words, by the array and how they are made of it
    computed   what statements before give
    """

    target: Target
    made: dict[object, Node]
    computed: set[Node]

    def statements(self, s: Statement) -> Iterator[Statement]:
        """The statement with words for factors, after those that make them; or as it is."""
        factors = _factors(s)
        if factors is None:
            yield s
        elif self.target.pairs in TILED and self.target.lanes("i32") == TILE:
            yield from self._in_tiles(s, factors)
        else:
            yield from self._in_vectors(s, factors)

    def _in_vectors(self, s: Statement, factors: Factors) -> Iterator[Statement]:
        """With words in vectors, along the first inner variable that will do."""
        how = vectors_of(self.target.pairs)
        for v, halves in _choices(s, factors):
            pairs = list(zip(factors, halves, strict=True))
            keys = [(load.source, h.axis, h.every) for load, h in pairs]
            words = [self.made.get(key) or build.parameter(h.shape, int32)
                     for key, h in zip(keys, halves, strict=True)]  # fmt: skip
            reads = [h.load._replace(source=n) for n, h in zip(words, halves, strict=True)]
            found = sum_of_words(s, v, reads, how)
            if plan_of(self.target, found, own_rank(found)) is None:
                continue
            for key, node, (load, h) in zip(keys, words, pairs, strict=True):
                if key not in self.made:
                    self.made[key] = node
                    yield _words(node, load.source, h, how)
            yield found
            return
        yield s

    def _in_tiles(self, s: Statement, factors: Factors) -> Iterator[Statement]:
        """With words in tiles; vectors of words are no faster there than those of float32.

        What tiles do not pay for stays as it is.
        """
        found = best_in_tiles(self.target, s, factors)
        if found is None:
            yield s
            return
        best, halves = found
        assert isinstance(best.value, Pairs)
        reads = []
        for load, h in zip(factors, halves, strict=True):
            key = load.source, h.halved, h.order
            if key not in self.made:
                for words in self._ordered(load.source, h):
                    self.made[key] = words.target
                    yield words
            reads.append(h.load._replace(source=self.made[key]))
        yield best._replace(value=best.value._replace(operands=tuple(reads)))

    def _ordered(self, source: Node, h: Ordered) -> Iterator[Statement]:
        """The statements that make words; the last one has those that are wanted.

        What the program computed need not lie in memory if the words of its channels do.
        """
        how = self.target.pairs
        channels = by_channels(source, h) if source in self.computed else None
        if channels is None:
            yield words_in_order(build.parameter(h.shape, int32), source, h, how)
            return
        key = source, channels.halved, channels.order
        if key not in self.made:
            self.made[key] = build.parameter(channels.shape, int32)
            yield words_in_order(self.made[key], source, channels, how)
        yield words_of_words(self.made[key], source, h)


def _choices(s: Statement, factors: Factors) -> Iterator[tuple[int, tuple[_Halved, _Halved]]]:
    """The inner variables along which numbers may be neighbors in words, with the words."""
    ways = (_side_by_side, _side_by_side), (_at_every_place, _side_by_side)
    inner = [v for v in range(s.rank, len(s.extents)) if s.extents[v] > 1]
    for both in (ways[0], ways[1], ways[1][::-1]):
        for v in inner:
            if _at_every_place in both and s.extents[v] % 2:
                continue  # the last word would have a number that is none of the sum
            first, second = (
                way(load, v, s.extents[v]) for way, load in zip(both, factors, strict=True)
            )
            if first and second and _are_used_often(s, (first, second)):
                yield v, (first, second)


def _are_used_often(s: Statement, halves: Sequence[_Halved]) -> bool:
    return all(math.prod(h.shape) * _OFTEN * 2 <= math.prod(s.extents) for h in halves)


# ---------------------------------------------------------------- words side by side


def _side_by_side(load: Load, v: int, extent: int) -> _Halved | None:
    """The words of an axis along which a variable alone counts, or steps that are even."""
    step = load.flat.coefficient(v)
    axis = _axis(load.source.shape, step)
    if axis is None or any(g.form.coefficient(v) for g in load.guards):
        return None
    size = load.source.shape[axis]
    if extent % 2 and size != extent:
        return None  # the last word would have a number that is none of the sum
    constant = _halved(load.flat.constant, step, size)
    terms = [(w, step if w == v else _halved(c, step, size)) for w, c in load.flat.terms]
    if constant is None or any(c is None for _, c in terms):
        return None
    flat = Affine(constant, tuple((w, c) for w, c in terms if c is not None))
    shape = with_axis(load.source.shape, axis, -(-size // 2))
    return _Halved(shape, axis, 0, load._replace(flat=flat, dtype=int32))


def _axis(shape: Sequence[int], step: int) -> int | None:
    """The axis whose neighbors lie so far apart."""
    stride = 1
    for axis in reversed(range(len(shape))):
        if stride == step and shape[axis] > 1:
            return axis
        stride *= shape[axis]
    return None


def _halved(step: int, stride: int, size: int) -> int | None:
    """A step in elements as one in words, if it is of other axes, or even along this one."""
    whole = size * stride
    if abs(step) < stride:
        return step
    if step % whole == 0:
        return step // whole * -(-size // 2) * stride
    return step // 2 if step % (2 * stride) == 0 else None


# ---------------------------------------------------------------- words at every place


def _at_every_place(load: Load, v: int, _: int) -> _Halved | None:
    """The words of an axis whose every element is the first of one, and the second of another."""
    step = load.flat.coefficient(v)
    found = _reached(load.source.shape, step)
    if found is None:
        return None
    axis, stride = found
    size, apart = load.source.shape[axis], step // stride
    whole = size * stride
    others = [c for w, c in load.flat.terms if w != v]
    if abs(load.flat.constant) >= whole or any(abs(c) >= whole and c % whole for c in others):
        return None
    steps = ((g.form.coefficient(v), g.size) for g in load.guards)
    if any(c and (c, n) != (apart, size) for c, n in steps):
        return None
    longer = (size + apart) * stride
    terms = [
        (w, 2 * c if w == v else c // whole * longer if abs(c) >= whole else c)
        for w, c in load.flat.terms
    ]
    guards = tuple(_begun(g, v, apart) for g in load.guards)
    flat = Affine(load.flat.constant + apart * stride, tuple(terms))
    shape = with_axis(load.source.shape, axis, size + apart)
    return _Halved(shape, axis, apart, Load(load.source, flat, guards, int32))


def _reached(shape: Sequence[int], step: int) -> tuple[int, int] | None:
    """The axis along which a step goes, and the distance of its neighbors."""
    stride = 1
    for axis in reversed(range(len(shape))):
        if stride <= step < stride * shape[axis] and step % stride == 0:
            return axis, stride
        stride *= shape[axis]
    return None


def _begun(guard: Guard, v: int, apart: int) -> Guard:
    """The condition for the word; one number of it exists a step before the array begins."""
    step = guard.form.coefficient(v)
    if not step:
        return guard
    return Guard(guard.form.plus(variable(v), step).shifted(apart), guard.size + apart)


# ---------------------------------------------------------------- making words


def _words(made: Node, source: Node, h: _Halved, how: str) -> Statement:
    """The statement that makes all words of an array."""
    size, place = source.shape[h.axis], variable(h.axis)
    if h.every:
        places = place.shifted(-h.every), place
    else:
        places = place.times(2), place.times(2).shifted(1)

    def number(form: Affine) -> Load:
        index = [variable(k) for k in range(source.ndim)]
        index[h.axis] = form
        low, high = form.limits({h.axis: h.shape[h.axis]})
        guards = (Guard(form, size),) if low < 0 or high >= size else ()
        return Load(source, flattened(index, source.shape), guards, float32)

    even, odd = map(number, places)
    return Statement(made, h.shape, "", Words((even, odd), how, int32))
