"""Matrix products as native kernels: any reader of the operands, any taker of the results.

Source:  vanzee2015blis
"""

from __future__ import annotations

from collections.abc import Callable

from chainrule.codegen.assembly.llvm import Builder, Module, module_for
from chainrule.codegen.assembly.table import PARAMETERS
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.values import Value
from chainrule.codegen.products.block import emit_unit
from chainrule.codegen.products.dot import DotUnit, dot_scratch_bytes, emit_dot, lined_up
from chainrule.codegen.products.dot_plan import DotPlan, make_dot_plan, prefers_dots
from chainrule.codegen.products.operands import (
    Kernel,
    Operand,
    Prepare,
    Product,
    Result,
    Rows,
    Strided,
    Touched,
    Write,
    flipped,
)
from chainrule.codegen.products.pairs import in_pairs, is_in_pairs
from chainrule.codegen.products.plan import Plan, make_plan, prefers_turned
from chainrule.codegen.products.split import minimum
from chainrule.codegen.products.unit import Unit, make_room, scratch_bytes

__all__ = ["Kernel", "Operand", "Product", "Result", "Rows", "Strided", "Touched", "emit_product"]


def emit_product(
    module: Module, target: Target, name: str, product: Product, prepare: Prepare, batch: int = 1
) -> Kernel:
    """Write the kernel ``void name(ptr table, i64 begin, i64 end, ptr scratch)`` of C = A B.

    ``prepare(b, table, index)`` gives the readers of A and B and what takes the results:
    ``write(b, row, column, values, mask)``, the sums of consecutive columns of one row, each
    element exactly once, in no particular order; or a Result, which also says where they will be
    stored, so that this memory is asked for ahead. ``index`` is the number of the product in the
    batch, the constant 0 if there is only one. It is called where the code of a product begins,
    and before that once in a module that is thrown away, to learn how the operands lie; so it must
    do nothing but write code.

    There are three ways, chosen from the shapes, the layouts and the target:

    * vectors along the columns, in register tiles of rows and vectors (``products/block.py``);
    * the same for Bᵀ Aᵀ, tiles being turned around at the end: few columns and A along its rows;
    * vectors along the inner axis, added up at the end (``products/dot.py``): few rows or columns.

    Of a symmetric product the elements below the diagonal are computed and given to both places.
    If sums over rows are taken, each row lies in one register tile.

    In the first two the operands of a large product of ``float`` are rounded to bfloat16 if the
    target's precision says so (``products/pairs.py``).

    Results may be stored over memory that no reader reads, or that ``write`` itself reads at the
    same place; not over an operand, which is read again while results are written. A tile of the
    grid is about 15 µs of work or more; an inner axis is never divided among tiles, so a long sum
    with few results should be a batch of partial products.
    """
    left, right, taker = _layouts(target, prepare)
    whole_rows = isinstance(taker, Result) and taker.rows is not None
    if not product.rows or not product.columns:
        module.function(name, PARAMETERS)
        return Kernel(name, 0, 0)
    if not whole_rows and prefers_dots(target, product, left, right):
        return _emit_dots(
            module,
            name,
            product,
            make_dot_plan(target, product, left, right, batch),
            prepare,
            batch,
        )
    as_is = product.symmetric or whole_rows
    if not whole_rows and is_in_pairs(target, product):
        product, prepare = in_pairs(target, product, prepare)
        left, right, _ = _layouts(target, prepare)
    turned = not as_is and prefers_turned(target, product, left, right)
    if turned:
        product = product.replaced(rows=product.columns, columns=product.rows)
        left, right = flipped(right), flipped(left)
    plan = make_plan(target, product, left, right, batch, turned=turned, whole_rows=whole_rows)
    return _emit_blocks(module, name, product, plan, prepare, batch)


def _emit_blocks(
    module: Module, name: str, product: Product, plan: Plan, prepare: Prepare, batch: int
) -> Kernel:
    """Vectors along the columns."""
    room = make_room(product, plan)

    def emit(b: Builder, scratch: Value, operands: Operands, index: Value) -> None:
        left, right, result = operands
        if plan.turned:
            left, right = flipped(right), flipped(left)
            result = Result(result.write)
        emit_unit(Unit(b, product, plan, left, right, result, scratch, room), index)

    total = _emit_grid(module, name, (plan.units, batch, plan.group), prepare, emit)
    return Kernel(name, total, scratch_bytes(product, plan), bool(product.pairs))


def _emit_dots(
    module: Module, name: str, product: Product, plan: DotPlan, prepare: Prepare, batch: int
) -> Kernel:
    """Vectors along the inner axis."""

    def line_up(b: Builder, scratch: Value, operands: Operands) -> Operands:
        left, right, result = operands
        return *lined_up(b, product, plan, (left, right), scratch), result

    def emit(b: Builder, scratch: Value, operands: Operands, index: Value) -> None:
        emit_dot(DotUnit(b, product, plan, *operands, scratch), index)

    total = _emit_grid(module, name, (plan.units, batch, plan.group), prepare, emit, line_up)
    return Kernel(name, total, dot_scratch_bytes(product, plan))


Operands = tuple[Operand, Operand, Result]


def _emit_grid(
    module: Module,
    name: str,
    grid: tuple[int, int, int],
    prepare: Prepare,
    emit: Callable[[Builder, Value, Operands, Value], None],
    line_up: Callable[[Builder, Value, Operands], Operands] | None = None,
) -> int:
    """The loop over the units of some tiles; gives the number of tiles.

    What ``line_up`` copies is copied once for all tiles of a call if there is only one product.
    """
    units, batch, group = grid
    b = module.function(name, PARAMETERS)
    table, begin, end, scratch = b.arguments

    def operands(which: Value) -> Operands:
        left, right, taker = prepare(b, table, which)
        found = left, right, taker if isinstance(taker, Result) else Result(taker)
        return line_up(b, scratch, found) if line_up else found

    last = minimum(b, b.mul(end, group), units * batch)
    prepared = operands(b.number(0)) if batch == 1 else None
    with b.loop(b.mul(begin, group), last) as loop:
        index = loop.index
        if prepared is not None:
            emit(b, scratch, prepared, index)
        else:
            which = index if units == 1 else b.binary("udiv", index, b.number(units))
            emit(b, scratch, operands(which), b.sub(index, b.mul(which, units)))
    return -(-units * batch // group)


def _layouts(target: Target, prepare: Prepare) -> tuple[Operand, Operand, Write | Result]:
    b = module_for(target).function("layouts", PARAMETERS)
    return prepare(b, b.arguments[0], Value("0", "i64"))
