"""Squares: what lies in memory across the direction of the results is turned over in registers.

y[i, j] = f(x[j, i], …)   →   in each square:  t[i, j] = x[j, i],   y[i, j] = f(t[i, j], …)

Element after element, each would take a line of memory of its own, and a large matrix would come
into the cache once for every row of lanes. A square stays in the nearest cache: vectors are read
along its source, turned over, and the loops read them along the results. Where squares that mirror
each other read the same memory, as those of A + Aᵀ do, one follows the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Value, memory
from chainrule.codegen.expressions.row import Row
from chainrule.codegen.expressions.scope import Scope
from chainrule.codegen.kernels.nests import Nest
from chainrule.codegen.products.vectors import copy_turned
from chainrule.codegen.statements.affine import Affine
from chainrule.codegen.statements.clusters import Cluster
from chainrule.codegen.statements.counting import (
    Loops,
    decoded,
    forms_of,
    lies_across,
    merged,
    span,
    values_of,
)
from chainrule.codegen.statements.loops import Expression, Load, exchanged, loads
from chainrule.ir import build
from chainrule.ir.graph import Node

__all__ = ["Squares", "emit_squares", "squares_of"]

_NEAR: Final = 256
"""Bytes of a row of a square: lines of memory that are next to each other come together."""

_FAR: Final = 512
"""The same where the arrays are so large that they hardly lie in a cache."""

_LARGE: Final = 1 << 22  # bytes of such an array
_LANES: Final = 16  # of vectors that are turned over together
_TILE: Final = 8192  # elements


class Squares(NamedTuple):
    """How a cluster of elementwise statements goes through squares.

    outer      the other loops
    across     the loop along which what is turned over lies in memory; it counts rows
    along      the loop along which the results lie; it counts columns
    size       the rows and columns of a square
    turned     what is read through a square, and the array that the square is
    mirrored   whether squares that mirror each other read the same memory
    """

    outer: tuple[Loops, ...]
    across: Loops
    along: Loops
    size: tuple[int, int]
    turned: Mapping[Load, Node]
    mirrored: bool

    @property
    def blocks(self) -> tuple[int, int]:
        """How many squares there are along the rows, and along the columns."""
        rows, columns = self.size
        return -(-self.across.extent // rows), -(-self.along.extent // columns)

    @property
    def units(self) -> int:
        """Squares, or pairs of those that mirror each other, in a turn of the outer loops."""
        rows, columns = self.blocks
        even = rows + rows % 2
        return even // 2 * (even + 1) if self.mirrored else rows * columns

    @property
    def bytes(self) -> int:
        """Memory for the squares."""
        return sum(node.nbytes for node in self.turned.values())


def squares_of(nests: Sequence[Cluster], rank: int) -> Squares | None:
    """The squares of a kernel, whose rows have so many axes; None if it needs none."""
    cluster, *others = nests
    statements, extents = cluster.statements, cluster.statements[0].extents
    if others or any(s.kind or s.added or s.band for s in statements):
        return None
    forms = [form for s in statements for form in forms_of(s)]
    outer = merged(range(rank), extents, forms)
    inner = [x for x in merged(range(rank, len(extents)), extents, forms) if x.extent > 1]
    if len(inner) != 1:
        return None
    along = inner[0]
    found = {x: _turned(cluster, x, along) for x in outer}
    across = max(found, key=lambda x: len(found[x]), default=None)
    if across is None or not found[across]:
        return None
    most = _side(found[across])
    size = min(most, across.extent), min(most, along.extent)
    turned = {load: build.parameter(size, load.dtype) for load in found[across]}
    rest = tuple(x for x in outer if x is not across)
    mirrored = across.extent == along.extent and _mirrors(cluster, turned, across, along)
    return Squares(rest, across, along, size, turned, mirrored)


def _side(turned: Sequence[Load]) -> int:
    """How many rows and columns a square has, where there are so many."""
    widest = max(load.dtype.bits // 8 for load in turned)
    is_far = any(load.source.nbytes >= _LARGE for load in turned)
    return (_FAR if is_far else _NEAR) // max(widest, 4)


def _turned(cluster: Cluster, across: Loops, along: Loops) -> list[Load]:
    """What is read across, of arrays that are not made here."""
    found = (
        load
        for s in cluster.statements
        for load in loads(s.value)
        if isinstance(load, Load)
        and load.source not in cluster.targets
        and lies_across(load, across, along)
    )
    return list(dict.fromkeys(found))


def _mirrors(cluster: Cluster, turned: Iterable[Load], across: Loops, along: Loops) -> bool:
    """Whether something that is turned over is also read as it lies."""
    read = {
        (load.source, load.flat.coefficient(along.last), load.flat.coefficient(across.last))
        for s in cluster.statements
        for load in loads(s.value)
    }
    return any((t.source, 1, t.flat.coefficient(along.last)) in read for t in turned)


# ---------------------------------------------------------------- code


def emit_squares(row: Row, cluster: Cluster, squares: Squares, limits: Sequence[Value]) -> int:
    """Write the loops of a cluster; give the number of tiles."""
    b, units = row.b, squares.units
    count = units * math.prod(x.extent for x in squares.outer)
    elements = math.prod(squares.size) * (1 + squares.mirrored)
    each = min(count, max(1, _TILE // elements))
    begin = 0
    for node in squares.turned.values():
        row.pointers[node] = b.offset(row.scratch, begin, "i8")
        begin += node.nbytes
    inside = _inside(cluster, squares)
    with b.loop(*span(b, limits, each, count)) as loop:
        number = b.binary("udiv", loop.index, b.number(units))
        unit = b.sub(loop.index, b.mul(number, units))
        outer = decoded(b, number, squares.outer)
        with _blocks(b, squares, unit) as blocks:
            _square(row, squares, inside, outer, blocks)
    return -(-count // each)


@contextmanager
def _blocks(b: Builder, squares: Squares, unit: Value) -> Iterator[tuple[Value, Value]]:
    """Go through the squares of a unit: the numbers of their rows and columns of squares."""
    rows, columns = squares.blocks
    if not squares.mirrored:
        count = b.number(columns)
        yield b.binary("udiv", unit, count), b.binary("urem", unit, count)
        return
    # Rows k and n − 1 − k of a triangle have n + 1 squares together.
    even = rows + rows % 2
    k = b.binary("udiv", unit, b.number(even + 1))
    place = b.sub(unit, b.mul(k, even + 1))
    is_second = b.icmp("sgt", place, k)
    row = b.select(is_second, b.sub(b.number(even - 1), k), k)
    column = b.select(is_second, b.sub(b.sub(place, k), 1), place)
    turns = b.select(b.icmp("eq", row, column), b.number(1), b.number(2))
    with b.when(b.icmp("slt", row, rows)), b.loop(0, turns) as turn:
        is_mirrored = b.icmp("ne", turn.index, 0)
        yield b.select(is_mirrored, column, row), b.select(is_mirrored, row, column)


def _square(
    row: Row,
    squares: Squares,
    inside: Cluster,
    outer: Mapping[int, Value | None],
    blocks: tuple[Value, Value],
) -> None:
    """Write what happens in a square; at the end of a loop it is moved back to be whole."""
    b, rank = row.b, len(inside.statements[0].extents)
    begins, ends, corner = [], [], []
    both = zip(blocks, (squares.across, squares.along), squares.size, strict=True)
    for number, loops, size in both:
        begins.append(begin := b.mul(number, size))
        ends.append(b.intrinsic("smin", b.add(begin, size), b.number(loops.extent)))
        corner.append(b.intrinsic("smin", begin, b.number(loops.extent - size)))
    for load, node in squares.turned.items():
        _fill(row, squares, load, row.pointers[node], {**outer}, corner)
    with b.loop(begins[0], ends[0]) as loop:
        row.values = {**outer, **values_of(squares.across, loop.index)}
        row.values |= dict(enumerate(corner, rank))
        Nest(row, inside, (begins[1], ends[1])).emit()


def _fill(
    row: Row,
    squares: Squares,
    load: Load,
    square: Value,
    outer: Mapping[int, Value | None],
    corner: Sequence[Value],
) -> None:
    """Read a square along its source, and write it turned over."""
    b, own, (height, width) = row.b, memory(load.dtype), squares.size
    lanes = min(row.target.lanes(own), _LANES, 1 << (min(squares.size).bit_length() - 1))
    step = load.flat.coefficient(squares.along.last)
    first, second = (
        values_of(loops, at)
        for loops, at in zip((squares.across, squares.along), corner, strict=True)
    )
    single = dict.fromkeys(v for v, _ in load.flat.terms)  # an axis of one element has no loop
    scope = Scope(b, row.pointers, {**single, **outer, **first, **second})
    begin = b.offset(row.pointers[load.source], scope.scalar(load.flat), own)
    with b.loop(0, width, lanes) as columns:
        column = _inside_of(b, columns.index, width, lanes)
        there = b.offset(begin, b.mul(column, step), own)
        with b.loop(0, height, lanes) as rows:
            at = _inside_of(b, rows.index, height, lanes)
            source = b.offset(there, at, own)
            place = b.offset(square, b.add(b.mul(at, width), column), own)
            copy_turned(b, own, (source, step), (place, width), lanes, (lanes, lanes), lanes)


def _inside_of(b: Builder, begin: Value, extent: int, size: int) -> Value:
    """Where so many places begin: earlier than asked if they would reach beyond the extent."""
    return b.intrinsic("smin", begin, b.number(extent - size)) if extent % size else begin


# ---------------------------------------------------------------- what is read instead


def _inside(cluster: Cluster, squares: Squares) -> Cluster:
    """The cluster with reads of squares; where their corner is are two more variables."""
    extents = cluster.statements[0].extents
    rank, width = len(extents), squares.size[1]
    terms = [*_steps(squares.across, extents, width), *_steps(squares.along, extents, 1)]
    flat = Affine(0, tuple(sorted([*terms, (rank, -width), (rank + 1, -1)])))
    table = {t: Load(node, flat, (), node.dtype) for t, node in squares.turned.items()}
    made: dict[int, Expression] = {}
    statements = [s._replace(value=exchanged(s.value, table, made)) for s in cluster.statements]
    return Cluster(cluster.extents, statements, cluster.outer, cluster.targets)


def _steps(loops: Loops, extents: Sequence[int], step: int) -> Iterator[tuple[int, int]]:
    """The coefficients of variables that are counted as one."""
    for v in reversed(loops.members):
        yield v, step
        step *= extents[v]
