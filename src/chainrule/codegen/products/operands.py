"""What a matrix product is made of: its sizes, what reads its operands, what takes its results."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.target import TILED
from chainrule.codegen.assembly.values import Value
from chainrule.ir.record import Record

__all__ = [
    "Kernel",
    "Operand",
    "Prepare",
    "Product",
    "Read",
    "Result",
    "Rows",
    "Strided",
    "Touched",
    "Write",
    "flipped",
]

Read = Callable[[Builder, Value, Value, str, int, Value | None], Value]
Write = Callable[[Builder, Value, Value, Value, Value | None], None]


class Strided(NamedTuple):
    """An operand that lies in memory as numbers of the product's kind; strides in elements."""

    pointer: Value
    row_stride: int
    column_stride: int


class Operand(NamedTuple):
    """A matrix that is read where it is needed.

    read        ``read(b, row, column, along, lanes, mask)`` gives ``lanes`` consecutive elements
                from (row, column) on, along "row" (row + 0, row + 1, …) or along "column", as
                ``<lanes x kind>``; 0 lanes: one element. Lanes outside the mask are 0
                and read nothing; without a mask all are inside the matrix.
    contiguous  the axis along which reading vectors is cheap, "row" or "column"
    plain       where it lies in memory, if it lies there as it is: kernels may read it in place
    numbers     where the numbers lie of which its words are made, to ask for them ahead
    """

    read: Read
    contiguous: str
    plain: Strided | None = None
    numbers: Strided | None = None

    @property
    def source(self) -> Strided | None:
        """Where lies what is read, if that is known."""
        return self.numbers or self.plain


class Touched(NamedTuple):
    """An array that is read or written where a result belongs, element by element of a kind."""

    where: Strided
    kind: str
    written: bool


class Rows(NamedTuple):
    """What takes sums over the columns of each row.

    terms   ``terms(b, row, column, values, mask, is_new)``: what is summed, a vector for each sum,
            of consecutive columns of one row; where ``is_new`` (i1) does not hold, the row was
            given before, and nothing may be written
    give    ``give(b, row, sums, mask)``: the sums of consecutive rows
    """

    terms: Callable[[Builder, Value, Value, Value, Value | None, Value], list[Value]]
    give: Callable[[Builder, Value, list[Value], Value | None], None]


class Result(NamedTuple):
    """What takes the results, and the memory that it touches then, which is asked for ahead.

    If ``rows`` are wanted, they are given instead of single results.

    past   writes as ``write`` does, some of it past the cache, where columns begin at multiples of
           the vectors; what goes past the cache is not among what is touched
    """

    write: Write
    touched: tuple[Touched, ...] = ()
    rows: Rows | None = None
    past: Write | None = None


class Product(Record):
    """C[rows, columns] = A[rows, inner] B[inner, columns], in ``float`` or ``double``.

    pairs   what multiplies A and B if they have words of two bfloat16 along the inner axis

    Of a ``symmetric`` product the elements above the diagonal are those below it.
    """

    rows: int
    inner: int
    columns: int
    kind: str = "float"
    pairs: str = ""
    symmetric: bool = False

    @property
    def factor(self) -> str:
        """The type of the elements of A and B; it is as wide as those of C."""
        return "i32" if self.pairs else self.kind

    @property
    def terms(self) -> int:
        """How many products of numbers one of two elements is."""
        return 2 if self.pairs else 1

    @property
    def is_tiled(self) -> bool:
        """Whether the processor's own tiles multiply, or what stands for them."""
        return self.pairs in TILED


class Kernel(NamedTuple):
    """A function that was written: its name, the size of its grid, bytes of scratch a thread.

    is_rounded   whether its operands are rounded to bfloat16
    """

    name: str
    tiles: int
    scratch: int
    is_rounded: bool = False


Prepare = Callable[[Builder, Value, Value], tuple[Operand, Operand, Write | Result]]


def flipped(operand: Operand) -> Operand:
    """The transposed matrix."""

    def read(
        b: Builder, row: Value, column: Value, along: str, lanes: int, mask: Value | None
    ) -> Value:
        return operand.read(b, column, row, _OTHER[along], lanes, mask)

    places = _flipped(operand.plain), _flipped(operand.numbers)
    return Operand(read, _OTHER[operand.contiguous], *places)


def _flipped(where: Strided | None) -> Strided | None:
    return where and Strided(where.pointer, where.column_stride, where.row_stride)


_OTHER = {"row": "column", "column": "row"}
