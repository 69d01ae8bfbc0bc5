"""Convolutions and pooling as machine code: the reference's numbers for every kind of window."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.layout import items_of
from chainrule.codegen.outline import works
from chainrule.codegen.program import compile_graph
from chainrule.codegen.statements import fuse
from chainrule.codegen.windows import nest, plan, words
from chainrule.codegen.windows.plan import plan_of
from chainrule.runtime.native import NativeProgram
from chainrule.runtime.quiet import quietly
from tests.codegen.guarded import by_numpy, natively, optimized, shared_at_once
from tests.codegen.test_program import examples, same

TARGETS = {
    512: Target("x86_64-unknown-linux-gnu", "cascadelake", "", 512, 32, True),
    256: Target("x86_64-unknown-linux-gnu", "haswell", "", 256, 16, True),
    128: Target("x86_64-unknown-linux-gnu", "x86-64", "", 128, 16, False),
}


def numbers(*shape: int, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(math.prod(shape)).standard_normal(shape).astype(dtype)


def agree(f: Any, *arrays: np.ndarray) -> None:
    graph, given_ = optimized(f, *map(cr.tensor, arrays))
    for found, wanted in zip(natively(graph, given_), by_numpy(graph, given_), strict=True):
        same(found, wanted, exact=False)


def both(x: Any, w: Any, c: Any, settings: dict[str, Any]) -> Any:
    """A convolution and its derivatives by both operands."""
    y, pullback = cr.vjp(lambda x, w: cr.conv(x, w, **settings), x, w)
    return y, *pullback(c[tuple(map(slice, y.shape))])


@st.composite
def convolutions(draw: Any) -> tuple[tuple[int, ...], tuple[int, ...], dict[str, Any], str]:
    """Shapes and settings of convolutions over one or two axes, or three short ones."""
    axes = draw(st.sampled_from([1, 2, 2, 2, 3]))
    groups = draw(st.sampled_from([1, 1, 1, 2]))
    in_, out = (draw(st.sampled_from([1, 3, 8, 16, 17])) for _ in range(2))
    kernel = tuple(draw(st.integers(1, 4)) for _ in range(axes))
    dilation = draw(st.integers(1, 2))
    least = max(dilation * (k - 1) + 1 for k in kernel)
    size = tuple(draw(st.integers(least, max(least, 7 if axes == 3 else 19))) for _ in range(axes))
    settings = {
        "stride": draw(st.sampled_from([1, 1, 2, 3])),
        "padding": draw(st.sampled_from(["valid", "same", 1])),
        "dilation": dilation,
        "groups": groups,
    }
    n = draw(st.sampled_from([1, 2, 4, 8, 9, 16]))
    dtype = draw(st.sampled_from(["float32", "float32", "float64"]))
    return (n, groups * in_, *size), (groups * out, in_, *kernel), settings, dtype


@examples(25)
@given(convolutions())
def test_a_convolution_and_its_derivatives_have_the_values_of_the_reference(
    drawn: tuple[tuple[int, ...], tuple[int, ...], dict[str, Any], str],
) -> None:
    x, w, settings, dtype = drawn
    y = cr.conv(cr.zeros(x), cr.zeros(w), **settings)
    agree(
        lambda x, w, c: both(x, w, c, settings),
        numbers(*x, dtype=dtype), numbers(*w, dtype=dtype), numbers(*y.shape, dtype=dtype),
    )  # fmt: skip


@examples(25)
@given(convolutions())
def test_in_words_a_convolution_of_few_digits_has_the_values_of_the_reference(
    drawn: tuple[tuple[int, ...], tuple[int, ...], dict[str, Any], str],
) -> None:
    """Small whole numbers are bfloat16 as they are; every sum that has pairs is to have words."""
    x, w, settings, _ = drawn
    y = cr.conv(cr.zeros(x), cr.zeros(w), **settings)
    digits = [np.round(2 * numbers(*shape)) for shape in (x, w, y.shape)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAINRULE_BF16", "emulated")
        for module, names in ((words, ("_LARGE", "_OFTEN")), (plan, ("_LEAST", "_WORTH"))):
            for name in names:
                patch.setattr(module, name, 0)
        graph, given_ = optimized(lambda *own: both(*own, settings), *map(cr.tensor, digits))
        found = natively(graph, given_, "bf16")
    for a, b in zip(found, by_numpy(graph, given_), strict=True):
        same(a, b, exact=False)


@pytest.mark.parametrize(
    ("x", "w", "settings"),
    [
        ((8, 3, 32, 32), (32, 3, 3, 3), {"padding": "same"}),
        ((8, 32, 16, 16), (64, 32, 3, 3), {"padding": "same"}),
        ((8, 6, 14, 14), (16, 6, 5, 5), {}),
        ((8, 1, 28, 28), (6, 1, 5, 5), {"padding": "same"}),
        ((9, 40, 13, 13), (24, 40, 3, 3), {"padding": "same"}),
        ((8, 16, 32, 32), (32, 16, 3, 3), {"padding": "same", "stride": 2}),
        ((8, 16, 32, 32), (32, 16, 1, 1), {"stride": 2}),
        ((16, 64, 4, 4), (64, 64, 3, 3), {"padding": "same"}),
        ((8, 20, 50), (33, 20, 7), {"padding": "same"}),
        ((1, 64, 8, 8), (64, 64, 3, 3), {"padding": "same"}),
        ((4, 128, 4, 4), (128, 128, 3, 3), {"padding": "same"}),
        ((2, 32, 8, 8), (48, 16, 3, 3), {"padding": "same", "groups": 2}),
        ((1, 32, 4, 3, 7), (64, 16, 3, 1, 1), {"groups": 2}),
    ],
)
def test_networks_convolutions_have_the_values_of_the_reference(
    x: tuple[int, ...], w: tuple[int, ...], settings: dict[str, Any]
) -> None:
    y = cr.conv(cr.zeros(x), cr.zeros(w), **settings)
    agree(lambda x, w, c: both(x, w, c, settings), numbers(*x), numbers(*w), numbers(*y.shape))


@pytest.mark.parametrize(
    ("stride", "copies"), [(1, []), (2, [(8, 32, 16, 16)])], ids=["whole", "every second place"]
)
def test_a_kernel_of_one_place_is_a_matrix_that_multiplies_each_image(
    stride: int, copies: list[tuple[int, ...]]
) -> None:
    x, w, c = numbers(8, 32, 32, 32), numbers(48, 32, 1, 1), numbers(48, 1, 1)

    def layer(x: Any, w: Any, c: Any) -> Any:
        return cr.relu(cr.conv2d(x, w, stride=stride) + c)

    graph, _ = optimized(layer, *map(cr.tensor, (x, w, c)))
    *before, last = items_of(graph, TARGETS[512])
    assert isinstance(last, fuse.Fused)
    assert last.product is not None
    places = (32 // stride) ** 2
    assert [math.prod(last.product.extents[v] for v in last.product.columns)] == [places]
    assert [s.target.shape for s in last.statements] == [(8, 48, 32 // stride, 32 // stride)]
    assert [n.shape for item in before for n in fuse.targets(item)] == copies
    agree(layer, x, w, c)
    agree(lambda *given: cr.grad(lambda *own: cr.sum(layer(*own) ** 2), (0, 1, 2))(*given), x, w, c)


def test_few_channels_and_few_places_are_no_product_for_each_image() -> None:
    for x, w in (((8, 3, 32, 32), (16, 3, 1, 1)), ((8, 32, 4, 4), (48, 32, 1, 1))):
        graph, _ = optimized(cr.conv2d, *map(cr.zeros, (x, w)))
        for item in items_of(graph, TARGETS[512]):
            assert isinstance(item, fuse.Fused)
            assert item.product is None
        agree(cr.conv2d, numbers(*x), numbers(*w))


@pytest.mark.parametrize("bits", TARGETS)
def test_all_three_products_of_a_convolution_run_in_register_tiles(
    bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = []
    emit = nest._Nest.emit
    monkeypatch.setattr(nest._Nest, "emit", lambda self: (plans.append(self.plan), emit(self))[1])
    settings = {"padding": "same"}
    shapes = ((16, 32, 16, 16), (64, 32, 3, 3), (16, 64, 16, 16))
    graph, _ = optimized(lambda x, w, c: both(x, w, c, settings), *map(cr.zeros, shapes))
    compile_graph(graph, TARGETS[bits])
    assert len(plans) == 3
    for found in plans:
        sums = found.wide * math.prod(found.tile.values())
        assert 8 <= sums < TARGETS[bits].registers


@pytest.mark.parametrize(
    ("x", "w"),
    [((1, 64, 8, 8), (64, 64, 3, 3)), ((4, 128, 4, 4), (128, 128, 3, 3)),
     ((64, 128, 4, 4), (128, 128, 3, 3))],
)  # fmt: skip
def test_few_images_and_large_kernels_run_in_register_tiles_in_several_bands(
    x: tuple[int, ...], w: tuple[int, ...]
) -> None:
    y = (x[0], w[0], *x[2:])
    graph, _ = optimized(
        lambda *given: both(*given, {"padding": "same"}), *map(cr.zeros, (x, w, y))
    )
    sums = [
        (s, item.rank)
        for item in items_of(graph, TARGETS[512])
        if isinstance(item, fuse.Fused)
        for s in item.statements
        if s.kind == "sum" and math.prod(s.extents) > 1 << 18
    ]
    assert len(sums) == 3
    for s, rank in sums:
        assert plan_of(TARGETS[512], s, rank) is not None
        bands = s.extents[s.band.variable] // s.band.size if s.band else 1
        assert math.prod(s.extents[:rank]) * bands >= 4


def test_factors_are_laid_out_once_for_all_rows() -> None:
    x, w = cr.zeros((16, 32, 12, 12), dtype="float32"), cr.zeros((40, 32, 3, 3), dtype="float32")
    graph, _ = optimized(lambda x, w: cr.conv2d(x, w, padding="same"), x, w)
    native = compile_graph(graph, TARGETS[512])
    items = [work.item for segment in native.segments for work, _ in works(segment.parts)]
    targets = [tuple(t.shape) for item in items for t in fuse.targets(item)]
    assert (32, 3, 3, 48) in targets


@pytest.mark.parametrize("count", [2, 3, 4, 5, 7, 8, 10, 14, 15, 16, 31, 32, 33])
@pytest.mark.parametrize("window", [2, 3])
def test_pooling_and_its_derivative_have_the_values_of_the_reference(
    count: int, window: int
) -> None:
    def f(x: Any) -> Any:
        pooled = cr.max_pool2d(x, window)
        return pooled, cr.grad(lambda x: cr.sum(cr.sin(cr.max_pool2d(x, window))))(x)

    if count >= window:
        x = np.round(numbers(3, 2, count, count))
        agree(f, x)
        agree(f, x.astype("float64"))


def test_every_second_element_of_every_type_is_read_and_written() -> None:
    for dtype in ("float32", "float64", "int32", "bool", "uint8"):
        x = cr.tensor(numbers(5, 40) > 0).astype(dtype)
        graph, arrays = optimized(lambda x: (x[:, ::2], x[:, 1::2], x[:, :21:2]), x)
        for a, b in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
            np.testing.assert_array_equal(a, b)


def test_numbers_that_are_not_finite_pass_through_windows_as_in_the_reference() -> None:
    x, w = numbers(8, 16, 8, 8), numbers(24, 16, 3, 3)
    x[3, 2, 4, 4], x[1, 0, 0, 0] = np.nan, np.inf
    graph, arrays = optimized(
        lambda x, w: cr.conv2d(x, w, padding="same"), cr.tensor(x), cr.tensor(w)
    )
    (found,), (wanted,) = natively(graph, arrays), by_numpy(graph, arrays)
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(wanted))


@pytest.mark.parametrize("n", [2, 16])
def test_the_number_of_threads_changes_no_bit(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"padding": "same"}
    arrays = [numbers(n, 32, 16, 16), numbers(32, 32, 3, 3), numbers(n, 32, 16, 16)]
    graph, given_ = optimized(lambda x, w, c: both(x, w, c, settings), *map(cr.tensor, arrays))
    shared_at_once(monkeypatch)
    made = []
    for threads in ("1", "2"):
        monkeypatch.setenv("CHAINRULE_THREADS", threads)
        made.append([a.tobytes() for a in quietly(NativeProgram(graph), *given_)])
    assert made[0] == made[1]


def test_convolutions_of_equal_shapes_are_one_function() -> None:
    x, *w = (cr.zeros((16, 16, 12, 12)), *(cr.zeros((16, 16, 3, 3)) for _ in range(3)))

    def f(x: Any, *w: Any) -> Any:
        for kernel in w:
            x = cr.sin(cr.conv2d(x, kernel, padding="same"))
        return x

    graph, _ = optimized(f, x, *w)
    text = compile_graph(graph, TARGETS[512]).text
    lines = [line for line in text.splitlines() if "_rows(" in line]
    made = sum(line.startswith("define internal") for line in lines)
    assert (made, len(lines) - made) == (2, 6)  # kernels laid out along the lanes, convolutions
    agree(f, numbers(16, 16, 12, 12), *(numbers(16, 16, 3, 3) for _ in range(3)))
