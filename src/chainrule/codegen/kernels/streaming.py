"""Streaming: what is asked for before it is read, and results that are written past the cache.

A processor sees streams by itself, but only as far as a page goes, and forgets them while a kernel
goes through a row again. So the passes over a row ask for the next row, each for a part that its
work leaves time for. A line that is written has to come first, too, and a pass that only writes
has little to do while it waits: the longest pass before asks for it. A loop over all of memory
asks for what is some vectors away.

A line of memory is read before a part of it is written. Of a large result, whose lines nobody
reads soon, that is a third of a kernel's traffic. So whole vectors of it go to memory directly
where their addresses are known to be multiples of their size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.values import Value, constant
from chainrule.codegen.expressions.scope import Scope
from chainrule.codegen.kernels.vectorization import place_of
from chainrule.codegen.mathematics.scalars import LIGHT, SHORT
from chainrule.codegen.statements.clusters import Cluster
from chainrule.codegen.statements.fuse import Item, reads, targets
from chainrule.codegen.statements.loops import (
    Add,
    Apply,
    Choose,
    Expression,
    Load,
    Times,
    loads,
    parts,
)
from chainrule.ir.graph import Graph, Node

__all__ = [
    "Ask", "ask", "asked_by_rows", "end_streams", "further_on", "streamed_by", "streamed_in",
]  # fmt: skip

_LARGE: Final = 8 << 20
"""Bytes of a result from which on it may be written past the cache."""

_ALL: Final = 48 << 20
"""Bytes of all that a kernel reads and writes from which on no cache holds them to the end."""

_FAR: Final = 1 << 20
"""Bytes of an array from which on it pays to ask for its elements."""

_DISTANCE: Final = 1024  # bytes
_LINE: Final = 64  # bytes
_FIRST: Final = 32 << 10  # bytes of the first cache


# ---------------------------------------------------------------- what is asked for


class Ask(NamedTuple):
    """Lines of memory that a loop asks for while it goes on.

    load      the element that it asks for at its begin
    quarters  how many quarters of an element it goes on here for each of its own
    written   whether they will be written
    level     the cache that is to have them
    """

    load: Load
    quarters: int = 4
    written: bool = False
    level: int = 1


def asked_by_rows(nests: Sequence[Cluster], rank: int, cached: set[Node]) -> dict[int, list[Ask]]:
    """What the passes over a row ask for, by the ids of their clusters.

    cached   arrays that are written through the cache
    """
    extents = max(nests, key=lambda c: math.prod(c.extents) * _work(c)).extents
    if len(extents) != 1:
        return {}
    passes = [c for c in nests if c.extents == extents]
    near = _row_bytes(passes, rank) <= _FIRST
    plan = _Plan([_work(c) for c in passes], extents[0], 1 if near else 2)
    for k, cluster in enumerate(passes):
        for load in _by_rows(_results(cluster, cached), rank, extents[0]):
            plan.write(load, k)
    read = {n.source: n for c in passes for n in _streams(nests, c, rank)}
    for load in _by_rows(read.values(), rank, extents[0]):
        plan.read(load)
    return {id(c): asks for c, asks in zip(passes, plan.asks, strict=True)}


class _Plan:
    """Who asks for what, so that memory is busy all the time: each pass as its work allows."""

    def __init__(self, work: Sequence[int], size: int, level: int) -> None:
        self.work = work
        self.size = size
        self.level = level
        self.taken = [0] * len(work)
        self.asks: list[list[Ask]] = [[] for _ in work]

    def write(self, load: Load, number: int) -> None:
        """Let the longest pass before one ask for what that writes."""
        before = range(number or len(self.work))
        longest = max(before, key=lambda k: self.work[k])
        flat = load.flat if number else load.flat.shifted(self.size)
        self._take(longest, Ask(load._replace(flat=flat), written=True))

    def read(self, load: Load) -> None:
        """Let all passes ask for the next row, a part each."""
        counts = [0] * len(self.work)
        for _ in range(4):
            least = min(
                range(len(counts)),
                key=lambda k: (self.taken[k] + counts[k] + 1) / self.work[k],
            )
            counts[least] += 1
        for k, count in enumerate(counts):
            begin = self.size + sum(counts[:k]) * self.size // 4
            if count:
                later = load._replace(flat=load.flat.shifted(begin))
                self._take(k, Ask(later, count, level=self.level))

    def _take(self, number: int, one: Ask) -> None:
        self.taken[number] += one.quarters
        self.asks[number].append(one)


def _row_bytes(passes: Sequence[Cluster], lane: int) -> int:
    """The memory that passes over a row use, and the next row of what they read."""
    made = {s.target for c in passes for s in c.statements if not s.kind}
    read = {n.source for c in passes for s in c.statements for n in loads(s.value)} - made
    ahead = {n.source for c in passes for n in _streams(passes, c, lane)}
    return sum(
        passes[0].extents[0] * n.dtype.numpy.itemsize
        for n in (*made, *read, *ahead)
        if n.shape[-1:] == passes[0].extents
    )


def further_on(cluster: Cluster, lane: int, cached: set[Node]) -> list[Ask]:
    """What a single loop over memory asks for."""
    read = {n.source: Ask(_further(n)) for n in _streams([cluster], cluster, lane)}
    made = {n.source: Ask(_further(n), written=True) for n in _results(cluster, cached)}
    return [*(read | made).values()]


def _further(load: Load) -> Load:
    return load._replace(flat=load.flat.shifted(_DISTANCE // load.dtype.numpy.itemsize))


def ask(
    b: Builder,
    pointers: Mapping[Node, Value],
    asks: Iterable[Ask],
    values: Callable[[Value], Mapping[int, Value | None]],
    begin: Value,
    turn: int,
) -> None:
    """Ask for what belongs to a turn of a loop, which begins somewhere and takes so many elements.

    values   those of all variables where the loop stands at a place
    """
    for load, quarters, written, level in asks:
        width = load.dtype.numpy.itemsize
        place = begin
        if quarters < 4:
            place = b.binary("lshr", b.mul(begin, quarters), constant("i64", 2))
        scope = Scope(b, pointers, values(place))
        for k in range(max(1, turn * quarters * width // (4 * _LINE))):
            flat = load.flat.shifted(k * _LINE // width)
            scope.prefetch(load.source, flat, level, written=written)


def _streams(nests: Sequence[Cluster], cluster: Cluster, lane: int) -> Iterator[Load]:
    """The large arrays of others that a cluster reads along a variable."""
    own = {s.target for c in nests for s in c.statements}
    for load in (load for s in cluster.statements for load in loads(s.value)):
        far = load.source not in own and load.source.nbytes >= _FAR
        if far and isinstance(load, Load) and not load.guards and load.flat.coefficient(lane) == 1:
            yield load


def _results(cluster: Cluster, cached: set[Node]) -> Iterator[Load]:
    """The large arrays that a cluster writes through the cache."""
    for s in cluster.statements:
        if not s.kind and not s.added and s.target.nbytes >= _FAR and s.target in cached:
            yield Load(s.target, place_of(s), (), s.target.dtype)


def _by_rows(some: Iterable[Load], rank: int, size: int) -> Iterator[Load]:
    """Those whose next row follows at once."""
    for load in some:
        if [c for v, c in load.flat.terms if v < rank][-1:] == [size]:
            yield load


def _work(cluster: Cluster) -> int:
    """About how many instructions a turn of a pass has."""
    return 2 + sum(_instructions(e) for s in cluster.statements for e in parts(s.value))


def _instructions(e: Expression) -> int:
    if isinstance(e, Apply):
        return 1 if e.record.name in LIGHT else 4 if e.record.name in SHORT else 16
    return int(isinstance(e, Add | Times | Choose | Load))


# ---------------------------------------------------------------- what is written


def streamed_in(graph: Graph, items: Sequence[Item], table: Mapping[Node, int]) -> set[Node]:
    """The large results of a whole program that no other kernel than their own reads."""
    given = set(graph.inputs)
    large = {n for n in graph.outputs if n.nbytes >= _LARGE and n not in given and n in table}
    found: set[Node] = set()
    for item in items if large else ():
        made = set(targets(item))
        seen = {n for n in reads(item) | made if n in table}
        if sum(n.nbytes for n in seen) >= _ALL:
            found |= made & large
    return found - {n for item in items for n in reads(item) - set(targets(item))}


def streamed_by(nests: Sequence[Cluster], wanted: set[Node]) -> set[Node]:
    """Those that their kernel, too, does not read again, other than from registers."""
    again = {
        load.source
        for cluster in nests
        for s in cluster.statements
        for load in loads(s.value)
        if load.source not in cluster.targets
    }
    own = {s.target for cluster in nests for s in cluster.statements if not s.kind}
    return (own & wanted) - again


def end_streams(b: Builder, target: Target) -> None:
    """Let nobody see that a kernel has ended before what it streamed (x86: weakly ordered)."""
    if target.triple.startswith("x86_64"):
        b.call("llvm.x86.sse.sfence", "void")
