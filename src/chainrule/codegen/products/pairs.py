"""Products of bfloat16: two neighbors along the inner axis are one word, added into float32.

The operands are rounded while they are copied into panels, to the nearest number with eight bits
(of two, the even one); a NaN stays one. A word holds the elements 2k and 2k + 1 of the inner axis,
the first in its lower half. An odd inner axis is filled up with a zero.

One instruction multiplies the words of two vectors and adds both products to a vector of float32.
The products are exact in float32, so what is ``emulated`` differs from AVX512-BF16 in subnormal
numbers at most: each sum is rounded, the upper half's first. NEON rounds in another way. Where the
processor has tiles (``tiles.py``), large products use those.

Source:  intel2018hardware
"""

from __future__ import annotations

import math
from typing import Final

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.values import Value, bits, constant, lanes, like, vector
from chainrule.codegen.products.operands import Operand, Prepare, Product, Result, Write
from chainrule.codegen.products.split import maximum

__all__ = [
    "TILED", "add_products", "in_pairs", "is_in_pairs", "lower", "pair_sums", "upper", "vectors_of",
    "words_of",
]  # fmt: skip

TILED: Final = ("amx", "emulated-tiles")
"""What multiplies words in tiles."""

_LARGE: Final = 1 << 16  # multiply-adds; smaller products wait for other things
_FEW: Final = 8  # rows or columns that use what was rounded too seldom, or terms of a sum
_TILED: Final = 16  # rows, columns and words that fill a tile
_VECTORS: Final = {"amx": "avx512", "emulated-tiles": "emulated"}
_NARROWING: Final = ("avx512", "amx")  # have an instruction that rounds
_LEAST: Final = 4  # lanes that the instruction takes
_UPPER: Final = 0xFFFF0000 - (1 << 32)
_QUIET: Final = 1 << 22  # the bit that makes a NaN one, whatever is cut off below


