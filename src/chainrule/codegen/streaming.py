"""Streaming: what is asked for before it is read, and results that are written past the cache.

A processor sees streams by itself, but only as far as a page goes, and forgets them while a kernel
goes through a row again. So the pass with the longest functions, or the one that writes, asks for
the next row; a loop over all of memory asks for what is some vectors away.

A line of memory is read before a part of it is written. Of a large result, whose lines nobody
reads soon, that is a third of a kernel's traffic. So whole vectors of it go to memory directly
where their addresses are known to be multiples of their size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from chainrule.codegen.clusters import Cluster
from chainrule.codegen.fuse import Item, reads, targets
from chainrule.codegen.llvm import Builder
from chainrule.codegen.loops import Apply, Load, loads, parts
from chainrule.codegen.scalars import SHORT
from chainrule.codegen.target import Target
from chainrule.ir.graph import Graph, Node

__all__ = ["end_streams", "further_on", "next_row", "streamed_by", "streamed_in"]

_LARGE: Final = 8 << 20
"""Bytes of a result from which on it may be written past the cache."""

_ALL: Final = 48 << 20
"""Bytes of all that a kernel reads and writes from which on no cache holds them to the end."""

_FAR: Final = 1 << 20
"""Bytes of an array from which on it pays to ask for its elements."""

_DISTANCE: Final = 1024  # bytes


# ---------------------------------------------------------------- what is read


def next_row(nests: Sequence[Cluster], rank: int) -> dict[int, list[Load]]:
    """What a pass over a row asks for meanwhile, by the id of its cluster: the next row."""
    if len(nests) < 2:
        return {}
    chosen = max(reversed(nests), key=_functions)
    if len(chosen.extents) != 1:
        return {}
    (size,) = chosen.extents
    found = {
        load.source: load._replace(flat=load.flat.shifted(size))
        for cluster in nests
        if cluster.extents == chosen.extents
        for load in _streams(nests, cluster, rank)
        if [c for v, c in load.flat.terms if v < rank][-1:] == [size]
    }
    return {id(chosen): list(found.values())}


def further_on(cluster: Cluster, lane: int) -> list[Load]:
    """What a single loop over memory asks for meanwhile."""
    found = {
        load.source: load._replace(
            flat=load.flat.shifted(_DISTANCE // load.source.dtype.numpy.itemsize)
        )
        for load in _streams([cluster], cluster, lane)
    }
    return list(found.values())


def _streams(nests: Sequence[Cluster], cluster: Cluster, lane: int) -> Iterator[Load]:
    """The large arrays of others that a cluster reads along a variable."""
    own = {s.target for c in nests for s in c.statements}
    for load in (load for s in cluster.statements for load in loads(s.value)):
        far = load.source not in own and load.source.nbytes >= _FAR
        if far and isinstance(load, Load) and not load.guards and load.flat.coefficient(lane) == 1:
            yield load


def _functions(cluster: Cluster) -> int:
    """How many functions of many instructions a pass computes."""
    found = (e for s in cluster.statements for e in parts(s.value))
    return sum(isinstance(e, Apply) and e.record.name not in SHORT for e in found)


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
