"""Products of bfloat16: what is computed, bit for bit, and with which instructions."""

import ctypes

import numpy as np
import pytest

from chainrule.codegen.assembly.llvm import Module
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.texts import module_text
from chainrule.codegen.assembly.values import Value
from chainrule.codegen.products.operands import Operand
from chainrule.codegen.products.pairs import words_of
from chainrule.codegen.products.plan import make_plan, prefers_turned
from chainrule.codegen.products.product import Product
from chainrule.runtime.engine import host_target, load, target_for
from chainrule.runtime.translation import assembly, object_code
from tests.codegen.test_product import LAYOUTS, compiled, operands_of, text_of

SHAPES = [
    (64, 64, 64),
    (97, 101, 103),  # the inner axis is odd, nothing is a multiple of the lanes
    (40, 701, 65),  # several blocks of the inner axis, and one element is left
    (17, 300, 37),  # few rows
    (211, 129, 18),  # few columns
    (520, 331, 130),  # several units
    (512, 33, 600),
]


def emulated(target: Target, how: str = "emulated") -> Target:
    return target.replaced(precision="bf16", bf16=how)


def rounded(x: np.ndarray) -> np.ndarray:
    """The nearest numbers with eight bits, of two the even one."""
    whole = x.astype(np.float32).view(np.uint32).astype(np.uint64)
    found = ((whole + 0x7FFF + (whole >> 16 & 1)) & 0xFFFF0000).astype(np.uint32)
    return np.where(np.isnan(x), np.float32(np.nan), found.view(np.float32))


def product_in_pairs(a: np.ndarray, w: np.ndarray) -> np.ndarray:
    """A B in float32, pair by pair, the second product of each pair first."""
    a, w = rounded(a), rounded(w)
    if a.shape[-1] % 2:
        a, w = np.pad(a, ((0, 0), (0, 1))), np.pad(w, ((0, 1), (0, 0)))
    total = np.zeros((a.shape[0], w.shape[1]), np.float32)
    for k in range(0, a.shape[1], 2):
        for each in (k + 1, k):
            total = total + a[:, each, None] * w[each]
    return total


def product_in_tiles(a: np.ndarray, w: np.ndarray) -> np.ndarray:
    """A B in float32: of each sixteen pairs the sums of the first and of the second products."""
    a, w = rounded(a), rounded(w)
    total = np.zeros((a.shape[0], w.shape[1]), np.float32)
    for begin in range(0, a.shape[1], 32):
        sums = [np.zeros_like(total), np.zeros_like(total)]
        for k in range(begin, min(begin + 32, a.shape[1])):
            sums[k % 2] = sums[k % 2] + a[:, k, None] * w[k]
        total = total + (sums[0] + sums[1])
    return total


