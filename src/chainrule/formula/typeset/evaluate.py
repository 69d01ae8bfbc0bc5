"""The value of a typeset tree: the formula as it will be printed, computed with NumPy.

Vectors are columns, so what is checked is what a reader would do with pencil and paper.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg

from chainrule.algebra.sizes import linear
from chainrule.errors import FormulaError
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import REDUCTIONS, spanned
from chainrule.ir.scalar import SCALARS

__all__ = ["evaluate", "size_of"]

Array = npt.NDArray[Any]
_COMPARE = {">": np.greater, "≥": np.greater_equal, "<": np.less, "≤": np.less_equal,
            "=": np.equal}  # fmt: skip


def size_of(symbol: str, sizes: Mapping[str, int]) -> int:
    """The number that the symbol of a size stands for: ``n``, ``3``, ``n·k``, ``n−1``.

    Raises:  FormulaError: an axis of an unknown name, or of a size that nothing settles.
    """
    if symbol in sizes:
        return sizes[symbol]
    if symbol[:1] in ("⌈", "⌊") and "·" not in symbol:
        whole, _, step = symbol[1:-1].rpartition("/")
        total = size_of(whole.strip("()"), sizes)
        return -(-total // int(step)) if symbol[0] == "⌈" else total // int(step)
    return sum(
        count * math.prod(_part_of(part, sizes) for part in term.split("·")) if term else count
        for term, count in linear(symbol).items()
    )


def _part_of(part: str, sizes: Mapping[str, int]) -> int:
    if part in sizes:
        return sizes[part]
    if part[0] in "⌈⌊":
        return size_of(part, sizes)
    if not part.isdigit():
        raise FormulaError("a size is open" if part[0] == "?" else f"there is no size {part!r}")
    return int(part)


class Evaluator:
    """The values of names and sizes, in which trees are evaluated."""

    def __init__(self, values: Mapping[str, Array], sizes: Mapping[str, int]) -> None:
        self.values = dict(values)
        self.sizes = dict(sizes)
        self.places: dict[str, int] = {}

    def __call__(self, tree: Tree) -> Array:
        """Evaluate a tree: a scalar, a column or a matrix."""
        match tree:
            case ts.Symbol(dims=dims, name=name):
                value = self._symbol(name)
                if value.ndim > max(2, len(dims)):  # axes of size 1 that are not printed
                    value = value.reshape(self._sizes(dims))
                return value.reshape(-1, 1) if len(dims) == 1 else value  # it may be 1×d in code
            case ts.Number(value=value) | ts.Constant(value=value):
                return np.asarray(float(value))
            case ts.Ones(dims=(dim,)):
                return np.ones((size_of(dim, self.sizes), 1))
            case ts.Unit(dims=(dim,), place=place):
                return np.eye(size_of(dim, self.sizes))[:, [self._place(place)]]
            case ts.Zero(dims=dims):
                return np.zeros(self._shape(dims))
            case ts.Eye(dims=dims):
                return np.eye(size_of(dims[0], self.sizes))
            case ts.Product(parts=parts):
                made = reduce(_times, [self(p) for p in parts])
                return made if tree.dims else made.reshape(())
            case ts.Elementwise(parts=parts):
                return reduce(np.multiply, [self(p) for p in parts])
            case ts.Over(top=top, bottom=bottom) | ts.Quotient(top=top, bottom=bottom):
                return self(top) / self(bottom)
            case ts.Scaled(scalar=scalar, body=body):
                return self(scalar) * self(body)
            case ts.Plus(signs=signs, parts=parts):
                return sum((s * self(p) for s, p in zip(signs, parts, strict=True)), np.zeros(()))
            case ts.Apply():
                return self._applied(tree)
        return self._matrix(tree)

    def _matrix(self, tree: Tree) -> Array:
        """What linear algebra does with whole matrices."""
        match tree:
            case ts.Transpose(body=body) | ts.Bias(body=body):
                return self(body).T
            case ts.Inverse(body=body):
                return np.linalg.inv(self(body))
            case ts.Power(body=body, exponent=exponent):
                return np.asarray(np.power(self(body), self(exponent)))
            case ts.Diag(body=body):
                held = self(body)
                return np.diagflat(held) if len(body.dims) == 1 else np.diag(held)[:, None]
            case ts.Trace(body=body):
                return np.asarray(np.trace(self(body)))
            case ts.Norm(body=body):
                return np.asarray(np.linalg.norm(self(body)))
            case ts.Bracket(relation=relation, left=left, right=right):
                return _COMPARE[relation](self(left), self(right)) * 1.0
            case ts.Vec(body=body, by_columns=by_columns):
                return self(body).reshape((-1, 1), order="F" if by_columns else "C")
            case ts.Kron(parts=parts):
                return reduce(np.kron, [self(p) for p in parts])
            case ts.Commutation(sizes=sizes, by_columns=by_columns):
                m, n = self._sizes(sizes[::-1] if by_columns else sizes)
                return commutation(m, n)
        return self._by_places(tree)

    def _by_places(self, tree: Tree) -> Array:
        """What goes through the places of an axis, or puts parts at some."""
        match tree:
            case ts.Row(label=label) if label not in self.places:
                raise FormulaError("an index stands outside of the sum over it")
            case ts.Row(body=body, label=label):
                row = self(body)[self.places[label]]
                return np.reshape(row, (-1, 1) if tree.dims else ())
            case ts.SumOver(label=label, body=body):
                return sum(self._over(label, body), np.zeros(()))
            case ts.Blocks(label=label, body=body, by_columns=True):
                units = np.eye(size_of(label, self.sizes))
                found = zip(self._over(label, body), units, strict=True)
                return np.asarray(sum(np.kron(block, np.outer(u, u)) for block, u in found))
            case ts.Blocks(label=label, body=body):
                return np.asarray(scipy.linalg.block_diag(*self._over(label, body)))
            case ts.Viewed(dims=dims, body=body, axes=axes):
                places = [(self._place(o), t) for o, t in axes]
                by = tree.divisors if isinstance(tree, ts.Read) else ()
                return self._column(_viewed(self._plain(body), self._sizes(dims), places, by))
            case ts.Placed(dims=dims, body=body, axes=axes):
                places = [(self._place(o), t) for o, t in axes]
                return self._column(_placed(self._plain(body), self._sizes(dims), places))
            case ts.Stacked(parts=parts, axis=axis):
                return self._stacked(parts, axis)
            case ts.Indexed():
                return self._column(self._indexed(tree))
        raise FormulaError(f"{type(tree).__name__} has no value")

    def _applied(self, tree: ts.Apply) -> Array:
        """The value of a function."""
        match tree:
            case ts.Apply(name=name, parts=(body,)) if name in REDUCTIONS:
                return self._column(_reduced(name, self._plain(body), len(tree.dims)))
            case ts.Apply(name="reshape", parts=(body,)):
                return self._column(self._plain(body).reshape(self._sizes(tree.dims)))
            case ts.Apply(name="logsumexp", parts=(body,)):
                return self._column(_logsumexp(self._plain(body), len(tree.dims)))
        return self._at_values(tree.name, [self(p) for p in tree.parts], tree)

    def _place(self, place: int | str) -> int:
        return size_of(place, self.sizes) if isinstance(place, str) else place

    def _symbol(self, name: str) -> Array:
        if name in self.values:
            value = np.asarray(self.values[name])
            return value[:, None] if value.ndim == 1 else value
        if name in self.sizes or name[0] in "⌈⌊":
            return np.asarray(float(size_of(name, self.sizes)))
        raise FormulaError(f"there is no value for {name!r}")

    def _plain(self, tree: Tree) -> Array:
        """The value of a tree with as many axes as it has dims."""
        value = self(tree)
        return value.reshape(self._sizes(tree.dims)) if len(tree.dims) == 1 else value

    @staticmethod
    def _column(value: Array) -> Array:
        return value[:, None] if value.ndim == 1 else value

    def _stacked(self, parts: tuple[Tree, ...], axis: int) -> Array:
        values = [self(p) for p in parts]
        return np.concatenate([v if v.ndim else v.reshape(1, 1) for v in values], axis=axis)

    def _sizes(self, dims: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(size_of(d, self.sizes) for d in dims)

    def _indexed(self, tree: ts.Indexed) -> Array:
        """A sum over labels by einsum; labels that no factor has are broadcast or counted."""
        letters = [*tree.labels, *(label for label, _ in tree.summed)]
        number = {letter: k for k, letter in enumerate(letters)}
        operands: list[Any] = []
        for at in tree.factors:
            value = np.power(self._plain(at.body), float(at.power))
            operands += [value, [number[i] for i in at.labels]]
        windows = any(isinstance(at.body, ts.Read) for at in tree.factors)  # of many labels
        for letter, dim in [*zip(tree.labels, tree.dims, strict=True), *tree.summed]:
            operands += [np.ones(size_of(dim, self.sizes)), [number[letter]]]
        operands += [self(tree.scalar), []]
        found = np.einsum(*operands, [number[i] for i in tree.labels], optimize=windows)
        return np.asarray(found)

    def _over(self, label: str, body: Tree) -> list[Array]:
        """The values of a body at every place of a label."""
        made = []
        for place in range(size_of(label, self.sizes)):
            self.places[label] = place
            made.append(self(body))
        del self.places[label]
        return made

    def _shape(self, dims: tuple[str, ...]) -> tuple[int, ...]:
        shape = tuple(size_of(d, self.sizes) for d in dims)
        return (*shape, 1) if len(shape) == 1 else shape

    def _at_values(self, name: str, values: list[Array], tree: Tree) -> Array:
        name, axes = spanned(name)
        match name:
            case "σ":
                return np.asarray(SCALARS["sigmoid"].numpy(values[0]))
            case "Φ":
                return np.asarray(SCALARS["ndtr"].numpy(values[0]))
            case "softmax":
                return _softmax(values[0], len(tree.dims), axes)
            case "log_softmax":
                return np.log(_softmax(values[0], len(tree.dims), axes))
            case "argsort":
                return np.argsort(values[0], axis=0 if len(tree.dims) == 1 else -1, kind="stable")
            case "tril" | "triu":
                k = int(values[1]) if len(values) > 1 else 0
                return np.asarray(getattr(np, name)(values[0], k))
            case "mean":
                return np.asarray(np.mean(values[0]))
            case "det":
                return np.asarray(np.linalg.det(values[0]))
            case "onehot":
                size = size_of(tree.dims[-1], self.sizes)
                picked = np.eye(size)[values[0].ravel().astype(int)]
                return np.asarray(picked.reshape(self._shape(tree.dims)))
            case "log|·|":
                return np.log(np.abs(values[0]))
            case "digamma" | "trigamma":
                order = 0 if name == "digamma" else 1
                return np.asarray(SCALARS["polygamma"].numpy(*values, order))
        if name not in SCALARS:
            raise FormulaError(
                f"the derivative goes through {name}, which has no formula\n\n"
                "  Its numbers: cr.grad, cr.jacobian and cr.hessian."
            )
        return np.asarray(SCALARS[name].numpy(*values))


def _reduced(name: str, value: Array, rank: int) -> Array:
    """A reduction over all axes but the first ones."""
    rows = value.reshape(*value.shape[:rank], -1)
    return np.asarray(getattr(np, name)(rows, axis=-1))


def _times(left: Array, right: Array) -> Array:
    return np.asarray(left @ right if left.ndim == 2 and right.ndim == 2 else left * right)


def _viewed(value: Array, shape: tuple[int, ...], axes: Any, by: Sequence[int] = ()) -> Array:
    """Read an array by an affine map of the result's indices, zero outside."""
    if not value.size:
        return np.zeros(shape)
    places, inside = _read_at(value.shape, shape, axes, by or (1,) * value.ndim)
    return np.where(inside, value[places], 0)


