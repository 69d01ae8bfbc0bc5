"""How a product is divided whose vectors lie along the inner axis, and when that is better."""

from __future__ import annotations

from typing import Final, NamedTuple

from chainrule.codegen.assembly.target import Target
from chainrule.codegen.products.operands import Operand, Product
from chainrule.codegen.products.plan import FAR, UNIT, shared
from chainrule.codegen.products.split import Split, split

__all__ = ["DotPlan", "make_dot_plan", "prefers_dots"]

_COPY: Final = 64 << 10  # elements of an operand that are copied at most: the second cache


class DotPlan(NamedTuple):
    """A product whose vectors lie along the inner axis.

    rows, columns           panels: the elements of a register tile
    chains                  vectors of partial sums for each element
    pack_left, pack_right   whether an operand is copied so that it lies along the inner axis
    """

    lanes: int
    rows: Split
    columns: Split
    row_blocks: int
    column_blocks: int
    group: int
    chains: int
    pack_left: bool
    pack_right: bool

    @property
    def units(self) -> int:
        """Units of work in one product."""
        return self.row_blocks * self.column_blocks


def make_dot_plan(
    target: Target, product: Product, left: Operand, right: Operand, batch: int
) -> DotPlan:
    """Choose the blocks of a product whose vectors lie along the inner axis."""
    lanes = target.lanes(product.kind)
    free = target.registers - 1
    shapes = [
        (height, width)
        for width in range(1, min(product.columns, lanes) + 1)
        for height in range(1, min(product.rows, (free - width) // width) + 1)
    ]

    def cycles(shape: tuple[int, int]) -> float:
        height, width = shape
        tiles = split(product.rows, height).panels * split(product.columns, width).panels
        return tiles * (max(height * width / 2, (height + width) / 2) + FAR * (height + width) / 2)

    height, width = min(shapes, key=cycles)
    rows, columns = split(product.rows, height), split(product.columns, width)
    steps = -(-product.inner // lanes)
    work = int(rows.panels * columns.panels * (max(height * width / 2, 1) * steps + 100))
    row_blocks = shared(max(1, min(rows.panels, work // UNIT)), rows.panels)
    column_blocks = max(1, min(columns.panels, work // row_blocks // UNIT))
    group = max(
        1,
        min(
            UNIT // max(work // (row_blocks * column_blocks), 1), row_blocks * column_blocks * batch
        ),
    )
    chains = max(1, min(-(-8 // (height * width)), steps))
    packed = left.contiguous != "column", right.contiguous != "row"
    return DotPlan(lanes, rows, columns, row_blocks, column_blocks, group, chains, *packed)


def prefers_dots(target: Target, product: Product, left: Operand, right: Operand) -> bool:
    """Whether vectors along the inner axis take fewer cycles than vectors along the columns."""
    lanes = target.lanes(product.kind)
    along = left.contiguous == "column", right.contiguous == "row"
    few = min(product.rows, product.columns)
    if not any(along) or few > lanes or product.inner < 4 * lanes:
        return False
    lines = (not along[0]) * product.rows + (not along[1]) * product.columns
    if lines * product.inner > _COPY:
        return False
    steps, elements = -(-product.inner // lanes), product.rows * product.columns
    packing = 5 * steps
    dots = elements * (steps / 2 + 6) + packing * lines
    vectors = -(-product.columns // lanes)
    tiles = product.rows * vectors * product.inner / 2 + packing * (
        along[1] * product.columns + along[0] * product.rows / 2
    )
    return dots < tiles
