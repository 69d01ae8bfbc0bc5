"""Uniform numbers of a long draw, in blocks.

Block k has the counter k, so that any of them can be made without the others.
"""

from __future__ import annotations

from typing import Final

from chainrule.functions.lift import Lifted
from chainrule.functions.random_uniform import unit, unit_of, words_of
from chainrule.ir import build
from chainrule.ir.dtype import DType, uint64
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Shape
from chainrule.tensors import Tensor

__all__: list[str] = []


def _block_nodes(key: Node, number: Node, shape: Shape, dtype: DType) -> Node:
    return unit_of(build.random(key, number, shape, words_of(dtype)), dtype)


def _rows_nodes(key: Node, count: int, rows: int, draw: Shape, dtype: DType) -> Node:
    if count <= rows:
        return unit(key, (count, *draw), dtype)
    blocks = -(-count // rows)
    keys = build.broadcast(key, (blocks, 2))
    made = _block_nodes(keys, build.iota(blocks, uint64), (rows, *draw), dtype)
    return build.slice_axis(build.reshape(made, (blocks * rows, *draw)), 0, 0, count)


_block: Final = Lifted(_block_nodes)
_rows: Final = Lifted(_rows_nodes)


def uniform_block(key: Tensor, number: Tensor, shape: Shape, dtype: DType) -> Tensor:
    """The uniform numbers that a key has for the block of this number, a counter of its own."""
    return _block([key, number], shape, dtype)


def uniform_rows(key: Tensor, count: int, rows: int, draw: Shape, dtype: DType) -> Tensor:
    """So many rows of uniform numbers: those of block 0, of block 1, and so on."""
    return _rows([key], count, rows, draw, dtype)
