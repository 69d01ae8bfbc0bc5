"""Kernels: fused statements as functions of machine code.

The rows are the outer loop, cut into tiles. Within a row the statements are gathered into clusters
that run in one nest of loops; one variable of the nest is spread over the lanes of vectors, chosen
so that memory is read and written along them. Reductions keep one total for each lane, and several
vectors of them where there is room, and are added up in a fixed tree: the bits depend on shapes
and on the width of vectors only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from chainrule.codegen.affine import Affine, flattened, variable
from chainrule.codegen.counting import Loops, forms_of, merged, values_of
from chainrule.codegen.fuse import Fused
from chainrule.codegen.llvm import Builder, Module, Value, constant, lanes
from chainrule.codegen.loops import (
    Fetch,
    Load,
    Statement,
    Times,
    loads,
    parts,
)
from chainrule.codegen.scalars import emit_scalar
from chainrule.codegen.scope import Scope, register
from chainrule.codegen.target import Target
from chainrule.ir.dtype import DType
from chainrule.ir.graph import Node
from chainrule.ir.scalar import SCALARS

__all__ = [
    "PARAMETERS", "Kernel", "Places", "emit_fused",
]  # fmt: skip

_TILE_WORK: Final = 32768
"""Operations in a tile: some ten microseconds."""

_UNROLL: Final = 4
_WRITTEN_OUT: Final = 8  # turns of an innermost loop, such as the width of a kernel
_INDEXED: Final = ("argmax", "argmin")
PARAMETERS: Final = [("table", "ptr"), ("begin", "i64"), ("end", "i64"), ("scratch", "ptr")]
"""What every kernel is given: the addresses of arrays, its tiles, memory of its own."""


class Kernel(NamedTuple):
    """A function of the program: its name, how many tiles it has, bytes of scratch a thread."""

    name: str
    tiles: int
    scratch: int
    work: int


Places = Callable[[Builder, Value], Mapping[Node, Value]]
"""(builder, table) to the addresses of the arrays that a kernel reads and writes."""


@dataclass
class Cluster:
    """Statements that run in one nest of loops; ``outer`` of its variables are not reduced."""

    extents: tuple[int, ...]
    statements: list[Statement]
    outer: int | None
    targets: set[Node] = field(default_factory=set)


# ---------------------------------------------------------------- clusters


def _clusters(statements: Sequence[Statement], rank: int) -> list[Cluster]:
    made: list[Cluster] = []
    for s in statements:
        extents = s.extents[rank:]
        outer = s.rank - rank if s.kind else None
        last = made[-1] if made else None
        if last is not None and last.extents == extents and _may_share(last, s, outer):
            last.outer = last.outer if outer is None else outer
        else:
            last = Cluster(extents, [], outer)
            made.append(last)
        last.statements.append(s)
        last.targets.add(s.target)
    return made


def _may_share(cluster: Cluster, s: Statement, outer: int | None) -> bool:
    if outer is not None and cluster.outer is not None and outer != cluster.outer:
        return False
    if not cluster.extents or s.kind in _INDEXED:
        return not cluster.extents and s.kind not in _INDEXED
    by_target = {c.target: c for c in cluster.statements}
    for load in loads(s.value):
        source = by_target.get(load.source)
        if source is None:
            continue
        whole = flattened(tuple(map(variable, range(source.rank))), source.target.shape)
        same = isinstance(load, Load) and load.flat == whole and not load.guards
        if source.kind or not same:
            return False
    return not any(c.kind in _INDEXED for c in cluster.statements)


# ---------------------------------------------------------------- a kernel


def emit_fused(
    module: Module,
    target: Target,
    name: str,
    item: Fused,
    places: Places,
    outside: set[Node],
) -> Kernel:
    """Write the function of a kernel; ``outside`` are the targets that others read."""
    return _Fusion(module, target, name, item, places, outside).emit()


class _Fusion:
    def __init__(
        self,
        module: Module,
        target: Target,
        name: str,
        item: Fused,
        places: Places,
        outside: set[Node],
    ) -> None:
        self.target = target
        self.name = name
        self.statements = item.statements
        self.places = places
        self.outside = outside
        self.rank = item.rank
        if self.rank and all(len(s.extents) == self.rank for s in item.statements):
            self.rank = self._without_inner(item.statements, item.rank)
        self.clusters = _clusters(item.statements, self.rank)
        self.kept = self._kept()
        self.module = module
        self.rows: dict[int, Value | None] = {}
        self.ready: dict[Node, Value] = {}
        self.pointers: dict[Node, Value] = {}

    def _without_inner(self, statements: Sequence[Statement], rank: int) -> int:
        """The rows of statements without inner loops: the last axis, merged, is the inner one."""
        extents = statements[0].extents
        forms = [f for s in statements for f in forms_of(s)]
        groups = merged(range(rank), extents, forms)
        while len(groups) > 1 and groups[-1].extent == 1:
            groups.pop()
        return groups[-1].members[0]

    def _kept(self) -> dict[Node, int]:
        """The targets that only later clusters read: bytes from the start of scratch."""
        home = {s.target: c for c in self.clusters for s in c.statements}
        made: dict[Node, int] = {}
        total = 0
        for cluster in self.clusters:
            for s in cluster.statements:
                for load in loads(s.value):
                    source = load.source
                    if source not in home or source in made or source in self.outside:
                        continue
                    if home[source] is not cluster and source.ndim > self.rank:
                        made[source] = total
                        size = math.prod(source.shape[self.rank :]) * source.dtype.numpy.itemsize
                        total += -(-size // 64) * 64
        self.scratch = total
        return made

    def emit(self) -> Kernel:
        outer = self.module.function(self.name, PARAMETERS)
        table, *limits = outer.arguments
        pointers = dict(self.places(outer, table))
        # As parameters, which LLVM is told do not overlap, arrays can be kept in registers.
        parameters = [(f"a{k}", "ptr") for k in range(len(pointers))] + PARAMETERS[1:]
        self.b = self.module.function(f"{self.name}_rows", parameters, internal=True)
        outer.call(self.b.name, "void", *pointers.values(), *limits)
        *arrays, begin, end, scratch = self.b.arguments
        self.pointers = dict(zip(pointers, arrays, strict=True))
        for node, offset in self.kept.items():
            self.pointers[node] = self.b.offset(scratch, offset, "i8")
        self.first = dict.fromkeys(self.kept, self.rank)
        extents = self.statements[0].extents
        forms = [f for s in self.statements for f in forms_of(s)]
        rows = merged(range(self.rank), extents, forms)
        count = math.prod(r.extent for r in rows)
        work = sum(math.prod(s.extents) * _operations(s) for s in self.statements)
        if self.rank:
            size = min(count, max(1, _TILE_WORK * count // max(work, 1)))
            with self._tile(begin, end, size, count) as row:
                self.rows = _decoded(self.b, row, rows)
                self._row(None)
            tiles = -(-count // size)
        else:
            tiles = self._emit_flat(begin, end, work)
        return Kernel(self.name, tiles, self.scratch, work)

    def _emit_flat(self, begin: Value, end: Value, work: int) -> int:
        """Without rows: one long loop is cut into tiles, anything else is one tile."""
        (first, *others) = self.clusters
        forms = [f for s in first.statements for f in forms_of(s)]
        loops = merged(range(len(first.extents)), first.extents, forms)
        if others or len(loops) != 1 or first.outer is not None:
            self._row(None)
            return 1
        extent = loops[0].extent
        per = self.target.lanes("i8") * 4
        size = max(_TILE_WORK * extent // max(work, 1) // per * per, per)
        low = self.b.mul(begin, size)
        high = self.b.intrinsic("smin", self.b.mul(end, size), constant("i64", extent))
        self._row((low, high))
        return -(-extent // size)

    @contextmanager
    def _tile(self, begin: Value, end: Value, size: int, count: int) -> Iterator[Value]:
        low = self.b.mul(begin, size)
        high = self.b.intrinsic("smin", self.b.mul(end, size), constant("i64", count))
        with self.b.loop(low, high, unroll=False) as loop:
            yield loop.index

    def _row(self, limits: tuple[Value, Value] | None) -> None:
        self.ready = {}
        for cluster in self.clusters:
            _Nest(self, cluster, limits).emit()


def _decoded(b: Builder, row: Value, rows: Sequence[Loops]) -> dict[int, Value | None]:
    """The values of the row variables from the row's number."""
    made: dict[int, Value | None] = {}
    for loops in reversed(rows[1:]):
        size = constant("i64", loops.extent)
        made |= values_of(loops, b.binary("urem", row, size))
        row = b.binary("udiv", row, size)
    return made | (values_of(rows[0], row) if rows else {})


