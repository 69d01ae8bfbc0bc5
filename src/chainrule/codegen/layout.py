"""Layouts: what the function of a graph computes, in order, and where its arrays lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.table import ARENA, FIRST
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.values import Value
from chainrule.codegen.kernels.streaming import streamed_in
from chainrule.codegen.memory import arrange
from chainrule.codegen.nested import Room, rooms
from chainrule.codegen.outline import Body
from chainrule.codegen.statements.carries import overwritten, taken_over
from chainrule.codegen.statements.fuse import Fused, Item, fuse, own_rank, reads, targets
from chainrule.codegen.statements.split import split_sums
from chainrule.codegen.statements.steps import (
    Check,
    Draw,
    Host,
    Nested,
    Scattered,
    Solve,
    Spread,
    steps_of,
)
from chainrule.codegen.statements.turned import with_turned_copies
from chainrule.codegen.statements.unread import without_unread
from chainrule.codegen.windows.arrange import arrange_factors
from chainrule.codegen.windows.bands import cut_rows
from chainrule.codegen.windows.plan import plan_of
from chainrule.codegen.windows.words import in_words
from chainrule.ir.graph import Graph, Node, bodies
from chainrule.ir.primitives import Cond, Data, Loop, Project

__all__ = ["Layout", "items_of", "ordered", "results_of"]


def items_of(graph: Graph, target: Target) -> list[Item]:
    """The kernels and other steps that compute a graph, in order."""
    read = without_unread(steps_of(graph), graph)
    steps = cut_rows(with_turned_copies(read), target)
    steps = split_sums(steps, lambda s: plan_of(target, s, own_rank(s)) is not None)
    steps = arrange_factors(in_words(cut_rows(steps, target), target), target)
    return [item for item in fuse(steps, target.vector_bits) if _computes(item)]


@final
class Layout:
    """The layout of a graph's function.

    body      writes the program of a Loop or a Cond: (its graph, the operation)
    loop      whose body the graph is, if it is one
    is_whole  whether it is a program of its own
    """

    def __init__(
        self,
        graph: Graph,
        target: Target,
        body: Callable[[Graph, object], Body],
        loop: Loop | None = None,
        donated: Sequence[int] = (),
        *,
        is_whole: bool,
    ) -> None:
        self.graph = graph
        self.is_whole = is_whole
        self.items = items_of(graph, target)
        self.bodies = {
            item.node: tuple(body(g, item.node.op) for g in bodies(item.node.op))
            for item in self.items
            if isinstance(item, Nested)
        }
        self.outside = _outside(graph, self.items)
        self.constants = self._constants()
        self.taken_over = taken_over(graph, self.items, donated)
        fresh = (n for n in graph.outputs if n not in self.taken_over)
        given = (*graph.inputs, *self.constants, *fresh)
        hosted = [n for item in self.items if isinstance(item, Host) for n in item.targets]
        self.entries = tuple(dict.fromkeys((*given, *hosted)))
        self.table = {node: FIRST + k for k, node in enumerate(self.entries)}
        self.table |= {after: self.table[before] for after, before in self.taken_over.items()}
        self.in_place: frozenset[int] = frozenset()
        if loop is not None:
            # The old value and the new one are entries of their own all the same: the first turn
            # reads what the loop is given, where it lies.
            self.in_place = overwritten(loop, graph, self.items)
        # What is written over what was just read is in the cache.
        streamed = streamed_in(graph, self.items, self.table) if is_whole else set()
        self.streamed = streamed - self.taken_over.keys()
        self.places, self.arena = self._places()

    def _constants(self) -> tuple[Node, ...]:
        """Constant arrays that the graph or a body reads."""
        read = [node for item in self.items for node in ordered(reads(item))]
        inner = [n for made in self.bodies.values() for body in made for n in body.entries]
        given = set(self.graph.inputs)
        return tuple(dict.fromkeys(
            n for n in (*read, *inner, *self.graph.outputs)
            if isinstance(n.op, Data) and n.op.value.size > 1 and n not in given
        ))  # fmt: skip

    def rooms(self, item: Nested) -> list[Room]:
        """The memory that a nested program needs for itself."""
        op = item.node.op
        assert isinstance(op, Loop | Cond)
        return rooms(op, self.bodies[item.node], set(results_of(item)))

    def _places(self) -> tuple[dict[object, int], int]:
        """Offsets in the arena, and its size, by when each array is made and last read."""
        lives: dict[object, tuple[int, int, int]] = {}
        for k, item in enumerate(self.items):
            for node in reads(item):
                if node in lives:
                    born, _, size = lives[node]
                    lives[node] = born, k, size
            for node in targets(item):
                if node in self.outside and node not in self.table:
                    lives[node] = k, k, node.nbytes
            if isinstance(item, Nested):
                for room in self.rooms(item):
                    lives[item.node, room.name] = k, k, room.size
        return arrange(lives)

    def addresses(self, names: Sequence[object]) -> Callable[[Builder, Value], dict[Any, Value]]:
        """The function of (builder, table) that gives where arrays lie."""
        here = [n for n in names if n in self.table or n in self.places]

        def places(b: Builder, table: Value) -> dict[Any, Value]:
            made: dict[Any, Value] = {}
            entries: dict[int, Value] = {}
            arena: Value | None = None
            for name in here:
                if name in self.table:
                    entry = self.table[name]
                    if entry not in entries:
                        entries[entry] = b.load("ptr", b.offset(table, entry, "ptr"))
                    made[name] = entries[entry]
                else:
                    arena = arena or b.load("ptr", b.offset(table, ARENA, "ptr"))
                    made[name] = b.offset(arena, self.places[name], "i8")
            return made

        return places


def results_of(item: Nested) -> dict[int, Node]:
    """The results that are read, by their numbers."""
    return {t.op.index: t for t in item.targets if isinstance(t.op, Project)}


def _computes(item: Item) -> bool:
    """Whether there is anything to compute: arrays without elements need no code."""
    match item:
        case Fused():
            item.statements = [s for s in item.statements if 0 not in s.target.shape]
            return bool(item.statements) or (
                item.product is not None and 0 not in item.product.extents
            )
        case Spread() | Scattered() | Draw():
            return 0 not in item.target.shape
        case Check(extents=extents):
            return 0 not in extents
        case Solve(targets=made):
            return any(0 not in node.shape for node in made)
        case _:
            return True


def _outside(graph: Graph, items: Sequence[Item]) -> set[Node]:
    """The arrays that are read by others than the kernel that computes them."""
    home = {node: k for k, item in enumerate(items) for node in targets(item)}
    found = set(graph.outputs)
    for k, item in enumerate(items):
        found |= {node for node in reads(item) if home.get(node) != k}
        if isinstance(item, Nested):
            found.update(item.targets)
    return found


def ordered(nodes: set[Node]) -> list[Node]:
    """Nodes as they were made."""
    return sorted(nodes, key=lambda n: n.serial)
