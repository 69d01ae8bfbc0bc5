"""Drafts: what is known of a kernel before its function is written, and what of it is told then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from chainrule.codegen.assembly.llvm import Builder, Module
from chainrule.codegen.assembly.table import PARAMETERS
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.values import Value
from chainrule.ir.graph import Node

__all__ = ["Draft", "Kernel", "Places"]

Places = Callable[[Builder, Value], Mapping[Node, Value]]
"""(builder, table) to the addresses of the arrays that a kernel reads and writes."""


class Draft(NamedTuple):
    """A kernel that is to be written.

    outside    arrays that others read
    streamed   results that nobody reads soon
    """

    module: Module
    target: Target
    name: str
    places: Places
    outside: set[Node]
    streamed: set[Node]

    def begin(self) -> Builder:
        """Begin its function."""
        return self.module.function(self.name, PARAMETERS)


class Kernel(NamedTuple):
    """A function of the program: its name, how many tiles it has, bytes of scratch a thread.

    effort       nanoseconds that it takes on one thread, roughly
    is_rounded   whether the factors of its products are rounded to bfloat16
    """

    name: str
    tiles: int
    scratch: int
    effort: int
    is_rounded: bool = False
