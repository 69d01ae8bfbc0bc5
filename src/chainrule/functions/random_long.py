"""Long draws outside of any recording, by machine code that goes along the bits of a key.

The numbers are those of the whole draw: a block begins where the one before ends. So a program is
compiled once for each kind of draw, whatever the size.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from chainrule.functions.blockwise import BLOCK, streamed
from chainrule.functions.lift import Lifted
from chainrule.ir import build
from chainrule.ir.dtype import DType, from_numpy, uint64
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import Shape
from chainrule.passes.pipeline import optimize
from chainrule.runtime.programs import is_native, ready
from chainrule.tensors import Tensor, of_value

__all__: list[str] = []

_MANY: Final = 2**13  # numbers from which on it pays to run a program
_PROGRAMS: Final = 256  # that are kept

Array = np.ndarray[Any, Any]
Kind = tuple[Shape, DType]
Program = Callable[..., list[Array]]


class Drawn(Lifted[Tensor]):
    """A constructor of draws of which each is made of its own bits, as a function of Tensors.

    Call it with a key and parameters, then with the shape and other static arguments. The
    constructor takes ``start`` as well: where in the stream of its bits the draws begin.
    """

    __slots__ = ()

    def __call__(self, tensors: Sequence[Tensor], *static: Any) -> Tensor:
        shape, *others = static
        arrays = long_arrays(tensors, shape)
        if arrays is None:
            return super().__call__(tensors, *static)
        key, *parameters = arrays
        count = math.prod(shape)
        kinds = tuple([((BLOCK,) if p.size > 1 else (1,), from_numpy(p.dtype)) for p in parameters])
        program = _program(self.builder, kinds, tuple(others))
        made = streamed(program, [key, *[p.reshape(-1) for p in parameters]], count, BLOCK)
        return of_value(made.reshape(shape))


def long_arrays(tensors: Sequence[Tensor], shape: Shape) -> list[Array] | None:
    """A key and parameters of a long draw: single numbers, or one for each draw.

    It is None where something is recorded, where the draw is short or parameters are repeated.
    """
    if math.prod(shape) < _MANY or not is_native():
        return None
    arrays: list[Array] = []
    for t in tensors:
        value = t._value
        if value is None or not value.dtype.isnative:
            return None
        if arrays and value.size != 1 and value.shape != shape:
            return None
        arrays.append(value)
    return arrays


def compiled(builder: Callable[..., Sequence[Node]], *kinds: Kind) -> Program:
    """The program of what a constructor makes of a key and of operands of these kinds."""
    inputs = tuple([build.parameter(*kind) for kind in (((2,), uint64), *kinds)])
    return ready(optimize(Graph(inputs, tuple(builder(*inputs)))))


@functools.lru_cache(_PROGRAMS)
def _program(
    builder: Callable[..., Node], kinds: tuple[Kind, ...], others: tuple[Any, ...]
) -> Program:
    """The program of a block of draws, of these parameters and of where the block begins."""

    def block(key: Node, *operands: Node) -> list[Node]:
        *parameters, start = operands
        return [builder(key, *parameters, (BLOCK,), *others, start=start)]

    return compiled(block, *kinds, ((), uint64))
