"""Long draws, made block by block: the numbers of the whole draw, and no program for each size."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.functions import random, random_long, random_normal
from chainrule.ir.routines.ordering import stable_order
from chainrule.runtime.reference import Program
from chainrule.tensors import Tensor, tensor
from chainrule.transform import grad, jit, vmap

Draw = Callable[[Tensor, int], Tensor]
LEAST = 2**13
SIZES = (LEAST, 15_003, 2**14 + 1, 40_001, 2**16 + 6)
KEY = random.key((5 << 64) + 3)

EXACT: dict[str, Draw] = {
    "bits": lambda k, n: random.bits(k, n),
    "bits uint32": lambda k, n: random.bits(k, n, "uint32"),
    "bits uint8": lambda k, n: random.bits(k, n, "uint8"),
    "uniform": lambda k, n: random.uniform(k, n),
    "uniform of two axes": lambda k, n: random.uniform(k, (n // 3, 3)),
    "uniform float32": lambda k, n: random.uniform(k, n, dtype="float32"),
    "uniform between": lambda k, n: random.uniform(k, n, -1.3, 2.7),
    "uniform between each": lambda k, n: random.uniform(k, n, -np.arange(n) / 3, 2.7),
    "uniform between repeated": lambda k, n: random.uniform(k, (n // 3, 3), 0, np.arange(3) / 7),
    "bernoulli": lambda k, n: random.bernoulli(k, 0.3, n),
    "bernoulli each": lambda k, n: random.bernoulli(k, np.linspace(0, 1, n)),
    "randint": lambda k, n: random.randint(k, n, -3, 1000),
    "randint int8": lambda k, n: random.randint(k, n, -100, 100, dtype="int8"),
    "randint uint64": lambda k, n: random.randint(k, n, 2**63 + 1, 2**64 - 5, dtype="uint64"),
    "randint of one": lambda k, n: random.randint(k, n, 7, 8),
    "permutation": lambda k, n: random.permutation(k, n),
}
ROUNDED: dict[str, Draw] = {
    "normal": lambda k, n: random.normal(k, n),
    "normal of two axes": lambda k, n: random.normal(k, (n // 3, 3)),
    "normal float32": lambda k, n: random.normal(k, n, dtype="float32"),
    "normal at": lambda k, n: random.normal(k, n, 1.5, 0.3),
    "normal at each": lambda k, n: random.normal(k, n, np.arange(n) / 3, 0.3),
    "exponential": lambda k, n: random.exponential(k, n),
    "gumbel": lambda k, n: random.gumbel(k, n),
}
ALL = EXACT | ROUNDED


def at(draw: Draw, size: int) -> Callable[[Tensor], Tensor]:
    return lambda key: draw(key, size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ALL)
def test_a_long_draw_has_the_numbers_of_one_program(name: str, size: int) -> None:
    draw = at(ALL[name], size)
    made, whole = draw(KEY), jit(draw)(KEY)
    assert made.dtype is whole.dtype
    np.testing.assert_array_equal(made.numpy(), whole.numpy())
    (reference,) = Program(jit(draw).graph(KEY))(KEY.numpy())
    if name in EXACT:
        np.testing.assert_array_equal(made.numpy(), reference)
    else:
        tight = 1e-5 if made.dtype.name == "float32" else 1e-13
        np.testing.assert_allclose(made.numpy(), reference, rtol=tight, atol=tight)


@pytest.mark.parametrize("name", EXACT)
def test_the_reference_runtime_draws_the_same(name: str, monkeypatch: Any) -> None:
    made = EXACT[name](KEY, 10_001).numpy()
    monkeypatch.setenv("CHAINRULE_RUNTIME", "reference")
    np.testing.assert_array_equal(EXACT[name](KEY, 10_001).numpy(), made)


@pytest.mark.parametrize("name", ["bits", "uniform", "randint", "bernoulli", "permutation"])
def test_rows_of_long_draws_equal_a_loop(name: str) -> None:
    keys, draw = random.split(KEY, 2), at(EXACT[name], LEAST + 5)
    expected = np.stack([draw(k).numpy() for k in keys])
    np.testing.assert_array_equal(vmap(draw)(keys).numpy(), expected)
    np.testing.assert_array_equal(jit(vmap(draw))(keys).numpy(), expected)


@given(st.integers(0, (1 << 128) - 1), st.integers(LEAST, 40_000))
@settings(max_examples=20, deadline=None)
def test_long_bits_are_the_words_of_the_generator(seed: int, size: int) -> None:
    key = random.key(seed)
    words = np.random.Philox(key=key.numpy(), counter=np.zeros(4, np.uint64)).random_raw(size)
    np.testing.assert_array_equal(random.bits(key, size).numpy(), words)
    narrow = words.astype("<u8").view("<u4")[:size]
    np.testing.assert_array_equal(random.bits(key, size, "uint32").numpy(), narrow)


@given(st.integers(LEAST, 2**16 + 50))
@settings(max_examples=20, deadline=None)
def test_long_normal_draws_pair_the_halves_wherever_they_meet(size: int) -> None:
    half = -(-size // 2)
    radius, angle = random.uniform(KEY, (2, half)).numpy()
    radius = np.sqrt(-2 * np.log1p(-radius))
    angle = 2 * np.pi * angle
    expected = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:size]
    np.testing.assert_allclose(random.normal(KEY, size).numpy(), expected, atol=1e-13)


def test_another_size_takes_no_other_program() -> None:
    for draw in (random.uniform, random.exponential, random.normal):
        draw(KEY, LEAST)
    before = random_long._program.cache_info().misses, random_normal._program.cache_info().misses
    for size in (LEAST + 16, 10_000, 30_000, 2**16 - 16):
        for draw in (random.uniform, random.exponential, random.normal):
            draw(KEY, size)
    after = random_long._program.cache_info().misses, random_normal._program.cache_info().misses
    assert after == before


def test_derivatives_flow_through_long_draws() -> None:
    standard = random.normal(KEY, LEAST).numpy().sum()
    slope = grad(lambda s: random.normal(KEY, LEAST, 1.0, s).sum())(tensor(2.0))
    np.testing.assert_allclose(float(slope), standard, rtol=1e-9)
    high = grad(lambda h: random.uniform(KEY, LEAST, 0.0, h).sum())(tensor(2.0))
    np.testing.assert_allclose(float(high), random.uniform(KEY, LEAST).numpy().sum())


def test_a_shuffled_tensor_has_the_drawn_order() -> None:
    x = np.arange(3.0 * LEAST).reshape(LEAST, 3)
    order = random.permutation(KEY, LEAST).numpy()
    np.testing.assert_array_equal(random.permutation(KEY, x).numpy(), x[order])


@pytest.mark.parametrize("top", [0, 1, 2**20, 2**50, 2**64 - 1])
@pytest.mark.parametrize("shape", [(5000,), (2, 1024), (2, 2, 1025)])
def test_the_order_of_words_is_stable(top: int, shape: tuple[int, ...]) -> None:
    draw = np.random.default_rng(0)
    words = draw.integers(0, top, shape, np.uint64, endpoint=True)
    expected = np.argsort(words, -1, kind="stable")
    for given_words in (words, np.sort(words), words[..., ::-1]):
        expected = np.argsort(given_words, -1, kind="stable")
        np.testing.assert_array_equal(stable_order(given_words), expected)


def test_empty_and_short_draws_are_as_before() -> None:
    draw = partial(random.uniform, KEY)
    assert draw((0, 3)).shape == (0, 3)
    np.testing.assert_array_equal(draw(LEAST).numpy()[: LEAST - 1], draw(LEAST - 1).numpy())
