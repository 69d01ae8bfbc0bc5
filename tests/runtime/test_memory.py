"""Memory is used again when nobody can see it any more, never before, and never kept for ever."""

import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from chainrule.errors import CapacityError
from chainrule.runtime import memory
from chainrule.runtime.memory import available_bytes, byte_text, empty, placed, release


@pytest.fixture(autouse=True)
def fresh():
    release()
    yield
    release()


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def kept() -> int:
    """Bytes that are kept for later."""
    return sum(s.size * len(s.free) for s in memory._shelves.values())


SHAPES = [(), (1,), (0,), (3, 0, 2), (7,), (16, 16), (1000,), (123, 457), (1 << 20,), (5_000_001,)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "bool", "int64"])
def test_an_array_has_its_shape_its_type_and_its_place(shape, dtype):
    array, place = placed(shape, np.dtype(dtype))
    assert (array.shape, array.dtype) == (shape, np.dtype(dtype))
    assert place % 64 == 0
    if array.size:
        assert address(array) == place
    assert array.flags.c_contiguous
    assert array.flags.writeable
    array[...] = 1
    assert array.sum() == array.size


@pytest.mark.parametrize("size", [10, 5000, 400_000, 3_000_000])
def test_memory_is_used_again_when_the_array_is_gone(size):
    first = empty((size,), "float32")
    place = address(first)
    del first
    assert address(empty((size,), "float32")) == place


def test_memory_is_not_used_again_while_a_view_lives():
    for look in (
        lambda a: a[10:],
        lambda a: a.reshape(10, 100),
        lambda a: a.view(np.int32)[::2],
        memoryview,
        lambda a: np.frombuffer(a, np.uint8),
        lambda a: np.asarray(memoryview(a[5:])),
        lambda a: a.T[None].squeeze(),
    ):
        array = empty((1000,), "float32")
        array[:] = 7
        place, seen = address(array), look(array)
        del array
        others = [empty((1000,), "float32") for _ in range(5)]
        assert place not in map(address, others)
        for other in others:
            other[:] = 0
        assert 7 in np.frombuffer(np.ascontiguousarray(seen).tobytes(), np.float32)
        del seen, others


def test_an_array_in_a_cycle_comes_back_when_the_cycle_is_collected():
    array = empty((1000,), "float32")
    place = address(array)
    ring: list[object] = [array]
    ring.append(ring)
    del ring, array
    gc.collect()
    assert address(empty((1000,), "float32")) == place


def test_living_arrays_never_overlap():
    sequence = np.random.default_rng(0)
    living: list[tuple[np.ndarray, int]] = []
    for turn in range(3000):
        size = int(sequence.choice([3, 40, 900, 20_000, 200_000]))
        array = empty((size,), "int64")
        array[:] = turn
        living.append((array, turn))
        if len(living) > 20:
            old, value = living.pop(int(sequence.integers(20)))
            assert (old == value).all()
    assert all((a == value).all() for a, value in living)


def test_several_threads_get_memory_of_their_own():
    def work(number: int) -> bool:
        for turn in range(400):
            arrays = [empty((size,), "int64") for size in (5, 700, 30_000)]
            for array in arrays:
                array[:] = number * 1000 + turn
            if any((array != number * 1000 + turn).any() for array in arrays):
                return False
        return True

    with ThreadPoolExecutor(8) as executor:
        assert all(executor.map(work, range(8)))


def test_no_more_is_kept_than_the_limit(monkeypatch):
    monkeypatch.setattr(memory, "_LIMIT", 10 << 20)
    arrays = [empty((1 << 18,), "float32") for _ in range(30)]
    assert kept() == 0
    del arrays
    assert kept() == 10 << 20


def test_what_was_not_used_for_longest_is_given_back_first(monkeypatch):
    monkeypatch.setattr(memory, "_LIMIT", 10 << 20)
    for _ in range(2):  # the second time it lies on the shelf
        empty((4 << 20,), "int8")
        empty((5 << 20,), "int8")
    empty((3 << 20,), "int8")
    sizes = {s.size >> 20: len(s.free) for s in memory._shelves.values() if s.free}
    assert sizes == {5: 1, 3: 1}


