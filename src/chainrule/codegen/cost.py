"""What a program costs, before it runs: operations, bytes moved, bytes held."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from chainrule.codegen.outline import Native, works
from chainrule.codegen.statements.fuse import Fused, Item, reads, targets
from chainrule.codegen.statements.loops import Add, Apply, Choose, Expression, Pairs, Times, parts
from chainrule.codegen.statements.steps import Check, Contraction, Draw, Scattered, Solve, Spread

__all__ = ["Cost", "cost", "kernel_cost"]


class Cost(NamedTuple):
    """What a program costs.

    operations  additions, multiplications and values of scalar functions
    bytes       read from and written to arrays, each array once a kernel
    peak        bytes of memory while it runs, without its inputs: results and the arena
    note        what is to be said of the precision that was asked for, if anything
    """

    operations: int
    bytes: int
    peak: int
    note: str = ""

    def __str__(self) -> str:
        told = f"; {self.note}" if self.note else ""
        return (
            f"{self.operations:,} operations, {self.bytes:,} bytes moved, {self.peak:,} held{told}"
        )


def cost(native: Native) -> Cost:
    """The cost of a program, without what the host computes; of a Cond, that of both sides."""
    found = [
        (kernel_cost(work.item), turns) for s in native.segments for work, turns in works(s.parts)
    ]
    held = native.arena + sum(n.nbytes for n in native.made)
    operations = sum(n * c.operations for c, n in found)
    return Cost(operations, sum(n * c.bytes for c, n in found), held, native.note)


def kernel_cost(item: Item) -> Cost:
    """The cost of a kernel."""
    operations = sum(math.prod(e) * n for e, n in _work(item))
    moved = sum(n.nbytes for n in reads(item).union(targets(item)))
    return Cost(operations, moved, 0)


def _work(item: Item) -> Iterable[tuple[tuple[int, ...], int]]:
    """The extents of each nest of loops, and the operations of one turn."""
    match item:
        case Fused(statements=statements, product=product):
            if product is not None:
                both = operations_in(product.left) + operations_in(product.right)
                yield _turns(product), 2 + both
            for s in statements:
                yield s.extents, operations_in(s.value) + bool(s.kind)
        case Spread() | Scattered():
            yield item.extents, operations_in(item.value) + 1
        case Check(extents=extents):
            yield extents, 1
        case Solve(node=node):
            *stack, rows, columns = node.inputs[1].shape
            yield (*stack, rows, rows, rows + 3 * columns), 1
        case Draw(target=target):
            yield target.shape, 5
        case _:
            return


def _turns(c: Contraction) -> tuple[int, ...]:
    """The extents of a product; of a symmetric one those of its elements that are computed."""
    if not c.symmetric:
        return c.extents
    size = math.prod(c.extents[v] for v in c.rows)
    return *(c.extents[v] for v in (*c.batch, *c.inner)), size * (size + 1) // 2


def operations_in(expression: Expression) -> int:
    """Operations that give one value of an expression."""
    total = 0
    for e in parts(expression):
        match e:
            case Add(operands=operands) | Times(operands=operands):
                total += len(operands) - 1
            case Pairs():
                total += 3
            case Apply() | Choose():
                total += 1
    return total
