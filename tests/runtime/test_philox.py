"""The words of many keys at once are those of NumPy's generator."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.ir import build
from chainrule.ir.dtype import uint32, uint64
from chainrule.ir.graph import Graph
from chainrule.runtime.native import NativeProgram
from chainrule.runtime.philox import random_bits
from chainrule.runtime.reference import Program

WORD = st.integers(0, 2**64 - 1)


@given(st.lists(st.tuples(WORD, WORD, WORD), min_size=12, max_size=20), st.integers(1, 40))
def test_a_stack_of_keys_gives_the_words_of_each(numbers, count):
    keys = np.array([n[:2] for n in numbers], np.uint64)
    counters = np.array([n[2] for n in numbers], np.uint64)
    for kind in (uint32, uint64):
        one_by_one = [
            random_bits(k, np.asarray(c), (count,), kind)
            for k, c in zip(keys, counters, strict=True)
        ]
        np.testing.assert_array_equal(random_bits(keys, counters, (count,), kind), one_by_one)


def test_words_are_those_of_the_published_generator():
    key, counter = np.array([[7, 8]] * 16, np.uint64), np.full(16, 9, np.uint64)
    expected = np.random.Philox(key=key[0], counter=[0, 0, 0, 9]).random_raw(11)
    np.testing.assert_array_equal(random_bits(key, counter, (11,), uint64), [expected] * 16)


@pytest.mark.parametrize("dtype", [uint32, uint64])
@pytest.mark.parametrize("skipped", [0, 1, 700, 2**40])
def test_blocks_of_words_may_be_left_out(dtype, skipped):
    inputs = [build.parameter(shape, uint64) for shape in ((2, 2), (2,), (2,))]
    key, counter, start = inputs
    graph = Graph(tuple(inputs), (build.random(key, counter, (2051,), dtype, start),))
    keys, counters = np.array([[7, 8], [9, 1]], np.uint64), np.array([9, 4], np.uint64)
    arrays = keys, counters, np.array([skipped, 3], np.uint64)
    (expected,) = Program(graph)(*arrays)
    np.testing.assert_array_equal(NativeProgram(graph)(*arrays)[0], expected)
    count = 256 // dtype.bits
    if skipped < 1000:
        whole = random_bits(keys, counters, (count * skipped + 2051,), dtype)
        np.testing.assert_array_equal(expected[0], whole[0, count * skipped :])
    words = np.random.Philox(key=keys[0], counter=[skipped, 0, 0, 9]).random_raw(2051)
    np.testing.assert_array_equal(expected[0], words.view(dtype.numpy)[:2051])
