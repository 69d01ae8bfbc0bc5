"""How an elementwise function of Tensors is made from a record or a primitive.

Two eager Tensors of one dtype go straight to NumPy's ufunc; everything else is promoted and
broadcast first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import DTypeError
from chainrule.ir import build
from chainrule.ir.dtype import DEFAULT_FLOAT
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Shape
from chainrule.ir.scalar import INTEGER, NUMERIC, SCALARS
from chainrule.functions.lift import Lifted, Operand, cast, common_shape, describe
from chainrule.functions.lift import promoted, spread
from chainrule.runtime.reference import quiet_call
from chainrule.tensor import Tensor, of_value

_KINDS = {"float": "f", "signed": "i", "unsigned": "u", "bool": "b"}
_ndarray = np.ndarray


class Pointwise:
    """An elementwise function of some operands, from a constructor of nodes of one shape."""

    __slots__ = ("accepts", "kinds", "lifted", "name", "to_float", "ufunc")

    def __init__(
        self,
        name: str,
        ufunc: Callable[..., Any],
        builder: Callable[..., Node],
        accepts: frozenset[str],
    ) -> None:
        self.name = name
        self.ufunc = ufunc
        self.accepts = accepts
        self.kinds = "".join(_KINDS[a] for a in accepts)
        self.to_float = not accepts & INTEGER

        def spread_then_build(*operands: Any) -> Node:
            *nodes, shape = operands
            return builder(*[spread(n, shape) for n in nodes])

        self.lifted = Lifted(spread_then_build)

    def __call__(self, *operands: Operand) -> Tensor:
        """Promote, broadcast, and run or record."""
        tensors = promoted(self.name, *operands)
        kind = tensors[0].dtype.kind
        if kind not in self.accepts:
            if not self.to_float or kind == "float":
                self._refuse(tensors)
            tensors = [cast(t, DEFAULT_FLOAT) for t in tensors]
        if all(t._node is None for t in tensors):
            common_shape(self.name, tensors)
            return _wrap(quiet_call(self.ufunc, *[t._value for t in tensors]))
        shape: Shape = common_shape(self.name, tensors)
        return self.lifted(tensors, shape)  # type: ignore[no-any-return]

    def _refuse(self, tensors: list[Tensor]) -> None:
        kinds = ", ".join(sorted(self.accepts))
        lines = "\n".join(f"    {describe(t)}" for t in tensors)
        raise DTypeError(
            f"{self.name}: not defined for {tensors[0].dtype}; it takes {kinds}\n\n{lines}"
        )


def _wrap(result: Any) -> Tensor:
    return of_value(result if type(result) is _ndarray else np.asarray(result))


Unary = Callable[[Operand], Tensor]
Binary = Callable[[Operand, Operand], Tensor]


def pointwise(name: str) -> Pointwise:
    """The function of a record of the scalar table, for any number of operands."""
    record = SCALARS[name]
    return Pointwise(
        name, record.numpy, lambda *nodes: build.apply(name, *nodes), record.accepts
    )


def fast_unary(slow: Pointwise) -> Unary:
    """A function of one operand with the short way to the ufunc."""
    ufunc, kinds = slow.ufunc, slow.kinds

    def function(x: Operand, /) -> Tensor:
        if type(x) is Tensor and x._node is None:
            value = x._value
            if value.dtype.kind in kinds:  # type: ignore[union-attr]
                result = quiet_call(ufunc, value)
                return of_value(result if type(result) is _ndarray else np.asarray(result))
        return slow(x)

    return function


def fast_binary(slow: Pointwise) -> Binary:
    """A function of two operands with the short way to the ufunc."""
    ufunc, kinds = slow.ufunc, slow.kinds

    def function(x1: Operand, x2: Operand, /) -> Tensor:
        if type(x1) is Tensor and x1._node is None:
            a = x1._value
            kind = a.dtype.kind  # type: ignore[union-attr]
            if kind in kinds:
                if type(x2) is Tensor:
                    b: Any = x2._value
                    fits = x2._node is None and (
                        a.dtype is b.dtype and (a.shape == b.shape or not b.shape or not a.shape)  # type: ignore[union-attr]
                    )
                else:
                    b, fits = x2, type(x2) is float and kind == "f"
                if fits:
                    result = quiet_call(ufunc, a, b)
                    return of_value(result if type(result) is _ndarray else np.asarray(result))
        return slow(x1, x2)

    return function


def _multiply_nodes(*nodes: Node) -> Node:
    return build.multiply(*nodes)


def _add_nodes(*nodes: Node) -> Node:
    return build.add(nodes)


def _subtract_nodes(*nodes: Node) -> Node:
    return build.subtract(*nodes)


def _negative_nodes(*nodes: Node) -> Node:
    return build.negative(nodes[0])


ADD = Pointwise("add", np.add, _add_nodes, NUMERIC)
SUBTRACT = Pointwise("subtract", np.subtract, _subtract_nodes, NUMERIC)
MULTIPLY = Pointwise("multiply", np.multiply, _multiply_nodes, NUMERIC)
NEGATIVE = Pointwise("negative", np.negative, _negative_nodes, NUMERIC)

