"""How a product is divided: into units of work, and these into panels that fit into registers.

Everything follows from the shapes, the layouts and the instruction set, never from the number of
threads, and every element is one chain of fused multiply-adds over the whole inner axis: so the
bits of a result depend on nothing else.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.values import bits
from chainrule.codegen.products.operands import Operand, Product
from chainrule.codegen.products.panels import TILE
from chainrule.codegen.products.split import Split, split

__all__ = ["FAR", "UNIT", "Plan", "make_plan", "prefers_turned", "shared"]

_SLIVER: Final = 10 << 10  # bytes of the left operand that stay in the first cache
_TILED_SLIVER: Final = 16 << 10  # the same of tiles, of whose right operand as much is there too
_BLOCK: Final = 320 << 10  # bytes of the right operand that stay in the second one
_TILED_BLOCK: Final = 768 << 10  # the same in tiles, whose processors have 2 MB
_TILED_UNIT: Final = 12_000_000  # steps of a vector: a quarter of a millisecond
_TILED_PAIR: Final = 640_000  # of which two halves are worth it
_GROUP: Final = 64  # rows of which panels are copied at once where they lie side by side
_NEAR: Final = 512 << 10  # an operand of so many bytes is in the second cache anyway
_PAGE: Final = 4096  # rows at multiples of it fall into one set of the first cache
UNIT: Final = 40_000  # cycles: what is less than 15 µs is not worth sending to a thread
FAR: Final = 0.3  # cycles that a vector from the second cache costs
_FETCH: Final = 0.07  # of several at one step each of them costs so much times their number
_UNITS: Final = 8  # what a product should give at least: threads are not equally fast
_LARGE: Final = 4_000_000  # cycles of a product that does not fit into the second cache
_AHEAD: Final = 4  # registers for the vectors of steps that are written out, all read at once
_FEW: Final = 16  # registers of which none can be spared
_ROWS: Final = 256  # fewer make packing the right operand for each block of rows dear
_MOST: Final = 512  # rows of a block: its sums should not push the right operand out of the cache


class Plan(NamedTuple):
    """A product in blocks.

    lanes          elements in a register
    rows           panels of rows; each size is the height of a register tile
    columns        panels of columns, counted in registers; each size is the width of a tile
    row_blocks     units of work along the rows, and along the columns
    inner_block    how much of the inner axis is done at once
    group          how many units are one tile of the grid
    pack_left      whether panels of the left operand are copied before they are used
    left_group     and how many of them at once
    ahead_left     whether the next panel of the left operand is asked for ahead,
    ahead_right    and the next block of the right one
    read_right     whether the right operand is read where it is needed, since that is only once
    overlapped     whether results are given while the next ones are computed
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
    left_group: int
    ahead_left: bool
    ahead_right: bool
    read_right: bool
    overlapped: bool
    turned: bool

    @property
    def units(self) -> int:
        """Units of work in one product."""
        return self.row_blocks * self.column_blocks

    @property
    def tile(self) -> int:
        """The sums of a register tile."""
        return self.rows.size * self.columns.size * self.lanes


def prefers_turned(target: Target, product: Product, left: Operand, right: Operand) -> bool:
    """Whether to compute the transposed product: few columns, and rows that fill vectors.

    In tiles: where that has nothing to turn around while it is copied. If it is the right operand
    that has, memory is what is waited for.
    """
    if product.is_tiled:
        return left.contiguous == right.contiguous == "row"
    lanes = target.lanes(product.kind)
    wasted = -product.columns % lanes
    return (
        left.contiguous == "row"
        and product.columns <= lanes
        and wasted * 4 >= product.columns
        and product.rows >= 2 * lanes
    )


