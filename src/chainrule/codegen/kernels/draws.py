"""Random bits as machine code: Philox4x64-10, a block of four words at a time.

Source:  salmon2011parallel
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Value, constant
from chainrule.codegen.kernels.draft import Draft, Kernel
from chainrule.codegen.statements.steps import Draw

__all__ = ["emit_draw"]

_MULTIPLIERS: Final = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_BUMPS: Final = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_ROUNDS: Final = 10
_BLOCK: Final = 32  # bytes
_EFFORT: Final = 16  # nanoseconds of a block
_TILE: Final = 512  # blocks: some ten microseconds


class _Stream(NamedTuple):
    """The words of a key and its counter, and how many blocks of bits are left out."""

    words: list[Value]
    number: Value
    start: Value | None


def emit_draw(draft: Draft, step: Draw) -> Kernel:
    """Write the bits of each key of a stack, its blocks numbered from 1; the last may be cut."""
    node = step.target
    key, counter, *skipped = step.node.inputs
    keys = math.prod(key.shape[:-1])
    size = math.prod(node.shape) // keys * node.dtype.numpy.itemsize
    blocks = -(-size // _BLOCK)
    tiles = -(-blocks // _TILE)
    b = draft.begin()
    table, begin, end, _ = b.arguments
    pointers = draft.places(b, table)
    with b.loop(begin, end) as tile:
        row = b.binary("udiv", tile.index, constant("i64", tiles))
        chunk = b.binary("urem", tile.index, constant("i64", tiles))
        words = [b.load("i64", b.offset(pointers[key], b.add(b.mul(row, 2), k), "i64"))
                 for k in range(2)]  # fmt: skip
        number = b.load("i64", b.offset(pointers[counter], row, "i64"))
        start = b.load("i64", b.offset(pointers[skipped[0]], row, "i64")) if skipped else None
        stream = _Stream(words, number, start)
        target = b.offset(pointers[node], b.mul(row, size), "i8")
        first = b.mul(chunk, _TILE)
        whole = constant("i64", size // _BLOCK)
        last = b.intrinsic("smin", b.add(first, _TILE), whole)
        with b.loop(first, last) as block:
            place = b.offset(target, b.mul(block.index, _BLOCK), "i8")
            for k, word in enumerate(_block(b, block.index, stream)):
                b.store(word, b.offset(place, k, "i64"), align=1)
        if size % _BLOCK:
            _rest(b, target, size, stream, b.icmp("eq", chunk, tiles - 1))
    return Kernel(draft.name, keys * tiles, 0, _EFFORT * keys * blocks)


def _rest(b: Builder, target: Value, size: int, stream: _Stream, is_last: Value) -> None:
    """The part of the last block that there is room for."""
    whole = size // _BLOCK
    room = b.local("i64", 4)
    with b.when(is_last):
        for k, word in enumerate(_block(b, constant("i64", whole), stream)):
            b.store(word, b.offset(room, k, "i64"))
        place = b.offset(target, whole * _BLOCK, "i8")
        count = constant("i64", size % _BLOCK)
        b.call("llvm.memcpy.p0.p0.i64", "void", place, room, count, constant("i1", False))


def _block(b: Builder, index: Value, stream: _Stream) -> list[Value]:
    zero = constant("i64", 0)
    place = index if stream.start is None else b.add(index, stream.start)
    w = [b.add(place, 1), zero, zero, stream.number]
    keys = list(stream.words)
    for _ in range(_ROUNDS):
        high0, low0 = _product(b, w[0], _MULTIPLIERS[0])
        high1, low1 = _product(b, w[2], _MULTIPLIERS[1])
        w = [
            b.binary("xor", b.binary("xor", high1, w[1]), keys[0]),
            low1,
            b.binary("xor", b.binary("xor", high0, w[3]), keys[1]),
            low0,
        ]
        keys = [
            b.binary("add", k, constant("i64", bump)) for k, bump in zip(keys, _BUMPS, strict=True)
        ]
    return w


def _product(b: Builder, x: Value, multiplier: int) -> tuple[Value, Value]:
    """The high and the low word of a product."""
    wide = b.binary("mul", b.convert("zext", x, "i128"), constant("i128", multiplier))
    high = b.convert("trunc", b.binary("lshr", wide, constant("i128", 64)), "i64")
    return high, b.convert("trunc", wide, "i64")