def test_what_is_larger_than_the_limit_is_not_kept(monkeypatch):
    monkeypatch.setattr(memory, "_LIMIT", 1 << 20)
    empty((2 << 20,), "int8")
    assert kept() == 0


def test_small_arrays_have_a_limit_too():
    arrays = [empty((4000,), "int8") for _ in range(2000)]
    del arrays
    assert 0 < kept() <= 1 << 20


def test_what_is_kept_can_be_given_back():
    empty((1 << 20,), "float32")
    assert release() == 4 << 20
    assert kept() == 0


def test_large_arrays_begin_at_different_places_of_their_pages_and_can_be_given_back():
    arrays = [placed((1 << 20,), np.dtype("float32")) for _ in range(8)]
    places = [address for _, address in arrays]
    assert len({place % 4096 for place in places}) == 8
    assert {place % 64 for place in places} == {0}
    for array, _ in arrays:
        array[[0, -1]] = 1
    del array, arrays
    assert release() == 8 << 22


def test_what_does_not_fit_is_refused_before_anything_is_allocated(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 8_000_000_000)
    with pytest.raises(CapacityError) as caught:
        empty((100_000, 50_000), "float64")
    assert str(caught.value) == (
        "an array of shape (100000, 50000) and dtype float64 would take 40 GB of memory, "
        "and 8 GB are free\n\n  Nothing was allocated."
    )


def test_what_is_kept_makes_room_before_anything_is_refused(monkeypatch):
    empty((10 << 20,), "float64")
    assert kept() == 80 << 20
    free = iter([50 << 20, 200 << 20])
    monkeypatch.setattr(memory, "available_bytes", lambda: next(free))
    assert empty((16 << 20,), "float64").shape == (16 << 20,)
    assert kept() == 128 << 20


def test_an_array_larger_than_any_address_is_refused():
    with pytest.raises(MemoryError, match=r"of memory, and .* are free"):
        empty((2**40, 2**20), "float64")


class Refusing:
    """The C library of a machine without memory."""

    def __init__(self, real: object) -> None:
        self.real = real

    def posix_memalign(self, *_: object) -> int:
        return 12

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)


def test_memory_that_the_system_refuses_is_an_error_with_numbers(monkeypatch):
    monkeypatch.setattr(memory, "_C", Refusing(memory._C))
    monkeypatch.setattr(memory, "available_bytes", lambda: 3_000_000)
    with pytest.raises(CapacityError) as caught:
        empty((1000,), "float64")
    assert str(caught.value) == (
        "the system refuses memory for an array of shape (1000,) and dtype float64 (8.19 kB); "
        "3 MB are free"
    )


def test_the_free_memory_is_what_system_and_container_leave(monkeypatch):
    assert 0 < available_bytes() <= memory._physical()
    monkeypatch.setattr(memory, "_left_by_group", lambda: 12_345)
    assert available_bytes() == 12_345


def test_the_memory_of_a_container_is_read_from_its_group(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("600000\n")
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 150000\nslab 7\n")
    monkeypatch.setattr(memory, "_GROUP", tmp_path)
    assert memory._left_by_group() == 550_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._left_by_group() == sys.maxsize


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (10**18, "1 EB")]
)
def test_a_number_of_bytes_is_easy_to_read(count, text):
    assert byte_text(count) == text


LATE = """
import builtins, sys
import chainrule as cr
from chainrule.runtime import linking, memory

double = cr.jit(lambda x: 2 * x)

def results():  # more small ones than are kept for later
    return [double(cr.ones(n)) for n in (3, 20_000, 300_000)] + [
        double(cr.ones(8000)) for _ in range(40)
    ]

for place in (sys, builtins, linking, memory):
    place.zz_kept = results()
    place._a_kept = [double, *results()]
    place._a_kept.append(place._a_kept)
print("done")
"""


def test_what_dies_with_the_interpreter_dies_silently() -> None:
    ran = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("done\n", "")
