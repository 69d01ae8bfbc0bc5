"""Views and their transposes against a slow interpreter of their definition."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.ir.primitives import Axis, Shape, View
from chainrule.runtime.views import accumulate_kernel, view_kernel


def places(view: View, shape: Shape) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """List the (result, operand) pairs of indices where the view reads inside the operand."""
    found = []
    for index in itertools.product(*map(range, view.shape)):
        source = tuple(a.offset + sum(step * index[o] for o, step in a.terms) for a in view.axes)
        if all(0 <= i < n for i, n in zip(source, shape, strict=True)):
            found.append((index, source))
    return found


def slow_view(view: View, array: np.ndarray) -> np.ndarray:
    """Read by the definition: result[o] = operand[offset + A o], zero outside."""
    result = np.zeros(view.shape, array.dtype)
    for index, source in places(view, array.shape):
        result[index] = array[source]
    return result


def slow_accumulate(view: View, shape: Shape, array: np.ndarray) -> np.ndarray:
    """Add each element where the view reads it."""
    result = np.zeros(shape, array.dtype)
    for index, source in places(view, shape):
        result[source] += array[index]
    return result


sizes = st.integers(0, 4)


@st.composite
def views(draw: st.DrawFn) -> tuple[View, Shape]:
    """Any view: windows, diagonals, negative steps, padding, repetition, empty axes."""
    shape = tuple(draw(st.lists(sizes, max_size=3)))
    result = tuple(draw(st.lists(sizes, max_size=4)))
    steps = st.sampled_from([-3, -2, -1, 1, 1, 1, 2, 3])
    terms = st.lists(st.tuples(st.integers(0, len(result) - 1), steps), max_size=2)
    axes = tuple(
        Axis(draw(st.integers(-3, 6)), tuple(draw(terms)) if result else ()) for _ in shape
    )
    return View(result, axes), shape


@st.composite
def simple_views(draw: st.DrawFn) -> tuple[View, Shape]:
    """Views in which each axis follows another one: slices, flips, pads, transposes, repeats."""
    result = tuple(draw(st.lists(sizes, max_size=4)))
    followed = draw(st.permutations(range(len(result))))[: draw(st.integers(0, len(result)))]
    steps = st.sampled_from([-2, -1, 1, 1, 1, 2])
    axes = [Axis(draw(st.integers(-2, 4)), ((o, draw(steps)),)) for o in followed]
    axes += [Axis(draw(st.integers(-1, 2)), ()) for _ in range(draw(st.integers(0, 1)))]
    return View(result, tuple(axes)), tuple(draw(sizes) for _ in axes)


def numbers(shape: Shape, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 100, shape)


def check(view: View, shape: Shape) -> None:
    """Compare both kernels with the definition, on contiguous and on strided arrays."""
    operand = numbers(shape, 1)
    cotangent = numbers(view.shape, 2)
    for turned in (False, True):
        x = operand[..., ::-1].copy()[..., ::-1] if turned and shape else operand
        before = x.copy()
        np.testing.assert_array_equal(view_kernel(view, shape)(x), slow_view(view, operand))
        np.testing.assert_array_equal(x, before)
    found = accumulate_kernel(view, shape)(cotangent)
    np.testing.assert_array_equal(found, slow_accumulate(view, shape, cotangent))
    assert view_kernel(view, shape)(operand).shape == view.shape
    assert found.shape == shape


@settings(max_examples=400)
@given(views())
def test_any_view_and_its_transpose_are_what_the_definition_says(drawn: tuple[View, Shape]) -> None:
    check(*drawn)


@settings(max_examples=400)
@given(simple_views())
def test_simple_views_and_their_transposes_are_what_the_definition_says(
    drawn: tuple[View, Shape],
) -> None:
    check(*drawn)


@settings(max_examples=100)
@given(views())
def test_accumulate_is_the_transpose_of_the_view(drawn: tuple[View, Shape]) -> None:
    view, shape = drawn
    x, y = numbers(shape, 1), numbers(view.shape, 2)
    left = np.sum(view_kernel(view, shape)(x) * y)
    right = np.sum(x * accumulate_kernel(view, shape)(y))
    assert left == right


A = Axis
NAMED = {
    "the diagonal": (View((3,), (A(0, ((0, 1),)), A(0, ((0, 1),)))), (3, 3)),
    "the diagonal of an empty matrix": (View((0,), (A(0, ((0, 1),)), A(0, ((0, 1),)))), (0, 0)),
    "windows with stride 2 and dilation 2": (View((3, 2), (A(-1, ((0, 2), (1, 2))),)), (5,)),
    "windows that overlap in two axes": (
        View((2, 2, 2, 2), (A(0, ((0, 1), (2, 1))), A(0, ((1, 1), (3, 1))))),
        (3, 3),
    ),
    "windows wider than the operand": (View((1, 5), (A(-2, ((0, 1), (1, 1))),)), (1,)),
    "an axis flipped": (View((4,), (A(3, ((0, -1),)),)), (4,)),
    "an axis padded on both sides": (View((6,), (A(-2, ((0, 1),)),)), (2,)),
    "an empty axis padded": (View((3,), (A(-1, ((0, 1),)),)), (0,)),
    "a step back beyond the front": (View((4,), (A(2, ((0, -1),)),)), (3,)),
    "a repeated axis": (View((2, 3), (A(0, ((1, 1),)),)), (3,)),
    "a size-1 axis repeated": (View((4, 3), (A(0, ()), A(0, ((1, 1),)))), (1, 3)),
    "a fixed index outside": (View((3,), (A(5, ()), A(0, ((0, 1),)))), (2, 3)),
    "a fixed index of an empty axis": (View((3,), (A(0, ()), A(0, ((0, 1),)))), (0, 3)),
    "a number repeated": (View((2, 2), ()), ()),
    "an axis that goes forward and back": (View((3,), (A(1, ((0, 1), (0, -1))),)), (3,)),
}


@pytest.mark.parametrize("name", NAMED)
def test_the_view_reads(name: str) -> None:
    check(*NAMED[name])


@pytest.mark.parametrize("dtype", ["bool", "uint8", "float32"])
def test_the_dtype_stays(dtype: str) -> None:
    view, shape = NAMED["windows with stride 2 and dilation 2"]
    assert view_kernel(view, shape)(np.ones(shape, dtype)).dtype == dtype
    assert accumulate_kernel(view, shape)(np.ones(view.shape, dtype)).dtype == dtype


def test_a_plain_view_copies_nothing() -> None:
    x = np.zeros((3, 4))
    for view in (
        View((4, 3), (A(0, ((1, 1),)), A(0, ((0, 1),)))),
        View((2, 4), (A(1, ((0, 1),)), A(3, ((1, -1),)))),
        View((5, 3, 4), (A(0, ((1, 1),)), A(0, ((2, 1),)))),
        View((3, 2, 3), (A(0, ((0, 1),)), A(0, ((1, 1), (2, 1))))),
    ):
        assert np.shares_memory(view_kernel(view, x.shape)(x), x)
