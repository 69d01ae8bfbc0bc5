"""Reading ahead on a thread changes nothing but the time."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from chainrule.data import Dataset, prefetch
from tests.patience import LIMIT, wait_until


def threads():
    return [t for t in threading.enumerate() if t.name == "chainrule-prefetch"]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert threads() == []


@pytest.mark.parametrize("depth", [0, 1, 2, 7])
def test_batches_are_the_same_with_and_without(depth):
    data = Dataset(np.arange(60.0).reshape(20, 3), np.arange(20))
    ahead = list(prefetch(data.batches(3, seed=1), depth))
    for (x, y), (expected_x, expected_y) in zip(ahead, data.batches(3, seed=1), strict=True):
        np.testing.assert_array_equal(x, expected_x)
        np.testing.assert_array_equal(y, expected_y)


def test_an_error_comes_out_where_its_item_would_have():
    def failing():
        yield 1
        yield 2
        raise OSError("the disk is gone")

    items = prefetch(failing(), depth=5)
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(OSError, match=r"^the disk is gone$"):
        next(items)
    assert list(items) == []


def test_closing_ends_the_thread_and_closes_what_is_read():
    closed = []

    def endless():
        try:
            number = 0
            while True:
                yield (number := number + 1)
        finally:
            closed.append(threading.current_thread().name)

    items = prefetch(endless())
    assert next(items) == 1
    assert len(threads()) == 1
    items.close()
    assert threads() == []
    assert closed == ["chainrule-prefetch"]


def test_a_generator_that_is_forgotten_ends_its_thread():
    items = prefetch(iter(int, 1))
    next(items)
    del items
    gc.collect()


def test_an_exception_in_the_loop_ends_the_thread():
    def loop():
        for item in prefetch(range(100)):
            raise ValueError(item)

    with pytest.raises(ValueError, match="0"):
        loop()
    gc.collect()  # the traceback may have held the generator


def test_a_generator_that_is_never_read_has_no_thread():
    items = prefetch(range(3))
    assert threads() == []
    items.close()


def test_no_more_than_depth_items_are_made_ahead():
    made, asked = [], 0

    def noting():
        for number in range(100):
            made.append((number, asked))
            yield number

    items = prefetch(noting(), depth=3)
    for expected in range(100):
        asked += 1
        assert next(items) == expected
        ahead = min(asked + 3, 100)
        wait_until(lambda ahead=ahead: len(made) == ahead)
    assert all(number < asked_then + 3 for number, asked_then in made)
    assert list(items) == []


def test_work_on_the_thread_runs_beside_the_loop():
    """Each waits for the other in the middle of its work: one after the other, none would end."""
    meeting = threading.Barrier(2, timeout=LIMIT)

    def making(count):
        yield 0
        for number in range(1, count):
            meeting.wait()
            yield number

    for number in prefetch(making(20)):
        if number < 19:
            meeting.wait()


INTERRUPTED = """
import threading, time
from chainrule.data import prefetch
def slow():
    yield 0
    while True:
        time.sleep(0.05)
        yield 1
try:
    for item in prefetch(slow()):
        if item == 0:
            print("ready", flush=True)
        time.sleep(0.01)
except KeyboardInterrupt:
    import gc; gc.collect()
    left = [t.name for t in threading.enumerate() if t.name == "chainrule-prefetch"]
    print("stopped", left, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_ends_the_loop_and_the_thread():
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=LIMIT)
    assert out == "stopped []\n"
    assert process.returncode == 0
