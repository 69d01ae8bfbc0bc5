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
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from chainrule.ir.dtype import DType
from chainrule.ir.record import Record
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


class Input(Record, identity=True):
    """A value given from outside; with one operand, a fresh name (an alias) for that operand.

    Transforms differentiate with respect to aliases, so the derivative follows the paths through
    this use of a value only: nested derivatives cannot be confused.
    """

    name: str | None = None


class Data(Record, identity=True):
    """A constant array. Its buffer is never written to."""

    value: np.ndarray


class Fill(Record):
    """An array that holds one number everywhere."""

    value: float | int | bool
    shape: Shape
    dtype: DType


class Iota(Record):
    """0, 1, 2, …, size − 1."""

    size: int
    dtype: DType


class Delta(Record):
    """The identity matrix of this size, kept symbolic: it is the structure of Hessians."""

    size: int
    dtype: DType


class Random(Record):
    """Uniform random bits, a pure function of two operands: a key (..., 2) and a counter (...).

    The words of 64 bits are those of Philox4x64-10 [salmon2011parallel] with this key, its counter
    starting at (1, 0, 0, counter); ``uint32`` takes their low halves first. A third operand (...)
    says how many blocks of four words to leave out first. The leading axes of the operands are
    batch axes.
    """

    shape: Shape
    dtype: DType


# ---------------------------------------------------------------- pointwise


class Map(Record):
    """A scalar function applied to every element."""

    record: Scalar
    params: tuple[Any, ...] = ()


class Select(Record):
    """``mask ? chosen : otherwise``; the branch not taken never reaches the result."""


class Add(Record):
    """A signed sum of any number of operands."""

    signs: tuple[int, ...]


# ---------------------------------------------------------------- contraction


class Einsum(Record):
    """The sum over all labels that the output lacks of the product of the operands.

    Linear in each operand. Every output label is in some operand.
    """

    subscripts: Subscripts


ReduceKind = Literal["max", "min", "prod", "any", "all", "argmax", "argmin"]


class Reduce(Record):
    """A reduction other than a sum, over these axes, which vanish; argmax takes the first tie."""

    kind: ReduceKind
    axes: tuple[int, ...]


# ---------------------------------------------------------------- layout


class Reshape(Record):
    """The same elements in row-major order under another shape."""

    shape: Shape


class Axis(NamedTuple):
    """Where one axis of the operand is read: offset + Σ step · (index on an axis of the result)."""

    offset: int
    terms: tuple[tuple[int, int], ...]


class View(Record):
    """An affine index map, zero outside the operand: result[o] = operand[offset + A o].

    Transpose, slice, pad, flip, broadcast, diagonal and sliding windows are Views.
    """

    shape: Shape
    axes: tuple[Axis, ...]


class Accumulate(Record):
    """The transpose of a View: adds each element of the operand where the View read it."""

    view: View
    shape: Shape


class Join(Record):
    """The operands one after another along an axis; a block matrix."""

    axis: int


# ---------------------------------------------------------------- indices


class Gather(Record):
    """result[i…, rest…] = operand[index₁[i…], …, indexₖ[i…], rest…].

    The first operand is read at k integer operands of one shape. An index outside its axis raises.
    """


class Scatter(Record):
    """The transpose of Gather: adds updates into zeros of this shape; repeated indices add up."""

    shape: Shape


# ---------------------------------------------------------------- library


class RoutineCall(Record):
    """A library routine from the open table; the node is a bundle."""

    routine: Routine
    params: tuple[Any, ...] = ()


class Project(Record):
    """One result of a bundle."""

    index: int


# ---------------------------------------------------------------- structure

BlockTangent = Callable[["list[Node]", "list[Node]", "list[Node | None]"], "list[Node | None]"]


class Block(Record, identity=True):
    """A named body: a network is a block of blocks. The pipeline inlines it; formulas keep it.

    ``tangent`` is an optional closed-form rule: (inputs, outputs, tangents of the inputs) to the
    tangents of the outputs, linear in the tangents. ``barrier`` keeps the body from being shared
    with the code around it, which is how ``checkpoint`` computes it again.
    """

    name: str
    body: Graph
    tangent: BlockTangent | None = None
    barrier: bool = False


class Loop(Record, identity=True):
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


class Cond(Record, identity=True):
    """The first operand, a boolean scalar, chooses which body reads the other operands."""

    then: Graph
    otherwise: Graph


class Print(Record, identity=True):
    """The first operand, unchanged; a message with the operands' values appears when it runs.

    An effect, so that ``debug.print`` works where values are not known while recording.
    """

    message: str
    write: Callable[[str], None] = print


Primitive = (
    Input | Data | Fill | Iota | Delta | Random
    | Map | Select | Add
    | Einsum | Reduce
    | Reshape | View | Accumulate | Join
    | Gather | Scatter
    | RoutineCall | Project
    | Block | Loop | Cond | Print
)  # fmt: skip