def _placed(value: Array, shape: tuple[int, ...], axes: Any) -> Array:
    """The transpose of ``_viewed``: every element is added where it would be read."""
    made = np.zeros(shape)
    if made.size:
        places, inside = _read_at(shape, value.shape, axes, (1,) * len(shape))
        full = (np.broadcast_to(p, value.shape)[inside] for p in places)
        np.add.at(made, tuple(full), value[inside])
    return made


def _read_at(
    whole: tuple[int, ...], shape: tuple[int, ...], axes: Any, divisors: Sequence[int]
) -> tuple[tuple[Array, ...], Array]:
    """Where each element of a view is read, and whether that is inside."""
    grid = np.indices(shape, sparse=True)  # windows over images have millions of places
    inside = np.ones(shape, bool)
    places = []
    for size, (offset, terms), by in zip(whole, axes, divisors, strict=True):
        place = np.asarray(offset + sum(step * grid[axis] for axis, step in terms)) // by
        inside &= (place >= 0) & (place < size)
        places.append(np.clip(place, 0, max(size - 1, 0)))
    return tuple(places), inside


def _softmax(x: Array, rank: int, axes: int) -> Array:
    axis = (0,) if rank == 1 else tuple(range(rank - axes, rank))
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def _logsumexp(value: Array, rank: int) -> Array:
    """The logarithm of the sum of exp over all axes but the first ones."""
    rows = value.reshape(*value.shape[:rank], -1)
    top = rows.max(axis=-1, keepdims=True)
    return np.asarray((top + np.log(np.exp(rows - top).sum(axis=-1, keepdims=True)))[..., 0])


def commutation(m: int, n: int) -> Array:
    """K with K vec X = vec Xᵀ for an m×n matrix X, both row-major."""
    return np.eye(m * n).reshape(m, n, m, n).transpose(1, 0, 2, 3).reshape(m * n, m * n)


def evaluate(tree: Tree, values: Mapping[str, Array], sizes: Mapping[str, int]) -> Array:
    """The value of a tree, with these names and sizes.

    Raises:  FormulaError: a name or a function has no value.
    """
    return Evaluator(values, sizes)(tree)