def is_in_pairs(target: Target, product: Product) -> bool:
    """Whether the operands of a product are rounded: it was asked for, and the product is large.

    Where there are tiles, it fills them: the instruction that multiplies vectors of words has half
    the rate of float32 on processors with tiles.
    """
    extents = product.rows, product.inner, product.columns
    large = min(extents) >= _FEW and math.prod(extents) >= _LARGE
    fills = min(product.rows, product.inner // 2, product.columns, target.lanes("i32")) >= _TILED
    own = bool(target.pairs) and (fills or not target.has_tiles)
    return own and product.kind == "float" and large


def vectors_of(how: str) -> str:
    """What multiplies vectors of words where there are tiles too."""
    return _VECTORS.get(how, how)


def in_pairs(target: Target, product: Product, prepare: Prepare) -> tuple[Product, Prepare]:
    """The same product of words, and what reads its operands as such."""
    how, inner = target.pairs, product.inner

    def prepare_words(
        b: Builder, table: Value, index: Value
    ) -> tuple[Operand, Operand, Write | Result]:
        left, right, result = prepare(b, table, index)
        return _in_words(left, "column", inner, how), _in_words(right, "row", inner, how), result

    return product.replaced(inner=-(-inner // 2), pairs=how), prepare_words


def _in_words(operand: Operand, inner_axis: str, inner: int, how: str) -> Operand:
    """An operand whose inner axis counts words."""

    def read(
        b: Builder, row: Value, column: Value, along: str, count: int, mask: Value | None
    ) -> Value:
        def at(k: Value, present: Value | None) -> Value:
            where = (row, k) if inner_axis == "column" else (k, column)
            return operand.read(b, *where, along, count, present)

        first = b.mul(column if inner_axis == "column" else row, 2)
        if along == inner_axis:
            low, high = _halves(b, mask, count)
            if inner % 2:
                left = b.sub(b.number(inner), first)
                low = _both(b, low, _below(b, left, count))
                high = _both(b, high, _below(b, b.sub(left, count), count))
            return _of_neighbors(b, at(first, low), at(b.add(first, count), high), how)
        second = b.add(first, 1)
        present = mask
        if inner % 2:
            present = _both(b, mask, b.splat(b.icmp("slt", second, inner), count))
        return words_of(b, at(first, mask), at(second, present), how)

    return Operand(read, operand.contiguous, numbers=operand.plain)


def _halves(b: Builder, mask: Value | None, count: int) -> tuple[Value | None, Value | None]:
    """The masks of the elements of the first and of the last words."""
    if mask is None:
        return None, None
    first, last = ([start + k // 2 for k in range(count)] for start in (0, count // 2))
    return b.shuffle(mask, mask, first), b.shuffle(mask, mask, last)


def _below(b: Builder, left: Value, count: int) -> Value:
    """The lanes that are left."""
    return b.first(count, b.number(maximum(b, left, 0)))


def _both(b: Builder, mask: Value | None, other: Value) -> Value:
    return other if mask is None else b.binary("and", mask, other)


# ---------------------------------------------------------------- words


def words_of(b: Builder, even: Value, odd: Value, how: str) -> Value:
    """The words of the numbers with even places and those that follow them, rounded."""
    count = lanes(even.type)
    if how in _NARROWING and count >= _LEAST:
        both = _narrowed(b, even, odd)
        order = [k // 2 + count * (k % 2) for k in range(2 * count)]
        return b.bitcast(b.shuffle(both, both, order), like(even.type, "i32"))
    lower, upper = _rounded(b, even), _rounded(b, odd)
    lower = b.binary("lshr", lower, constant(lower.type, 16))
    return b.binary("or", lower, b.binary("and", upper, constant(upper.type, _UPPER)))


def _of_neighbors(b: Builder, first: Value, last: Value, how: str) -> Value:
    """The words of numbers that lie one after another, in two vectors."""
    if how in _NARROWING:
        return b.bitcast(_narrowed(b, first, last), like(first.type, "i32"))
    places = range(0, 2 * lanes(first.type), 2)
    even = b.shuffle(first, last, [*places])
    odd = b.shuffle(first, last, [k + 1 for k in places])
    return words_of(b, even, odd, how)


def _narrowed(b: Builder, first: Value, last: Value) -> Value:
    """Two vectors of float as one of bfloat16; the instruction takes the last one first."""
    count = 2 * lanes(first.type)
    name = f"llvm.x86.avx512bf16.cvtne2ps2bf16.{16 * count}"
    return b.call(name, vector("bfloat", count), last, first)


def _rounded(b: Builder, values: Value) -> Value:
    """The bits of floats whose upper halves are the nearest bfloat16, of two the even one."""
    found = b.bitcast(values, like(values.type, "i32"))
    kind = found.type
    is_odd = b.binary("and", b.binary("lshr", found, constant(kind, 16)), constant(kind, 1))
    half = b.binary("add", is_odd, constant(kind, 0x7FFF))
    quiet = b.binary("or", found, constant(kind, _QUIET))
    return b.select(b.fcmp("uno", values, values), quiet, b.binary("add", found, half))


def add_products(b: Builder, x: Value, y: Value, total: Value, how: str) -> Value:
    """The sums with both products of each pair of words added to them."""
    wide = lanes(total.type) * bits(total.type)
    if how == "avx512":
        # In this form LLVM takes the words as they are, in every version.
        return b.call(f"llvm.x86.avx512bf16.dpbf16ps.{wide}", total.type, total, x, y)
    if how == "neon":
        kind = vector("bfloat", wide // 16)
        operands = (b.bitcast(v, kind) for v in (x, y))
        return b.call("llvm.aarch64.neon.bfdot.v4f32.v8bf16", total.type, total, *operands)
    total = b.fma(upper(b, x), upper(b, y), total)
    return b.fma(lower(b, x), lower(b, y), total)


def pair_sums(b: Builder, x: Value, y: Value) -> Value:
    """Both products of each pair of words, added up."""
    return add_products(b, x, y, constant(like(x.type, "float"), -0.0), "emulated")


def upper(b: Builder, words: Value) -> Value:
    """The second number of each word, as a float."""
    own = b.binary("and", words, constant(words.type, _UPPER))
    return b.bitcast(own, like(words.type, "float"))


def lower(b: Builder, words: Value) -> Value:
    """The first number of each word, as a float."""
    own = b.binary("shl", words, constant(words.type, 16))
    return b.bitcast(own, like(words.type, "float"))
