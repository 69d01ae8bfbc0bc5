"""Clusters: the statements of a kernel that run in one nest of loops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from chainrule.codegen.statements.affine import flattened, variable
from chainrule.codegen.statements.loops import Load, Statement, loads
from chainrule.ir.graph import Node

__all__ = ["INDEXED", "Cluster", "clusters"]

INDEXED: Final = ("argmax", "argmin")
"""Reductions that give a place."""

_WINDOW: Final = 4  # turns of a reduction over a small window


@dataclass
class Cluster:
    """Statements that run in one nest of loops; ``outer`` of its variables are not reduced."""

    extents: tuple[int, ...]
    statements: list[Statement]
    outer: int | None
    targets: set[Node] = field(default_factory=set)


def clusters(statements: Sequence[Statement], rank: int) -> list[Cluster]:
    """Gather statements, inside the rows that are their first axes."""
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
    if outer and cluster.outer is None and _is_pooled(s):
        return False
    if not cluster.extents or s.kind in INDEXED:
        return not cluster.extents and s.kind not in INDEXED
    by_target = {c.target: c for c in cluster.statements}
    for load in loads(s.value):
        source = by_target.get(load.source)
        if source is None:
            continue
        whole = flattened(tuple(map(variable, range(source.rank))), source.target.shape)
        same = isinstance(load, Load) and load.flat == whole and not load.guards
        if source.kind or not same:
            return False
    return not any(c.kind in INDEXED for c in cluster.statements)


def _is_pooled(s: Statement) -> bool:
    """Whether a reduction takes windows of two by two, so that lanes are its places, not its turns.

    What it reads, window by window, is better written by vectors that alternate.
    """
    inner = s.extents[s.rank :]
    return len(inner) > 1 and math.prod(inner) <= _WINDOW
