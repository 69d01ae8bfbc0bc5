"""Finding the structure of a derivative: its tangents, lowered to index algebra once.

Where the program between the argument and the result is made of products, sums and changes of
layout, every block gets a form; else the program itself is the linear map.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.algebra.index import Atom, Poly
from chainrule.algebra.linear import LinearLowering, Unstructured
from chainrule.algebra.structure import Form
from chainrule.autodiff.linearize import linearize
from chainrule.ir import build
from chainrule.ir.graph import Node, dependents
from chainrule.ir.primitives import Data
from chainrule.tensors import Tensor
from chainrule.transform.operators import LinearMap, Structured
from chainrule.transform.scope import Residuals

__all__ = ["Search", "value_names"]

_MOST_TERMS = 48
_MOST_NODES = 1000


class Search:
    """The tangents of results by variables, and the polys of all blocks, or None.

    atoms  the node of each value that the polys read
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
        self.symmetric = symmetric
        self.since = since

    def lower(self) -> None:
        """Find the polys, if there are some."""
        if len(dependents(self.tangents, self.directions)[0]) > _MOST_NODES:
            return
        try:
            lowering = LinearLowering(self.tangents, self.directions, _MOST_TERMS, self.since)
            polys = [
                lowering.coefficient(r, c)
                for r in range(len(self.results)) for c in range(len(self.variables))
            ]  # fmt: skip
        except Unstructured:
            return
        used = {f.atom for p in polys for t in p.terms for f in t.factors}
        self.polys = polys
        self.atoms = {a: n for a, n in lowering.atoms.items() if a in used}

    def parts(
        self, values: Mapping[Atom, Tensor], names: Mapping[Atom, str]
    ) -> tuple[Structured | None, ...]:
        """The structure of each block."""
        columns = len(self.variables)
        if self.polys is None:
            return (None,) * (len(self.results) * columns)
        made = []
        for k, poly in enumerate(self.polys):
            result = self.results[k // columns]
            diagonal = self.symmetric and k // columns == k % columns
            form = Form(poly, result.ndim, diagonal)
            made.append(Structured(form, values, result.dtype, names))
        return tuple(made)

    def map(self, residuals: Residuals, blocks: Callable[[], Sequence[Node]]) -> LinearMap:
        """The program itself as a linear map."""
        return LinearMap(
            residuals, self.results, self.variables, self.tangents, self.directions, blocks
        )


def value_names(
    f: Callable[..., Any], named: Mapping[str, Any], tensors: Mapping[str, Tensor],
    atoms: Mapping[Atom, Node],
) -> dict[Atom, str]:  # fmt: skip
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


def _leaves(named: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in named.items():
        if isinstance(value, Tensor | np.ndarray):
            yield name, value
        elif isinstance(value, dict | list | tuple):
            for path, leaf in tree.paths(value):
                if isinstance(leaf, Tensor | np.ndarray):
                    yield (f"{name}.{path}" if path else name), leaf


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