@pytest.mark.parametrize("layouts", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_bits_are_those_of_the_documented_order(
    shape: tuple[int, int, int], layouts: str
) -> None:
    product = Product(*shape)
    a, w, c, _ = operands_of(product, layouts)
    own_a = a[0] if layouts[0] == "n" else a[0].T
    own_w = w[0] if layouts[1] == "n" else w[0].T
    kernel = compiled(product, layouts, emulated(host_target()))
    assert "shl <" in kernel.library.texts[0]
    kernel(a, w, c)
    np.testing.assert_array_equal(c[0], product_in_pairs(own_a, own_w))


@pytest.mark.skipif(host_target().vector_bits < 512, reason="vectors are shorter than a tile")
@pytest.mark.parametrize("layouts", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_tiles_have_the_bits_of_the_documented_order(
    shape: tuple[int, int, int], layouts: str
) -> None:
    product = Product(*shape)
    a, w, c, _ = operands_of(product, layouts)
    own_a = a[0] if layouts[0] == "n" else a[0].T
    own_w = w[0] if layouts[1] == "n" else w[0].T
    kernel = compiled(product, layouts, emulated(host_target(), "emulated-tiles"))
    kernel(a, w, c)
    np.testing.assert_array_equal(c[0], product_in_tiles(own_a, own_w))
    assert np.array_equal(c, kernel.tile_by_tile(a, w, c))


@pytest.mark.parametrize("name", ["x86-64-v2", "x86-64-v3", "x86-64-v4"])
def test_every_processor_gives_the_same_bits(name: str) -> None:
    target = target_for(name)
    if target.vector_bits > host_target().vector_bits or "x86_64" not in host_target().triple:
        pytest.skip(f"this processor is no {name}")
    product = Product(33, 71, 66)
    a, w, c, _ = operands_of(product, "nt")
    compiled(product, "nt", emulated(target))(a, w, c)
    np.testing.assert_array_equal(c[0], product_in_pairs(a[0], w[0].T))


def test_the_error_is_that_of_two_roundings() -> None:
    product = Product(128, 784, 96)
    a, w, c, exact = operands_of(product, "nn")
    compiled(product, "nn", emulated(host_target()))(a, w, c)
    # Each factor is off by a share of 2⁻⁸ at most, and 784 sums by one of 2⁻²⁴ each.
    bound = (2.01 * 2.0**-8 + 784 * 2.0**-24) * (np.abs(a[0]) @ np.abs(w[0]))
    assert (np.abs(c[0] - exact[0]) <= bound).all()
    assert np.abs(c[0] - exact[0]).max() > 1e-3


def test_what_is_not_finite_stays_so() -> None:
    product = Product(32, 64, 64)
    a, w, c, _ = operands_of(product, "nn")
    largest = np.finfo(np.float32).max  # rounds up to infinity
    small = np.uint32(0x7F800001).view(np.float32)  # a NaN by its last bit alone
    a[0, :3, 5], w[0, 5] = (np.inf, small, largest), np.abs(w[0, 5])
    compiled(product, "nn", emulated(host_target()))(a, w, c)
    assert np.isposinf(c[0, 0]).all()
    assert np.isnan(c[0, 1]).all()
    assert np.isposinf(c[0, 2]).all()
    assert np.isfinite(c[0, 3:]).all()


@pytest.mark.parametrize(
    "shape", [(7, 500, 500), (500, 500, 7), (500, 7, 500), (40, 40, 40)], ids=str
)
def test_small_and_skinny_products_stay_in_float32(shape: tuple[int, int, int]) -> None:
    target = emulated(host_target())
    plain = text_of(Product(*shape), "nn", target.replaced(precision="float32"))
    assert text_of(Product(*shape), "nn", target) == plain


def test_products_of_float64_stay_as_they_are() -> None:
    product = Product(64, 64, 64, "double")
    target = emulated(host_target())
    assert text_of(product, "nn", target) == text_of(product, "nn", host_target())


@pytest.mark.parametrize("layouts", LAYOUTS)
@pytest.mark.parametrize(
    ("name", "multiply"), [("cooperlake", "vdpbf16ps"), ("neoverse-v1", "bfdot")]
)
def test_the_instruction_stands_in_the_code(name: str, multiply: str, layouts: str) -> None:
    target = target_for(name).replaced(precision="bf16")
    text, _, _ = text_of(Product(128, 257, 512), layouts, target)
    code = assembly(text, target)
    assert multiply in code
    assert ("vcvtne2ps2bf16" in code) == (name == "cooperlake")
    assert "__truncsfbf2" not in code
    assert object_code(text, target)


@pytest.mark.parametrize("layouts", LAYOUTS)
def test_tiles_stand_in_the_code(layouts: str) -> None:
    target = target_for("sapphirerapids").replaced(precision="bf16")
    text, _, _ = text_of(Product(128, 257, 512), layouts, target)
    code = assembly(text, target)
    assert code.count("\ttdpbf16ps\t") == 4
    assert "vdpbf16ps" not in code
    # Each unit takes the tiles and gives them back.
    assert code.count("\tldtilecfg\t") == code.count("\ttilerelease") == 1
    assert object_code(text, target)
    plain = target.replaced(precision="float32")
    for shape in ((15, 257, 512), (128, 30, 512), (128, 257, 15)):  # tiles would not be full
        assert text_of(Product(*shape), layouts, target) == text_of(Product(*shape), layouts, plain)


def unread(*_: object) -> Value:
    raise NotImplementedError


def in_tiles(rows: int, words: int, columns: int, layouts: str) -> tuple[Product, Operand, Operand]:
    """A product in tiles, and how its operands lie."""
    left, right = (Operand(unread, "column" if way == "n" else "row") for way in layouts)
    return Product(rows, words, columns, pairs="amx"), left, right


def test_a_product_in_tiles_copies_the_right_operand_once_where_it_keeps_no_sums() -> None:
    target = target_for("sapphirerapids")
    short = make_plan(target, *in_tiles(1024, 128, 3072, "tn"), 1)
    assert (short.inner_block, short.row_blocks, short.column_blocks) == (128, 1, 2)
    long = make_plan(target, *in_tiles(1024, 256, 3072, "tn"), 1)
    assert (long.inner_block, long.row_blocks) == (128, 2)


@pytest.mark.parametrize("layouts", LAYOUTS)
def test_a_product_in_tiles_is_transposed_where_nothing_is_turned_around_then(layouts: str) -> None:
    turned = prefers_turned(target_for("sapphirerapids"), *in_tiles(128, 784, 512, layouts))
    assert turned == (layouts == "tt")


@pytest.mark.skipif(host_target("bf16").bf16 != "amx", reason="no tiles here")
def test_the_tiles_of_the_processor_give_the_bits_of_emulated_ones() -> None:
    product = Product(64, 129, 80)
    a, w, c, _ = operands_of(product, "nn")
    compiled(product, "nn", host_target("bf16"))(a, w, c)
    np.testing.assert_array_equal(c[0], product_in_tiles(a[0], w[0]))


@pytest.mark.skipif(host_target().bf16 not in ("avx512", "amx"), reason="no such instruction here")
def test_the_instruction_gives_the_bits_of_what_is_emulated() -> None:
    product = Product(64, 129, 80)
    a, w, c, _ = operands_of(product, "nn")
    compiled(product, "nn", emulated(host_target(), "avx512"))(a, w, c)
    np.testing.assert_array_equal(c[0], product_in_pairs(a[0], w[0]))


def test_all_halves_round_to_even() -> None:
    """Sixteen bits are cut off: of all that they may be, those around a half decide."""
    upper = np.arange(0x3F80, 0x3F80 + 64, dtype=np.uint32) << 16
    numbers = (upper[:, None] + np.array([0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF], np.uint32)).ravel()
    values = np.ascontiguousarray(numbers).view(np.float32)
    module = Module()
    b = module.function("round", [("x", "ptr"), ("y", "ptr")])
    x, y = b.arguments
    with b.loop(0, len(values), 4) as loop:
        given = b.load("<4 x float>", b.offset(x, loop.index, "float"))
        b.store(words_of(b, given, Value("zeroinitializer", "<4 x float>"), ""),
                b.offset(y, loop.index, "i32"))  # fmt: skip
    found = np.empty(len(values), np.uint32)
    library = load(module_text(module), host_target())
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(library.address("round"))
    function(values.ctypes.data, found.ctypes.data)
    np.testing.assert_array_equal((found << 16).view(np.float32), rounded(values))
