"""Roots by products have the bits of the instruction, and leave the divider to quotients."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.mathematics.roots import root
from chainrule.runtime.engine import host_target
from tests.codegen.native import mapped

HERE = pytest.mark.skipif(not host_target().roots, reason="this processor takes roots itself")
NEAREST = [
    "1.000002", "1.000006", "1.00000a", "1.24b0b2", "1.52f7de", "1.618d86", "1.9683d2",
    "1.9b5d64", "1.e05156", "1.f82294", "1.542efep1", "1.83789cp1", "1.aa3b7ep1", "1.b5c076p1",
    "1.dd26e4p1", "1.fffff2p1", "1.fffff6p1", "1.fffffap1", "1.fffffep1",
]  # fmt: skip
"""Of all numbers from 1 to 4, those with a root less than 2⁻²¹ units from the middle of two."""


def numbers() -> np.ndarray:
    """The nearest ones in all binades, special ones and any bits."""
    near = np.array([float.fromhex(f"0x{x}") for x in NEAREST])
    with np.errstate(all="ignore"):
        near = np.ldexp(near[:, None], range(-126, 128, 2)).astype(np.float32).ravel()
    edges = np.arange(-64, 64, dtype=np.int32)
    starts = np.array([0, 0x007FFFFF, 0x21800000, 0x7F7FFFFF, 0x7FC00000], np.int32)
    bits = (starts[:, None] + edges).ravel().view(np.uint32)
    any_bits = np.random.default_rng(0).integers(0, 2**32, 1 << 18, np.uint32)
    found = np.concatenate([near.view(np.uint32), bits, bits ^ np.uint32(1 << 31), any_bits])
    return found.view(np.float32)


@HERE
def test_a_root_by_products_has_the_bits_of_the_instruction() -> None:
    x, target = numbers(), host_target()
    ours, own = (mapped(f, target, 16)(x) for f in (root, lambda x: x.apply("sqrt")))
    assert np.array_equal(ours.view(np.uint32), own.view(np.uint32))


def flushed(x: np.ndarray) -> np.ndarray:
    """Numbers as programs take them."""
    return np.where(abs(x) < np.finfo(np.float32).tiny, np.copysign(np.float32(0), x), x)


def test_quotients_by_roots_are_the_same_to_the_last_bit() -> None:
    v = numbers()
    m, eps = np.random.default_rng(1).standard_normal(v.size).astype(np.float32), np.float32(1e-3)
    f = cr.jit(lambda m, v, eps: m / (cr.sqrt(v) + eps))
    arguments = [cr.tensor(a) for a in (m, v, eps)]
    with np.errstate(all="ignore"):
        exact = flushed(m / (np.sqrt(flushed(v)) + eps))
    assert np.array_equal(f(*arguments).numpy(), exact, equal_nan=True)


@HERE
def test_only_roots_in_divisors_are_products() -> None:
    x = cr.tensor(np.ones(64, np.float32))
    for f, expected in (
        (lambda x: x / (cr.sqrt(x) + 1), True), (lambda x: x + cr.sqrt(x), False),
        (lambda x: cr.sqrt(x) / (x + 1), False),
    ):  # fmt: skip
        assert ("rsqrt14" in str(cr.jit(f).llvm(x))) is expected


def test_roots_are_products_where_that_is_sooner() -> None:
    wide = Target("x86_64", "cascadelake", "", 512, 32, True)
    assert wide.roots
    assert not wide.replaced(cpu="znver4").roots
    assert not wide.replaced(cpu="haswell", vector_bits=256).roots
