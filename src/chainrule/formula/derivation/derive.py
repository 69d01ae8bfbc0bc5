"""Derivatives of a recorded function as polys: gradients by reverse mode, others from tangents.

A Jacobian is read off a tangent: in dy = Σ ∂y/∂x · dx every term has the direction dx once, and
what stands beside it, with dx's labels set free, is the derivative. A Hessian is a gradient's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from chainrule.algebra.index import Poly, constant
from chainrule.algebra.lower import Lowering, Twins
from chainrule.algebra.signs import lowered
from chainrule.algebra.sizes import Sizes
from chainrule.autodiff.cotangents import with_stand_ins
from chainrule.autodiff.linearize import linearize
from chainrule.formula.derivation.direction import DIRECTION, read_off
from chainrule.formula.derivation.hidden import ACTIVATIONS, named
from chainrule.formula.derivation.recognize import factored_matrices, recognized
from chainrule.ir import build
from chainrule.ir.graph import Graph, Node, ancestors
from chainrule.ir.primitives import Add, Block, Data, Einsum, Fill, Input, Map, Reshape, View
from chainrule.transform.trace import Trace

__all__ = ["Derivation"]

_LONG = 1000  # operations written out, which double with each layer that adds to the last


class Derivation:
    """A function recorded at several sizes, and the polys of its values and derivatives."""

    def __init__(
        self,
        traces: Sequence[Trace],
        sizes: Sizes,
        facts: Mapping[str, frozenset[str]],
        own: str | None = None,
        expand: bool = False,
    ) -> None:
        self.traces = traces = [_recognized(t) for t in traces]
        first = traces[0]
        for node in factored_matrices(first.graph):
            if node in first.names:
                known = facts.get(first.names[node], frozenset())
                facts = {**facts, first.names[node]: known | {"spd", "symmetric"}}
        seeds = [[build.fill(1, n.shape, n.dtype) for n in t.graph.outputs] for t in traces]
        made = [with_stand_ins(t.graph, s) for t, s in zip(traces, seeds, strict=True)]
        self.cotangents = [c for c, _ in made]
        self.stand_ins = [s for _, s in made]
        names = {self.stand_ins[0].get(n, n): name for n, name in first.names.items()}
        names |= {s.inputs[0]: names[s] for s in list(names) if isinstance(s.op, Add)}
        names |= first.names
        outputs = [self.stand_ins[0][n] for n in first.graph.outputs]
        inputs = {first.names.get(n) for n in first.graph.inputs}
        names = {
            n: name for n, name in names.items() if n not in outputs or n in first.graph.inputs
        }
        if expand:
            names = {n: name for n, name in names.items() if name in inputs}
        if own is not None:
            first_output = first.graph.outputs[0]
            stand_in = self.stand_ins[0][first_output]
            names |= dict.fromkeys([first_output, stand_in, stand_in.inputs[0]], own)
        self.sizes, self.names, self.facts = sizes, names, facts
        self.forward = frozenset(ancestors(outputs))
        self.beside = [] if expand else _beside(traces)
        self.lowering = self._lowering({})

    def _lowering(self, more: Mapping[Node, str]) -> Lowering:
        return Lowering(self.sizes, {**self.names, **more}, self.forward, facts=self.facts)

    def deltas(self) -> list[tuple[Node, str]]:
        """The gradients at pre-activations with the names δ₁, δ₂, …; δA and δS at attention."""
        graph, gradients = self.traces[0].graph, self.cotangents[0]
        found: list[tuple[Node, str]] = []
        users = _users(graph)
        order = [n for n in graph.nodes() if _is_pre_activation(n, users) and n in gradients]
        number = 0
        for node in order:
            weights = _attention(node, users)
            name = None if weights is None else self.names.get(weights)
            if weights is not None and name is not None and weights in gradients:
                scores = _unscaled(node)
                found += [(gradients[weights], f"δ{name}"), (gradients[scores], "δS")]
            else:
                number += 1
                found.append((gradients[node], f"δ{lowered(str(number))}"))
        taken = set(self.names.values())
        return [(node, name) for node, name in found if name not in taken]

    def name_deltas(self, chosen: Sequence[tuple[Node, str]]) -> None:
        """Lower again, with these gradients as names."""
        self.lowering = self._lowering(dict(chosen))

    def input(self, name: str) -> Twins:
        """The input of this name in each recording."""
        return tuple(next(n for n in t.graph.inputs if t.names.get(n) == name) for t in self.traces)

    def value(self) -> Poly:
        """The function itself; what the user named beside it is defined too."""
        found = self.lowering.lower(
            tuple(s[t.graph.outputs[0]] for s, t in zip(self.stand_ins, self.traces, strict=True))
        )
        for twins in self.beside:
            self.lowering.lower(twins)
        return found

    def is_long(self, name: str) -> bool:
        """Whether the gradient is told block by block, as that of residual layers."""
        return self.length(name) > _LONG

    def length(self, name: str) -> int:
        """How many operations the gradient has if what has no name is written out each time."""
        nodes = self._gradient_nodes(name)
        lengths: dict[Node, int] = {}
        for node in () if nodes is None else ancestors(nodes[:1]):
            inner = () if node in self.names else node.inputs
            lengths[node] = 1 + sum(lengths[n] for n in inner)
        return 0 if nodes is None else lengths[nodes[0]]

    def _gradient_nodes(self, name: str) -> Twins | None:
        found = [c.get(n) for c, n in zip(self.cotangents, self.input(name), strict=True)]
        return None if found[0] is None else tuple(found)  # type: ignore[arg-type]

    def gradient(self, name: str) -> Poly:
        """∂f/∂name, in the layout of the variable."""
        nodes = self._gradient_nodes(name)
        if nodes is None:
            return constant(Fraction(0), self.lowering.dims(self.input(name)))
        self.value()
        return self.lowering.simplest(self.lowering.lower(nodes))

    def hessian(self, name: str, other: str) -> Poly:
        """∂²f/∂name ∂other, with the labels of name first."""
        nodes = self._gradient_nodes(name)
        dims = self.lowering.dims(self.input(name)) + self.lowering.dims(self.input(other))
        if nodes is None:
            return constant(Fraction(0), dims)
        self.value()
        return self._along(nodes, other, dims)

    def jacobian(self, name: str) -> Poly:
        """∂y/∂name, with the labels of y first."""
        nodes = tuple(t.graph.outputs[0] for t in self.traces)
        self.value()
        dims = self.lowering.dims(nodes) + self.lowering.dims(self.input(name))
        moved = tuple(s[n] for s, n in zip(self.stand_ins, nodes, strict=True))
        return self._along(moved, name, dims)

    def _along(self, nodes: Twins, name: str, dims: tuple[str, ...]) -> Poly:
        tangents: list[Node] = []
        for node, source in zip(nodes, self.input(name), strict=True):
            direction = build.parameter(source.shape, source.dtype, DIRECTION)
            (tangent,) = linearize([node], {source: direction})
            if tangent is None:
                return constant(Fraction(0), dims)
            tangents.append(tangent)
        lowering = self.lowering
        poly = lowering.lower(tuple(tangents))
        return lowering.simplest(read_off(poly, dims, lowering.definitions))


def _beside(traces: Sequence[Trace]) -> list[Twins]:
    """What the user named and the function does not use, as p in a loss of logits."""
    used = set(traces[0].graph.nodes())
    values = [{name: n for n, name in t.names.items()} for t in traces]
    names = [name for n, name in traces[0].names.items()
             if n not in used and n.dtype.is_float and _is_elementary(n)]  # fmt: skip
    return [tuple(v[name] for v in values) for name in names if all(name in v for v in values)]


def _is_elementary(node: Node) -> bool:
    """Whether a value is made of products, sums and functions of elements."""
    plain = Input | Fill | Data | Map | Add | Einsum | View | Reshape
    return all(isinstance(n.op, plain) for n in ancestors((node,)))


def _recognized(found: Trace) -> Trace:
    graph, done = recognized(found.graph)
    names = {done.get(n, n): name for n, name in named(found).items()}
    return Trace(graph, names, found.lines, found.axes)


def _users(graph: Graph) -> dict[Node, list[Node]]:
    users: dict[Node, list[Node]] = {}
    for node in graph.nodes():
        for operand in node.inputs:
            users.setdefault(operand, []).append(node)
    return users


def _is_pre_activation(node: Node, users: Mapping[Node, Sequence[Node]]) -> bool:
    """Whether an affine value goes into an activation."""
    affine = isinstance(node.op, Einsum | Add | View | Reshape) or _is_scaled(node)
    return affine and node.ndim > 0 and any(_is_activation(u) for u in users.get(node, []))


def _is_scaled(node: Node) -> bool:
    return isinstance(node.op, Map) and node.op.record.name == "divide"


def _unscaled(node: Node) -> Node:
    """The product under a division by a number: the scores QKᵀ of QKᵀ/√d."""
    while _is_scaled(node):
        node = node.inputs[0]
    return node


def _is_activation(node: Node) -> bool:
    if isinstance(node.op, Block):
        return node.op.name in ("softmax", "log_softmax")
    return isinstance(node.op, Map) and node.op.record.name in ACTIVATIONS


def _attention(node: Node, users: Mapping[Node, Sequence[Node]]) -> Node | None:
    """The softmax of this node, if its values weight others in a product."""
    blocks = [n for n in users.get(node, []) if isinstance(n.op, Block) and n.op.name == "softmax"]
    for result in [n for block in blocks for n in users.get(block, [])]:
        if any(isinstance(u.op, Einsum) and len(u.inputs) > 1 and u.ndim > 1
               for u in users.get(result, [])):  # fmt: skip
            return result
    return None
