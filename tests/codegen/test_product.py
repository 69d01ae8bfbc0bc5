"""Matrix products as machine code: every shape, layout, reader and taker, on every processor."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from chainrule.codegen.assembly.llvm import Builder, module_for
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.texts import module_text
from chainrule.codegen.assembly.values import Value, constant, lanes, sequence, vector
from chainrule.codegen.products.plan import Plan, make_plan
from chainrule.codegen.products.prefetch import Share, ahead
from chainrule.codegen.products.product import (
    Operand,
    Product,
    Result,
    Strided,
    Touched,
    emit_product,
)
from chainrule.runtime.engine import Library, host_target, load, target_for
from chainrule.runtime.translation import object_code

SHAPES = [
    (1, 1, 1),
    (5, 7, 9),
    (13, 17, 33),
    (32, 2, 16),
    (3, 0, 4),
    (1, 100, 37),  # a row times a matrix
    (37, 100, 1),  # a matrix times a column
    (1, 1000, 1),
    (128, 300, 10),  # few columns
    (211, 50, 10),
    (10, 129, 50),  # few rows
    (7, 30, 211),
    (97, 101, 103),
    (40, 700, 65),  # several blocks of the inner axis
    (520, 330, 130),  # several units
    (530, 90, 210),  # panels of the left operand that are copied together, the last ones fewer
]
LAYOUTS = ["nn", "nt", "tn", "tt"]
DTYPES = {"float": np.float32, "double": np.float64}


class Kernel(NamedTuple):
    """A compiled product."""

    library: Library
    function: Any
    tiles: int
    scratch: int

    def __call__(self, *arrays: np.ndarray, tiles: tuple[int, int] | None = None) -> None:
        begin, end = tiles or (0, self.tiles)
        table = (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))
        room = np.full(self.scratch + 64, 255, np.uint8)  # NaN wherever nothing was written
        self.function(table, begin, end, room.ctypes.data + -room.ctypes.data % 64)

    def tile_by_tile(self, a: np.ndarray, w: np.ndarray, c: np.ndarray) -> np.ndarray:
        """The product in the form of c, each tile by a call of its own, the last tile first."""
        made = np.zeros_like(c)
        for tile in reversed(range(self.tiles)):
            self(a, w, made, tiles=(tile, tile + 1))
        return made


Change = Callable[[Builder, Value], Value]


def same(_: Builder, values: Value) -> Value:
    return values


def stored_at(
    pointer: Value, kind: str, strides: tuple[int, int], *, plain: bool, change: Change = same
) -> Operand:
    """An operand in memory; what is read is changed on the way."""

    def read(
        b: Builder, row: Value, column: Value, along: str, count: int, mask: Value | None
    ) -> Value:
        place = b.offset(pointer, b.add(b.mul(row, strides[0]), b.mul(column, strides[1])), kind)
        step = strides[along == "column"]
        if not count:
            return change(b, b.load(kind, place))
        if step != 1:
            away = sequence(vector("i64", count), [step * n for n in range(count)])
            return change(b, b.gather(vector(kind, count), place, away, mask))
        if mask is not None:
            return change(b, b.load_some(vector(kind, count), place, mask))
        return change(b, b.load(vector(kind, count), place))

    where = Strided(pointer, *strides) if plain else None
    return Operand(read, "column" if strides[1] == 1 else "row", where)


def taker(
    pointer: Value, kind: str, stride: int, update: Callable[[Builder, Value, Value], Value]
) -> Result:
    """Results are put beside what is there: update(b, before, values)."""

    def write(b: Builder, row: Value, column: Value, values: Value, mask: Value | None) -> None:
        place = b.offset(pointer, b.add(b.mul(row, stride), column), kind)
        if mask is None:
            b.store(update(b, b.load(values.type, place), values), place)
        else:
            b.store_some(update(b, b.load_some(values.type, place, mask), values), place, mask)

    return Result(write, (Touched(Strided(pointer, stride, 1), kind, written=True),))


def text_of(
    product: Product,
    layouts: str,
    target: Target,
    *,
    batch: int = 1,
    plain: bool = True,
    change: Change = same,
    update: Callable[[Builder, Value, Value], Value] = lambda _b, before, x: _b.fadd(before, x),
) -> tuple[str, int, int]:
    """The kernel C += A B as LLVM text, its number of tiles and its scratch."""
    rows, inner, columns, kind = product.rows, product.inner, product.columns, product.kind
    module = module_for(target)

    def prepare(b: Builder, table: Value, index: Value) -> tuple[Operand, Operand, Result]:
        sizes = [rows * inner, inner * columns, rows * columns]
        a, w, c = (
            b.offset(b.load("ptr", b.offset(table, n, "ptr")), b.mul(index, size), kind)
            for n, size in enumerate(sizes)
        )
        of_a = (inner, 1) if layouts[0] == "n" else (1, rows)
        of_w = (columns, 1) if layouts[1] == "n" else (1, inner)
        return (
            stored_at(a, kind, of_a, plain=plain, change=change),
            stored_at(w, kind, of_w, plain=plain),
            taker(c, kind, columns, update),
        )

    made = emit_product(module, target, "product", product, prepare, batch)
    return module_text(module), made.tiles, made.scratch


def compiled(product: Product, layouts: str, target: Target, **how: Any) -> Kernel:
    text, tiles, scratch = text_of(product, layouts, target, **how)
    library = load(text, target)
    operands = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
    function = ctypes.CFUNCTYPE(None, *operands)(library.address("product"))
    return Kernel(library, function, tiles, scratch)


def operands_of(
    product: Product, layouts: str, batch: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A and B in their layouts, zeros for C, and the exact product."""
    random = np.random.default_rng(product.rows + product.inner + product.columns)
    dtype = DTYPES[product.kind]
    a = random.standard_normal((batch, product.rows, product.inner)).astype(dtype)
    w = random.standard_normal((batch, product.inner, product.columns)).astype(dtype)
    exact = a.astype(np.float64) @ w.astype(np.float64)
    turned = [
        np.ascontiguousarray(x if layout == "n" else np.swapaxes(x, 1, 2))
        for x, layout in zip((a, w), layouts, strict=True)
    ]
    return *turned, np.zeros_like(exact, dtype), exact


