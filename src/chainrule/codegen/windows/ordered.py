"""Words in the order of tiles: the factors of a sum over windows get the axes that tiles need last.

Tiles read words of the left factor along an inner variable, row by row, and those of the right one
along the lanes. So kernels become [places, rows, channels], images stay [channels, y, x] or become
[y, x, channels], whichever way of reading the sum takes the least time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Final, NamedTuple

from chainrule.codegen.assembly.target import Target
from chainrule.codegen.products.pairs import vectors_of
from chainrule.codegen.statements.affine import Affine, flattened, variable
from chainrule.codegen.statements.fuse import own_rank
from chainrule.codegen.statements.loops import (
    Apply,
    Expression,
    Guard,
    Load,
    Number,
    Pairs,
    Position,
    Statement,
    Words,
)
from chainrule.codegen.windows.plan import cheapest
from chainrule.ir import build
from chainrule.ir.dtype import float32, int32
from chainrule.ir.graph import Node
from chainrule.ir.scalar import SCALARS

__all__ = [
    "Ordered", "best_in_tiles", "by_channels", "sum_of_words", "with_axis", "words_in_order",
    "words_of_words",
]  # fmt: skip

_MADE: Final = 8.0  # cycles for a vector of words that is made before
_PLAIN: Final = 0.5  # of the processor's speed, where there are no tiles of registers


class Ordered(NamedTuple):
    """The words of a factor.

    halved   the axis along which two numbers are one word
    order    the axes of the array as they are in the words
    load     the word that is read, by the same variables
    """

    halved: int
    order: tuple[int, ...]
    shape: tuple[int, ...]
    load: Load

    @property
    def is_turned(self) -> bool:
        """Whether neighbors in the words lie apart in the array."""
        return self.order[-1] != len(self.order) - 1


Both = tuple[Ordered, Ordered]


def best_in_tiles(
    target: Target, s: Statement, factors: tuple[Load, Load]
) -> tuple[Statement, Both] | None:
    """The sum of words that takes the least time in tiles, if that is less than in float32.

    What it reads are words that do not exist yet, in the order of the factors.
    """
    rank = own_rank(s)
    rows = math.prod(s.extents[:rank])
    plain = cheapest(target, s, rank)
    turns = math.prod(s.own[rank:])
    least = plain[1] if plain else turns / (2 * target.lanes("float")) / _PLAIN
    best = None
    for v, both in _choices(s, rank, factors):
        reads = [h.load._replace(source=build.parameter(h.shape, int32)) for h in both]
        found = sum_of_words(s, v, reads, target.pairs)
        plan = cheapest(target, found, rank)
        if plan is None:
            continue
        words = sum(math.prod(h.shape) * (1 + h.is_turned) for h in both) / target.lanes("i32")
        cycles = plan[1] + words * _MADE / rows
        if cycles < least:
            best, least = (found, both), cycles
    return best


def sum_of_words(s: Statement, v: int, words: Sequence[Load], how: str) -> Statement:
    """The sum with words for factors, along half as many places of an inner variable."""
    extents = with_axis(s.extents, v, -(-s.extents[v] // 2))
    return s._replace(extents=extents, value=Pairs(tuple(words), how, float32))


def with_axis(shape: tuple[int, ...], axis: int, size: int) -> tuple[int, ...]:
    """The shape with another size of one axis."""
    return (*shape[:axis], size, *shape[axis + 1 :])


def words_in_order(made: Node, source: Node, h: Ordered, how: str) -> Statement:
    """The statement that makes all words of an array."""
    size = source.shape[h.halved]

    def number(second: int) -> Load:
        index = [variable(h.order.index(k)) for k in range(source.ndim)]
        index[h.halved] = form = index[h.halved].times(2).shifted(second)
        odd = second and size % 2
        guards = (Guard(form, size),) if odd else ()
        return Load(source, flattened(index, source.shape), guards, float32)

    return Statement(made, h.shape, "", Words((number(0), number(1)), vectors_of(how), int32))


def by_channels(source: Node, h: Ordered) -> Ordered | None:
    """The words of neighboring channels from which others can be made, if there are such.

    Of a cotangent, the derivative by the image reads these anyway, and they are half as large.
    """
    axis, own = h.order[-2], tuple(range(source.ndim))
    if h.is_turned or h.order == own or axis == h.halved or source.shape[axis] % 2:
        return None
    return Ordered(axis, own, with_axis(source.shape, axis, source.shape[axis] // 2), h.load)


def words_of_words(read: Node, source: Node, h: Ordered) -> Statement:
    """The statement that makes all words of an array from those of neighboring channels.

    Of channel 2c + p, the word has the halves p of two words: ((a >> 16 p) & 0xffff) | (b >> 16 p)
    << 16.
    """
    axis, size, place = h.order[-2], source.shape[h.halved], source.ndim - 2
    made = build.parameter((*h.shape[:-2], read.shape[axis], 2, h.shape[-1]), int32)
    shift = Position(variable(place + 1).times(16), int32)

    def half(second: int) -> Expression:
        index = [variable(h.order.index(k)) for k in range(source.ndim)]
        index[h.order[-1]] = variable(place + 2)
        index[h.halved] = form = index[h.halved].times(2).shifted(second)
        guards = (Guard(form, size),) if second and size % 2 else ()
        word = Load(read, flattened(index, read.shape), guards, int32)
        return _of_bits("bitwise_right_shift", word, shift)

    lower = _of_bits("bitwise_and", half(0), Number(0xFFFF, int32))
    upper = _of_bits("bitwise_left_shift", half(1), Number(16, int32))
    return Statement(made, made.shape, "", _of_bits("bitwise_or", lower, upper))


def _of_bits(name: str, *operands: Expression) -> Expression:
    return Apply(SCALARS[name], (), operands, int32)


# ---------------------------------------------------------------- orders


def _choices(
    s: Statement, rank: int, factors: tuple[Load, Load]
) -> Iterator[tuple[int, tuple[Ordered, Ordered]]]:
    """The inner variables along which numbers are neighbors in words, with the words."""
    extents = dict(enumerate(s.extents))
    places = [_places(load, extents) for load in factors]
    moving = [{v for form in found for v, _ in form.terms} for found in places if found]
    if len(moving) < len(places):
        return
    targets = [v for v in range(rank, s.rank) if s.own[v] > 1]
    inner = [v for v in range(s.rank, len(s.extents)) if s.extents[v] > 1]
    for v, left in product(inner, (0, 1)):
        halves = [
            _halved(load, found, v, s.extents[v])
            for load, found in zip(factors, places, strict=True)
        ]
        rows, lanes = (
            [v for v in targets if v in moving[k] and v not in moving[1 - k]]
            for k in (left, 1 - left)
        )
        for deep, row, lane in product(inner, rows, lanes):
            made = [
                half and _ordered(factors[k], half, (row, deep) if k == left else (lane,))
                for k, half in enumerate(halves)
            ]
            beside = halves[1 - left]
            if made[0] and made[1] and beside and not _are_beside(beside, deep, lane):
                yield v, (made[0], made[1])


class _Half(NamedTuple):
    """A factor whose words are neighbors along an axis: their shape, and the place on each axis."""

    axis: int
    shape: tuple[int, ...]
    places: tuple[Affine, ...]


def _places(load: Load, extents: Mapping[int, int]) -> tuple[Affine, ...] | None:
    """The place on each axis of an array, if it is known."""
    shape = load.source.shape
    strides = [math.prod(shape[k + 1 :]) for k in range(len(shape))]
    found: list[dict[int, int]] = [{} for _ in shape]
    for v, c in load.flat.terms:
        axis = next((k for k, n in enumerate(strides) if shape[k] > 1 and c % n == 0), None)
        if axis is None:
            return None
        found[axis][v] = c // strides[axis]
    made = []
    rest = load.flat.constant
    guards = {g.form.terms: g for g in load.guards}
    for k, terms in enumerate(found):
        own = tuple(sorted(terms.items()))
        guard = guards.pop(own, None) if own else None
        constant = guard.form.constant if guard else 0
        if guard and guard.size != shape[k]:
            return None
        rest -= constant * strides[k]
        made.append((Affine(constant, own), guard is not None))
    if guards or rest < 0:
        return None
    index = []
    for (form, guarded), stride, size in zip(made, strides, shape, strict=True):
        more, rest = (0, rest) if guarded else divmod(rest, stride)
        form = form.shifted(more)
        low, high = form.limits(extents)
        if not guarded and (low < 0 or high >= size):
            return None
        index.append(form)
    return tuple(index) if rest == 0 else None


def _halved(load: Load, places: tuple[Affine, ...] | None, v: int, extent: int) -> _Half | None:
    """The words of the axis along which a variable counts, if words are side by side."""
    if places is None:
        return None
    axis = next((k for k, form in enumerate(places) if form.coefficient(v)), None)
    if axis is None or places[axis].coefficient(v) != 1:
        return None
    form, size = places[axis], load.source.shape[axis]
    if any(g.form.coefficient(v) for g in load.guards) or (extent % 2 and size != extent):
        return None
    others = [c for w, c in form.terms if w != v]
    if form.constant % 2 or any(c % 2 for c in others):
        return None
    terms = tuple((w, c if w == v else c // 2) for w, c in form.terms)
    half = Affine(form.constant // 2, terms)
    words = with_axis(load.source.shape, axis, -(-size // 2))
    return _Half(axis, words, (*places[:axis], half, *places[axis + 1 :]))


def _ordered(load: Load, half: _Half, last: Sequence[int]) -> Ordered | None:
    """The words with the axes of some variables last; of several, each has one for itself."""
    axes = []
    for v in last:
        axis = next((k for k, form in enumerate(half.places) if form.coefficient(v)), None)
        if axis is None or axis in axes or half.places[axis].coefficient(v) != 1:
            return None
        if len(last) > 1 and len(half.places[axis].terms) > 1:
            return None
        axes.append(axis)
    order = (*(k for k in range(len(half.places)) if k not in axes), *axes)
    shape = tuple(half.shape[k] for k in order)
    flat = flattened([half.places[k] for k in order], shape)
    return Ordered(half.axis, order, shape, load._replace(flat=flat, dtype=int32))


def _are_beside(right: _Half, deep: int, lane: int) -> bool:
    """Whether two variables go along one axis."""
    return any(form.coefficient(deep) and form.coefficient(lane) for form in right.places)
