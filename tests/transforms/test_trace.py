"""trace: names, lines, axes and cotangents beside the graph."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ir.graph import Graph
from chainrule.runtime.reference import Program


def loss(W: "d k", b: "k", X: "n d", Y: "n k"):  # noqa: F722, F821
    Z = X @ W + b
    H = cr.relu(Z)
    return cr.mean((H - Y) * (H - Y))


ARGUMENTS = (cr.ones((3, 2)), cr.ones(2), cr.ones((4, 3)), cr.zeros((4, 2)))


def node_named(traced, name):
    return next(n for n, found in traced.names.items() if found == name)


def test_names_are_those_of_arguments_and_locals():
    traced = cr.trace(loss)(*ARGUMENTS)
    assert {"W", "b", "X", "Y", "Z", "H"} <= set(traced.names.values())
    assert node_named(traced, "H").op.record.name == "relu"


def test_parameters_of_trees_are_named_by_their_paths():
    traced = cr.trace(lambda p: p["w"] * p["b"][0])({"w": cr.ones(2), "b": (cr.ones(2),)})
    assert {"p.w", "p.b.0"} <= set(traced.names.values())


def test_axes_are_carried_through_the_graph():
    traced = cr.trace(loss)(*ARGUMENTS)
    assert traced.axes[node_named(traced, "Z")] == ("n", "k")
    assert traced.axes[node_named(traced, "H")] == ("n", "k")


def test_a_name_with_two_sizes_is_an_error():
    with pytest.raises(ShapeError) as caught:
        cr.trace(loss)(cr.ones((3, 2)), cr.ones(1), cr.ones((4, 3)), cr.zeros((4, 2)))
    assert str(caught.value) == "axis 'k' has two sizes, 2 in W and 1 in b"


def test_different_names_must_not_meet():
    def f(x: "n", y: "m"):  # noqa: F821
        return x + y

    with pytest.raises(ShapeError, match="axis 'n' meets axis 'm'"):
        cr.trace(f)(cr.ones(3), cr.ones(3))


def test_the_listing_shows_names_and_lines():
    text = str(cr.trace(loss)(*ARGUMENTS))
    assert "# Z   test_trace.py:" in text


def test_every_node_has_its_cotangent():
    traced = cr.trace(loss)(*ARGUMENTS)
    found = traced.cotangents()
    wanted = [found[node_named(traced, name)] for name in ("W", "H", "Z")]
    program = Program(Graph(traced.graph.inputs, tuple(wanted)))
    gradient, by_hidden, by_score = program(*(a.numpy() for a in ARGUMENTS))
    np.testing.assert_allclose(gradient, cr.grad(loss)(*ARGUMENTS).numpy())
    hidden = np.full((4, 2), 4.0)
    np.testing.assert_allclose(by_hidden, 2 * hidden / 8)
    np.testing.assert_allclose(by_score, by_hidden)


def test_cotangents_need_one_number():
    with pytest.raises(ArgumentError, match="no single floating-point number"):
        cr.trace(lambda x: x)(cr.ones(2)).cotangents()


def test_postponed_annotations_are_read_too():
    def f(x):
        return x

    f.__annotations__["x"] = "'n d'"
    traced = cr.trace(f)(cr.ones((2, 3)))
    assert traced.axes[node_named(traced, "x")] == ("n", "d")
