"""verify finds what is wrong with a graph, and says where."""

from collections.abc import Callable

import numpy as np
import pytest

from chainrule.ir import build
from chainrule.ir.dtype import BUNDLE, DType, bool_, float32, float64, int64, uint32, uint64
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import (
    Add,
    Axis,
    Block,
    Cond,
    Delta,
    Einsum,
    Fill,
    Gather,
    Input,
    Iota,
    Join,
    Loop,
    Map,
    Primitive,
    Print,
    Project,
    Random,
    Reduce,
    Reshape,
    Scatter,
    Select,
    View,
)
from chainrule.ir.scalar import SCALARS
from chainrule.ir.subscripts import Subscripts
from chainrule.ir.verify import InvalidGraphError, verify

X = build.parameter((4, 3), float64, "x")
V = build.parameter((3,), float64)
NARROW = build.parameter((4, 3), float32)
MASK = build.parameter((4, 3), bool_)
INDEX = build.parameter((2,), int64)
KEY = build.parameter((2,), uint64)
FLAG = build.parameter((), bool_)
ALL = (X, V, NARROW, MASK, INDEX, KEY, FLAG)


def made(
    op: Primitive, *inputs: Node, shape: tuple[int, ...] = (4, 3), dtype: DType = float64
) -> Node:
    return Node(op, inputs, shape, dtype)


def body(*shapes: tuple[int, ...]) -> Graph:
    """The identity on values of these shapes."""
    inputs = tuple(build.parameter(s, float64) for s in shapes)
    return Graph(inputs, inputs)


def result(op: Primitive, *inputs: Node, index: int = 0, shape: tuple[int, ...] = (4, 3)) -> Node:
    return made(Project(index), made(op, *inputs, shape=(), dtype=BUNDLE), shape=shape)


SIN, EQUAL, CAST = Map(SCALARS["sin"]), Map(SCALARS["equal"]), Map(SCALARS["cast"], (float32,))
TRANSPOSED = View((3, 4), (Axis(0, ((1, 1),)), Axis(0, ((0, 1),))))

WRONG: dict[str, tuple[Callable[[], Node], str]] = {
    "shape": (lambda: made(SIN, X, shape=(4, 2)), "has type f64[4,2], should be f64[4,3]"),
    "dtype": (lambda: made(EQUAL, X, X), "has type f64[4,3], should be bool[4,3]"),
    "cast": (lambda: made(CAST, X), "has type f64[4,3], should be f32[4,3]"),
    "arity": (lambda: made(SIN, X, X), "has 2 operands, should have 1"),
    "domain": (lambda: made(SIN, MASK, dtype=bool_), "sin is not defined for bool"),
    "pointwise": (lambda: made(EQUAL, X, V), "operands differ: f64[4,3] and f64[3]"),
    "alias": (lambda: made(Input(), X, shape=(3,)), "has type f64[3], should be f64[4,3]"),
    "mask": (lambda: made(Select(), X, X, X), "the mask is no boolean of the same shape"),
    "signs": (lambda: made(Add((1, 2)), X, X), "signs (1, 2) are not all 1 or -1"),
    "bool sum": (
        lambda: made(Add((1, 1)), MASK, MASK, dtype=bool_), "is arithmetic of booleans",
    ),
    "fill": (lambda: made(Fill(1, (4, 3), float64)), "1 is no element of float64"),
    "iota": (lambda: made(Iota(3, bool_), shape=(3,)), "is arithmetic of booleans"),
    "delta": (lambda: made(Delta(3, float64)), "has type f64[4,3], should be f64[3,3]"),
    "key": (lambda: made(Random((4, 3), uint64), V, V), "a key is a uint64 of shape (..., 2)"),
    "counter": (lambda: made(Random((), uint32), KEY, V), "a counter is a uint64"),
    "keys": (
        lambda: made(Random((), uint32), KEY, KEY), "keys and counters have different batch axes",
    ),
    "left out": (
        lambda: made(Random((), uint32), KEY, build.fill(0, (), uint64), V),
        "what is left out is counted as a counter is",
    ),
    "bits": (
        lambda: made(Random((4, 3), float64), KEY, build.fill(0, (), uint64)),
        "there are no random bits of float64",
    ),
    "factors": (
        lambda: made(Einsum(Subscripts(((0, 1), (0, 1)), (0, 1))), X, NARROW),
        "the factors have several dtypes",
    ),
    "labels": (
        lambda: made(Einsum(Subscripts(((0,),), (0,))), X),
        "an operand has not as many axes as labels",
    ),
    "sizes": (
        lambda: made(Einsum(Subscripts(((0, 0),), (0,))), X), "label 0 has sizes 4 and 3",
    ),
    "repeated output": (
        lambda: made(Einsum(Subscripts(((0, 1),), (0, 0))), X),
        "a label occurs twice in the output",
    ),
    "output": (
        lambda: made(Einsum(Subscripts(((0, 1),), (0, 2))), X), "an output label is in no operand",
    ),
    "axes": (
        lambda: made(Reduce("max", (2,)), X), "axes (2,) are not axes of the operand",
    ),
    "argmax": (
        lambda: made(Reduce("argmax", (0, 1)), X, shape=(), dtype=int64),
        "argmax goes over one axis",
    ),
    "reshape": (lambda: made(Reshape((5,)), X), "the number of elements changes"),
    "view": (lambda: made(TRANSPOSED, V), "the view has not one entry for each operand axis"),
    "view axis": (lambda: made(View((3,), (Axis(0, ((1, 1),)),)), V), "the view has no axis 1"),
    "view step": (lambda: made(View((3,), (Axis(0, ((0, 0),)),)), V), "a step is 0"),
    "view size": (
        lambda: made(View((-3,), (Axis(0, ((0, 1),)),)), V), "an axis has a negative size",
    ),
    "accumulate": (
        lambda: build.accumulate(X, TRANSPOSED, (4, 3)),
        "the operand has not the shape of the view",
    ),
    "join axis": (lambda: made(Join(2), X, X), "the operands have no axis 2"),
    "join": (lambda: made(Join(0), X, V), "the operands differ on another axis"),
    "join dtype": (lambda: made(Join(0), X, NARROW), "the operands have several dtypes"),
    "index": (lambda: made(Gather(), X, V), "an index is no integer"),
    "no index": (lambda: made(Gather(), X), "0 indices for 2 axes"),
    "scatter": (
        lambda: made(Scatter((4, 3)), V, INDEX),
        "the updates do not have the shape of what they are added to",
    ),
    "print": (lambda: made(Print("hello")), "prints nothing"),
    "bundle": (
        lambda: made(SIN, made(Block("b", body((3,))), V, shape=(), dtype=BUNDLE)),
        "reads a bundle, as only project may",
    ),
    "project": (lambda: made(Project(0), X), "projects what is no bundle"),
    "result": (lambda: result(Block("b", body((3,))), V, index=1), "the bundle has 1 results"),
    "result type": (
        lambda: result(Block("b", body((3,))), V), "has type f64[4,3], should be f64[3]",
    ),
    "block": (
        lambda: result(Block("b", body((4, 3))), V), "operand 0 is f64[3], the body wants f64[4,3]",
    ),
    "block count": (
        lambda: result(Block("b", body((3,))), V, V), "has 2 operands, should have 1",
    ),
    "stack": (
        lambda: result(Loop(body((3,)), 0, 0, 5), X), "a stack has not the length 5",
    ),
    "carry": (
        lambda: result(Loop(Graph((a := body((3,), (4,))).inputs, a.outputs[::-1]), 0, 2, 2), V,
                       build.fill(0, (4,), float64)),
        "a carry changes its type",
    ),
    "predicate": (
        lambda: result(Cond(body((3,)), body((3,))), V, V), "the predicate is no boolean scalar",
    ),
    "branches": (
        lambda: result(Cond(body((3,)), Graph((v := build.parameter((3,), float64),),
                                              (build.sum_(v, (0,)),))), FLAG, V),
        "the branches have results of different types",
    ),
    "free input": (
        lambda: build.apply("sin", build.parameter((3,), float64)),
        "is an input from outside that is no formal input of its graph",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), WRONG.values(), ids=WRONG)
