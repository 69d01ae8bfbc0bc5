"""The loops of a sum of products over windows, inside a row of a kernel.

For each block of the inner axes operands are copied where they have to be; then every tile of rows
and columns adds the block to its sums, which stay in registers meanwhile: as many vectors of the
right operand as the tile is wide, times as many numbers of the left one as it is high.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import product
from typing import Final, NamedTuple

from chainrule.codegen.assembly.values import Value, bits, constant, register, vector
from chainrule.codegen.expressions.row import Row
from chainrule.codegen.expressions.scope import Scope
from chainrule.codegen.products.pairs import add_products
from chainrule.codegen.products.tiles import Tiles, tiles
from chainrule.codegen.statements.affine import Affine
from chainrule.codegen.statements.loops import Statement
from chainrule.codegen.windows.fill import clear, fill, pack, zero
from chainrule.codegen.windows.give import give
from chainrule.codegen.windows.plan import WRITTEN_OUT, Plan
from chainrule.codegen.windows.sources import Source
from chainrule.codegen.windows.tiled import add_block
from chainrule.ir.graph import Node

__all__ = ["emit_windows", "windows_bytes"]

_LINE: Final = 64


class Room(NamedTuple):
    """Where the parts of the scratch begin, in elements: copies, sums, the end."""

    left: int
    right: int
    sums: int
    end: int


def _room(plan: Plan) -> Room:
    size = _LINE // (bits(plan.kind) // 8)
    at = [0]
    for count in (plan.left.elements, plan.right.elements, plan.sums * (1 + plan.twice)):
        at.append(at[-1] + -(-count // size) * size + size)
    return Room(*at)


def windows_bytes(plan: Plan) -> int:
    """Bytes of scratch."""
    return _room(plan).end * bits(plan.kind) // 8


def emit_windows(row: Row, s: Statement, plan: Plan, scratch: Value) -> None:
    """Write the loops of a statement."""
    _Nest(row, s, plan, scratch).emit()


class _Nest:
    def __init__(self, row: Row, s: Statement, plan: Plan, scratch: Value) -> None:
        self.row, self.s, self.plan, self.b = row, s, plan, row.b
        self.room = _room(plan)
        self.places = {
            "left": self._part(scratch, self.room.left),
            "right": self._part(scratch, self.room.right),
            "sums": self._part(scratch, self.room.sums),
        }
        self.register = vector(register(s.target.dtype), plan.lanes)
        self.factors = vector(plan.kind, plan.lanes)
        self.tiles: Tiles | None = None

    def _part(self, scratch: Value, begin: int) -> Value:
        return self.b.offset(scratch, begin, self.plan.kind)

    def emit(self) -> None:
        """Write everything."""
        b, plan = self.b, self.plan
        clear(b, plan.kind, plan.left, self.places["left"])
        clear(b, plan.kind, plan.right, self.places["right"])
        values = dict(self.row.values)
        with ExitStack() as stack:
            if plan.grid is not None:
                shape = plan.grid.height, plan.grid.depth
                self.tiles = stack.enter_context(tiles(b, plan.roles.pairs, *shape))
            for v in plan.roles.batch:
                at = stack.enter_context(b.loop(0, plan.roles.size(v))).index
                begin = values.get(v)
                values[v] = at if begin is None else b.add(begin, at)
            target = self._address(self.s.target, plan.roles.form, values)
            if plan.is_direct:
                self.places["sums"] = target
            elif plan.grid is not None and (plan.blocks > 1 or plan.grid.part is not None):
                zero(b, self.places["sums"], plan.sums * bits(plan.kind) // 8)
            self._blocks(values)
            if not plan.is_direct:
                give(b, plan, self._sums(plan.blocks - 1), target)

    def _blocks(self, values: Mapping[int, Value | None]) -> None:
        """All blocks of the inner axes."""
        plan, b = self.plan, self.b
        if plan.stage is None or plan.blocks == 1:
            count = b.number(1 if plan.stage is None else plan.block)
            self._block(values, count, None)
            return
        extent = plan.roles.size(plan.stage)
        with b.loop(0, extent, plan.block) as loop:
            count = b.number(plan.block)
            if extent % plan.block:
                left = b.sub(b.number(extent), loop.index)
                count = b.intrinsic("smin", left, count)
            self._block({**values, plan.stage: loop.index}, count, loop.index)

    def _block(self, values: Mapping[int, Value | None], count: Value, begin: Value | None) -> None:
        left = self._ready(self.plan.left, "left", values, count)
        right = self._ready(self.plan.right, "right", values, count)
        if self.tiles is not None:
            sums = self.places["sums"]
            add_block(self.b, self.plan, self.tiles, left, right, sums, afresh=begin is None)
            return
        self._tiles(left, right, count, begin)

    def _address(self, source: Node, form: Affine, values: Mapping[int, Value | None]) -> Value:
        """Where the elements of an array are if variables without a value are 0."""
        known = Affine(form.constant, tuple((v, c) for v, c in form.terms if v in values))
        if source in self.row.first:
            known = known.without(self.row.first[source])
        scope = Scope(self.b, self.row.pointers, values)
        return self.b.offset(self.row.pointers[source], scope.scalar(known), self.plan.kind)

    def _ready(
        self, source: Source, name: str, values: Mapping[int, Value | None], count: Value
    ) -> Value:
        """Copy an operand if need be; give where the element at 0 is."""
        b, plan, load = self.b, self.plan, source.load
        if source.how == "there":
            return self._address(load.source, load.flat, values)
        place = self.places[name]
        if source.how == "packed":
            given = self._address(load.source, load.flat, values)
            pack(b, plan, source, given, place, count)
            return place
        assert source.frame is not None
        start, _ = source.frame.source(load)
        begun = {
            v for axis in source.frame.axes for v, _ in axis.steps if values.get(v) is not None
        }
        for v in sorted(begun):  # the block's, and the band's
            start = start.plus(Affine(0, ((v, load.flat.coefficient(v)),)))
        given = self._address(load.source, start, values)
        fill(b, plan, source, given, place, count)
        return b.offset(place, source.form.constant, plan.kind)

    def _sums(self, block: int | Value) -> Value:
        """Where the sums are after a block."""
        here = self.places["sums"]
        if not self.plan.twice:
            return here
        odd = block & 1 if isinstance(block, int) else self.b.binary("and", block, self.b.number(1))
        return self.b.offset(here, self.b.mul(self.b.number(odd), self.plan.sums), self.plan.kind)

    def _tiles(self, left: Value, right: Value, count: Value, begin: Value | None) -> None:
        """Add a block to the sums of every tile."""
        b, plan, roles = self.b, self.plan, self.plan.roles
        number = None if begin is None else b.binary("udiv", begin, b.number(plan.block))
        after = self._sums(0 if number is None else number)
        before = self._sums(1 if number is None else b.add(number, 1))
        form, kind = plan.sums_form(), plan.kind
        with ExitStack() as stack:
            step = plan.wide * plan.lanes
            if plan.wide < plan.vectors:
                at = stack.enter_context(b.loop(0, plan.padded, step)).index
                right, after, before = (b.offset(p, at, kind) for p in (right, after, before))
            for v in (*roles.columns, *roles.rows):
                extent, size = roles.size(v), plan.tile[v]
                if size == extent:
                    continue
                at = stack.enter_context(b.loop(0, extent, size)).index
                if extent % size:
                    at = b.intrinsic("smin", at, b.number(extent - size))
                left, right = (
                    b.offset(p, b.mul(at, source.form.coefficient(v)), kind)
                    for p, source in ((left, plan.left), (right, plan.right))
                )
                away = b.mul(at, form.coefficient(v))
                after, before = (b.offset(p, away, kind) for p in (after, before))
            self._tile(left, right, (before, after), count, begin)

    def _tile(
        self,
        left: Value,
        right: Value,
        sums: tuple[Value, Value],
        count: Value,
        begin: Value | None,
    ) -> None:
        b, plan = self.b, self.plan
        form = plan.sums_form()
        down, across = self._spots(plan.roles.rows), self._spots(plan.roles.columns)
        places = [
            _at(form, r | c) + w * plan.lanes
            for r in down for c in across for w in range(plan.wide)
        ]  # fmt: skip
        start = [constant(self.register, 0)] * len(places)
        if begin is not None:
            first = b.icmp("eq", begin, 0)
            found = [b.load(self.register, b.offset(sums[0], n, plan.kind)) for n in places]
            start = [b.select(first, zero, v) for zero, v in zip(start, found, strict=True)]
        lefts = [_at(plan.left.form, r) for r in down]
        rights = [
            _at(plan.right.form, c) + w * plan.lanes for c in across for w in range(plan.wide)
        ]

        def turn(left: Value, right: Value, held: Sequence[Value]) -> list[Value]:
            vectors = [b.load(self.factors, b.offset(right, n, plan.kind)) for n in rights]
            made: list[Value] = []
            at = iter(held)
            for n in lefts:
                number = b.load(plan.kind, b.offset(left, n, plan.kind))
                wide = b.splat(number, plan.lanes)
                made += [self._added(wide, v, next(at)) for v in vectors]
            return made

        ends = self._inner(list(plan.roles.inner), left, right, count, start, turn)
        for n, value in zip(places, ends, strict=True):
            b.store(value, b.offset(sums[1], n, plan.kind))

    def _added(self, x: Value, y: Value, total: Value) -> Value:
        """A sum with one more product, or both products of words."""
        pairs = self.plan.roles.pairs
        return add_products(self.b, x, y, total, pairs) if pairs else self.b.fma(x, y, total)

    def _spots(self, variables: Sequence[int]) -> list[dict[int, int]]:
        """The places of a tile."""
        ranges = [range(self.plan.tile[v]) for v in variables]
        return [dict(zip(variables, spot, strict=True)) for spot in product(*ranges)]

    def _inner(
        self,
        variables: list[int],
        left: Value,
        right: Value,
        count: Value,
        held: Sequence[Value],
        turn: Callable[[Value, Value, Sequence[Value]], list[Value]],
    ) -> list[Value]:
        """Go through the inner axes; the last ones are written out, if they are short."""
        b, plan = self.b, self.plan
        if not variables:
            return turn(left, right, held)
        fixed = [v for v in variables if v != plan.stage]
        turns = math.prod(plan.roles.size(v) for v in fixed)
        if len(fixed) == len(variables) and turns * len(held) <= WRITTEN_OUT:
            made = list(held)
            for spot in product(*(range(plan.roles.size(v)) for v in fixed)):
                here = dict(zip(fixed, spot, strict=True))
                made = turn(*self._moved(left, right, here), made)
            return made
        v, *rest = variables
        extent = None if v == plan.stage else plan.roles.size(v)
        several = 1
        if not rest and extent is not None:
            most = max(WRITTEN_OUT // 3 // len(held), 1)
            several = next(n for n in range(most, 0, -1) if extent % n == 0)
        with b.loop(0, count if extent is None else extent, several, held) as loop:
            made = loop.carried
            places = self._stepped(left, right, v, loop.index)
            for k in range(several):
                made = self._inner(rest, *self._moved(*places, {v: k}), count, made, turn)
            loop.next(*made)
        return loop.results

    def _stepped(self, left: Value, right: Value, v: int, at: Value) -> tuple[Value, Value]:
        b, plan = self.b, self.plan
        return (
            b.offset(left, b.mul(at, plan.left.form.coefficient(v)), plan.kind),
            b.offset(right, b.mul(at, plan.right.form.coefficient(v)), plan.kind),
        )

    def _moved(self, left: Value, right: Value, spot: Mapping[int, int]) -> tuple[Value, Value]:
        b, plan = self.b, self.plan
        return (
            b.offset(left, _at(plan.left.form, spot), plan.kind),
            b.offset(right, _at(plan.right.form, spot), plan.kind),
        )


def _at(form: Affine, spot: Mapping[int, int]) -> int:
    """How far variables move an element."""
    return sum(c * spot[v] for v, c in form.terms if v in spot)
