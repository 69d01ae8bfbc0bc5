"""A graph reads as a numbered listing."""

import numpy as np

from chainrule.ir import build
from chainrule.ir.dtype import bool_, float32, float64, int64, uint64
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import View
from chainrule.ir.show import show


def given(*shape: int) -> Node:
    return build.parameter(shape, float64)


def test_a_layer_reads_as_it_is_computed() -> None:
    x, w = build.parameter((4, 3), float64, "x"), given(3, 2)
    y = build.apply("tanh", build.matmul(x, w))
    assert show(Graph((x, w), (y,))) == (
        "inputs %0:f64[4,3](x) %1:f64[3,2]\n"
        '%2:f64[4,2] = einsum "ij,jk->ik" %0 %1\n'
        "%3:f64[4,2] = tanh %2\n"
        "outputs %3"
    )


def test_bodies_are_indented_and_numbered_on_their_own() -> None:
    x, inside = given(2), given(2)
    body = Graph((inside,), (build.negative(inside),))
    (y,) = build.block("layer", body, [x], barrier=True)
    total, slices = build.loop(
        Graph((inside, inside2 := given(2)), (build.add((inside, inside2)), inside)), [], [y],
        [build.expand(y, (5, 2), (1,))], 5, reverse=True,
    )[:2]  # fmt: skip
    (z,) = build.cond(build.fill(True, (), bool_), body, body, [total])
    assert show(Graph((x,), (z, slices))) == (
        "inputs %0:f64[2]\n"
        '%1:bundle = block "layer" barrier %0\n'
        "    inputs %0:f64[2]\n"
        "    %1:f64[2] = add -%0\n"
        "    outputs %1\n"
        "%2:f64[2] = project 0 %1\n"
        "%3:f64[5,2] = view [j] %2\n"
        "%4:bundle = loop length=5 constants=0 carries=1 reverse %2 %3\n"
        "    inputs %0:f64[2] %1:f64[2]\n"
        "    %2:f64[2] = add %0 %1\n"
        "    outputs %2 %0\n"
        "%5:f64[2] = project 0 %4\n"
        "%6:f64[5,2] = project 1 %4\n"
        "%7:bool[] = fill True\n"
        "%8:bundle = cond %7 %5\n"
        "  then\n"
        "    inputs %0:f64[2]\n"
        "    %1:f64[2] = add -%0\n"
        "    outputs %1\n"
        "  otherwise\n"
        "    inputs %0:f64[2]\n"
        "    %1:f64[2] = add -%0\n"
        "    outputs %1\n"
        "%9:f64[2] = project 0 %8\n"
        "outputs %9 %6"
    )


def test_every_other_primitive_has_a_line() -> None:
    x, mask = given(4, 3), build.parameter((4, 3), bool_)
    index = build.data(np.array([0, 2]))
    window = build.view(x, (2, 3), (build.Axis(-1, ((0, 2), (1, -1))), build.Axis(2, ())))
    assert isinstance(window.op, View)
    key = build.data(np.array([7, 0], np.uint64))
    nodes = [
        build.alias(x), build.data(np.arange(9.0)), build.iota(3), build.delta(3, float64),
        build.random(key, build.fill(1, (), uint64), (2,), uint64),
        build.select(mask, x, x), build.cast(x, float32), build.reduce("max", x, (0, 1)),
        build.reshape(x, (12,)), window, build.accumulate(window, window.op, (4, 3)),
        build.join([x, x], 1), build.gather(x, [index]),
        build.scatter(build.gather(x, [index]), [index], (4, 3)),
        build.print_("x is {}", x),
    ]  # fmt: skip
    lines = show(Graph((x, mask), tuple(nodes))).splitlines()
    assert [line.partition(" = ")[2] for line in lines[1:-1]] == [
        "data [0,2]",
        "view [2i-j-1, 2] %0",
        "data [7,0]",
        "alias %0",
        "data …",
        "iota",
        "delta",
        "fill 1",
        "random %4 %9",
        "select %1 %0 %0",
        "cast(float32) %0",
        "max axes=0,1 %0",
        "reshape %0",
        "accumulate [2i-j-1, 2] %3",
        "join axis=1 %0 %0",
        "gather %0 %2",
        "gather %0 %2",
        "scatter %18 %2",
        "print 'x is {}' %0",
    ]
    assert build.iota(3).dtype is int64
