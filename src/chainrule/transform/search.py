"""Finding the structure of a derivative: its tangents, lowered to index algebra once.

Where the program between the argument and the result is made of products, sums and changes of
layout, every block gets a form; else the program itself is the linear map.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any, Final, TypeVar

import numpy as np

from chainrule import tree
from chainrule.algebra.combine import delta_factor
from chainrule.algebra.independence import Ties, tied_axes
from chainrule.algebra.index import Atom, Factor, Poly, Term, constant, normal
from chainrule.algebra.linear import LinearLowering, Unstructured
from chainrule.algebra.structure import Form
from chainrule.autodiff.linearize import linearize
from chainrule.ir import build
from chainrule.ir.graph import Node, dependents
from chainrule.ir.primitives import Data
from chainrule.tensors import Tensor
from chainrule.transform.operators import LinearMap, Structured, Value
from chainrule.transform.scope import Residuals

__all__ = ["Search", "value_names"]

Key = TypeVar("Key")

_MOST_TERMS = 48
_MOST_NODES = 1000


class Search:
    """The tangents of results by variables, and the polys of all blocks, or None.

    atoms  the node of each value that the polys read
    tied   where the program has no polys but keeps axes apart: which ones, for each block
    """

    def __init__(
        self, results: Sequence[Node], variables: Sequence[Node], since: int, symmetric: bool
    ) -> None:
        self.results, self.variables = list(results), list(variables)
        self.directions = [build.parameter(v.shape, v.dtype) for v in variables]
        found = linearize(results, dict(zip(variables, self.directions, strict=True)))
        self.tangents = [t or build.zeros_like(r) for t, r in zip(found, results, strict=True)]
        self.polys: list[Poly] | None = None
        self.atoms: dict[Atom, Node] = {}
        self.tied: list[Ties] | None = None
        self.symmetric = symmetric
        self.since = since

    def lower(self) -> None:
        """Find the polys, if there are some; else the axes that stay apart."""
        try:
            self._lower()
        except Unstructured:
            columns = [tied_axes(self.tangents, d) for d in self.directions]
            found = [column[r] for r in range(len(self.results)) for column in columns]
            self.tied = found if any(t is None or t for t in found) else None

    def _lower(self) -> None:
        if len(dependents(self.tangents, self.directions)[0]) > _MOST_NODES:
            raise Unstructured
        lowering = LinearLowering(self.tangents, self.directions, _MOST_TERMS, self.since)
        polys = [
            lowering.coefficient(r, c)
            for r in range(len(self.results)) for c in range(len(self.variables))
        ]  # fmt: skip
        used = {f.atom for p in polys for t in p.terms for f in t.factors}
        self.polys = polys
        self.atoms = {a: n for a, n in lowering.atoms.items() if a in used}

    def parts(
        self, values: Mapping[Atom, Tensor], names: Mapping[Atom, str], linear: LinearMap
    ) -> tuple[Structured | None, ...]:
        """The structure of each block."""
        columns = len(self.variables)
        places = [divmod(k, columns) for k in range(len(self.results) * columns)]
        if self.polys is not None:
            return tuple(
                self._structured(poly, r, c, values, names)
                for poly, (r, c) in zip(self.polys, places, strict=True)
            )
        if self.tied is None:
            return (None,) * len(places)
        return tuple(
            self._apart(ties, r, c, linear) for ties, (r, c) in zip(self.tied, places, strict=True)
        )

    def _structured(
        self, poly: Poly, row: int, column: int, values: Mapping[Atom, Value],
        names: Mapping[Atom, str],
    ) -> Structured:  # fmt: skip
        result = self.results[row]
        form = Form(poly, result.ndim, self.symmetric and row == column)
        return Structured(form, values, result.dtype, names)

    def _apart(self, ties: Ties, row: int, column: int, linear: LinearMap) -> Structured:
        """A block whose values are computed by the program, without its zeros."""
        result, variable = self.results[row], self.variables[column]
        dims = tuple(map(str, (*result.shape, *variable.shape)))
        if ties is None:
            return self._structured(constant(Fraction(0), dims), row, column, {}, {})
        pairs = _matched(ties)
        shift = result.ndim
        gone = {shift + c for _, c in pairs}
        labels = tuple(i for i in range(len(dims)) if i not in gone)
        atom = Atom("value", ("block", row, column), (), tuple(dims[i] for i in labels))
        deltas = [delta_factor(dims[r], r, shift + c) for r, c in pairs]
        term = Term(Fraction(1), (Factor(atom, labels), *deltas))
        poly = normal([term], range(len(dims)), dims)
        value = partial(linear.at_places, row, column, pairs)
        return self._structured(poly, row, column, {atom: value}, {})

    def map(
        self, residuals: Residuals, blocks: Callable[[], Sequence[Node]],
        at_places: Callable[[Node, Node, Sequence[tuple[int, int]]], Node],
    ) -> LinearMap:  # fmt: skip
        """The program itself as a linear map."""
        return LinearMap(
            residuals, self.results, self.variables, self.tangents, self.directions, blocks,
            at_places,
        )  # fmt: skip


def _matched(ties: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Some of the pairs, so that no axis is in two of them."""
    found: list[tuple[int, int]] = []
    for row, column in sorted(ties, key=lambda p: (p[0] != p[1], p)):
        if all(row != r and column != c for r, c in found):
            found.append((row, column))
    return tuple(sorted(found))


def value_names(
    f: Callable[..., Any], named: Mapping[str, Any], tensors: Mapping[str, Tensor],
    atoms: Mapping[Key, Node],
) -> dict[Key, str]:  # fmt: skip
    """The user's names of the values that are arguments, or that the function closes over."""
    by_node: dict[Node, str] = {}
    by_value: dict[int, str] = {}
    for name, value in (*tensors.items(), *_leaves({**_around(f), **named})):
        if isinstance(value, Tensor) and value._node is not None:
            by_node.setdefault(value._node, name)
        else:
            array = value._value if isinstance(value, Tensor) else value
            by_value.setdefault(id(array), name)
    found = {}
    for atom, node in atoms.items():
        held = id(node.op.value) if isinstance(node.op, Data) else None
        known = by_node.get(node) or by_value.get(held or -1)
        if known is not None:
            found[atom] = known
    return found


_ARRAYS: Final = (Tensor, np.ndarray)


def _leaves(named: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in named.items():
        if isinstance(value, _ARRAYS):
            yield name, value
        elif isinstance(value, dict | list | tuple):
            found = [(p, leaf) for p, leaf in tree.paths(value) if isinstance(leaf, _ARRAYS)]
            yield from ((f"{name}.{path}" if path else name, leaf) for path, leaf in found)


def _around(f: Callable[..., Any], depth: int = 3) -> dict[str, Any]:
    """The values that a Python function, and those it calls, read from around them, by name."""
    code = getattr(inspect.unwrap(f), "__code__", None)
    if code is None or depth == 0:
        return {}
    outside = getattr(f, "__globals__", {})
    found = {name: outside[name] for name in code.co_names if name in outside}
    cells = zip(code.co_freevars, getattr(f, "__closure__", None) or (), strict=False)
    for name, cell in cells:
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not bound yet
            continue
    for value in [v for v in found.values() if inspect.isfunction(v)]:
        found = {**_around(value, depth - 1), **found}
    return found
