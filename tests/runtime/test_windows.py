"""Contractions with windows, cut into blocks, against NumPy's own loops."""

import itertools
from typing import Any

import numpy as np
import pytest

from chainrule.ir.primitives import Axis, View
from chainrule.ir.subscripts import canonical
from chainrule.runtime import windows
from chainrule.runtime.contraction import einsum_kernel
from chainrule.runtime.views import accumulate_kernel, view_kernel
from chainrule.runtime.windows import overlaps, reduce_windows
from tests.runtime.test_views import slow_accumulate

N, C, F = 5, 3, 4
"""Examples, channels and filters; the labels are n c f h w r s = 0 … 6."""


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut what a test can hold."""
    monkeypatch.setattr(windows, "_LARGE", 1)
    monkeypatch.setattr(windows, "_BLOCK", 2000)


def image_windows(size: int, kernel: int, padding: int, stride: int, flip: bool = False) -> Any:
    """The windows n c r s h w of images of whole numbers."""
    count = (size + 2 * padding - kernel) // stride + 1
    images = np.random.default_rng(0).integers(-9, 9, (N, C, size, size)).astype(float)
    step, first = (-1, kernel - 1 - padding) if flip else (1, -padding)
    axes = (
        Axis(0, ((0, 1),)),
        Axis(0, ((1, 1),)),
        Axis(first, ((4, stride), (2, step))),
        Axis(first, ((5, stride), (3, step))),
    )
    return view_kernel(View((N, C, kernel, kernel, count, count), axes), images.shape)(images)


ONE_STEP = [(8, 3, 1, 1), (8, 3, 0, 1), (5, 5, 2, 1), (6, 1, 0, 1)]
SETTINGS = [
    *itertools.product(ONE_STEP, [False, True]),
    ((9, 3, 1, 2), False),
    ((7, 2, 1, 3), False),
]
"""Sizes of image and kernel, padding and stride, and whether windows are read backward."""
PRODUCTS = [
    ("values", (2, 1, 5, 6), (0, 1, 5, 6, 3, 4), (0, 2, 3, 4)),
    ("values, places first", (2, 1, 5, 6), (0, 1, 5, 6, 3, 4), (0, 3, 4, 2)),
    ("values of single channels", (1, 5, 6), (0, 1, 5, 6, 3, 4), (0, 1, 3, 4)),
    ("derivative by the kernel", (0, 2, 3, 4), (0, 1, 5, 6, 3, 4), (2, 1, 5, 6)),
    ("derivative by the kernel, turned", (0, 2, 3, 4), (0, 1, 5, 6, 3, 4), (6, 1, 2, 5)),
    ("sum over the examples", (0, 2), (0, 1, 5, 6, 3, 4), (1, 2, 4, 3)),
    ("one filter for each example", (0, 2, 1, 5, 6), (0, 1, 5, 6, 3, 4), (0, 2, 3, 4)),
]


@pytest.mark.parametrize(("setting", "flip"), SETTINGS, ids=str)
@pytest.mark.parametrize(("name", "other", "own", "output"), PRODUCTS, ids=[p[0] for p in PRODUCTS])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_product_with_windows_is_that_of_numpy(
    setting: tuple[int, int, int, int],
    name: str,
    other: tuple[int, ...],
    own: tuple[int, ...],
    output: tuple[int, ...],
    flip: bool,
    swapped: bool,
) -> None:
    view = image_windows(*setting, flip=flip)
    sizes = dict(zip(own, view.shape, strict=True)) | {2: F}
    shape = tuple(sizes[n] for n in other)
    factor = np.random.default_rng(1).integers(-9, 9, shape).astype(float)
    operands, labels = ([factor, view], [other, own])
    if swapped:
        operands, labels = operands[::-1], labels[::-1]
    made = einsum_kernel(canonical(tuple(labels), output))(*operands)
    expected = np.einsum(factor, list(other), view, list(own), list(output))
    np.testing.assert_array_equal(made, expected)


def test_windows_overlap_and_their_images_do_not() -> None:
    view = image_windows(8, 3, 1, 1)
    assert overlaps(view)
    assert not overlaps(np.ascontiguousarray(view))
    assert not overlaps(np.ascontiguousarray(view).transpose(3, 1, 0, 2, 5, 4))
    assert not overlaps(image_windows(6, 1, 0, 1))


def test_no_element_outside_of_the_images_is_read() -> None:
    """A gap behind the last row would lie outside of the array."""
    memory = np.full(4 * 6 * 6 + 50, np.nan)
    images = memory[: 4 * 6 * 6].reshape(1, 4, 6, 6)
    images[...] = np.random.default_rng(0).standard_normal(images.shape)
    axes = (
        Axis(0, ((0, 1),)),
        Axis(0, ((1, 1),)),
        Axis(0, ((4, 1), (2, 1))),
        Axis(0, ((5, 1), (3, 1))),
    )
    view = view_kernel(View((1, 4, 3, 3, 4, 4), axes), images.shape)(images)
    weight = np.ones((2, 4, 3, 3))
    labels = ((2, 1, 5, 6), (0, 1, 5, 6, 3, 4))
    made = einsum_kernel(canonical(labels, (0, 2, 3, 4)))(weight, view)
    assert np.isfinite(made).all()


@pytest.mark.parametrize("axes", [(4, 5), (2,), (0, 3), (2, 4), (1, 2, 3, 4, 5)])
@pytest.mark.parametrize("ufunc", [np.maximum, np.minimum, np.add])
def test_short_axes_are_reduced_as_numpy_does(ufunc: np.ufunc, axes: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(-9, 9, (3, 4, 2, 3, 2, 3)).astype("float32")
    made = reduce_windows(ufunc, array, axes)
    np.testing.assert_array_equal(made, ufunc.reduce(array, axis=axes))
    assert made.dtype == np.float32


def test_a_maximum_of_windows_with_nan_is_nan() -> None:
    array = np.zeros((100, 2, 2))
    array[3, 1, 0] = np.nan
    made = reduce_windows(np.maximum, array, (1, 2))
    assert np.flatnonzero(np.isnan(made)).tolist() == [3]


@pytest.mark.parametrize("block", [1, 7, 10_000])
def test_windows_are_added_in_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chainrule.runtime.views._BLOCK", block)
    axes = (Axis(0, ((1, 1),)), Axis(-1, ((2, 2), (0, 1))))
    view, shape = View((3, 4, 4), axes), (4, 7)
    given = np.random.default_rng(0).integers(-9, 9, view.shape).astype(float)
    made = accumulate_kernel(view, shape)(given)
    np.testing.assert_array_equal(made, slow_accumulate(view, shape, given))


def test_every_order_of_the_axes_of_windows_is_read() -> None:
    view = image_windows(6, 3, 1, 1)
    weight = np.random.default_rng(1).integers(-9, 9, (F, C, 3, 3)).astype(float)
    expected = np.einsum("fcrs,ncrshw->nfhw", weight, view)
    for order in itertools.islice(itertools.permutations(range(6)), 0, 720, 37):
        own = tuple((0, 1, 5, 6, 3, 4)[a] for a in order)
        kernel = einsum_kernel(canonical(((2, 1, 5, 6), own), (0, 2, 3, 4)))
        np.testing.assert_array_equal(kernel(weight, view.transpose(order)), expected)
