"""The primitives: a closed set of blocks, closed under transposition.

| kind        | primitives                                                           |
|-------------|----------------------------------------------------------------------|
| sources     | Input, Data, Fill, Iota, Delta, Random                               |
| pointwise   | Map, Select, Add                                                     |
| contraction | Einsum, Reduce                                                       |
| layout      | Reshape, View (transpose: Accumulate), Join                          |
| indices     | Gather (transpose: Scatter)                                          |
| library     | RoutineCall                                                          |
| structure   | Block, Loop, Cond, and Project, which reads one result of any bundle |

A primitive holds only what is static; its operands are the inputs of the node that applies it.
Every pass is one ``match`` over ``Primitive`` that ends in ``assert_never``, so the type checker
names each pass that forgot one. Pointwise operands all have the shape of the result: broadcasting
is a View.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from chainrule.ir.dtype import DType
from chainrule.ir.scalar import Scalar
from chainrule.ir.subscripts import Subscripts

if TYPE_CHECKING:
    import numpy as np

    from chainrule.ir.graph import Graph, Node
    from chainrule.ir.routine import Routine

Shape = tuple[int, ...]


class Type(NamedTuple):
    """The shape and the scalar type of one value."""

    shape: Shape
    dtype: DType


# ---------------------------------------------------------------- sources


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """A value given from outside; with one operand, a fresh name (an alias) for that operand.

    Transforms differentiate with respect to aliases, so the derivative follows the paths through
    this use of a value only: nested derivatives cannot be confused.
    """

    name: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A constant array. Its buffer is never written to."""

    value: np.ndarray


@dataclass(frozen=True, slots=True)
class Fill:
    """An array that holds one number everywhere."""

    value: float | int | bool
    shape: Shape
    dtype: DType


@dataclass(frozen=True, slots=True)
class Iota:
    """0, 1, 2, …, size − 1."""

    size: int
    dtype: DType


@dataclass(frozen=True, slots=True)
class Delta:
    """The identity matrix of this size, kept symbolic: it is the structure of Hessians."""

    size: int
    dtype: DType


@dataclass(frozen=True, slots=True)
class Random:
    """Uniform random bits, a pure function of two operands: a key (..., 2) and a counter (...).

    The words of 64 bits are those of Philox4x64-10 [salmon2011parallel] with this key, its counter
    starting at (1, 0, 0, counter); ``uint32`` takes their low halves first. The leading axes of
    both operands are batch axes.
    """

    shape: Shape
    dtype: DType


# ---------------------------------------------------------------- pointwise


@dataclass(frozen=True, slots=True)
class Map:
    """A scalar function applied to every element."""

    record: Scalar
    params: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Select:
    """``mask ? chosen : otherwise``; the branch not taken never reaches the result."""


@dataclass(frozen=True, slots=True)
class Add:
    """A signed sum of any number of operands."""

    signs: tuple[int, ...]


# ---------------------------------------------------------------- contraction


@dataclass(frozen=True, slots=True)
class Einsum:
    """The sum over all labels that the output lacks of the product of the operands.

    Linear in each operand. Every output label is in some operand.
    """

    subscripts: Subscripts


ReduceKind = Literal["max", "min", "prod", "any", "all", "argmax", "argmin"]


@dataclass(frozen=True, slots=True)
class Reduce:
    """A reduction other than a sum, over these axes, which vanish; argmax takes the first tie."""

    kind: ReduceKind
    axes: tuple[int, ...]


# ---------------------------------------------------------------- layout


@dataclass(frozen=True, slots=True)
class Reshape:
    """The same elements in row-major order under another shape."""

    shape: Shape


class Axis(NamedTuple):
    """Where one axis of the operand is read: offset + Σ step · (index on an axis of the result)."""

    offset: int
    terms: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class View:
    """An affine index map, zero outside the operand: result[o] = operand[offset + A o].

    Transpose, slice, pad, flip, broadcast, diagonal and sliding windows are Views.
    """

    shape: Shape
    axes: tuple[Axis, ...]


@dataclass(frozen=True, slots=True)
class Accumulate:
    """The transpose of a View: adds each element of the operand where the View read it."""

    view: View
    shape: Shape


@dataclass(frozen=True, slots=True)
class Join:
    """The operands one after another along an axis; a block matrix."""

    axis: int


# ---------------------------------------------------------------- indices


@dataclass(frozen=True, slots=True)
class Gather:
    """result[i…, rest…] = operand[index₁[i…], …, indexₖ[i…], rest…].

    The first operand is read at k integer operands of one shape. An index outside its axis raises.
    """


@dataclass(frozen=True, slots=True)
class Scatter:
    """The transpose of Gather: adds updates into zeros of this shape; repeated indices add up."""

    shape: Shape


# ---------------------------------------------------------------- library


@dataclass(frozen=True, slots=True)
class RoutineCall:
    """A library routine from the open table; the node is a bundle."""

    routine: Routine
    params: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """One result of a bundle."""

    index: int


# ---------------------------------------------------------------- structure

BlockTangent = Callable[["list[Node]", "list[Node]", "list[Node | None]"], "list[Node | None]"]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A named body: a network is a block of blocks. The pipeline inlines it; formulas keep it.

    ``tangent`` is an optional closed-form rule: (inputs, outputs, tangents of the inputs) to the
    tangents of the outputs, linear in the tangents. ``barrier`` keeps the body from being shared
    with the code around it, which is how ``checkpoint`` computes it again.
    """

    name: str
    body: Graph
    tangent: BlockTangent | None = None
    barrier: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """A scan of static length over its body: (constants, carries, slices) → (carries, slices).

    Operands are the constants, the initial carries, then the stacked slices. Results are the final
    carries, the stacked output slices, then the history of the carries (each as it was when its
    iteration began), which only reverse mode reads and only then is saved.
    """

    body: Graph
    constants: int
    carries: int
    length: int
    reverse: bool = False

    @property
    def slices(self) -> int:
        """How many output slices one iteration makes."""
        return len(self.body.outputs) - self.carries


@dataclass(frozen=True, slots=True, eq=False)
class Cond:
    """The first operand, a boolean scalar, chooses which body reads the other operands."""

    then: Graph
    otherwise: Graph


@dataclass(frozen=True, slots=True, eq=False)
class Print:
    """The first operand, unchanged; a message with the operands' values appears when it runs.

    An effect, so that ``debug.print`` works where values are not known while recording.
    """

    message: str
    write: Callable[[str], None] = field(default=print)


Primitive = (
    Input | Data | Fill | Iota | Delta | Random
    | Map | Select | Add
    | Einsum | Reduce
    | Reshape | View | Accumulate | Join
    | Gather | Scatter
    | RoutineCall | Project
    | Block | Loop | Cond | Print
)  # fmt: skip
