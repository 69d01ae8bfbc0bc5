"""The parts of a Derivative: a block whose structure is known, and the linear map by the program.

Both give products with vectors and the dense block; what they give are Tensors, so that it all
works while something is recorded too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from chainrule.algebra.evaluate import Evaluation, dense_cost, product_cost
from chainrule.algebra.index import Atom
from chainrule.algebra.picks import is_pick
from chainrule.algebra.structure import Form, Part, Summand, damped, evaluated
from chainrule.autodiff.batch import batch
from chainrule.functions.lift import Lifted, Made
from chainrule.ir import build
from chainrule.ir.dtype import DType
from chainrule.ir.graph import Node, dependents
from chainrule.ir.primitives import Block, Einsum, Loop, RoutineCall
from chainrule.runtime.memory import empty
from chainrule.runtime.reference import evaluate
from chainrule.tensors import Tensor, of_value
from chainrule.transform.scope import Residuals

__all__ = ["LinearMap", "Structured"]

Built = TypeVar("Built", Node, list[Node])

_AT_ONCE = 1 << 28  # bytes of one intermediate value, for all columns that are computed together
_CHAIN = 8  # so many factors in a term are a network rather than a structure


def _of_values(method: Callable[..., Built]) -> Callable[..., Built]:
    """An evaluation of a form as a constructor of nodes: of the values of its atoms and others."""

    def builder(*arguments: Any) -> Built:
        *nodes, form, atoms, dtype, rest = arguments
        values = dict(zip(atoms, nodes, strict=False))
        return method(Evaluation(values, dtype), form, *nodes[len(atoms) :], *rest)

    return builder


_dense = Lifted(_of_values(Evaluation.dense))
_core = Lifted(_of_values(Evaluation.core))
_at_places = Lifted(_of_values(Evaluation.at_places))
_diagonal = Lifted(_of_values(Evaluation.diagonal))
_trace = Lifted(_of_values(Evaluation.trace))
_product = Lifted(_of_values(Evaluation.product))
_matrix = Lifted(_of_values(Evaluation.matrix))
_tensor = Lifted(_of_values(Evaluation.tensor))
_free_diagonal = Lifted(_of_values(Evaluation.free_diagonal))
_joined = Lifted(_of_values(Evaluation.joined_sides))


Value = Tensor | Callable[[], Tensor]


class Structured:
    """A block of a derivative whose structure was found, with the values of its atoms.

    values  a Tensor, or how it is computed when somebody asks for it
    """

    def __init__(
        self, form: Form, values: Mapping[Atom, Value], dtype: DType, names: Mapping[Atom, str]
    ) -> None:
        self.form = form
        used = {f.atom for s in form.summands for p in s.parts for f in p.factors}
        self._given = {a: t for a, t in values.items() if a in used}
        self.dtype = dtype
        self.names = names

    @cached_property
    def values(self) -> dict[Atom, Tensor]:
        """The values of the atoms."""
        return {a: t if isinstance(t, Tensor) else t() for a, t in self._given.items()}

    @property
    def is_pending(self) -> bool:
        """Whether a value is there to be computed first."""
        done = "values" in self.__dict__
        return not done and not all(isinstance(t, Tensor) for t in self._given.values())

    def _run(self, program: Lifted[Made], *rest: Any, extra: Sequence[Tensor] = ()) -> Made:
        atoms = tuple(self.values)
        return program([*self.values.values(), *extra], self.form, atoms, self.dtype, rest)

    def dense(self) -> Tensor:
        """The block with the axes of the result before those of the argument."""
        return self._run(_dense)

    def core(self) -> Tensor:
        """What is left at the places of tied axes: blocks, free rows, free columns."""
        return self._run(_core)

    def per_place(self, axis: int) -> Tensor:
        """The block at each place of an axis that is tied to its column."""
        return self._run(_at_places, (axis, self.form.rows + axis))

    def diagonal(self) -> Tensor:
        """The diagonal, in the shape of the argument."""
        return self._run(_diagonal)

    def trace(self) -> Tensor:
        """The sum of the diagonal."""
        return self._run(_trace)

    def product(self, vectors: Tensor) -> Tensor:
        """Multiply vectors that have the axes of the argument, then one that counts them."""
        return self._run(_product, extra=[vectors])

    def matrix(self, part: Part) -> Tensor:
        """A part as a matrix."""
        return self._run(_matrix, part)

    def diagonal_of(self, others: Sequence[Summand]) -> Tensor:
        """The free diagonal of the terms that are not among the others."""
        own = [s for s in self.form.summands if s not in others]
        return self._run(_free_diagonal, tuple(own))

    def joined_sides(self, summands: Sequence[Summand]) -> tuple[Tensor, Tensor]:
        """Matrices L and R whose product is the sum of terms of low rank."""
        left, right = self._run(_joined, tuple(summands))
        return left, right

    def factors(self) -> list[Tensor]:
        """The values of the parts, those first that come first."""
        parts = dict.fromkeys(p for s in self.form.summands for p in s.parts)
        return [self._run(_tensor, part) for part in parts]

    def damped(self, damping: Tensor) -> Structured:
        """The block plus a number times the identity."""
        atom = Atom("value", ("damping",))
        names = {**self.names, atom: "λ"}
        values = {**self.values, atom: damping}
        return Structured(damped(self.form, atom), values, self.dtype, names)

    @cached_property
    def compact(self) -> Structured:
        """The same with each part evaluated that is then smaller, for many products."""
        form, made = evaluated(self.form, lambda part: _is_smaller(part, self.form))
        values = {atom: self._run(_tensor, part) for atom, part in made}
        return Structured(form, {**self.values, **values}, self.dtype, self.names)

    @property
    def is_chain(self) -> bool:
        """Whether a term has so many factors that the program itself multiplies as fast."""
        return any(len(p.factors) >= _CHAIN for s in self.form.summands for p in s.parts)

    @property
    def dense_operations(self) -> int:
        """The operations and the memory traffic of the dense block."""
        cost = dense_cost(self.form)
        return cost.operations + cost.elements

    def product_operations(self, count: int = 1) -> int:
        """The operations of a product with so many vectors."""
        return product_cost(self.form, count).operations

    @property
    def value_bytes(self) -> int:
        """The memory of the atoms."""
        width = self.dtype.numpy.itemsize
        return sum(
            math.prod(t.shape) * t.dtype.numpy.itemsize if isinstance(t, Tensor)
            else math.prod(map(int, a.dims)) * width
            for a, t in self._given.items()
        )  # fmt: skip


def _is_smaller(part: Part, form: Form) -> bool:
    size = math.prod(form.sizes[i] for i in part.labels)
    return len(part.factors) > 1 and size <= sum(
        math.prod(map(int, f.atom.dims)) for f in part.factors if not is_pick(f)
    )


class LinearMap:
    """The derivative as the program gives it: products with vectors, and all blocks."""

    def __init__(
        self, residuals: Residuals, results: Sequence[Node], variables: Sequence[Node],
        tangents: Sequence[Node], directions: Sequence[Node],
        blocks: Callable[[], Sequence[Node]],
        at_places: Callable[[Node, Node, Sequence[tuple[int, int]]], Node],
    ) -> None:  # fmt: skip
        self._residuals = residuals
        self.results = results
        self.variables = variables
        self._tangents = tangents
        self._directions = directions
        self._blocks = blocks
        self._at_places = at_places
        self._is_ready = False
        self.product_operations = _operations(tangents, directions)
        path = dependents(tangents, list(directions))[0]
        width = results[0].dtype.numpy.itemsize
        self._widest = width * max((math.prod(n.shape) for n in path), default=0)
        self.dense_operations = self.product_operations * min(
            sum(math.prod(n.shape) for n in side) for side in (results, variables)
        )

    def _prepare(self) -> None:
        """Compute the values that every product needs, once."""
        if not self._is_ready and self._residuals.parent is None:
            evaluate(self.results, self._residuals.values)
        self._is_ready = True

    def dense(self) -> list[Tensor]:
        """All blocks; column by column where their intermediate values would take much memory."""
        self._prepare()
        columns = sum(math.prod(v.shape) for v in self.variables)
        width = max(1, _AT_ONCE // max(1, self._widest))
        if self._residuals.parent is None and width < columns:
            return self._by_slabs(columns, width)
        return self._residuals.apply(lambda _: self._blocks(), [])

    def _by_slabs(self, columns: int, width: int) -> list[Tensor]:
        """The blocks from products with some basis vectors after others."""
        kind = self.results[0].dtype.numpy
        rows = [empty((math.prod(r.shape), columns), kind) for r in self.results]
        for start in range(0, columns, width):
            basis = np.eye(columns, min(width, columns - start), -start, kind)
            stacks, first = [], 0
            for v in self.variables:
                own = basis[first : (first := first + math.prod(v.shape))]
                stacks.append(of_value(own.reshape(*v.shape, -1)))
            for row, made in zip(rows, self.product(stacks), strict=True):
                row[:, start : start + width] = made.numpy().reshape(len(row), -1)
        found = []
        for row, result in zip(rows, self.results, strict=True):
            first = 0
            for v in self.variables:
                own = row[:, first : (first := first + math.prod(v.shape))]
                found.append(of_value(own.reshape(*result.shape, *v.shape)))
        return found

    def at_places(self, row: int, column: int, ties: Sequence[tuple[int, int]]) -> Tensor:
        """A block without the axes of the argument that are tied to axes of the result."""
        self._prepare()
        result, variable = self.results[row], self.variables[column]
        return self._residuals.apply(lambda _: [self._at_places(result, variable, ties)], [])[0]

    def product(self, vectors: Sequence[Tensor]) -> list[Tensor]:
        """Multiply stacks of vectors, which lie along the last axis."""
        self._prepare()
        return self._residuals.apply(self._pushed, vectors)

    def _pushed(self, vectors: Sequence[Node]) -> list[Node]:
        stacks = [build.transpose(v, (v.ndim - 1, *range(v.ndim - 1))) for v in vectors]
        seeds = dict(zip(self._directions, stacks, strict=True))
        made = batch(list(self._tangents), seeds, stacks[0].shape[0])
        return [build.transpose(m, (*range(1, m.ndim), 0)) for m in made]


def _operations(tangents: Sequence[Node], directions: Sequence[Node]) -> int:
    """The operations of one product: those of the nodes between directions and tangents."""
    return sum(map(_node_operations, dependents(tangents, list(directions))[0]))


def _node_operations(node: Node) -> int:
    op = node.op
    match op:
        case Einsum(subscripts=subscripts):
            sizes = {i: n for ls, operand in zip(subscripts.inputs, node.inputs, strict=True)
                     for i, n in zip(ls, operand.shape, strict=True)}  # fmt: skip
            return 2 * math.prod(sizes.values())
        case Loop(body=body, length=length):
            return length * sum(map(_node_operations, body.nodes()))
        case Block(body=body):
            return sum(map(_node_operations, body.nodes()))
        case RoutineCall():  # of matrices: the cube of the longest side, for each
            return sum(math.prod(i.shape) * max(i.shape, default=1) for i in node.inputs)
    return math.prod(node.shape)