def test_a_malformed_node_is_named(make: Callable[[], Node], message: str) -> None:
    with pytest.raises(InvalidGraphError) as raised:
        verify(Graph(ALL, (make(),)))
    assert message in str(raised.value).splitlines()[0]


def test_the_message_lists_what_leads_to_the_mistake() -> None:
    w = build.parameter((3, 2), float64)
    wrong = made(SIN, build.matmul(X, w), shape=(2, 2))
    with pytest.raises(InvalidGraphError) as raised:
        verify(Graph((X, w), (build.negative(wrong),)))
    assert str(raised.value) == (
        "verify: %3: has type f64[2,2], should be f64[4,2]\n"
        "\n"
        "    %0:f64[4,3] = input(x)\n"
        "    %1:f64[3,2] = input\n"
        '    %2:f64[4,2] = einsum "ij,jk->ik" %0 %1\n'
        "  → %3:f64[2,2] = sin %2"
    )


def test_a_mistake_in_a_nested_body_is_found() -> None:
    free, inside = build.parameter((3,), float64), build.parameter((3,), float64)
    inner = Graph((inside,), (build.add((inside, free)),))
    middle = build.parameter((3,), float64)
    outer = Graph((middle,), tuple(build.block("inner", inner, [middle])))
    with pytest.raises(InvalidGraphError, match="no formal input of its graph"):
        verify(Graph((V,), tuple(build.block("outer", outer, [V]))))


def test_operands_come_before_their_users() -> None:
    early = build.apply("sin", V)
    late = build.apply("cos", V)
    early.inputs = (late,)
    with pytest.raises(InvalidGraphError, match="an operand was made after its user"):
        verify(Graph((V,), (early,)))


def test_the_ends_of_a_graph_are_values() -> None:
    bundle = made(Block("b", body((3,))), V, shape=(), dtype=BUNDLE)
    with pytest.raises(InvalidGraphError, match="is an input or output of a graph"):
        verify(Graph((V,), (bundle,)))
    with pytest.raises(InvalidGraphError, match="a formal input twice"):
        verify(Graph((V, V), (V,)))


def test_any_node_may_be_a_formal_input_and_constants_stand_anywhere() -> None:
    middle = build.apply("sin", build.parameter((3,), float64))
    constant = build.data(np.ones(3))
    verify(Graph((middle,), (build.add((middle, constant)), build.iota(2))))


def test_the_build_functions_agree() -> None:
    half = build.slice_axis(X, 0, 1, 2)
    nodes = [
        build.matmul(X, build.transpose(X, (1, 0))), half, build.flip(X, 1),
        build.broadcast(V, (4, 3)), build.scatter(half, [INDEX], (4, 3)),
        build.gather(X, [INDEX]), build.random(KEY, build.fill(3, (), uint64), (2, 2), uint32),
        build.join([X, half], 0), build.reduce("any", MASK, (0,)), build.scale(X, 2.0),
        build.select(MASK, X, build.zeros_like(X)), build.delta(3, float32), build.cast(X, int64),
        *build.cond(FLAG, body((3,)), body((3,)), [V]), *build.block("b", body((3,)), [V]),
        *build.loop(body((3,), (3,)), [], [V], [X], 4),
    ]  # fmt: skip
    verify(Graph(ALL, tuple(nodes)))
