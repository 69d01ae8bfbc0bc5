"""What reductions, searches, sorts and running sums say, word for word."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, RecordingError, ShapeError
from chainrule.functions import cumulative, reduction, searching, sets, sorting
from chainrule.tensors import tensor
from chainrule.transform import jit, vmap
from tests.errors.raised import message

MATRIX = tensor(np.zeros((2, 3)))


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "std", "max", "min", "any", "all"])
def test_an_axis_that_does_not_exist(name: str) -> None:
    assert message(ShapeError, lambda: getattr(cr, name)(MATRIX, axis=2)) == (
        f"{name}: there is no axis 2\n"
        "\n"
        f"    {'bool' if name in ('any', 'all') else 'f64'}[2, 3]\n"
        "\n"
        "  Axes are 0 to 1, or -2 to -1 counted from the last."
    )


@pytest.mark.parametrize("name", ["sum", "mean", "max"])
def test_an_axis_given_twice(name: str) -> None:
    assert message(ShapeError, lambda: getattr(cr, name)(MATRIX, axis=(1, -1))) == (
        f"{name}: axis 1 is given twice in (1, -1)\n\n    f64[2, 3]"
    )


@pytest.mark.parametrize(
    "function",
    [reduction.max, reduction.min, searching.argmax, searching.argmin, sorting.median],
    ids=lambda f: f.__name__,
)
def test_an_extremum_of_nothing(function: Callable[..., Any]) -> None:
    name = function.__name__
    for run in (function, jit(lambda x: function(x, axis=1))):
        place = "" if run is function else "   made at"
        text = message(ArgumentError, lambda run=run: run(tensor(np.zeros((3, 0)))))
        assert text.startswith(f"{name}: axis 1 has no elements\n\n    f64[3, 0]{place}")
        assert text.endswith(f"\n\n  There is no {name} of nothing.")


def test_nonzero_of_a_number() -> None:
    assert message(ShapeError, lambda: searching.nonzero(1.0)) == (
        "nonzero: a Tensor with no axes has no indices\n\n    f64[]"
    )


@pytest.mark.parametrize("transform", [jit, vmap])
@pytest.mark.parametrize(
    "function", [searching.nonzero, sets.unique_all, sets.unique_counts, sets.unique_inverse,
                 sets.unique_values], ids=lambda f: f.__name__,
)  # fmt: skip
def test_a_shape_that_depends_on_unknown_values(
    transform: Callable[..., Any], function: Callable[..., Any]
) -> None:
    name, kind = function.__name__, transform.__name__

    def called(x: Any) -> Any:
        y = reduction.sum(x, axis=-1, keepdims=True)
        return function(y)

    line = called.__code__.co_firstlineno + 1
    shape = "2, 1" if transform is jit else "1"
    assert message(RecordingError, lambda: transform(called)(MATRIX)) == (
        f"{name}: the shape of the result depends on values that are not known while {kind} "
        "records\n"
        "\n"
        f"    f64[{shape}]   made at test_reduction.py:{line} (called)\n"
        "\n"
        f"  Call {name} outside {kind}, or keep the shape and choose with cr.where."
    )


def test_a_side_that_is_none() -> None:
    assert (
        message(
            ArgumentError,
            lambda: searching.searchsorted(tensor([1.0]), 2.0, side="middle"),  # type: ignore[arg-type]
        )
        == "searchsorted: side is 'left' or 'right', not 'middle'"
    )


def test_a_sorted_row_with_two_axes() -> None:
    assert message(ShapeError, lambda: searching.searchsorted(MATRIX, 2.0)) == (
        "searchsorted: x1 has 2 axes, but a sorted row has one\n\n    f64[2, 3]"
    )


def test_a_sorter_of_another_length() -> None:
    row = tensor([1.0, 2.0])
    assert message(
        ShapeError, lambda: searching.searchsorted(row, 2.0, sorter=tensor([0, 1, 2]))
    ) == (
        "searchsorted: the sorter has another shape than x1\n"
        "\n"
        "    x1      f64[2]\n"
        "    sorter  i64[3]"
    )


@pytest.mark.parametrize("function", [sorting.sort, sorting.argsort], ids=lambda f: f.__name__)
def test_sorting_a_number(function: Callable[..., Any]) -> None:
    assert message(ShapeError, lambda: function(1.0)) == (
        f"{function.__name__}: there is no axis -1\n\n    f64[]\n\n  It has no axes."
    )


@pytest.mark.parametrize("k", [-1, 4])
def test_more_or_fewer_elements_than_there_are(k: int) -> None:
    assert message(ArgumentError, lambda: sorting.topk(MATRIX, k)) == (
        f"topk: {k} elements of an axis of 3\n"
        "\n"
        "    f64[2, 3]\n"
        "\n"
        "  k lies between 0 and the size of the axis."
    )


def test_a_fraction_outside_0_to_1() -> None:
    assert message(ArgumentError, lambda: sorting.quantile(MATRIX, 1.5)) == (
        "quantile: q lies between 0 and 1, and Tensor(1.5) does not"
    )


@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
def test_a_running_sum_along_which_axis(name: str) -> None:
    assert message(ShapeError, lambda: getattr(cumulative, name)(MATRIX)) == (
        f"{name}: which axis?\n"
        "\n"
        "    f64[2, 3]\n"
        "\n"
        "  The axis may be left out for a Tensor with one axis only."
    )


def test_a_negative_number_of_differences() -> None:
    assert message(ArgumentError, lambda: cumulative.diff(MATRIX, n=-1)) == (
        "diff: n counts differences and cannot be -1"
    )


def test_ends_that_do_not_fit() -> None:
    assert message(ShapeError, lambda: cumulative.diff(MATRIX, prepend=np.zeros((3, 1)))) == (
        "diff: what is joined to x has other sizes than x\n"
        "\n"
        "    f64[3, 1]\n"
        "    f64[2, 3]\n"
        "\n"
        "  Sizes may differ on axis 1 only."
    )
