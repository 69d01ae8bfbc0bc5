"""How a product is divided: into units of work, and these into panels that fit into registers.

Everything follows from the shapes, the layouts and the instruction set, never from the number of
threads, and every element is one chain of fused multiply-adds over the whole inner axis: so the
bits of a result depend on nothing else.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from chainrule.codegen.llvm import bits
from chainrule.codegen.products.operands import Operand, Product
from chainrule.codegen.products.split import Split, split
from chainrule.codegen.target import Target

__all__ = ["DotPlan", "Plan", "make_dot_plan", "make_plan", "prefers_dots", "prefers_turned"]

_SLIVER: Final = 14 << 10  # bytes of the left operand that stay in the first cache
_BLOCK: Final = 320 << 10  # bytes of the right operand that stay in the second one
_NEAR: Final = 512 << 10  # an operand of so many bytes is in the second cache anyway
_PAGE: Final = 4096  # rows at multiples of it fall into one set of the first cache
_UNIT: Final = 40_000  # cycles: what is less than 15 µs is not worth sending to a thread
_FAR: Final = 0.3  # what a vector of the right operand costs, since it comes from the second cache
_UNITS: Final = 8  # what a large product should give at least
_ROWS: Final = 256  # fewer make packing the right operand for each block of rows dear


class Plan(NamedTuple):
    """A product in blocks.

    lanes          elements in a register
    rows           panels of rows; each size is the height of a register tile
    columns        panels of columns, counted in registers; each size is the width of a tile
    row_blocks     units of work along the rows, and along the columns
    inner_block    how much of the inner axis is done at once
    group          how many units are one tile of the grid
    pack_left      whether panels of the left operand are copied before they are used
    ahead_left     whether the next panel of the left operand is asked for ahead,
    ahead_right    and the next block of the right one
    read_right     whether the right operand is read where it is needed, since that is only once
    turned         whether this is the plan of the transposed product
    """

    lanes: int
    rows: Split
    columns: Split
    row_blocks: int
    column_blocks: int
    inner_block: int
    group: int
    pack_left: bool
    ahead_left: bool
    ahead_right: bool
    read_right: bool
    turned: bool

    @property
    def units(self) -> int:
        """Units of work in one product."""
        return self.row_blocks * self.column_blocks


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
        tiles = split(product.rows, height).count * split(product.columns, width).count
        return tiles * (max(height * width / 2, (height + width) / 2) + _FAR * (height + width) / 2)

    height, width = min(shapes, key=cycles)
    rows, columns = split(product.rows, height), split(product.columns, width)
    steps = -(-product.inner // lanes)
    work = int(rows.count * columns.count * (max(height * width / 2, 1) * steps + 100))
    row_blocks = max(1, min(rows.count, work // _UNIT))
    column_blocks = max(1, min(columns.count, work // row_blocks // _UNIT))
    group = max(1, min(_UNIT // max(work // (row_blocks * column_blocks), 1), row_blocks * column_blocks * batch))
    chains = max(1, min(-(-8 // (height * width)), steps))
    return DotPlan(lanes, rows, columns, row_blocks, column_blocks, group, chains,
                   pack_left=left.contiguous != "column", pack_right=right.contiguous != "row")  # fmt: skip


def prefers_dots(target: Target, product: Product, left: Operand, right: Operand) -> bool:
    """Whether vectors along the inner axis take fewer cycles than vectors along the columns."""
    lanes = target.lanes(product.kind)
    along = left.contiguous == "column", right.contiguous == "row"
    few = min(product.rows, product.columns)
    if not any(along) or few > lanes or product.inner < 4 * lanes:
        return False
    steps, elements = -(-product.inner // lanes), product.rows * product.columns
    packing = 5 * steps
    dots = elements * (steps / 2 + 6) + packing * (
        (not along[0]) * product.rows + (not along[1]) * product.columns
    )
    vectors = -(-product.columns // lanes)
    tiles = product.rows * vectors * product.inner / 2 + packing * (
        along[1] * product.columns + along[0] * product.rows / 2
    )
    return dots < tiles


def make_plan(target: Target, product: Product, left: Operand, right: Operand, batch: int) -> Plan:
    """Choose the blocks."""
    lanes = target.lanes(product.kind)
    rows, columns = _registers(target, product.rows, -(-product.columns // lanes))
    size = bits(product.kind) // 8
    inner_block = _inner_block(product.inner, rows.size * size, lanes)
    cycles = product.rows * product.inner * columns.total // 2
    column_blocks = _column_blocks(columns, rows, cycles, inner_block * lanes * size)
    row_blocks = _row_blocks(rows, cycles // column_blocks)
    unit = cycles // (row_blocks * column_blocks) + product.rows * columns.total * 2 + 50
    group = max(1, min(_UNIT // unit, row_blocks * column_blocks * batch))
    read_right = rows.count == 1 and right.contiguous == "column"
    along = left.plain is not None and left.plain.column_stride == 1
    return Plan(
        lanes, rows, columns, row_blocks, column_blocks, inner_block, group,
        pack_left=_is_packed(left, columns, size),
        ahead_left=along and product.rows * product.inner * size > _NEAR,
        ahead_right=right.plain is not None and inner_block < product.inner and not read_right,
        read_right=read_right,
        turned=turned,
    )  # fmt: skip


def _is_packed(left: Operand, columns: Split, size: int) -> bool:
    """Whether the left operand cannot be read where it lies, or not fast."""
    if left.plain is None:
        return True
    if left.plain.column_stride == 1:
        return left.plain.row_stride * size % _PAGE == 0 and columns.count > 1
    return columns.count > 3


def _registers(target: Target, rows: int, vectors: int) -> tuple[Split, Split]:
    """The register tile with the least cycles, among those that fit."""
    free = target.registers - 1
    shapes = [
        (height, width)
        for width in range(1, min(vectors, 8) + 1)
        for height in range(1, min(rows, (free - width) // width) + 1)
    ]

    def cycles(shape: tuple[int, int]) -> float:
        height, width = shape
        tiles = split(rows, height).count * split(vectors, width).count
        return tiles * _cycles(height, width)

    height, width = min(shapes, key=cycles)
    return split(rows, height), split(vectors, width)


def _cycles(height: int, width: int) -> float:
    """Cycles of one step along the inner axis: two multiply-adds or loads each, latency of four."""
    return max(height * width / 2, (height + width + 1) / 2, 4) + _FAR * width


def _inner_block(inner: int, step: int, lanes: int) -> int:
    """Equal blocks, multiples of the lanes, such that the left sliver stays in the first cache."""
    most = max(_SLIVER // max(step, 1), lanes)
    if inner <= most * 5 // 4:
        return inner
    count = -(-inner // most)
    return -(-inner // (count * lanes)) * lanes


def _column_blocks(columns: Split, rows: Split, cycles: int, column_bytes: int) -> int:
    """Blocks that fit into the second cache, and enough of them if each is worth it."""
    fit = -(-columns.total * column_bytes // _BLOCK)
    wanted = -(-_UNITS // max(rows.total // _ROWS, 1))
    narrow = columns.total // 4
    return max(1, min(max(fit, min(wanted, cycles // (_UNIT), narrow)), columns.count))


def _row_blocks(rows: Split, cycles: int) -> int:
    """Blocks of enough rows that packing the right operand for each stays cheap."""
    return max(1, min(rows.total // _ROWS, cycles // (_UNIT), rows.count))
