"""Densities of many numbers, by machine code that goes from block to block.

Where nothing is recorded, a density of thousands of numbers is one program, compiled once for each
kind of distribution, whose parameters are its arguments.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Final, TypeVar

import numpy as np

from chainrule import tree
from chainrule.functions.blockwise import FEW, block_rows, run_blocks
from chainrule.functions.lift import Operand
from chainrule.ir.dtype import DType, from_numpy
from chainrule.ir.primitives import Shape
from chainrule.recording import modes
from chainrule.runtime.programs import is_native, ready
from chainrule.tensors import Tensor, of_value
from chainrule.transform.jit import jit

__all__: list[str] = []

_PROGRAMS: Final = 256  # that are kept

Owner = TypeVar("Owner")
Density = Callable[[Owner, Operand], Tensor]
Kind = tuple[Shape, DType]


def in_blocks(log_density: Density[Owner]) -> Density[Owner]:
    """Let a distribution compute many densities block by block."""

    @functools.wraps(log_density)
    def method(self: Owner, x: Operand) -> Tensor:
        owner: Any = self
        if getattr(x, "size", 0) < FEW:
            return log_density(self, x)
        found = by_blocks(log_density, self, x, owner._draw_shape(), owner.event_axes)
        return log_density(self, x) if found is None else found

    return method


def by_blocks(
    function: Callable[[Any, Tensor], Tensor], operands: Any, x: Operand, draw: Shape, event: int
) -> Tensor | None:
    """A number for each draw in x, along whose first axes a program goes.

    draw    the shape of a draw from all places of a distribution
    event   how many axes of that belong to one draw

    It is None where something is recorded, x is small or its last axes are not those of a draw.
    """
    if not isinstance(x, Tensor | np.ndarray) or x.size < FEW:
        return None
    leaves, structure = tree.flatten(operands)
    if any(_is_recorded(v) for v in [*leaves, x]):
        return None
    value = x._known() if isinstance(x, Tensor) else x
    lead, width = value.shape[: value.ndim - len(draw)], math.prod(draw)
    rows = block_rows(math.prod(lead), width)
    if not rows or value.shape[len(lead) :] != draw or not value.dtype.isnative:
        return None
    fixed = [leaf._known() for leaf in leaves]
    kinds = tuple([(a.shape, from_numpy(a.dtype)) for a in fixed])
    block = (rows, *draw), from_numpy(value.dtype)
    program = _program(function, structure, kinds, block, modes(), is_native())
    (made,) = run_blocks(program, fixed, [value.reshape(-1, *draw)], rows)
    return of_value(made.reshape(value.shape[: value.ndim - event]))


@functools.lru_cache(_PROGRAMS)
def _program(
    function: Callable[[Any, Tensor], Tensor],
    structure: Any,
    kinds: tuple[Kind, ...],
    block: Kind,
    _modes: frozenset[str],
    _native: bool,
) -> Callable[..., list[Any]]:
    """The program of a function of operands and of a block, of these shapes and dtypes."""
    *leaves, x = [of_value(np.ones(shape, dtype.numpy)) for shape, dtype in (*kinds, block)]
    return ready(jit(function).graph(tree.unflatten(structure, leaves), x))


def _is_recorded(value: Any) -> bool:
    return isinstance(value, Tensor) and value._recording is not None


def surely_none(condition: Tensor) -> bool:
    """Whether it is known that a condition holds nowhere, which spares its case."""
    value = condition._value
    return value is not None and condition._recording is None and not value.any()
