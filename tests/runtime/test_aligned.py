"""NumPy's results lie on whole lines of the cache where that pays, and are let go as they were."""

import contextvars
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from chainrule.runtime.aligned import FROM, TO, align
from chainrule.runtime.quiet import quiet

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="aligned memory is for Linux alone")
COUNTS = [FROM // 8, FROM // 8 + 1, 15_000, TO // 8 - 1]


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


@LINUX
@pytest.mark.parametrize("count", COUNTS)
def test_results_begin_where_a_line_begins(count):
    x = np.arange(count, dtype=float)
    kept = [quiet.aligned(np.add, x, k) for k in range(8)]
    assert [address(a) % 64 for a in kept] == [0] * 8
    for k, a in enumerate(kept):
        np.testing.assert_array_equal(a, x + k)


@LINUX
def test_an_aligned_array_grows_shrinks_and_dies_like_any_other():
    for count in (3, 100, 127, 128, 5000, 200_000):
        made = quiet.aligned(np.ones, count)
        made.resize(2 * count, refcheck=False)
        assert made.sum() == count
        made.resize(count // 2, refcheck=False)
        assert made.sum() == count // 2
        del made
    zeros = [quiet.aligned(np.zeros, count) for count in range(1, 300)]
    assert not sum(a.sum() for a in zeros)


@LINUX
def test_arrays_may_die_on_another_thread():
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda k: quiet.aligned(np.full, 20_000, float(k)), range(64)))
        found = list(threads.map(lambda a: float(a[-1]), made))
        while made:
            threads.submit(made.pop().sum)
    assert found == [float(k) for k in range(64)]


@LINUX
def test_other_code_keeps_numpy_s_own_memory():
    from numpy._core.multiarray import get_handler_name

    assert get_handler_name() == "default_allocator"
    assert quiet.call(get_handler_name) == "default_allocator"
    assert quiet.aligned(get_handler_name) == "chainrule"


@LINUX
def test_a_numpy_that_we_do_not_know_keeps_its_memory(monkeypatch):
    from numpy._core.multiarray import get_handler_name

    from chainrule.runtime import aligned

    monkeypatch.setattr(aligned.sys, "platform", "elsewhere")
    assert aligned._capsule.__wrapped__() is None
    monkeypatch.setattr(aligned, "_capsule", lambda: None)
    context = contextvars.Context()
    align(context)
    assert context.run(get_handler_name) == "default_allocator"
