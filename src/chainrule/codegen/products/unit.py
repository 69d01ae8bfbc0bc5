"""What is known while a unit of a product is written, and how its scratch is laid out."""

from __future__ import annotations

from typing import NamedTuple

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Index, Value, bits, vector
from chainrule.codegen.products.operands import Operand, Product, Result
from chainrule.codegen.products.plan import Plan
from chainrule.codegen.products.split import Split

__all__ = ["Inner", "Room", "Unit", "make_room", "scratch_bytes", "widest"]


class Room(NamedTuple):
    """Where the parts of the scratch begin, in elements, after the panels of B.

    sliver   from one panel of A to the next where several are copied
    square   where a tile is turned around
    panel    from one vector's panel of B to the next; a line more than needed, or all panels
             would fall into one set of the cache
    """

    left: int
    sums: int
    square: int
    end: int
    panel: int
    sliver: int


class Unit(NamedTuple):
    """What is being written: a unit of a product in a kernel's function."""

    b: Builder
    product: Product
    plan: Plan
    left: Operand
    right: Operand
    result: Result
    scratch: Value
    room: Room

    @property
    def register(self) -> str:
        """The type of a full register."""
        return vector(self.product.kind, self.plan.lanes)

    @property
    def tile(self) -> int:
        """The sums of a register tile."""
        return self.plan.rows.size * self.plan.columns.size * self.plan.lanes

    def sums_at(self, sums: Value, line: Index, n: int) -> Value:
        """The n-th vector of a row of a register tile, whose sums lie in scratch."""
        b, kind, lanes = self.b, self.product.kind, self.plan.lanes
        width = self.plan.columns.size * lanes
        if isinstance(line, int):
            place: Index = line * width + n * lanes
        else:
            place = b.add(b.mul(line, width), n * lanes)
        return b.load(self.register, b.offset(sums, place, kind), lanes * bits(kind) // 8)


class Inner(NamedTuple):
    """A block of the inner axis; ``first`` is None if there is only one block."""

    begin: Index
    steps: Index
    first: Value | None
    last: Value | None


def make_room(product: Product, plan: Plan) -> Room:
    """Lay out the scratch."""
    lanes, block = plan.lanes, plan.inner_block
    whole = -(-block // lanes) * lanes
    panel = (whole + 1) * lanes
    wide = widest(plan.columns, plan.column_blocks)
    left = 0 if plan.read_right else panel * wide * plan.columns.size
    height = -(-plan.rows.size // lanes) * lanes
    sliver = height * (whole + lanes)
    sums = left + sliver * plan.left_group
    tiles = 1 + plan.overlapped
    if block < product.inner:
        tiles = widest(plan.rows, plan.row_blocks) * wide
    square = sums + tiles * plan.rows.size * plan.columns.size * lanes
    turns = plan.turned or product.symmetric
    return Room(left, sums, square, square + (lanes + 1) * lanes * turns, panel, sliver)


def widest(axis: Split, blocks: int) -> int:
    """How many panels the largest block has."""
    return -(-axis.panels // blocks)


def scratch_bytes(product: Product, plan: Plan) -> int:
    """Bytes of scratch that one thread needs."""
    return make_room(product, plan).end * bits(product.kind) // 8
