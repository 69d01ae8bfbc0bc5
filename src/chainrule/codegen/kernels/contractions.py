"""Contractions: a product of tensors as a matrix product of expressions.

The axes of rows, columns and sums are counted through by one number each. Where several axes do not
lie together in memory, the number is taken apart again for every element that is read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Value, constant, lanes, memory, register, vector
from chainrule.codegen.expressions.scope import Scope
from chainrule.codegen.kernels.draft import Draft, Kernel
from chainrule.codegen.kernels.effort import of_product, of_statements
from chainrule.codegen.kernels.streaming import end_streams
from chainrule.codegen.kernels.vectorization import contiguity
from chainrule.codegen.products.product import (
    Operand,
    Product,
    Result,
    Rows,
    Strided,
    Touched,
    emit_product,
)
from chainrule.codegen.statements.affine import Affine, flattened, variable
from chainrule.codegen.statements.counting import Loops, forms_in, merged, values_of
from chainrule.codegen.statements.fuse import Fused
from chainrule.codegen.statements.loops import Expression, Load, Statement, loads
from chainrule.codegen.statements.steps import Contraction
from chainrule.ir.graph import Node

__all__ = ["emit_contraction"]

Values = dict[int, Value | None]


def emit_contraction(draft: Draft, item: Fused) -> Kernel:
    """Write the function of a matrix product with its epilogue."""
    module, target = draft.module, draft.target
    c = item.product
    assert c is not None
    past = set() if c.symmetric else draft.streamed.intersection(item.sources)
    groups = (c.batch, c.rows, c.inner, c.columns)
    stack, rows, inner, columns = (math.prod(c.extents[v] for v in group) for group in groups)
    kind = register(c.target.dtype)
    product = Product(rows, inner, columns, kind, symmetric=c.symmetric)

    def prepare(b: Builder, table: Value, index: Value) -> tuple[Operand, Operand, Result]:
        pointers = draft.places(b, table)
        batch = _taken_apart(b, index, [Loops(v, (v,), c.extents[v]) for v in c.batch], 0)
        one = _One(b, c, batch, pointers)
        return (
            _operand(one, c.left, c.rows, c.inner),
            _operand(one, c.right, c.inner, c.columns),
            _writer(one, item, draft.outside, past),
        )

    made = emit_product(module, target, draft.name, product, prepare, stack)
    if past:
        end_streams(module.builders[draft.name], target)
    operations = 2 * rows * inner * columns * stack // (2 if c.symmetric else 1)
    tiled = made.is_rounded and target.has_tiles
    effort = of_product(target, operations, kind, tiled=tiled)
    effort += of_statements(target, item.statements)
    return Kernel(made.name, made.tiles, made.scratch, effort, made.is_rounded)


class _One(NamedTuple):
    """One product of a batch: its number taken apart, and where arrays lie."""

    b: Builder
    c: Contraction
    batch: Values
    pointers: Mapping[Node, Value]

    def address(self, node: Node, place: Affine, kind: str) -> Value:
        """Where an element of an array lies that is the first that this product reads or writes."""
        start = Scope(self.b, self.pointers, self.batch).scalar(place)
        return self.b.offset(self.pointers[node], start, kind)


def _operand(one: _One, value: Expression, rows: Sequence[int], columns: Sequence[int]) -> Operand:
    """A factor: how its elements are read, along which axis rather, and where it lies."""
    c, forms = one.c, list(forms_in(value))
    by = {
        "row": merged(rows, c.extents, forms),
        "column": merged(columns, c.extents, forms),
    }

    def read(
        b: Builder, row: Value, column: Value, along: str, count: int, mask: Value | None
    ) -> Value:
        places = {"row": row, "column": column}
        lane = by[along][-1].last if count else None
        values = dict(one.batch)
        for axis, loops in by.items():
            values |= _taken_apart(b, places[axis], loops, count if axis == along else 0)
        scope = Scope(b, one.pointers, values, lane, count, mask)
        return scope.vector_of(value)

    scores = {
        axis: sum(contiguity(load.flat.coefficient(loops[-1].last)) for load in loads(value))
        for axis, loops in by.items()
    }
    contiguous = "row" if scores["row"] > scores["column"] else "column"
    return Operand(read, contiguous, _plain(one, value, by["row"], by["column"]))


def _plain(
    one: _One, value: Expression, rows: Sequence[Loops], columns: Sequence[Loops]
) -> Strided | None:
    """Where a factor lies as a matrix, if it is an array as it is."""
    if not isinstance(value, Load) or value.guards or value.dtype is not one.c.target.dtype:
        return None
    if len(rows) != 1 or len(columns) != 1:
        return None
    moving = (*rows[0].members, *columns[0].members)
    rest = value.flat.replaced({v: variable(v).plus(variable(v), -1) for v in moving})
    pointer = one.address(value.source, rest, register(value.dtype))
    return Strided(pointer, *(value.flat.coefficient(x[0].last) for x in (rows, columns)))


def _taken_apart(b: Builder, number: Value, loops: Sequence[Loops], count: int) -> Values:
    """The values of variables from the number that counts through them all, slowest first.

    With lanes the number is that of the first of them; if several variables are counted through,
    they have a value for each lane.
    """
    if len(loops) < 2:
        return values_of(loops[0], number) if loops else {}
    made: Values = {}
    narrow = "i32"
    number = b.convert("trunc", number, narrow)
    if count:
        kind = vector(narrow, count)
        number = b.binary("add", b.splat(number, count), b.steps(count, narrow))
    else:
        kind = narrow
    for each in reversed(loops):
        if each is loops[0]:
            own = number
        else:
            size = constant(kind, each.extent)
            own = b.binary("urem", number, size)
            number = b.binary("udiv", number, size)
        made |= values_of(each, b.convert("zext", own, "i64"))
    return made


class _Epilogue(NamedTuple):
    """What is computed of the elements of a product while they are in registers.

    flat            where an element lies in what has the product's shape
    rows, columns   the loops that count through its rows and columns
    stored          what of it is written to memory
    """

    c: Contraction
    flat: Affine
    statements: Sequence[Statement]
    batch: Values
    pointers: Mapping[Node, Value]
    rows: Sequence[Loops]
    columns: Sequence[Loops]
    stored: Sequence[Node]

    def scope(
        self, b: Builder, row: Value, column: Value, values: Value, mask: Value | None
    ) -> Scope:
        """The elements at some places of a row, with all that is computed of them there."""
        count = lanes(values.type)
        places = {
            **self.batch,
            **_taken_apart(b, row, self.rows, 0),
            **_taken_apart(b, column, self.columns, count),
        }
        lane = self.columns[-1].last if count else None
        scope = Scope(b, self.pointers, places, lane, count, mask, {self.c.target: values})
        for s in self.statements:
            if s.target.shape == self.c.target.shape:
                scope.ready[s.target] = scope.value(s.value)
        return scope

    def write(
        self, past: Collection[Node], b: Builder, row: Value, column: Value, values: Value,
        mask: Value | None,
    ) -> None:  # fmt: skip
        """Write what follows from some elements; some arrays go past the cache."""
        self.store(self.scope(b, row, column, values, mask), past)

    def store(self, scope: Scope, past: Collection[Node] = ()) -> None:
        """Write what was computed."""
        # Stores come last: arrays often lie alike in their pages, and a processor takes a load for
        # one of what an earlier store has written to the same place of another page.
        for node in self.stored:
            scope.store(node, self.flat, scope.ready[node], streamed=node in past)

    def terms(
        self, b: Builder, row: Value, column: Value, values: Value, mask: Value | None,
        is_new: Value,
    ) -> list[Value]:  # fmt: skip
        """What is summed over rows."""
        scope = self.scope(b, row, column, values, mask)
        made = [scope.vector_of(s.value) for s in self.statements if s.kind]
        if self.stored:
            with b.when(is_new):
                self.store(scope)
        return made


def _writer(one: _One, item: Fused, outside: set[Node], past: set[Node]) -> Result:
    """What takes the elements of a product, and where they will be stored."""
    b, c, batch, pointers = one
    flat = flattened(tuple(map(variable, range(c.target.ndim))), c.target.shape)
    forms = [flat, *(f for s in item.statements for f in forms_in(s.value))]
    rows, columns = merged(c.rows, c.extents, forms), merged(c.columns, c.extents, forms)
    stored = [n for n in item.sources if n in outside and n.shape == c.target.shape]
    epilogue = _Epilogue(c, flat, item.statements, batch, pointers, rows, columns, stored)
    single = len(rows) == len(columns) == 1
    begin = Scope(b, pointers, batch).scalar(Affine(0, _own(flat, c.batch)))
    summed = any(s.kind for s in item.statements)
    past = past if single and not summed else set()
    touched = tuple(_touched(one, item, outside - past, begin)) if single else ()
    given = Rows(epilogue.terms, _row_writer(c, item, pointers, outside)) if summed else None
    stream = partial(epilogue.write, past) if past else None
    return Result(partial(epilogue.write, ()), touched, given, stream)


def _row_writer(
    c: Contraction, item: Fused, pointers: Mapping[Node, Value], outside: set[Node]
) -> Callable[[Builder, Value, list[Value], Value | None], None]:
    """What takes sums over rows, and computes what follows of them."""
    shape = c.target.shape[:-1]
    flat = flattened(tuple(map(variable, range(len(shape)))), shape)
    sums = [s for s in item.statements if s.kind]
    after = [s for s in item.statements if s.target.shape == shape and not s.kind]
    rows = merged(c.rows, c.extents, [flat, *(f for s in after for f in forms_in(s.value))])

    def give(b: Builder, row: Value, totals: list[Value], mask: Value | None) -> None:
        count = lanes(totals[0].type)
        ready = {s.target: total for s, total in zip(sums, totals, strict=True)}
        places = _taken_apart(b, row, rows, count)
        scope = Scope(b, pointers, places, rows[-1].last, count, mask, ready)
        for s in after:
            scope.ready[s.target] = scope.value(s.value)
        for node in (s.target for s in (*sums, *after)):
            if node in outside:
                scope.store(node, flat, scope.ready[node])

    return give


def _own(form: Affine, variables: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """The terms of some variables."""
    return tuple((v, c) for v, c in form.terms if v in variables)


def _touched(one: _One, item: Fused, outside: set[Node], begin: Value) -> Iterable[Touched]:
    """The arrays that lie as the results do, from ``begin`` on, and are read or written there."""
    b, c, _, pointers = one
    flat = flattened(tuple(map(variable, range(c.target.ndim))), c.target.shape)
    made = [n for n in item.sources if n in outside]
    read = [
        load.source for s in item.statements for load in loads(s.value)
        if load.flat == flat and isinstance(load, Load) and load.source not in item.sources
    ]  # fmt: skip
    for node in dict.fromkeys((*made, *read)):
        if flat.coefficient(c.columns[-1]) == 1:
            kind = memory(node.dtype)
            place = b.offset(pointers[node], begin, kind)
            where = Strided(place, flat.coefficient(c.rows[-1]), 1)
            yield Touched(where, kind, node in made)
