"""Arguments of jitted functions that are part of the program."""

import warnings
from dataclasses import dataclass

import pytest

import chainrule as cr
from chainrule.errors import ArgumentError

X = cr.tensor([1.0, 2.0])


@dataclass(frozen=True)
class Settings:
    scale: float
    times: int


@dataclass(frozen=True)
class Fields:
    weights: dict[str, cr.Tensor]


class Plain:
    scale = 3.0


def test_equal_frozen_dataclasses_are_one_recording():
    f = cr.jit(lambda x, s: s.times * s.scale * x)
    for _ in range(4):
        assert f(X, Settings(2.0, 3)).tolist() == [6.0, 12.0]
    assert f.recordings == 1


def test_a_frozen_dataclass_with_tensors_is_refused():
    with pytest.raises(ArgumentError) as caught:
        cr.jit(lambda x, p: p.weights["a"] * x)(X, Fields({"a": X}))
    assert str(caught.value) == (
        "jit: an argument holds a Fields, which is neither a Tensor nor hashable\n\n"
        "  Tensors and floats may change from call to call; everything else is part of the "
        "program\n  and must be hashable.\n\n"
        "  A dataclass is no tree of its own: as class Fields(cr.nn.Module), whose fields stay "
        "as\n  they are, it becomes one. Tuples, lists, dicts and named tuples are trees too."
    )


@dataclass(frozen=True)
class Weight:
    weight: cr.Tensor


def test_so_is_one_that_is_hashable():
    with pytest.raises(ArgumentError, match="a dataclass that holds Tensors and is no Module"):
        cr.jit(lambda x, p: p.weight * x)(X, Weight(X))


def test_a_count_that_is_recorded_each_time_is_told_once():
    f = cr.jit(lambda x, k: k * x)
    for k in range(15):
        f(X, k)
    with pytest.warns(RuntimeWarning) as caught:
        f(X, 15)
    (told,) = caught
    assert str(told.message) == (
        "jit: <lambda> was recorded 16 times, once for each int that argument 1 was; a number "
        "that changes from call to call is a Tensor, cr.tensor(k), or a float"
    )
    assert told.filename == __file__
    f(X, 16)


def test_so_are_objects_that_are_compared_by_identity():
    def f(x, options):
        return options["plain"].scale * x

    jitted = cr.jit(f)
    for _ in range(15):
        jitted(X, options={"plain": Plain()})
    with pytest.warns(RuntimeWarning, match="the argument options at plain was; make it once"):
        jitted(X, options={"plain": Plain()})


def test_many_shapes_are_no_reason_to_warn():
    f = cr.jit(lambda x, k: k * x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for k in range(20):
            f(cr.ones(1 + k), k)
