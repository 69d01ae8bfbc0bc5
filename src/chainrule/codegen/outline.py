"""Outlines: what a program consists of, for those who call it, list it or count its cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from chainrule.codegen.assembly.llvm import Module
from chainrule.codegen.assembly.texts import module_text
from chainrule.codegen.kernels.draft import Kernel
from chainrule.codegen.statements.fuse import Item
from chainrule.codegen.statements.steps import Host, Nested
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import Loop

__all__ = ["Body", "Inner", "Native", "Part", "Segment", "Work", "works"]


class Work(NamedTuple):
    """A kernel, and what it computes."""

    kernel: Kernel
    item: Item


class Inner(NamedTuple):
    """A Loop or a Cond, and the functions of its bodies."""

    item: Nested
    bodies: tuple[Body, ...]

    @property
    def turns(self) -> int:
        """How often the bodies run, at most."""
        op = self.item.node.op
        return op.length if isinstance(op, Loop) else 1


Part = Work | Inner


class Body(NamedTuple):
    """A graph that was written as a function; where its table has what; bytes of its arena.

    in_place   the carries that it writes over what they were
    """

    name: str
    graph: Graph
    entries: tuple[Node, ...]
    arena: int
    parts: tuple[Part, ...]
    in_place: frozenset[int] = frozenset()


class Segment(NamedTuple):
    """A function of the program and its parts, or a node that the host computes."""

    name: str
    parts: tuple[Part, ...] = ()
    host: Host | None = None


class Native(NamedTuple):
    """A program in LLVM's language, and what has to be in its table.

    entries  the arrays from outside, in the order of the table from FIRST on: the inputs, the
             constants, the outputs that have memory of their own, then what the host computes
    arena    bytes for all others; places holds their offsets
    scratch  bytes for each thread
    by_object  whether the table has the inputs' array objects, not their memory
    taken_over  the outputs that are written over inputs, each with its input
    note     what is to be said of the precision that was asked for, if anything
    """

    module: Module
    graph: Graph
    segments: tuple[Segment, ...]
    entries: tuple[Node, ...]
    constants: tuple[Node, ...]
    made: tuple[Node, ...]
    places: Mapping[Any, int]
    arena: int
    scratch: int
    by_object: bool
    taken_over: Mapping[Node, Node]
    note: str = ""

    @property
    def text(self) -> str:
        """The program as one text."""
        return module_text(self.module)


def works(parts: Sequence[Part], turns: int = 1) -> Iterator[tuple[Work, int]]:
    """All kernels, those of inner bodies too, and how often each runs; of a Cond, both sides."""
    for part in parts:
        if isinstance(part, Work):
            yield part, turns
        else:
            for body in part.bodies:
                yield from works(body.parts, turns * part.turns)
