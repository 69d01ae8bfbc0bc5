"""Random numbers: known answers of the generator, distributions, keys under transforms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats

from chainrule.functions import random
from chainrule.tensors import Tensor, tensor
from chainrule.transform import grad, jit, vmap

WORD = (1 << 64) - 1
COUNT = 20_000

# Salmon, Moraes, Dror, Shaw: Random123 1.14, tests/kat_vectors: counter, key, result.
KNOWN_ANSWERS = [
    (
        (0, 0, 0, 0),
        (0, 0),
        (0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B),
    ),
    (
        (WORD, WORD, WORD, WORD),
        (WORD, WORD),
        (0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0),
    ),
    (
        (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89),
        (0x452821E638D01377, 0xBE5466CF34E90C6C),
        (0xA528F45403E61D95, 0x38C72DBD566E9788, 0xA5A1610E72FD18B5, 0x57BD43B5E52B7FE6),
    ),
]


def philox(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    """Philox4x64-10 in ten lines of Python."""
    c, k = list(counter), list(key)
    for _ in range(10):
        left, right = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
        c = [(right >> 64) ^ c[1] ^ k[0], right & WORD, (left >> 64) ^ c[3] ^ k[1], left & WORD]
        k = [(k[0] + 0x9E3779B97F4A7C15) & WORD, (k[1] + 0xBB67AE8584CAA73B) & WORD]
    return tuple(c)


def key_of(*words: int) -> Tensor:
    return tensor(np.array(words, np.uint64))


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN_ANSWERS)
def test_the_reference_has_the_known_answers(counter: Any, key: Any, result: Any) -> None:
    assert philox(counter, key) == result


@pytest.mark.parametrize("key", [(0, 0), (7, 0), (WORD, 1), KNOWN_ANSWERS[2][1]])
def test_bits_split_and_fold_in_are_words_of_philox(key: tuple[int, int]) -> None:
    drawn = random.bits(key_of(*key), 6).tolist()
    assert drawn == [*philox((1, 0, 0, 0), key), *philox((2, 0, 0, 0), key)[:2]]
    keys = random.split(key_of(*key), 2).tolist()
    words = philox((1, 0, 0, 1 << 62), key)
    assert keys == [list(words[:2]), list(words[2:])]
    folded = random.fold_in(key_of(*key), 5).tolist()
    assert folded == list(philox((1, 0, 0, (1 << 63) + 5), key)[:2])


def test_narrow_bits_are_the_low_parts_first() -> None:
    (word,) = random.bits(random.key(1), 1).tolist()
    assert random.bits(random.key(1), 2, "uint32").tolist() == [word & 0xFFFFFFFF, word >> 32]
    assert random.bits(random.key(1), (2, 0)).shape == (2, 0)


def test_a_long_seed_fills_both_words() -> None:
    assert random.key((3 << 64) + 5).tolist() == [5, 3]


def test_a_uniform_number_has_53_or_24_bits() -> None:
    (word,) = random.bits(random.key(1), 1).tolist()
    assert random.uniform(random.key(1), 1).tolist() == [(word >> 11) * 2.0**-53]
    single = random.uniform(random.key(1), 1, dtype="float32")
    assert single.tolist() == [((word & 0xFFFFFFFF) >> 8) * 2.0**-24]


DISTRIBUTIONS: dict[str, tuple[Any, Any]] = {
    "uniform": (lambda k: random.uniform(k, COUNT), scipy.stats.uniform()),
    "uniform float32": (lambda k: random.uniform(k, COUNT, dtype="float32"), scipy.stats.uniform()),
    "uniform between": (lambda k: random.uniform(k, COUNT, -3.0, 2), scipy.stats.uniform(-3, 5)),
    "normal": (lambda k: random.normal(k, COUNT), scipy.stats.norm()),
    "normal float32": (lambda k: random.normal(k, COUNT, dtype="float32"), scipy.stats.norm()),
    "normal at": (lambda k: random.normal(k, COUNT, 5.0, 0.1), scipy.stats.norm(5, 0.1)),
    "exponential": (lambda k: random.exponential(k, COUNT), scipy.stats.expon()),
    "gumbel": (lambda k: random.gumbel(k, COUNT), scipy.stats.gumbel_r()),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("seed", [0, 1])
def test_draws_follow_their_distribution(name: str, seed: int) -> None:
    draw, distribution = DISTRIBUTIONS[name]
    x = draw(random.key(seed)).numpy()
    assert scipy.stats.kstest(x.astype(np.float64), distribution.cdf).pvalue > 0.01
    mean, deviation = distribution.mean(), distribution.std()
    assert abs(x.mean() - mean) < 4 * deviation / np.sqrt(COUNT)
    kurtosis = float(distribution.stats("k")) + 2
    assert abs(x.var() / deviation**2 - 1) < 4 * np.sqrt(kurtosis / COUNT)


def test_the_two_halves_of_normal_draws_are_not_correlated() -> None:
    x = random.normal(random.key(2), (2, COUNT)).numpy()
    assert abs(np.corrcoef(x)[0, 1]) < 4 / np.sqrt(COUNT)
    assert abs(np.corrcoef(x**2)[0, 1]) < 4 / np.sqrt(COUNT)


def test_split_and_folded_keys_draw_independently() -> None:
    keys = [*random.split(random.key(0), 3), random.fold_in(random.key(0), 1), random.key(0)]
    draws = np.stack([random.uniform(k, COUNT).numpy() for k in keys])
    assert np.abs(np.corrcoef(draws) - np.eye(len(keys))).max() < 4 / np.sqrt(COUNT)


def test_integers_are_equally_likely() -> None:
    x = random.randint(random.key(0), COUNT, -2, 5, dtype="int8").numpy()
    assert x.dtype == np.int8
    counts = np.bincount(x.astype(int) + 2, minlength=7)
    assert scipy.stats.chisquare(counts).pvalue > 0.01
    top = random.randint(random.key(0), 100, 2**64 - 2, 2**64, dtype="uint64").numpy()
    assert set(top.tolist()) == {2**64 - 2, 2**64 - 1}


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1000), (3, 4), (-5, 2**62), (-(2**62), 2**62 - 1), (0, 2**32 + 1)]
)
@pytest.mark.parametrize("count", [50, 9000])
def test_integers_are_the_upper_halves_of_products_with_the_bits(
    low: int, high: int, count: int, runtime: str
) -> None:
    words = random.bits(random.key(4), count).numpy().tolist()
    expected = [low + (word * (high - low) >> 64) for word in words]
    assert random.randint(random.key(4), count, low, high).numpy().tolist() == expected
    of = jit(lambda key: random.randint(key, count, low, high))
    assert of(random.key(4)).numpy().tolist() == expected


def test_classes_have_the_probabilities_of_their_logits() -> None:
    p = np.array([0.1, 0.0, 0.6, 0.3])
    logits = np.log(p, where=p > 0, out=np.full(4, -np.inf))
    x = random.categorical(random.key(0), logits, shape=COUNT).numpy()
    counts = np.bincount(x, minlength=4)
    assert counts[1] == 0
    kept = p > 0
    assert scipy.stats.chisquare(counts[kept], COUNT * p[kept]).pvalue > 0.01
    drawn = random.categorical(random.key(0), np.zeros((3, 5, 2)), axis=1, shape=(7, 3, 2))
    assert drawn.shape == (7, 3, 2)


def test_a_coin_has_its_probability() -> None:
    x = random.bernoulli(random.key(0), np.array([[0.2], [0.7]]), (2, COUNT)).numpy()
    assert np.abs(x.mean(1) - [0.2, 0.7]).max() < 4 * 0.5 / np.sqrt(COUNT)
    assert not random.bernoulli(random.key(0), 0.0, 1000).numpy().any()


def test_each_permutation_is_equally_likely() -> None:
    draw = vmap(lambda k: random.permutation(k, 3))
    orders = draw(random.split(random.key(0), 6000)).numpy() @ [9, 3, 1]
    counts = np.unique(orders, return_counts=True)[1]
    assert len(counts) == 6
    assert scipy.stats.chisquare(counts).pvalue > 0.01


def test_dropout_keeps_the_mean_and_masks_the_derivative() -> None:
    x = tensor(np.ones(COUNT))
    y = random.dropout(x, 0.2, random.key(0)).numpy()
    assert set(y.tolist()) == {0.0, 1.25}
    assert abs(y.mean() - 1) < 4 * 0.5 / np.sqrt(COUNT)
    g = grad(lambda x: random.dropout(x, 0.2, random.key(0)).sum())(x)
    assert g.tolist() == y.tolist()
    g = grad(lambda x: random.dropout(x * np.inf, 0.5, random.key(0)).sum())(tensor(np.ones(8)))
    assert set(g.tolist()) == {0.0, np.inf}


def test_derivatives_flow_through_the_parameters() -> None:
    k = random.key(4)
    standard = random.normal(k, 5).numpy()
    g = grad(lambda s: random.normal(k, 5, 1.0, s).sum())(tensor(2.0))
    np.testing.assert_allclose(float(g), standard.sum())


FUNCTIONS: dict[str, Any] = {
    "bits": lambda k: random.bits(k, 3, "uint16"),
    "split": lambda k: random.split(k, 3),
    "fold_in": lambda k: random.fold_in(k, 2),
    "uniform": lambda k: random.uniform(k, (2, 3)),
    "normal": lambda k: random.normal(k, 3, dtype="float32"),
    "exponential": lambda k: random.exponential(k, ()),
    "randint": lambda k: random.randint(k, 4, 0, 10),
    "bernoulli": lambda k: random.bernoulli(k, 0.3, 4),
    "categorical": lambda k: random.categorical(k, np.zeros((2, 4))),
    "permutation": lambda k: random.permutation(k, 5),
    "dropout": lambda k: random.dropout(np.ones(6), 0.5, k),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_batched_keys_equal_a_loop_and_recorded_equal_eager(name: str) -> None:
    function = FUNCTIONS[name]
    keys = random.split(random.key(9), 4)
    expected = np.stack([function(k).numpy() for k in keys])
    np.testing.assert_array_equal(vmap(function)(keys).numpy(), expected)
    np.testing.assert_array_equal(jit(vmap(function))(keys).numpy(), expected)
    np.testing.assert_array_equal(jit(function)(keys[0]).numpy(), expected[0])


def test_folded_numbers_may_be_batched() -> None:
    k = random.key(1)
    folded = vmap(lambda i: random.fold_in(k, i))(tensor([0, 1, 2]))
    assert folded.tolist() == [random.fold_in(k, i).tolist() for i in range(3)]
