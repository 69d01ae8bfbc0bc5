"""The row of a kernel in which its nests of loops stand."""

from __future__ import annotations

from dataclasses import dataclass, field

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.values import Value
from chainrule.codegen.statements.counting import Loops
from chainrule.ir.graph import Node

__all__ = ["Row"]


@dataclass
class Row:
    """Where a nest stands.

    rank      how many variables count through the rows, and their values
    pointers  where arrays lie
    first     of arrays of which only the row at hand is kept: their axes that are not kept
    scratch   memory for this thread alone
    ready     the values of arrays that have one element in this row
    streamed  arrays that are written past the cache
    below     the ids of exponentials of what is no more than 0
    lane      the rows, where so many of them are spread over the lanes, and which of these exist
    """

    target: Target
    b: Builder
    rank: int
    pointers: dict[Node, Value]
    first: dict[Node, int]
    values: dict[int, Value | None]
    scratch: Value
    ready: dict[Node, Value] = field(default_factory=dict)
    streamed: set[Node] = field(default_factory=set)
    below: frozenset[int] = frozenset()
    lane: Loops | None = None
    count: int = 0
    mask: Value | None = None

    @property
    def cached(self) -> set[Node]:
        """Arrays of others that are not written past the cache."""
        return self.pointers.keys() - self.first.keys() - self.streamed
