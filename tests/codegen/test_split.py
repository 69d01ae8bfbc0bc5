"""What is long becomes parts that threads share, and what follows it does too."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.statements.fuse import Fused, fuse
from chainrule.codegen.statements.split import split_sums
from chainrule.codegen.statements.steps import steps_of
from tests.codegen.guarded import by_numpy, natively, optimized

SHAPE = (640, 513)


def kernels(f: Callable[..., Any], *inputs: Any) -> list[tuple[int, list[str]]]:
    """Of each kernel how many axes its rows have, and the kinds of its statements."""
    found = fuse(split_sums(steps_of(optimized(f, *inputs)[0]), lambda s: False))
    assert all(isinstance(item, Fused) for item in found)
    return [(item.rank, [s.kind for s in item.statements]) for item in found]


def drawn(dtype: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    if dtype == "bool":
        return rng.random(SHAPE) > 0.001
    if dtype.startswith("float"):
        return rng.standard_normal(SHAPE).astype(dtype)
    return rng.integers(-(10**6), 10**6, SHAPE).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32"])
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("name", ["max", "min"])
def test_extrema_in_parts_are_those_of_numpy(name: str, axis: int | None, dtype: str) -> None:
    x = drawn(dtype)
    graph, arrays = optimized(lambda x: getattr(cr, name)(x, axis=axis), x)
    (made,) = natively(graph, arrays)
    np.testing.assert_array_equal(made, getattr(np, name)(x, axis=axis))
    split = kernels(lambda x: getattr(cr, name)(x, axis=axis), x)
    assert split == ([(1, [name])] if axis == 1 else [(1, [name]), (0, [name])])


def test_a_part_with_nan_makes_the_whole_nan() -> None:
    x = drawn("float32")
    x[300, 17], x[5, 4] = np.nan, np.inf
    graph, arrays = optimized(lambda x: (cr.max(x), cr.max(x, axis=0)), x)
    whole, columns = natively(graph, arrays)
    assert np.isnan(whole)
    np.testing.assert_array_equal(columns, x.max(0))


@pytest.mark.parametrize("axis", [None, 0])
def test_any_and_all_in_parts_are_those_of_numpy(axis: int | None) -> None:
    x = drawn("bool")
    f = lambda x: (cr.any(x, axis=axis), cr.all(x, axis=axis))  # noqa: E731
    graph, arrays = optimized(f, x)
    some, every = natively(graph, arrays)
    np.testing.assert_array_equal(some, x.any(axis))
    np.testing.assert_array_equal(every, x.all(axis))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x / cr.sqrt(cr.sum(x * x)),
        lambda x: x - cr.max(x),
        lambda x: x / cr.sum(cr.abs(x)),
    ],
    ids=["norm", "maximum", "sum"],
)
def test_rows_that_need_a_number_of_all_elements_are_a_kernel_that_threads_share(
    f: Callable[..., Any],
) -> None:
    x = drawn("float64")
    parts, number, rows = kernels(f, x)
    assert (parts[0], number[0], rows) == (1, 0, (2, [""]))
    graph, arrays = optimized(f, x)
    for ours, expected in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-13)


def test_sums_of_what_needs_the_largest_element_are_shared_too() -> None:
    found = kernels(lambda x: cr.sum(cr.exp(x - cr.max(x))), drawn("float64"))
    assert found == [(1, ["max"]), (0, ["max"]), (1, ["sum"]), (0, ["sum"])]


def test_sums_of_channels_go_along_with_the_images_they_are_of() -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((66, 5, 30, 31)).astype("float32") for _ in range(2))

    def f(x: Any, y: Any) -> Any:
        made = cr.exp(cr.tanh(x))
        return made, cr.sum(cr.where(y > 0, made, 0), axis=(0, 2, 3))

    kinds = [own for _, own in kernels(f, x, y)]
    assert kinds[0] == ["", "sum"]
    graph, arrays = optimized(f, x, y)
    for got, wanted in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5)
