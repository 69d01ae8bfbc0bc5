"""A Derivative as arrays: labelled blocks, one matrix, a Tensor where it is used like one."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.functions.lift import Lifted, reshaped, transposed
from chainrule.ir import build
from chainrule.ir.dtype import DType
from chainrule.ir.record import Record
from chainrule.runtime.memory import require_memory
from chainrule.tensors import Tensor
from chainrule.transform.operators import LinearMap, Structured

__all__ = ["Blocks", "Cost", "Part"]

_ASK = 1 << 26  # bytes from which on we look first whether there are as many
_join = Lifted(lambda *nodes_axis: build.join(nodes_axis[:-1], nodes_axis[-1]))


class Part(NamedTuple):
    """One result or one argument of the differentiated function."""

    name: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)


class Cost(NamedTuple):
    """What a Derivative would take, known before it is computed.

    bytes             of the dense matrix
    factor_bytes      of the values that its structure is made of
    dense_operations  for the dense matrix
    product_operations, solve_operations  for one vector
    """

    bytes: int
    factor_bytes: int
    dense_operations: int
    product_operations: int
    solve_operations: int


class Blocks(Record, identity=True):
    """The base of Derivative: its blocks by name, computed when someone asks for them.

    outputs, inputs  the results and the arguments
    parts            for each pair, results first: a structure, a dense Tensor, or None
    dtype            of the numbers
    map              the linear map that the program is
    symmetric        whether the whole matrix is known to be symmetric
    origin           what was differentiated: the function, its arguments, which of them
    """

    outputs: tuple[Part, ...]
    inputs: tuple[Part, ...]
    parts: tuple[Structured | Tensor | None, ...]
    dtype: DType
    map: LinearMap | None = None
    symmetric: bool = False
    origin: Any = None

    @cached_property
    def blocks(self) -> tuple[Tensor, ...]:
        """All blocks as dense Tensors, results first."""
        self._require("the dense blocks", self.size)
        from_program = self.map.dense() if self.map is not None and self._is_opaque else None
        made: list[Tensor] = []
        count = len(self.inputs)
        for k, part in enumerate(self.parts):
            row, column = divmod(k, count)
            if from_program is not None:
                made.append(from_program[k])
            elif self.symmetric and row > column:
                ranks = len(self.inputs[column].shape), len(self.outputs[row].shape)
                order = (*range(ranks[0], sum(ranks)), *range(ranks[0]))
                made.append(transposed(made[column * count + row], order))
            elif part is not None:
                made.append(part.dense() if isinstance(part, Structured) else part)
        return tuple(made)

    def block(self, output: str | int = 0, input: str | int = 0) -> Tensor:
        """Give ∂output/∂input as a dense Tensor, by name or number."""
        row, column = _place(self.outputs, output), _place(self.inputs, input)
        place = row * len(self.inputs) + column
        if "blocks" in self.__dict__ or self._is_opaque:
            return self.blocks[place]
        part = self.parts[place]
        self._require("the dense block", self.outputs[row].size * self.inputs[column].size)
        return part.dense() if isinstance(part, Structured) else self.blocks[place]

    def dense(self) -> Tensor:
        """Give the only block as a Tensor of shape result + argument.

        Raises:  CapacityError: it would not fit in memory; nothing is computed.
        """
        if len(self.parts) != 1:
            rows, columns = ([p.name for p in ps] for ps in (self.outputs, self.inputs))
            raise ArgumentError(
                f"this Derivative has several blocks ({rows} by {columns}): "
                "use .block(output, input) or .matrix()"
            )
        return self.blocks[0]

    def matrix(self, vec: Literal["C", "F"] = "C") -> Tensor:
        """Give all blocks as one matrix: flattened results by flattened arguments.

        They are flattened by rows, as ``reshape(-1)`` does; with ``vec="F"`` by columns, as
        textbooks have it: vec(AXB) = (Bᵀ ⊗ A) vec X.

        Raises:  CapacityError: it would not fit in memory; nothing is computed.
                 ArgumentError: vec is neither "C" nor "F".
        """
        if vec not in ("C", "F"):
            raise ArgumentError(f'matrix: vec is "C", by rows, or "F", by columns, not {vec!r}')
        self._require("the matrix", self.size * (1 if len(self.parts) == 1 else 2))
        rows, rest = [], iter(self.blocks)
        for output in self.outputs:
            flat = [
                reshaped(_stacked(next(rest), output, i, vec), (output.size, i.size))
                for i in self.inputs
            ]
            rows.append(_join(flat, 1))
        return _join(rows, 0)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the only block; of the matrix where there are several."""
        if len(self.parts) == 1:
            return (*self.outputs[0].shape, *self.inputs[0].shape)
        return self._sides

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self._sides)

    @property
    def _sides(self) -> tuple[int, int]:
        return sum(o.size for o in self.outputs), sum(i.size for i in self.inputs)

    def _require(self, what: str, elements: int) -> None:
        remedy = (
            "Its structure is enough for @, .diag(), .trace(), .eigs(k) and .solve(g), which do "
            "not\n  build it."
        )
        needed = elements * self.dtype.numpy.itemsize
        if needed < _ASK:
            return
        require_memory(needed, f"{what} ({self._sides[0]} × {self._sides[1]})", remedy)

    @cached_property
    def _structured(self) -> tuple[Structured, ...]:
        """The blocks with a structure, all or none."""
        found = tuple(p for p in self.parts if isinstance(p, Structured))
        return found if len(found) == len(self.parts) else ()

    @cached_property
    def _is_opaque(self) -> bool:
        """Whether the dense blocks come cheaper from the program than from the structure."""
        if not self._structured:
            return any(p is None for p in self.parts)
        if self.map is None or any(p.is_pending for p in self._structured):
            return False
        return self.map.dense_operations < sum(s.dense_operations for s in self._structured)

    # ------------------------------------------------------------ as an array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.dense().__array__(dtype, copy)

    def __tensor__(self) -> Tensor:
        return self.dense()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.dense(), name)

    def __repr__(self) -> str:
        if len(self.parts) == 1:
            return f"{type(self).__name__}({self.blocks[0]!r})"
        rows, columns = (", ".join(p.name for p in ps) for ps in (self.outputs, self.inputs))
        return f"{type(self).__name__}({rows} by {columns})"


def _stacked(block: Tensor, output: Part, variable: Part, vec: str) -> Tensor:
    """A block whose axes flatten in this order."""
    if vec == "C":
        return block
    rows, rank = len(output.shape), len(output.shape) + len(variable.shape)
    order = (*range(rows)[::-1], *range(rows, rank)[::-1])
    return transposed(block, order)


def _place(parts: tuple[Part, ...], which: str | int) -> int:
    names = [p.name for p in parts]
    if isinstance(which, int) and -len(parts) <= which < len(parts):
        return which % len(parts)
    if which not in names:
        raise ArgumentError(f"no block {which!r}; there are {', '.join(names)}")
    return names.index(which)


def _forward(name: str) -> None:
    def method(self: Blocks, *args: Any) -> Any:
        return getattr(self.dense(), name)(*args)

    method.__name__ = name
    setattr(Blocks, name, method)


_OPERATORS = (
    "add radd sub rsub mul rmul truediv rtruediv pow rmatmul neg getitem len iter float lt le eq "
    "ne abs bool int gt ge"
)
for _name in _OPERATORS.split():
    _forward(f"__{_name}__")
