"""What is known while a unit of a product is written, and how its scratch is laid out."""

from __future__ import annotations

from typing import NamedTuple

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Index, Value, bits, vector
from chainrule.codegen.products.operands import Operand, Product, Result
from chainrule.codegen.products.plan import Plan
from chainrule.codegen.products.split import Split, minimum

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

    def rows_of(self, panel: Value) -> tuple[Value, Value]:
        """The first row of a panel, and how many rows it shares with the one before.

        The last panel begins early enough to be complete.
        """
        b, rows = self.b, self.plan.rows
        following = b.mul(panel, rows.size)
        if rows.whole:
            return following, b.number(0)
        row = b.number(minimum(b, following, rows.total - rows.size))
        return row, b.sub(following, row)

    def slot(self, panels: tuple[Value, Index], number: Value) -> Value:
        """Where the sums of a tile wait for the next block of the inner axis, from the first on.

        panels   the panel of rows, and the first one of the unit
        number   of the panel of columns in the unit
        """
        b, plan = self.b, self.plan
        wide = widest(plan.columns, plan.column_blocks)
        return b.mul(b.add(b.mul(b.sub(*panels), wide), number), plan.tile)

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
    square = sums + tiles * plan.tile
    turns = plan.turned or product.symmetric
    return Room(left, sums, square, square + (lanes + 1) * lanes * turns, panel, sliver)


def widest(axis: Split, blocks: int) -> int:
    """How many panels the largest block has."""
    return -(-axis.panels // blocks)


def scratch_bytes(product: Product, plan: Plan) -> int:
    """Bytes of scratch that one thread needs."""
    return make_room(product, plan).end * bits(product.kind) // 8
