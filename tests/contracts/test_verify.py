"""Every graph that a case leads to is well formed: recorded, derived, batched, after each pass."""

import pytest

from chainrule import tree
from chainrule.autodiff.batch import batch
from chainrule.autodiff.linearize import linearize
from chainrule.autodiff.transpose import transpose
from chainrule.ir import build
from chainrule.ir.graph import Graph, Node
from chainrule.ir.show import show
from chainrule.ir.verify import verify
from chainrule.passes.pipeline import PIPELINE
from chainrule.recording import recording
from chainrule.tensors import Tensor, node_of, of_node, tensor
from tests.cases import ALL
from tests.cases.case import Case


def recorded(case: Case) -> Graph:
    """The graph of a case, with fresh names for its inputs, whose values are known."""
    with recording("a test", opaque=False) as opened:
        aliases = [build.alias(node_of(tensor(x), opened)) for x in case.draw()]
        leaves, _ = tree.flatten(case.function(*(of_node(a, opened) for a in aliases)))
        nodes = [node_of(leaf, opened) for leaf in leaves if isinstance(leaf, Tensor)]
    return Graph(tuple(aliases), tuple(nodes))


def directions(nodes: tuple[Node, ...]) -> dict[Node, Node]:
    return {n: build.parameter(n.shape, n.dtype) for n in nodes if n.dtype.is_float}


def gradient(graph: Graph) -> tuple[Graph, Graph]:
    """The graphs of the tangents and of the cotangents of a graph."""
    seeds = directions(graph.inputs)
    tangents = [t for t in linearize(graph.outputs, seeds) if t is not None]
    forward = Graph((*graph.inputs, *seeds.values()), tuple(tangents))
    cotangents = [build.parameter(t.shape, t.dtype) for t in tangents]
    made = transpose(tangents, cotangents, list(seeds.values()))
    reverse = Graph((*graph.inputs, *cotangents), tuple(m for m in made if m is not None))
    return forward, reverse


def verify_passes(graph: Graph) -> None:
    """Each pass leaves a well-formed graph with the same types at both ends."""
    for step in PIPELINE:
        made = step(graph)
        verify(made)
        assert [n.type for n in made.inputs] == [n.type for n in graph.inputs]
        assert [n.type for n in made.outputs] == [n.type for n in graph.outputs]
        graph = made


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_every_graph_of_a_case_is_well_formed(case: Case) -> None:
    graph = recorded(case)
    verify(graph)
    assert len(show(graph).splitlines()) >= len(graph.outputs)
    if case.orders >= 1:
        forward, reverse = gradient(graph)
        verify(forward)
        verify(reverse)
        if case.orders >= 2:
            for second in gradient(reverse):
                verify(second)
        verify_passes(reverse)
    verify_passes(graph)
    if case.batched:
        stacks = [build.parameter((2, *n.shape), n.dtype) for n in graph.inputs]
        table = dict(zip(graph.inputs, stacks, strict=True))
        floats = {n: s for n, s in table.items() if n.dtype.is_float}
        if floats:
            others = tuple(n for n in graph.inputs if n not in floats)
            made = batch(graph.outputs, floats, 2)
            verify(Graph((*others, *floats.values()), tuple(made)))
