"""Names for hidden values: what an activation gives to the next product.

A local variable that is bound again and again, as the state of a recurrent network, has its name
for its last value; the ones before it are h₁, h₂, …. Activations that were never named are h₁, …
too (H₁, … if they are matrices) where one stands inside of another: written out, the first layer
would stand in the formula once for every layer above it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chainrule.algebra.signs import lowered, with_plain_digits
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import Einsum, Map, Reshape, View
from chainrule.transform.trace import Trace

__all__ = ["ACTIVATIONS", "named"]

ACTIVATIONS = frozenset({"relu", "tanh", "sigmoid", "softplus", "erf", "ndtr"})


def named(found: Trace) -> dict[Node, str]:
    """The names of a program's values: the user's, and those of hidden values.

    A parameter keeps its name; what is bound to it later gets a number.
    """
    graph = found.graph
    arguments = {found.names[n] for n in graph.inputs if n in found.names}
    again = [n for n in graph.nodes()
             if n not in graph.inputs and found.names.get(n) in arguments]  # fmt: skip
    kept = {n: name for n, name in found.names.items() if n not in again}
    hidden = [n for n in _between_products(graph) if n not in kept]
    inner = _inside_of_others(graph, hidden)
    letters: dict[Node, str] = {}
    for node in graph.nodes():
        name = found.names.get(node) if node in again else None
        if name is None and node in hidden:
            name = found.earlier.get(node) or ("hH"[node.ndim > 1] if node in inner else None)
        if name is not None:
            letters[node] = name
    return {**kept, **_numbered(letters, kept)}


def _numbered(letters: Mapping[Node, str], kept: Mapping[Node, str]) -> dict[Node, str]:
    """The values of each name with numbers, in the program's order, beside the names in use."""
    taken = {with_plain_digits(name) for name in kept.values()}
    made: dict[Node, str] = {}
    last = dict.fromkeys(letters.values(), 0)
    for node, name in letters.items():
        last[name] += 1
        while f"{name}{last[name]}" in taken:
            last[name] += 1
        made[node] = name + lowered(str(last[name]))
    return made


def _between_products(graph: Graph) -> list[Node]:
    """What comes out of an activation and goes into a product with something else."""
    read = set(_read_by_products(graph))
    return [n for n in graph.nodes() if n in read and n.ndim and isinstance(n.op, Map)
            and n.op.record.name in ACTIVATIONS]  # fmt: skip


def _read_by_products(graph: Graph) -> Iterator[Node]:
    """What contractions of two values read, also if it is turned or reshaped on the way."""
    for node in graph.nodes():
        if isinstance(node.op, Einsum) and len(set(node.inputs)) > 1 and _contracts(node.op):
            for operand in node.inputs:
                yield operand
                while isinstance(operand.op, View | Reshape):
                    operand = operand.inputs[0]
                    yield operand


def _contracts(op: Einsum) -> bool:
    labels = {i for labels in op.subscripts.inputs for i in labels}
    return labels > set(op.subscripts.output)


def _inside_of_others(graph: Graph, hidden: list[Node]) -> set[Node]:
    """Those of the hidden values that depend on another one, or that another one depends on."""
    below: dict[Node, frozenset[Node]] = {}
    found: set[Node] = set()
    for node in graph.nodes():
        reached = frozenset[Node]().union(*(below.get(n, ()) for n in node.inputs))
        if node in hidden:
            found |= {node, *reached} if reached else set()
            reached |= {node}
        below[node] = reached
    return found
