"""Derivative: a Jacobian or Hessian as labelled blocks, dense when used as an array."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from chainrule import tree
from chainrule.errors import ArgumentError
from chainrule.functions.lift import Lifted
from chainrule.ir import build
from chainrule.ir.record import Record
from chainrule.tensors import Tensor

_reshape = Lifted(build.reshape)
_join = Lifted(lambda *nodes_axis: build.join(nodes_axis[:-1], nodes_axis[-1]))


class Part(NamedTuple):
    """One result or one argument of the differentiated function."""

    name: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)


class Derivative(Record, identity=True):
    """The derivatives of several results by several arguments.

    Where there is one result and one argument it can be used like a Tensor, the dense tensor with
    the axes of the result before those of the argument.

    >>> H = cr.hessian(lambda w, b: (w * w * b).sum(), argnums=(0, 1))(cr.tensor([1.0, 2.0]), 3.0)
    >>> H.block("w", "b")
    Tensor([2., 4.])
    >>> H.matrix()
    Tensor([[6., 0., 2.],
            [0., 6., 4.],
            [2., 4., 0.]])
    """

    outputs: tuple[Part, ...]
    inputs: tuple[Part, ...]
    blocks: tuple[Tensor, ...]

    def block(self, output: str | int = 0, input: str | int = 0) -> Tensor:
        """Give ∂output/∂input, by name or number."""
        row = _place(self.outputs, output)
        return self.blocks[row * len(self.inputs) + _place(self.inputs, input)]

    def dense(self) -> Tensor:
        """Give the only block as a Tensor of shape result + argument."""
        if len(self.blocks) != 1:
            rows, columns = ([p.name for p in ps] for ps in (self.outputs, self.inputs))
            raise ArgumentError(
                f"this Derivative has several blocks ({rows} by {columns}): "
                "use .block(output, input) or .matrix()"
            )
        return self.blocks[0]

    def matrix(self) -> Tensor:
        """Give all blocks as one matrix: flattened results by flattened arguments, row-major."""
        rows, rest = [], iter(self.blocks)
        for output in self.outputs:
            flat = [_reshape([next(rest)], (output.size, i.size)) for i in self.inputs]
            rows.append(_join(flat, 1))
        return _join(rows, 0)  # type: ignore[no-any-return]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.dense().__array__(dtype, copy)

    def __tensor__(self) -> Tensor:
        return self.dense()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.dense(), name)

    def __repr__(self) -> str:
        if len(self.blocks) == 1:
            return f"Derivative({self.blocks[0]!r})"
        rows, columns = (", ".join(p.name for p in ps) for ps in (self.outputs, self.inputs))
        return f"Derivative({rows} by {columns})"


def _place(parts: tuple[Part, ...], which: str | int) -> int:
    names = [p.name for p in parts]
    if isinstance(which, int) and -len(parts) <= which < len(parts):
        return which % len(parts)
    if which not in names:
        raise ArgumentError(f"no block {which!r}; there are {', '.join(names)}")
    return names.index(which)


def _forward(name: str) -> None:
    def method(self: Derivative, *args: Any) -> Any:
        return getattr(self.dense(), name)(*args)

    method.__name__ = name
    setattr(Derivative, name, method)


for _name in [
    "add",
    "radd",
    "sub",
    "rsub",
    "mul",
    "rmul",
    "truediv",
    "rtruediv",
    "pow",
    "matmul",
    "rmatmul",
    "neg",
    "getitem",
    "len",
    "iter",
    "float",
    "lt",
    "le",
    "eq",
    "ne",
    "abs",
    "bool",
    "int",
    "gt",
    "ge",
]:
    _forward(f"__{_name}__")


def _flatten(found: Derivative) -> tuple[Iterable[Any], Any, Iterable[Any]]:
    names = [f"{o.name}_{i.name}" for o in found.outputs for i in found.inputs]
    return found.blocks, (found.outputs, found.inputs), names


def _unflatten(static: Any, blocks: Iterable[Any]) -> Derivative:
    return Derivative(static[0], static[1], tuple(blocks))


tree.register(Derivative, _flatten, _unflatten)