def close(found: np.ndarray, exact: np.ndarray, inner: int) -> None:
    step = np.finfo(found.dtype).eps * max(inner, 1)
    np.testing.assert_allclose(found, exact, rtol=0, atol=4 * step)


@pytest.mark.parametrize("layouts", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_element_is_the_sum_and_is_written_once(
    shape: tuple[int, int, int], layouts: str
) -> None:
    product = Product(*shape)
    a, w, c, exact = operands_of(product, layouts)
    compiled(product, layouts, host_target())(a, w, c)
    close(c, exact, product.inner)


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("layouts", LAYOUTS)
@pytest.mark.parametrize("shape", [(13, 17, 33), (97, 101, 10), (40, 700, 35)], ids=str)
def test_doubles_and_operands_that_cannot_be_read_in_place(
    shape: tuple[int, int, int], layouts: str, plain: bool
) -> None:
    product = Product(*shape, "double")
    a, w, c, exact = operands_of(product, layouts)
    compiled(product, layouts, host_target(), plain=plain)(a, w, c)
    close(c, exact, product.inner)


@pytest.mark.parametrize("shape", [(0, 3, 4), (3, 4, 0), (0, 0, 0)], ids=str)
def test_nothing_to_write_is_no_tile(shape: tuple[int, int, int]) -> None:
    assert text_of(Product(*shape), "nn", host_target())[1:] == (0, 0)


@pytest.mark.parametrize("shape", [(5, 7, 9), (13, 170, 3), (70, 20, 10), (70, 300, 70)], ids=str)
def test_a_batch_is_that_many_products(shape: tuple[int, int, int]) -> None:
    product = Product(*shape)
    a, w, c, exact = operands_of(product, "tn", 7)
    compiled(product, "tn", host_target(), batch=7)(a, w, c)
    close(c, exact, product.inner)


@pytest.mark.parametrize("layouts", LAYOUTS)
@pytest.mark.parametrize(
    "shape", [(520, 330, 130), (3000, 70, 10), (300, 2000, 10), (1030, 300, 250)], ids=str
)
def test_tiles_computed_apart_and_in_any_order_have_the_same_bits(
    shape: tuple[int, int, int], layouts: str
) -> None:
    product = Product(*shape)
    a, w, c, _ = operands_of(product, layouts)
    kernel = compiled(product, layouts, host_target())
    assert kernel.tiles > 1
    kernel(a, w, c)
    assert np.array_equal(c, kernel.tile_by_tile(a, w, c))


@pytest.mark.parametrize("shape", [(32, 20, 50), (70, 90, 10), (64, 300, 10)], ids=str)
def test_readers_and_takers_may_compute(shape: tuple[int, int, int]) -> None:
    """C ← C − 0.5 · max(A, 0) B: an activation on the way in, an update on the way out."""
    product = Product(*shape)

    def positive(b: Builder, x: Value) -> Value:
        zero = constant(x.type, 0)
        return b.select(b.fcmp("ogt", x, zero), x, zero)

    def descend(b: Builder, before: Value, x: Value) -> Value:
        rate = b.splat(constant("float", 0.5), lanes(x.type))
        return b.fsub(before, b.fmul(rate, x))

    for layouts in LAYOUTS:
        a, w, c, _ = operands_of(product, layouts)
        c[:] = np.arange(c.size).reshape(c.shape) % 5
        full = [
            x if y == "n" else np.swapaxes(x, 1, 2) for x, y in zip((a, w), layouts, strict=True)
        ]
        exact = c - 0.5 * (np.maximum(full[0], 0).astype(np.float64) @ full[1])
        how = {"plain": False, "change": positive, "update": descend}
        compiled(product, layouts, host_target(), **how)(a, w, c)
        close(c, exact, product.inner)


@pytest.mark.parametrize("shape", [(30, 20, 17), (30, 200, 3), (40, 20, 10)], ids=str)
def test_nan_and_infinity_stay_in_their_rows(shape: tuple[int, int, int]) -> None:
    product = Product(*shape)
    for layouts in LAYOUTS:
        a, w, c, exact = operands_of(product, layouts)
        view = a[0] if layouts[0] == "n" else a[0].T
        view[3, 5], view[7, 2] = np.nan, np.inf
        compiled(product, layouts, host_target())(a, w, c)
        assert np.isnan(c[0, 3]).all()
        assert np.isinf(c[0, 7]).all()
        others = np.delete(np.arange(shape[0]), [3, 7])
        close(c[0, others], exact[0, others], product.inner)


@pytest.mark.parametrize("name", ["x86-64-v2", "x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize(
    "shape", [(13, 17, 33), (33, 120, 10), (70, 20, 10), (90, 400, 50)], ids=str
)
def test_narrower_processors_compute_the_same(shape: tuple[int, int, int], name: str) -> None:
    host = host_target()
    target = target_for(name)
    if not host.triple.startswith("x86_64") or target.vector_bits > host.vector_bits:
        pytest.skip("this machine lacks the instructions")
    product = Product(*shape)
    for layouts in LAYOUTS:
        a, w, c, exact = operands_of(product, layouts)
        compiled(product, layouts, target.replaced(triple=host.triple))(a, w, c)
        close(c, exact, product.inner)


@pytest.mark.parametrize("name", ["x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"])
@pytest.mark.parametrize("kind", ["float", "double"])
def test_code_is_written_for_every_processor(name: str, kind: str) -> None:
    target = target_for(name)
    for shape, layouts in (((128, 784, 512), "nt"), ((300, 64, 10), "tn"), ((64, 400, 10), "nn")):
        text, tiles, _ = text_of(Product(*shape, kind), layouts, target)
        assert tiles >= 1
        assert object_code(text, target)


def test_a_kernel_is_small() -> None:
    """LLVM takes some 60 µs a line."""
    for shape, most in (((32, 16, 16), 300), ((128, 3072, 10), 500), ((784, 128, 512), 700)):
        text, _, _ = text_of(Product(*shape), "nn", target_for("x86-64-v4"))
        assert text.count("\n") < most, shape


@pytest.mark.parametrize("layouts", LAYOUTS)
@pytest.mark.parametrize(
    "shape", [(100_000, 784, 1), (1, 784, 100_000), (10, 50_000, 10), (4096, 4096, 4096)], ids=str
)
def test_scratch_is_bounded_by_the_caches(shape: tuple[int, int, int], layouts: str) -> None:
    _, _, scratch = text_of(Product(*shape), layouts, target_for("x86-64-v4"))
    assert scratch < 2 << 20


@pytest.mark.parametrize("shape", [(128, 3072, 10), (10, 128, 3072), (128, 784, 512)], ids=str)
def test_a_product_has_as_many_tiles_for_each_of_two_or_four_threads(
    shape: tuple[int, int, int],
) -> None:
    _, tiles, _ = text_of(Product(*shape), "nt", target_for("x86-64-v4"))
    assert tiles % 4 == 0


def plan_of(rows: int, inner: int, columns: int, target: Target) -> Plan:
    """The plan of Aᵀ B, as in a gradient with respect to weights."""
    left = Operand(None, "row", Strided(Value("%p", "ptr"), 1, rows))  # type: ignore[arg-type]
    right = Operand(None, "column", Strided(Value("%p", "ptr"), columns, 1))  # type: ignore[arg-type]
    return make_plan(target, Product(rows, inner, columns), left, right, 1, turned=False)


@pytest.mark.parametrize("width", [960, 1000, 1024])
def test_large_register_tiles_have_two_multiply_adds_for_a_load(width: int) -> None:
    """Of 12 × 2 loads take as long: 0.8 of the peak, and 0.95 of 8 × 3."""
    plan = plan_of(width, 512, width, target_for("x86-64-v4"))
    height, across = plan.rows.size, plan.columns.size
    assert height * across >= 2 * (height + across)


def test_panels_whose_rows_lie_side_by_side_are_copied_together() -> None:
    plan = plan_of(1000, 512, 1000, target_for("x86-64-v4"))
    assert plan.left_group * plan.rows.size == 64
    assert plan_of(24, 512, 1000, target_for("x86-64-v4")).left_group == 3


def test_no_more_blocks_of_rows_than_make_units_for_the_threads() -> None:
    """The right operand is copied for each block of rows, the left one for each of columns."""
    plan = plan_of(1000, 512, 1000, target_for("x86-64-v4"))
    assert (plan.row_blocks, plan.column_blocks) == (2, 4)


@pytest.mark.parametrize("strides", [(1, 1000), (1000, 1)], ids=["down", "along"])
@pytest.mark.parametrize("tiles", [1, 7, 40])
def test_together_tiles_ask_for_every_line_of_a_block(
    strides: tuple[int, int], tiles: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What asks for a line marks it here."""
    steps, width, turns = 176, 48, 44
    marks = np.zeros((steps + 1) * 1000, np.float32)
    one = constant("float", 1.0)
    monkeypatch.setattr(Builder, "prefetch", lambda b, place, *_: b.store(one, place))
    target = host_target()
    module = module_for(target)
    b = module.function("asks", [("origin", "ptr"), ("tile", "i64")])
    origin, tile = b.arguments
    ask = ahead(b, "float", origin, strides, (steps, width), Share(tile, tiles, turns))
    with b.loop(0, turns) as loop:
        ask(loop.index)
    library = load(module_text(module), target)
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(library.address("asks"))
    for number in range(tiles):
        function(marks.ctypes.data, number)
    rows, length = (width, steps) if strides[0] == 1 else (steps, width)
    block = marks[: rows * 1000].reshape(rows, 1000)
    assert block[:, :length:16].all()


def test_register_tiles_leave_room_for_the_vectors_of_several_steps() -> None:
    """Sums that do not fit are kept in memory: gradients of 512 rows took 1.13 times as long."""
    for rows in (512, 1024, 2048):
        target = target_for("x86-64-v4")
        plan = plan_of(rows, 128, 784, target)
        height, width = plan.rows.size, plan.columns.size
        assert height * width + 4 + width <= target.registers
