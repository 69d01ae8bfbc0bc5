"""Dividing an axis: into panels of one size, and panels into blocks."""

from __future__ import annotations

from typing import NamedTuple

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Index, Value

__all__ = ["Range", "Split", "block_of", "maximum", "minimum", "split"]

Range = tuple[Index, Index]


class Split(NamedTuple):
    """``total`` positions in so many ``panels`` of one ``size``; the last one may be incomplete."""

    total: int
    size: int
    panels: int

    @property
    def whole(self) -> bool:
        """Whether the last panel is complete too."""
        return self.total == self.size * self.panels


def split(total: int, size: int) -> Split:
    """Panels of a size."""
    return Split(total, size, max(-(-total // size), 1))


def block_of(
    b: Builder, index: Value, row_blocks: int, rows: Split, column_blocks: int, columns: Split
) -> tuple[Range, Range]:
    """The panels of rows and of columns that the unit of a number computes.

    The columns of one block of rows come first, then those of the next. So two threads have rows of
    their own: as many panels each, where those of columns could be odd, and the same rows of
    weights when these are put right as when the next step reads them.
    """
    row_block: Index = index
    column_block: Index = 0
    if column_blocks > 1:
        row_block = b.binary("udiv", index, b.number(column_blocks))
        column_block = b.sub(index, b.mul(row_block, column_blocks))
    down = _chunk(b, row_block, row_blocks, rows.panels)
    return down, _chunk(b, column_block, column_blocks, columns.panels)


def _chunk(b: Builder, index: Index, chunks: int, count: int) -> Range:
    """The panels of one of so many blocks of so many panels."""
    if chunks == 1:
        return 0, count
    number = b.number(index)
    return _share(b, number, chunks, count), _share(b, b.add(number, 1), chunks, count)


def _share(b: Builder, index: Value, chunks: int, count: int) -> Value:
    if count % chunks == 0:
        return b.mul(index, count // chunks)
    return b.binary("udiv", b.mul(index, count), b.number(chunks))


def minimum(b: Builder, x: Index, y: Index) -> Index:
    """The smaller of two numbers."""
    if isinstance(x, int) and isinstance(y, int):
        return min(x, y)
    return b.intrinsic("smin", b.number(x), b.number(y))


def maximum(b: Builder, x: Index, y: Index) -> Index:
    """The larger of two numbers."""
    if isinstance(x, int) and isinstance(y, int):
        return max(x, y)
    return b.intrinsic("smax", b.number(x), b.number(y))
