"""The typeset tree: what a formula is before it is printed in Unicode, in LaTeX or as code.

Vectors are columns. A tree knows the sizes of its axes (``dims``): () is a scalar.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

__all__ = [
    "Apply",
    "At",
    "Bias",
    "Blocks",
    "Bracket",
    "Commutation",
    "Constant",
    "Diag",
    "Elementwise",
    "Eye",
    "Indexed",
    "Inverse",
    "Kron",
    "Norm",
    "Number",
    "Ones",
    "Over",
    "Place",
    "Placed",
    "Plus",
    "Power",
    "Product",
    "Quotient",
    "Read",
    "Row",
    "Scaled",
    "Stacked",
    "SumOver",
    "Symbol",
    "Trace",
    "Transpose",
    "Tree",
    "Unit",
    "Vec",
    "Viewed",
    "Zero",
]

Dims = tuple[str, ...]
Place = tuple[int | str, tuple[tuple[int, int], ...]]


@dataclass(frozen=True)
class Tree:
    """The base: an expression of these dims."""

    dims: Dims


@dataclass(frozen=True)
class Symbol(Tree):
    """A name; a symmetric matrix is its own transpose."""

    name: str
    symmetric: bool = False


@dataclass(frozen=True)
class Bias(Tree):
    """A vector added to every row, as b in XW + b."""

    body: Tree


@dataclass(frozen=True)
class Number(Tree):
    """A number."""

    value: Fraction | float


@dataclass(frozen=True)
class Constant(Tree):
    """A number with a name of its own: π."""

    name: str
    value: float


@dataclass(frozen=True)
class Ones(Tree):
    """𝟏, a column of ones."""


@dataclass(frozen=True)
class Zero(Tree):
    """𝟎."""


@dataclass(frozen=True)
class Unit(Tree):
    """e₀, e₁, …, the columns of I, counted from 0 as in Python; e₋₁ is the last."""

    place: int | str


@dataclass(frozen=True)
class Eye(Tree):
    """I."""


@dataclass(frozen=True)
class Commutation(Tree):
    """Kₘₙ: Kₘₙ vec X = vec Xᵀ."""

    sizes: Dims
    by_columns: bool = False


@dataclass(frozen=True)
class Product(Tree):
    """A matrix product, or a product of scalars."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Elementwise(Tree):
    """A product element by element, A ⊙ B."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Over(Tree):
    """A ⊘ B, element by element."""

    top: Tree
    bottom: Tree


@dataclass(frozen=True)
class Quotient(Tree):
    """a / b, where b is a scalar."""

    top: Tree
    bottom: Tree


@dataclass(frozen=True)
class Scaled(Tree):
    """A scalar times an array."""

    scalar: Tree
    body: Tree


@dataclass(frozen=True)
class Plus(Tree):
    """A signed sum."""

    signs: tuple[int, ...]
    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Transpose(Tree):
    """Aᵀ."""

    body: Tree


@dataclass(frozen=True)
class Inverse(Tree):
    """A⁻¹."""

    body: Tree
    symmetric: bool = False


@dataclass(frozen=True)
class Power(Tree):
    """Every element to a power."""

    body: Tree
    exponent: Tree


@dataclass(frozen=True)
class Apply(Tree):
    """A function of the field's name; element by element if it is a scalar function."""

    name: str
    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Diag(Tree):
    """diag: of a vector the diagonal matrix, of a matrix its diagonal."""

    body: Tree


@dataclass(frozen=True)
class Trace(Tree):
    """tr(A)."""

    body: Tree


@dataclass(frozen=True)
class Norm(Tree):
    """‖x‖, for a matrix the Frobenius norm."""

    body: Tree


@dataclass(frozen=True)
class Bracket(Tree):
    """[a > b], 1 where it holds."""

    relation: str
    left: Tree
    right: Tree


@dataclass(frozen=True)
class Vec(Tree):
    """vec(A), row-major unless by columns."""

    body: Tree
    by_columns: bool = False


@dataclass(frozen=True)
class Kron(Tree):
    """A ⊗ B."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Row(Tree):
    """xₙ, the row n of X; pₙ, the element n of p."""

    body: Tree
    label: str


@dataclass(frozen=True)
class SumOver(Tree):
    """Σₙ, over named rows."""

    label: str
    body: Tree


@dataclass(frozen=True)
class Blocks(Tree):
    """Block-diagonal over n, with this block for each n, which is the first label by rows."""

    label: str
    body: Tree
    by_columns: bool = False


@dataclass(frozen=True)
class Viewed(Tree):
    """An array read by an affine map of its indices, zero outside: slices, windows, padding.

    For each axis of the body: an offset, which may be a size such as n−1, and pairs (axis of the
    result, step); whether anything outside is read.
    """

    body: Tree
    axes: tuple[Place, ...]
    outside: bool = False


@dataclass(frozen=True)
class Read(Viewed):
    """A factor in index notation that is read at sums of labels: X[n, c, i+u, j+v].

    ``divisors`` say by what each place is divided, and then rounded down; I[p, i+u] is [p = i + u].
    """

    divisors: tuple[int, ...] = ()


@dataclass(frozen=True)
class Placed(Tree):
    """Zeros, with the elements of an array added at the places of a slice: what Viewed reads."""

    body: Tree
    axes: tuple[Place, ...]


@dataclass(frozen=True)
class Stacked(Tree):
    """[A; B], one below the other, or [A, B] side by side: joined along this axis.

    A column of numbers has scalars as its parts, a matrix rows or columns.
    """

    parts: tuple[Tree, ...]
    axis: int


@dataclass(frozen=True)
class At(Tree):
    """An array read at indices, raised to a power; a factor in index notation."""

    body: Tree
    labels: tuple[str, ...]
    power: Fraction


@dataclass(frozen=True)
class Indexed(Tree):
    """Σ over labels of a product of factors: index notation, where matrices do not reach."""

    scalar: Tree
    labels: tuple[str, ...]
    summed: tuple[tuple[str, str], ...]
    factors: tuple[At, ...]