def _operations(s: Statement) -> int:
    return 2 * sum(1 for _ in parts(s.value))


# ---------------------------------------------------------------- a nest


class At(NamedTuple):
    """A place of the loops: the values of variables, and known numbers to be added to some."""

    values: dict[int, Value | None]
    shifts: dict[int, int]


class _Nest:
    """The loops of one cluster, inside a row."""

    def __init__(
        self, kernel: _Fusion, cluster: Cluster, limits: tuple[Value, Value] | None
    ) -> None:
        self.kernel = kernel
        self.b = kernel.b
        self.cluster = cluster
        self.limits = limits
        rank = kernel.rank
        extents = (*[1] * rank, *cluster.extents)
        forms = [f for s in cluster.statements for f in forms_of(s)]
        outer = len(cluster.extents) if cluster.outer is None else cluster.outer
        split = rank + outer
        self.outer = merged(range(rank, split), extents, forms)
        self.inner = merged(range(split, len(extents)), extents, forms)
        self.reduced = [s for s in cluster.statements if s.kind]
        self.lane = self._choose_lane()
        self.count = 0
        self.shared: dict[object, Value] = {}
        self.blocks: dict[int, int] = {}
        if self.lane is not None:
            widest = max(s.value.dtype.bits for s in cluster.statements)
            own = kernel.target.vector_bits // max(widest, 32)
            self.count = min(own, 1 << (self.lane.extent - 1).bit_length())

    def _choose_lane(self) -> Loops | None:
        """The loop whose elements lie together for most of what is read and written."""
        best, most = None, 0.0
        if self.limits is not None:
            return self.outer[0] if self.outer[0].extent > 1 else None
        if any(s.kind in _INDEXED for s in self.cluster.statements):
            return None
        candidates = [*self.outer, *self.inner]
        for loops in candidates:
            if loops.extent < 2:
                continue
            wide = self.kernel.target.lanes("float")
            used = loops.extent / (-(-loops.extent // wide) * wide)
            score = self._score(loops) * used
            if score >= most:
                best, most = loops, score
        return best

    def _score(self, loops: Loops) -> int:
        score = 0
        for s in self.cluster.statements:
            for load in loads(s.value):
                score += _contiguity(load.flat.coefficient(loops.last))
            if s.kind == "" or loops in self.outer:
                flat = flattened(tuple(map(variable, range(s.rank))), s.target.shape)
                score += 2 * _contiguity(flat.coefficient(loops.last))
        return score

    def emit(self) -> None:
        here = [At(dict(self.kernel.rows), {})]
        if not self.cluster.extents or not (self.outer or self.inner):
            self._bodies(here, None)
            return
        plain = [loops for loops in self.outer if loops is not self.lane]
        self.blocks = blocks = self._blocks(plain)
        self._go(sorted(plain, key=lambda loops: loops.last in blocks), blocks, here)

    def _go(self, plain: Sequence[Loops], blocks: Mapping[int, int], here: list[At]) -> None:
        """Write the outer loops; those with a block go through several places side by side."""
        if not plain:
            if self.lane is not None and self.lane in self.outer:
                self._over_lanes(here)
            else:
                self._bodies(here, None)
            return
        loops, *rest = plain
        size = blocks.get(loops.last, 1)
        whole = loops.extent // size * size
        with self.b.loop(0, whole, size, unroll=False) as loop:
            self._go(rest, blocks, _side_by_side(here, loops, loop.index, range(size)))
        if whole < loops.extent:
            begin = constant("i64", whole)
            left = range(loops.extent - whole)
            self._go(rest, blocks, _side_by_side(here, loops, begin, left))

    def _blocks(self, plain: Sequence[Loops]) -> dict[int, int]:
        """How many places of an outer loop go side by side, to use what is read several times.

        A convolution multiplies what it reads of the image by several kernels at once, and keeps
        all their totals in registers.
        """
        statements = self.cluster.statements
        if self.lane is None or not self.inner or len(statements) != 1:
            return {}
        (s,) = statements
        read = list(loads(s.value))
        if s.kind != "sum" or not s.value.dtype.is_float or len(read) < 2:
            return {}
        room = self.kernel.target.registers // 2
        if self.lane in self.outer:
            room //= min(_UNROLL, max(1, self.lane.extent // self.count))
        blocks: dict[int, int] = {}
        in_outer = self.lane in self.outer
        lane = self.lane.last
        whole = [load for load in read if load.flat.coefficient(lane)]  # vectors are read

        def changes(loops: Loops, among: Sequence[Load | Fetch]) -> list[bool]:
            return [load.flat.coefficient(loops.last) != 0 for load in among]

        useful = [x for x in plain if any(changes(x, read)) and not all(changes(x, read))]
        for loops in sorted(useful, key=lambda x: any(changes(x, whole))):
            if len(blocks) < (1 if in_outer else 2):
                size = min(loops.extent, 8 if in_outer else 5, max(room, 1))
                if size > 1:
                    blocks[loops.last] = size
                    room //= size
        return blocks

    def _over_lanes(self, here: list[At]) -> None:
        """Go through the lanes' loop in whole vectors, then through what is left under a mask."""
        lane, count, b = self.lane, self.count, self.b
        assert lane is not None
        low, high = self.limits or (constant("i64", 0), constant("i64", lane.extent))
        room = _UNROLL if self.reduced and not self.limits else 1
        for unroll in dict.fromkeys((room, 1)):
            width = count * unroll
            span = b.binary("sub", high, low)
            whole = b.binary("sub", span, b.binary("srem", span, constant("i64", width)))
            end = b.add(low, whole)
            if self.limits or lane.extent >= width:
                with b.loop(low, end, width) as loop:
                    steps = range(0, width, count)
                    self._bodies(_side_by_side(here, lane, loop.index, steps), None)
                low = end
        if self.limits or lane.extent % count:
            with b.when(b.icmp("slt", low, high)) if self.limits else ExitStack():
                mask = b.first(count, b.binary("sub", high, low))
                self._bodies(_side_by_side(here, lane, low, range(1)), mask)

    def _bodies(self, here: Sequence[At], mask: Value | None) -> None:
        """What happens at a place of the outer loops, or at several side by side."""
        in_outer = self.lane is not None and self.lane in self.outer
        lane = self.lane if in_outer else None
        self.shared = {}
        scopes = [self._scope(at, lane, mask) for at in here]
        if not self.reduced:
            for scope in scopes:
                for s in self.cluster.statements:
                    self._pointwise(scope, s)
            return
        totals = self._totals(here, mask)
        self.shared = {}
        for k, scope in enumerate(self._scope(at, lane, mask) for at in here):
            for s, total in zip(self.reduced, totals[k], strict=True):
                self._finish(scope, s, total)

    def _scope(self, at: At, lane: Loops | None, mask: Value | None) -> Scope:
        return Scope(
            self.b,
            self.kernel.pointers,
            at.values,
            None if lane is None else lane.last,
            0 if lane is None else self.count,
            mask,
            self.kernel.ready,
            self.kernel.first,
            at.shifts,
            self.shared,
        )

    def _pointwise(self, scope: Scope, s: Statement) -> None:
        value = scope.value(s.value)
        scope.ready[s.target] = value
        if s.rank == self.kernel.rank:
            self.kernel.ready[s.target] = value
        if s.target in self.kernel.pointers and not s.kind:
            flat = flattened(tuple(map(variable, range(s.rank))), s.target.shape)
            scope.store(s.target, flat, value)

    def _finish(self, scope: Scope, s: Statement, total: Value) -> None:
        if s.rank == self.kernel.rank:
            self.kernel.ready[s.target] = total
        if s.target in self.kernel.pointers:
            flat = flattened(tuple(map(variable, range(s.rank))), s.target.shape)
            scope.store(s.target, flat, total)

    # ------------------------------------------------------------ reductions

    def _totals(self, here: Sequence[At], mask: Value | None) -> list[list[Value]]:
        """Run the inner loops; give the total of each reduction at each place."""
        in_outer = self.lane is not None and self.lane in self.outer
        start = [t for _ in here for s in self.reduced for t in _neutral(s, self.count)]
        ends = self._inner(list(self.inner), {}, start, self._turn(here, mask))
        made: list[list[Value]] = []
        at = iter(ends)
        for _ in here:
            row = []
            for s in self.reduced:
                total = [next(at) for _ in _neutral(s, 0)][-1]
                if not in_outer and self.lane is not None:
                    total = _folded(self.b, s, total)
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
                        self._pointwise(scope, s)
                        continue
                    own = [next(held) for _ in _neutral(s, 0)]
                    made += _combined(scope, s, own, tail)
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
        if not rest and self.blocks and first.extent <= _WRITTEN_OUT:
            for k in range(first.extent):
                place = values | values_of(first, constant("i64", k))
                totals = turn(place, None, totals)
            return totals
        with self.b.loop(0, first.extent, carried=totals, unroll=not rest) as loop:
            made = self._inner(rest, values | values_of(first, loop.index), loop.carried, turn)
            loop.next(*made)
        return loop.results

    def _inner_lanes(
        self,
        lane: Loops,
        values: dict[int, Value | None],
        totals: list[Value],
        turn: Callable[..., list[Value]],
    ) -> list[Value]:
        b, count = self.b, self.count
        at = 0
        # Places that go side by side have totals enough to keep the processor busy.
        alone = len(totals) == len(self.reduced)
        many = _UNROLL if alone and lane.extent >= 2 * _UNROLL * count else 1
        if many > 1:
            copies = [totals] + [
                [t for s in self.reduced for t in _neutral(s, count)] for _ in range(many - 1)
            ]
            end = lane.extent // (many * count) * (many * count)
            flat = [t for copy in copies for t in copy]
            with b.loop(0, end, many * count, carried=flat, unroll=False) as loop:
                made: list[Value] = []
                for k in range(many):
                    place = b.add(loop.index, k * count)
                    own = loop.carried[k * len(totals) : (k + 1) * len(totals)]
                    made += turn(values | values_of(lane, place), None, own)
                loop.next(*made)
            results = loop.results
            size = len(totals)
            rows = [results[k * size : (k + 1) * size] for k in range(many)]
            while len(rows) > 1:
                rows = [self._merge(rows[k], rows[k + 1]) for k in range(0, len(rows), 2)]
            totals, at = rows[0], end
        end = lane.extent // count * count
        if end - at > count:
            with b.loop(at, end, count, carried=totals, unroll=False) as loop:
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

    def _merge(self, left: Sequence[Value], right: Sequence[Value]) -> list[Value]:
        pairs = zip(self.reduced, left, right, strict=True)
        return [_combine(self.b, s, a, b) for s, a, b in pairs]


def _side_by_side(here: Sequence[At], loops: Loops, begin: Value, steps: Sequence[int]) -> list[At]:
    """Each place at several values of one more loop, next to each other."""
    values = values_of(loops, begin)
    return [At({**at.values, **values}, {**at.shifts, loops.last: k}) for at in here for k in steps]


def _contiguity(coefficient: int) -> int:
    return 2 if coefficient == 1 else 1 if coefficient == 0 else -4


# ---------------------------------------------------------------- totals


def _neutral(s: Statement, count: int) -> list[Value]:
    """What a total begins with; the index of a largest element comes with its value."""
    dtype = s.value.dtype
    kind = register(dtype, count)
    if s.kind in _INDEXED:
        return [constant(kind, _worst(dtype, s.kind == "argmax")), constant("i64", -1)]
    empty = 0 in s.extents[s.rank :]
    match s.kind:
        case "sum":
            return [constant(kind, -0.0 if dtype.is_float and not empty else 0)]
        case "prod" | "all":
            return [constant(kind, 1)]
        case "any":
            return [constant(kind, 0)]
        case _:
            return [constant(kind, _worst(dtype, s.kind == "max"))]


def _worst(dtype: DType, least: bool) -> float | int | bool:
    if dtype.is_float:
        return float("-inf") if least else float("inf")
    if dtype.kind == "bool":
        return not least
    limits = np.iinfo(dtype.numpy)
    return int(limits.min if least else limits.max)


def _combine(b: Builder, s: Statement, total: Value, value: Value) -> Value:
    dtype = s.value.dtype
    match s.kind:
        case "sum":
            return b.binary("fadd" if dtype.is_float else "add", total, value)
        case "prod":
            return b.binary("fmul" if dtype.is_float else "mul", total, value)
        case "any":
            return b.binary("or", total, value)
        case "all":
            return b.binary("and", total, value)
        case _:
            record = SCALARS["maximum" if s.kind == "max" else "minimum"]
            made = emit_scalar(b, record, (), [total, value], dtype)
            assert made is not None
            return made


def _combined(
    scope: Scope,
    s: Statement,
    held: Sequence[Value],
    tail: Value | None,
) -> list[Value]:
    """The totals after one more element, or one more in each lane that exists."""
    b = scope.b
    if s.kind in _INDEXED:
        return _better(scope, s, held)
    if s.kind == "sum" and isinstance(s.value, Times) and s.value.dtype.is_float and tail is None:
        *others, last = s.value.operands
        product = Times(tuple(others), s.value.dtype) if len(others) > 1 else others[0]
        return [b.fma(scope.vector_of(product), scope.vector_of(last), held[0])]
    value = scope.vector_of(s.value)
    if tail is not None:
        value = b.select(tail, value, _neutral(s, scope.count)[0])
    return [_combine(b, s, held[0], value)]


def _better(scope: Scope, s: Statement, held: Sequence[Value]) -> list[Value]:
    """The largest element so far and where it is: the first of equals, or the first NaN."""
    b, (best, place) = scope.b, held
    value = scope.value(s.value)
    number = scope.scalar(_number(s))
    dtype = s.value.dtype
    more = s.kind == "argmax"
    if dtype.is_float:
        better = b.fcmp("ogt" if more else "olt", value, best)
        new = b.fcmp("uno", value, value)
        better = b.binary("or", better, new)
        settled = b.fcmp("uno", best, best)
        better = b.binary("and", better, b.binary("xor", settled, constant("i1", True)))
    else:
        sign = "s" if dtype.kind == "signed" else "u"
        better = b.icmp(f"{sign}{'gt' if more else 'lt'}", value, best)
    none = b.icmp("slt", place, 0)
    better = b.binary("or", better, none)
    return [b.select(better, value, best), b.select(better, number, place)]


def _number(s: Statement) -> Affine:
    """The number of the element at hand along the reduced axes."""
    inner = tuple(map(variable, range(s.rank, len(s.extents))))
    return flattened(inner, s.extents[s.rank :])


def _folded(b: Builder, s: Statement, total: Value) -> Value:
    """All lanes as one, halves upon halves."""
    count = lanes(total.type)
    while count > 1:
        half = count // 2
        low = b.shuffle(total, total, range(half))
        high = b.shuffle(total, total, range(half, count))
        total, count = _combine(b, s, low, high), half
    return b.extract(total, 0)