def make_plan(
    target: Target,
    product: Product,
    left: Operand,
    right: Operand,
    batch: int,
    *,
    turned: bool = False,
    whole_rows: bool = False,
) -> Plan:
    """Choose the blocks; ``whole_rows`` are those that lie in one register tile each."""
    lanes = target.lanes(product.kind)
    vectors = -(-product.columns // lanes)
    if product.is_tiled:
        rows = split(product.rows, 32 if product.rows >= 32 else 16)
        columns = split(vectors, min(vectors, 2))
    else:
        rows, columns = _registers(target, product, vectors, vectors if whole_rows else 1)
    size = bits(product.kind) // 8
    sliver = _TILED_SLIVER if product.is_tiled else _SLIVER
    inner_block = _inner_block(product.inner, rows.size * size, lanes, sliver)
    steps = product.rows * product.inner * columns.total
    steps = steps // 2 if product.symmetric else steps
    cycles = steps // 8 if product.is_tiled else steps // 2  # a tile takes 16, and its copy as many
    if product.is_tiled and not product.symmetric:
        most = max(_TILED_BLOCK // (inner_block * lanes * size), 1)
        across = min(-(-columns.total // most), columns.panels)
        down = -(-rows.total // _MOST) if inner_block < product.inner else 1  # has no sums to keep
        row_blocks, column_blocks = _tiled_blocks(left, right, rows, columns, steps, (down, across))
    else:
        column_blocks = _column_blocks(columns, rows, cycles, inner_block * lanes * size)
        row_blocks = 1 if product.symmetric else _row_blocks(rows, column_blocks, cycles)
    if row_blocks % 2:
        column_blocks = shared(column_blocks, columns.panels)
    unit = cycles // (row_blocks * column_blocks) + product.rows * columns.total * 2 + 50
    group = max(1, min(UNIT // unit, row_blocks * column_blocks * batch))
    read_right = rows.panels == 1 and right.contiguous == "column" and not product.is_tiled
    overlapped = product.is_tiled and not (turned or product.symmetric or whole_rows)
    pack_left = _is_packed(left, columns, size)
    return Plan(
        lanes, rows, columns, row_blocks, column_blocks, inner_block, group,
        pack_left=pack_left,
        left_group=_left_group(product, left, rows, row_blocks) if pack_left else 1,
        ahead_left=pack_left
        and rows.panels > 1
        and product.rows * product.inner * product.terms * size > _NEAR,
        ahead_right=cycles > _LARGE and rows.panels > 1 and not product.is_tiled,
        read_right=read_right,
        overlapped=overlapped,
        turned=turned,
    )  # fmt: skip


def _tiled_blocks(
    left: Operand,
    right: Operand,
    rows: Split,
    columns: Split,
    steps: int,
    least: tuple[int, int],
) -> tuple[int, int]:
    """Blocks of rows and of columns that copy the least: each unit copies what it reads.

    steps   of a vector
    least   blocks of rows and of columns that the second cache asks for
    """
    units = max(1 + (steps >= _TILED_PAIR), min(steps // _TILED_UNIT, _UNITS))
    height = rows.total * (2 if left.contiguous == "row" else 1)  # what is turned around is dear
    width = columns.total * TILE * (2 if right.contiguous == "row" else 1)
    down, across = least
    choices = [
        (min(max(-(-units // blocks), down), rows.panels), blocks)
        for blocks in range(across, min(max(units, across), columns.panels) + 1)
    ]
    return min(choices, key=lambda blocks: blocks[1] * height + blocks[0] * width)


def _is_packed(left: Operand, columns: Split, size: int) -> bool:
    """Whether the left operand cannot be read where it lies, or not fast."""
    if left.plain is None:
        return True
    if left.plain.column_stride == 1:
        return left.plain.row_stride * size % _PAGE == 0 and columns.panels > 1
    return columns.panels > 3


def _left_group(product: Product, left: Operand, rows: Split, row_blocks: int) -> int:
    """How many panels of the left operand are copied at once: those whose rows lie side by side."""
    if left.plain is None or left.plain.row_stride != 1 or product.is_tiled:
        return 1
    return max(1, min(_GROUP // rows.size, rows.panels // row_blocks))


def _registers(
    target: Target, product: Product, vectors: int, least: int = 1
) -> tuple[Split, Split]:
    """The register tile with the least cycles, among those that fit and have a least width.

    Where there are too few rows for two blocks of them, threads have panels of columns each: of an
    odd number of them, all but one thread wait for the last.
    """
    rows, steps = product.rows, product.rows * product.inner * vectors
    in_panels = rows < 2 * _ROWS and steps // 2 >= 2 * UNIT
    free = target.registers - (_AHEAD if target.registers > _FEW else 1)
    shapes = [
        (height, width)
        for width in range(least, max(min(vectors, 8), least) + 1)
        for height in range(1, min(rows, (free - width) // width) + 1)
    ]

    def cycles(shape: tuple[int, int]) -> float:
        height, width = shape
        down, across = split(rows, height).panels, split(vectors, width).panels
        if down == 1:  # the right operand is read where it lies, once, and is what is waited for
            return across * (max(height * width / 2, (height + width + 1) / 2, 4) + 1)
        across += across % 2 if in_panels else 0
        return down * across * (_cycles(height, width) + _FETCH * width**2)

    height, width = min(shapes, key=cycles)
    return split(rows, height), split(vectors, width)


def _cycles(height: int, width: int) -> float:
    """Cycles of one step along the inner axis: two multiply-adds or a load each, latency of four.

    Where loads are as many as the cycles of the multiply-adds, they delay these: on Cascade Lake
    tiles of 12 × 2 and 13 × 2 reach 0.8 of the peak, those of 8 × 3 and 9 × 3 0.95. Of a single
    vector each number is read by its multiply-add.
    """
    loads = height + width if width > 1 else (height + 2) * 0.6
    return max(height * width / 2, loads, 4)


def _inner_block(inner: int, step: int, lanes: int, sliver: int) -> int:
    """Equal blocks, multiples of the lanes, such that the left sliver stays in the first cache."""
    most = max(sliver // max(step, 1), lanes)
    if inner <= most * 5 // 4:
        return inner
    count = -(-inner // most)
    return -(-inner // (count * lanes)) * lanes


def _column_blocks(columns: Split, rows: Split, cycles: int, column_bytes: int) -> int:
    """Blocks that fit into the second cache, and enough of them if each is worth it.

    Where there are rows for two blocks of them, those make enough units: the left operand is read,
    or copied, for each block of columns.
    """
    fit = -(-columns.total * column_bytes // _BLOCK)
    wanted = -(-_UNITS // max(rows.total // _ROWS, 1))
    narrow = max(columns.total // 4, 2)
    return max(1, min(max(fit, min(wanted, cycles // (UNIT), narrow)), columns.panels))


def shared(blocks: int, panels: int) -> int:
    """A few more blocks, so that two or four threads have as many each, and none waits long."""
    step = 4 if blocks > 2 else 2 if blocks > 1 else 1
    return min(-(-blocks // step) * step, panels)


def _row_blocks(rows: Split, column_blocks: int, cycles: int) -> int:
    """Blocks that make enough units, of enough rows that packing the right operand stays cheap."""
    wanted = max(-(-_UNITS // column_blocks), -(-rows.total // _MOST))
    least = rows.total // _ROWS
    return max(1, min(wanted, least, cycles // column_blocks // UNIT, rows.panels))
