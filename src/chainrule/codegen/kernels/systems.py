"""Systems: small linear systems as machine code, by elimination with partial pivoting.

A x = b   →   [U | L⁻¹ P b] of [A | b], row by row;   x from the last row to the first

What a library does beside the arithmetic takes longer than small systems do, and a program without
a step of the host is one call. Right sides go along in blocks of columns; each block eliminates A
again, so that threads share blocks, and the bits depend on shapes only. A pivot that is no number
other than 0 ends the program; the library then says what is wrong with the matrix.

Source:  golub2013matrix, algorithm 3.4.1
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.table import STATUS
from chainrule.codegen.assembly.values import Index, Value, constant, register, vector
from chainrule.codegen.kernels.draft import Draft, Kernel
from chainrule.codegen.statements.steps import Solve

__all__ = ["emit_solve"]

_BLOCK: Final = 256  # columns of right sides
_RATE: Final = 4  # operations a nanosecond: 2 with ten rows, 7 with 64


class _Rows(NamedTuple):
    """[A | b] in the scratch: rows of a whole number of vectors.

    size      how many rows there are
    lanes     of a vector
    first     the column where b begins
    width     columns in all
    begin     where the rows lie
    """

    b: Builder
    kind: str
    size: int
    lanes: int
    first: int
    width: int
    begin: Value

    def place(self, row: Index, column: Index) -> Value:
        b = self.b
        return b.offset(self.begin, b.add(b.mul(b.number(row), self.width), column), self.kind)

    def at(self, row: Index, column: Index) -> Value:
        return self.b.load(self.kind, self.place(row, column))

    def vector(self, row: Index, column: Index) -> Value:
        return self.b.load(vector(self.kind, self.lanes), self.place(row, column))


def emit_solve(draft: Draft, step: Solve) -> Kernel:
    """Write a stack of systems; the program's status says so where one has no pivot."""
    matrix, right = step.node.inputs
    *batch, size, columns = right.shape
    stack, kind = math.prod(batch), register(right.dtype)
    lanes = min(draft.target.lanes(kind), 1 << max(size + columns - 1, 1).bit_length() - 1)
    first = -(-size // lanes) * lanes
    block = min(columns, _BLOCK)
    width = first + -(-block // lanes) * lanes
    blocks = -(-columns // block)
    b = draft.begin()
    table, begin, end, scratch = b.arguments
    pointers = draft.places(b, table)
    rows = _Rows(b, kind, size, lanes, first, width, scratch)
    with b.loop(begin, end) as tile:
        system = b.binary("udiv", tile.index, b.number(blocks))
        column = b.mul(b.sub(tile.index, b.mul(system, blocks)), block)
        count = b.intrinsic("smin", b.number(block), b.sub(b.number(columns), column))
        there = b.add(b.mul(system, size * columns), column)
        given = b.offset(pointers[matrix], b.mul(system, size * size), kind)
        _copy(b, kind, (given, size), (scratch, width), size, size)
        sides = b.offset(pointers[right], there, kind), columns
        _copy(b, kind, sides, (rows.place(0, first), width), size, count)
        _eliminate(rows, b.load("ptr", b.offset(table, STATUS, "ptr")))
        _substitute(rows)
        result = b.offset(pointers[step.targets[0]], there, kind), columns
        _copy(b, kind, (rows.place(0, first), width), result, size, count)
    bytes_ = size * width * right.dtype.numpy.itemsize
    work = stack * (blocks * size**3 * 2 // 3 + 2 * size * size * columns)
    return Kernel(draft.name, stack * blocks, bytes_, work // _RATE)


def _copy(
    b: Builder, kind: str, source: tuple[Value, int], target: tuple[Value, int], rows: int,
    count: Index,
) -> None:  # fmt: skip
    """Copy so many elements of each row; both sides are a place and the distance of two rows."""
    with b.loop(0, rows) as row:
        there, here = (b.offset(p, b.mul(row.index, step), kind) for p, step in (source, target))
        with b.loop(0, count) as k:
            b.store(b.load(kind, b.offset(there, k.index, kind)), b.offset(here, k.index, kind))


def _eliminate(rows: _Rows, status: Value) -> None:
    """Bring A to triangular form, each time with the largest pivot that is left."""
    b = rows.b
    with b.loop(0, rows.size) as step:
        column = step.index
        pivot, largest = _pivot(rows, column)
        _exchange(rows, column, pivot)
        good = b.fcmp("ogt", largest, constant(rows.kind, 0.0))
        with b.when(b.binary("xor", good, constant("i1", True)), rare=True):
            b.store(constant("i64", 1), status)
        diagonal = rows.at(column, column)
        with b.loop(b.add(column, 1), rows.size) as row:
            factor = b.fdiv(rows.at(row.index, column), diagonal)
            _subtract(rows, row.index, column, factor, _whole(rows, column))


def _pivot(rows: _Rows, column: Value) -> tuple[Value, Value]:
    """The row from a number on whose element in this column is largest, and how large it is."""
    b = rows.b
    first = b.intrinsic("fabs", rows.at(column, column))
    with b.loop(b.add(column, 1), rows.size, carried=[column, first]) as loop:
        value = b.intrinsic("fabs", rows.at(loop.index, column))
        larger = b.fcmp("ogt", value, loop.carried[1])
        loop.next(b.select(larger, loop.index, loop.carried[0]),
                  b.select(larger, value, loop.carried[1]))  # fmt: skip
    row, largest = loop.results
    return row, largest


def _exchange(rows: _Rows, one: Value, other: Value) -> None:
    """Exchange two rows."""
    b = rows.b
    with b.when(b.icmp("ne", one, other)), b.loop(_whole(rows, one), rows.width, rows.lanes) as k:
        first, second = rows.vector(one, k.index), rows.vector(other, k.index)
        b.store(second, rows.place(one, k.index))
        b.store(first, rows.place(other, k.index))


def _whole(rows: _Rows, column: Value) -> Value:
    """The first column of the vector that has this one."""
    return rows.b.binary("and", column, constant("i64", -rows.lanes))


def _subtract(rows: _Rows, row: Value, other: Value, factor: Value, begin: Index) -> None:
    """row −= factor · other, from a column on."""
    b = rows.b
    with b.loop(begin, rows.width, rows.lanes) as k:
        less = b.splat(b.fneg(factor), rows.lanes)
        made = b.fma(less, rows.vector(other, k.index), rows.vector(row, k.index))
        b.store(made, rows.place(row, k.index))


def _substitute(rows: _Rows) -> None:
    """Solve with the triangle, from the last row to the first."""
    b = rows.b
    with b.loop(0, rows.size) as step:
        row = b.sub(b.number(rows.size - 1), step.index)
        diagonal = b.splat(rows.at(row, row), rows.lanes)
        with b.loop(rows.first, rows.width, rows.lanes) as k:
            b.store(b.fdiv(rows.vector(row, k.index), diagonal), rows.place(row, k.index))
        with b.loop(0, row) as above:
            factor = rows.at(above.index, row)
            _subtract(rows, above.index, row, factor, rows.first)
