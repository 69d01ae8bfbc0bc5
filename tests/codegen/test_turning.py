"""Copies that turn memory around: every element at its place, and no vector is gathered."""

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.kernels.turning import turn_of
from chainrule.codegen.program import compile_graph
from chainrule.codegen.statements.affine import Affine, variable
from chainrule.codegen.statements.loops import Guard, Load, Statement
from chainrule.ir import build
from chainrule.ir.dtype import float32
from tests.codegen.guarded import natively, optimized

TARGET = Target("x86_64-unknown-linux-gnu", "cascadelake", "", 512, 32, True)
COPIES = [
    ((64, 64), (1, 0)),
    ((100, 300), (1, 0)),
    ((16, 300), (1, 0)),
    ((9, 700), (1, 0)),
    ((128, 40, 3, 3), (1, 2, 3, 0)),
    ((128, 40, 3, 3), (0, 2, 3, 1)),
    ((4, 128, 4, 4), (0, 2, 3, 1)),
    ((7, 33, 19, 20), (0, 3, 1, 2)),
    ((17, 5, 31, 3), (2, 1, 3, 0)),  # too few lie together in what is read
]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize(("shape", "order"), COPIES, ids=str)
def test_every_element_is_at_its_place(
    shape: tuple[int, ...], order: tuple[int, ...], dtype: str
) -> None:
    x = np.arange(math.prod(shape)).reshape(shape).astype(dtype)
    graph, given = optimized(lambda x: cr.permute_dims(x, order), cr.tensor(x))
    (found,) = natively(graph, given)
    np.testing.assert_array_equal(found, x.transpose(order))


@pytest.mark.parametrize(("shape", "order"), COPIES[:-1], ids=str)
def test_nothing_is_gathered_or_scattered(shape: tuple[int, ...], order: tuple[int, ...]) -> None:
    x = cr.zeros(shape, dtype="float32")
    graph, _ = optimized(lambda x: cr.permute_dims(x, order), x)
    text = compile_graph(graph, TARGET).text
    assert "gather" not in text
    assert "scatter" not in text


def test_a_copy_that_ends_inside_of_its_target_goes_by_blocks_too() -> None:
    source, made = build.parameter((40, 128), float32), build.parameter((128, 48), float32)
    inside = Load(source, Affine(0, ((0, 1), (1, 128))), (Guard(variable(1), 40),), float32)
    turn = turn_of(TARGET, [Statement(made, made.shape, "", inside)])
    assert turn is not None
    assert (turn.along.last, turn.across.last, turn.present) == (0, 1, 40)
    other = inside._replace(guards=(Guard(variable(0), 100),))
    assert turn_of(TARGET, [Statement(made, made.shape, "", other)]) is None


def test_what_lies_alike_is_no_turn() -> None:
    x, y = build.parameter((128, 64), float32), build.parameter((128, 64), float32)
    load = Load(x, Affine(0, ((0, 64), (1, 1))), (), float32)
    assert turn_of(TARGET, [Statement(y, y.shape, "", load)]) is None
