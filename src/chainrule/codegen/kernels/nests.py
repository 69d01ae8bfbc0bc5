"""Nests: the loops of one cluster, inside a row of a kernel.

One variable is spread over the lanes of vectors, chosen so that memory is read and written along
them. Sums of products go through several places side by side, so that what is read is used several
times. Reductions keep one total for each lane, and several vectors of them where there is room.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Final, NamedTuple

from chainrule.codegen.assembly.values import Value, constant
from chainrule.codegen.expressions.row import Row
from chainrule.codegen.expressions.scope import Scope
from chainrule.codegen.expressions.settled import NOTHING, Settled, divisors, settled
from chainrule.codegen.expressions.totals import combine, combined, folded, neutral
from chainrule.codegen.kernels.streaming import Ask, ask
from chainrule.codegen.kernels.vectorization import (
    blocks_of,
    is_light,
    lane_of,
    place_of,
    woven_with,
)
from chainrule.codegen.mathematics.lanes import Lanes
from chainrule.codegen.mathematics.quotients import divisor
from chainrule.codegen.statements.clusters import Cluster
from chainrule.codegen.statements.counting import Loops, forms_of, merged, values_of
from chainrule.codegen.statements.loops import Load, Statement

__all__ = ["Nest"]

_UNROLL: Final = 4
_WRITTEN_OUT: Final = 8  # turns of an innermost loop, such as the width of a kernel


class At(NamedTuple):
    """A place of the loops: the values of variables, and known numbers to be added to some."""

    values: dict[int, Value | None]
    shifts: dict[int, int]


class Nest:
    """The loops of one cluster, inside a row."""

    def __init__(
        self,
        row: Row,
        cluster: Cluster,
        limits: tuple[Value, Value] | None = None,
        asks: Sequence[Ask] = (),
    ) -> None:
        self.row = row
        self.b = row.b
        self.cluster = cluster
        self.limits = limits
        self.asks = asks
        rank = row.rank
        extents = (*[1] * rank, *cluster.extents)
        forms = [f for s in cluster.statements for f in forms_of(s)]
        outer = len(cluster.extents) if cluster.outer is None else cluster.outer
        split = rank + outer
        self.outer = merged(range(rank, split), extents, forms)
        self.inner = merged(range(split, len(extents)), extents, forms)
        self.reduced = [s for s in cluster.statements if s.kind]
        self.lane = row.lane or self._choose_lane()
        self.count = row.count
        self.shared: dict[object, Value] = {}
        self.blocks: dict[int, int] = {}
        self.before = NOTHING
        if self.lane is not None and not self.count:
            widest = max(s.value.dtype.bits for s in cluster.statements)
            own = row.target.vector_bits // max(widest, 32)
            self.count = min(own, 1 << (self.lane.extent - 1).bit_length())

    def _has_outer_lanes(self) -> bool:
        """Whether lanes are places of the outer loops, or rows, and not turns of a reduction."""
        return self.lane is not None and (self.lane in self.outer or self.lane is self.row.lane)

    def _choose_lane(self) -> Loops | None:
        if self.limits is not None:
            return self.outer[0] if self.outer[0].extent > 1 else None
        return lane_of(self.row.target, self.cluster.statements, self.outer, self.inner)

    def _woven(self) -> tuple[Loops, ...]:
        if self.limits is not None or self.lane is None:
            return ()
        return woven_with(self.lane, self.cluster.statements, self.outer)

    def emit(self) -> None:
        """Write the loops and what happens in them."""
        here = [At(dict(self.row.values), {})]
        if not self.cluster.extents or not (self.outer or self.inner):
            self._bodies(here, self.row.mask)
            return
        self.before = self._settled(here[0])
        plain = [loops for loops in self.outer if loops is not self.lane]
        woven = self._woven()
        self.blocks = blocks = {x.last: 2 for x in woven} or self._blocks(plain)
        self._go(sorted(plain, key=lambda loops: loops.last in blocks), blocks, here)

    def _settled(self, at: At) -> Settled:
        """Compute what stays the same in the whole row."""
        if self.row.lane is not None:
            return NOTHING
        statements = self.cluster.statements
        found = settled(statements, self.row.ready)
        scope = Scope(self.b, self.row.pointers, at.values, ready=self.row.ready)
        values = {id(e): scope.value(e) for e in found}
        some = divisors(statements, found) if self.b.module.fma and self.count else []
        by = {id(e): divisor(Lanes(self.b, values[id(e)])) for e in some}
        return Settled(values, by, self.row.below)

    def _go(self, plain: Sequence[Loops], blocks: Mapping[int, int], here: list[At]) -> None:
        """Write the outer loops; those with a block go through several places side by side."""
        if not plain:
            if self.lane is not None and self.lane in self.outer:
                self._over_lanes(here)
            else:
                self._bodies(here, self.row.mask)
            return
        loops, *rest = plain
        size = blocks.get(loops.last, 1)
        whole = loops.extent // size * size
        if whole > size:
            with self.b.loop(0, whole, size) as loop:
                self._go(rest, blocks, _side_by_side(here, loops, loop.index, range(size)))
        for begin, count in ((0, size * (whole == size)), (whole, loops.extent - whole)):
            if count:
                start = constant("i64", begin)
                self._go(rest, blocks, _side_by_side(here, loops, start, range(count)))

    def _blocks(self, plain: Sequence[Loops]) -> dict[int, int]:
        """How many places of an outer loop go side by side."""
        if self.lane is None or not self.inner or len(self.cluster.statements) != 1:
            return {}
        in_outer = self.lane in self.outer
        room = self.row.target.registers // 2
        if in_outer:
            room //= min(_UNROLL, max(1, self.lane.extent // self.count))
        return blocks_of(self.cluster.statements[0], plain, self.lane.last, in_outer, room)

    def _over_lanes(self, here: list[At]) -> None:
        """Go through the lanes' loop in whole vectors, then through what is left under a mask."""
        lane, count, b = self.lane, self.count, self.b
        assert lane is not None
        low, high = self.limits or (constant("i64", 0), constant("i64", lane.extent))
        room = _UNROLL if not self.limits and (self.reduced or is_light(self.cluster)) else 1
        left = lane.extent
        for unroll in dict.fromkeys((room, 1)):
            width = count * unroll
            if not self.limits and left < width:
                continue
            left %= width
            span = b.binary("sub", high, low)
            whole = b.binary("sub", span, b.binary("srem", span, constant("i64", width)))
            end = b.add(low, whole)
            with b.loop(low, end, width) as loop:
                self._ask(loop.index, width)
                steps = range(0, width, count)
                self._bodies(_side_by_side(here, lane, loop.index, steps), None)
            low = end
        if self.limits or lane.extent % count:
            with b.when(b.icmp("slt", low, high)) if self.limits else ExitStack():
                mask = b.first(count, b.binary("sub", high, low))
                self._bodies(_side_by_side(here, lane, low, range(1)), mask)

    def _ask(self, begin: Value, turn: int) -> None:
        """Ask for what is needed later, in a turn of the lanes' loop of so many places."""
        lane = self.lane
        assert lane is not None
        ask(
            self.b, self.row.pointers, self.asks,
            lambda place: self.row.values | values_of(lane, place), begin, turn,
        )  # fmt: skip

    def _bodies(self, here: Sequence[At], mask: Value | None) -> None:
        """What happens at a place of the outer loops, or at several side by side."""
        in_outer = self._has_outer_lanes()
        lane = self.lane if in_outer else None
        self.shared = {}
        scopes = [self._scope(at, lane, mask) for at in here]
        if not self.reduced:
            is_woven = bool(self._woven())
            for s in self.cluster.statements:
                self._elements(scopes, s, is_woven=is_woven)
            return
        totals = self._totals(here, mask)
        self.shared = {}
        for k, scope in enumerate(self._scope(at, lane, mask) for at in here):
            for s, total in zip(self.reduced, totals[k], strict=True):
                self._finish(scope, s, total)

    def _scope(self, at: At, lane: Loops | None, mask: Value | None) -> Scope:
        return Scope(
            self.b,
            self.row.pointers,
            at.values,
            None if lane is None else lane.last,
            0 if lane is None else self.count,
            mask,
            self.row.ready,
            self.row.first,
            at.shifts,
            self.shared,
            self.before,
        )

    def _elements(self, scopes: Sequence[Scope], s: Statement, *, is_woven: bool) -> None:
        """Compute a statement at places side by side, which may be woven together in memory."""
        if s.added:
            for scope in scopes:
                self._add(scope, s)
            return
        values = [self._pointwise(scope, s, stored=not is_woven) for scope in scopes]
        if is_woven and s.target in self.row.pointers:
            scopes[0].store_alternating(s.target, place_of(s), values)

    def _pointwise(self, scope: Scope, s: Statement, *, stored: bool = True) -> Value:
        value = scope.value(s.value)
        scope.ready[s.target] = value
        if s.rank == self.row.rank:
            self.row.ready[s.target] = value
        if stored and s.target in self.row.pointers and not s.kind:
            scope.store(s.target, place_of(s), value, streamed=s.target in self.row.streamed)
        return value

    def _add(self, scope: Scope, s: Statement) -> None:
        """Add a value to the total of its column."""
        total = scope.vector_of(Load(s.target, place_of(s), (), s.target.dtype))
        scope.store(s.target, place_of(s), self.b.fadd(total, scope.vector_of(s.value)))

    def _finish(self, scope: Scope, s: Statement, total: Value) -> None:
        if s.rank == self.row.rank:
            self.row.ready[s.target] = total
        if s.target in self.row.pointers:
            flat = place_of(s)
            scope.store(s.target, flat, total)

    # ------------------------------------------------------------ reductions

    def _totals(self, here: Sequence[At], mask: Value | None) -> list[list[Value]]:
        """Run the inner loops; give the total of each reduction at each place."""
        in_outer = self._has_outer_lanes()
        start = [t for _ in here for s in self.reduced for t in neutral(s, self.count)]
        ends = self._inner(list(self.inner), {}, start, self._turn(here, mask))
        made: list[list[Value]] = []
        at = iter(ends)
        for _ in here:
            row = []
            for s in self.reduced:
                total = [next(at) for _ in neutral(s, 0)][-1]
                if not in_outer and self.lane is not None:
                    total = folded(self.b, s, total)
                row.append(total)
            made.append(row)
        return made

    def _turn(self, here: Sequence[At], mask: Value | None) -> Callable[..., list[Value]]:
        """The function of (inner variables, mask, totals) that takes one turn."""

        def turn(
            inner: Mapping[int, Value | None], tail: Value | None, totals: Sequence[Value]
        ) -> list[Value]:
            made: list[Value] = []
            held = iter(totals)
            self.shared = {}
            for at in here:
                place = At({**at.values, **inner}, at.shifts)
                scope = self._scope(place, self.lane, mask if tail is None else tail)
                for s in self.cluster.statements:
                    if not s.kind:
                        self._add(scope, s) if s.added else self._pointwise(scope, s)
                        continue
                    own = [next(held) for _ in neutral(s, 0)]
                    made += combined(scope, s, own, tail)
            return made

        return turn

    def _inner(
        self,
        loops: list[Loops],
        values: dict[int, Value | None],
        totals: list[Value],
        turn: Callable[..., list[Value]],
    ) -> list[Value]:
        if not loops:
            return turn(values, None, totals)
        lane = self.lane if self.lane in loops else None
        first = next(x for x in loops if x is not lane) if len(loops) > 1 or not lane else None
        if first is None:
            assert lane is not None
            return self._inner_lanes(lane, values, totals, turn)
        rest = [x for x in loops if x is not first]
        if self._is_written_out(loops):
            for k in range(first.extent):
                place = values | values_of(first, constant("i64", k))
                totals = self._inner(rest, place, totals, turn)
            return totals
        with self.b.loop(0, first.extent, carried=totals) as loop:
            made = self._inner(rest, values | values_of(first, loop.index), loop.carried, turn)
            loop.next(*made)
        return loop.results

    def _is_written_out(self, loops: Sequence[Loops]) -> bool:
        """Whether inner loops are so short that all turns are written one after another."""
        turns = math.prod(x.extent for x in loops)
        return (
            self.lane not in loops
            and turns <= _WRITTEN_OUT
            and ((len(loops) == 1 and bool(self.blocks)) or turns <= 4)
        )

    def _inner_lanes(
        self,
        lane: Loops,
        values: dict[int, Value | None],
        totals: list[Value],
        turn: Callable[..., list[Value]],
    ) -> list[Value]:
        """Take the turns of the lanes' loop: several vectors, then one, then what is left."""
        b, count = self.b, self.count
        at = 0
        # Places that go side by side have totals enough to keep the processor busy.
        alone = len(totals) == len(self.reduced)
        if alone and lane.extent >= 2 * _UNROLL * count:
            at = lane.extent // (_UNROLL * count) * (_UNROLL * count)
            totals = self._several_vectors(lane, at, values, totals, turn)
        end = lane.extent // count * count
        if end - at > count:
            with b.loop(at, end, count, carried=totals) as loop:
                self._ask(loop.index, count)
                loop.next(*turn(values | values_of(lane, loop.index), None, loop.carried))
            totals = loop.results
        elif end > at:
            totals = turn(values | values_of(lane, constant("i64", at)), None, totals)
        if end < lane.extent:
            left = lane.extent - end
            flags = [f"i1 {'true' if k < left else 'false'}" for k in range(count)]
            mask = Value(f"<{', '.join(flags)}>", f"<{count} x i1>")
            totals = turn(values | values_of(lane, constant("i64", end)), mask, totals)
        return totals

    def _several_vectors(
        self,
        lane: Loops,
        end: int,
        values: dict[int, Value | None],
        totals: list[Value],
        turn: Callable[..., list[Value]],
    ) -> list[Value]:
        """Take the turns up to an end with totals of their own for each of several vectors."""
        b, count, size = self.b, self.count, len(totals)
        fresh = [t for _ in range(1, _UNROLL) for s in self.reduced for t in neutral(s, count)]
        with b.loop(0, end, _UNROLL * count, carried=[*totals, *fresh]) as loop:
            self._ask(loop.index, _UNROLL * count)
            made: list[Value] = []
            for k in range(_UNROLL):
                place = b.add(loop.index, k * count)
                own = loop.carried[k * size : (k + 1) * size]
                made += turn(values | values_of(lane, place), None, own)
            loop.next(*made)
        rows = [loop.results[k * size : (k + 1) * size] for k in range(_UNROLL)]
        while len(rows) > 1:
            rows = [self._merge(rows[k], rows[k + 1]) for k in range(0, len(rows), 2)]
        return rows[0]

    def _merge(self, left: Sequence[Value], right: Sequence[Value]) -> list[Value]:
        pairs = zip(self.reduced, left, right, strict=True)
        return [combine(self.b, s, a, b) for s, a, b in pairs]


def _side_by_side(here: Sequence[At], loops: Loops, begin: Value, steps: Sequence[int]) -> list[At]:
    """Each place at several values of one more loop, next to each other."""
    values = values_of(loops, begin)
    return [At({**at.values, **values}, {**at.shifts, loops.last: k}) for at in here for k in steps]
