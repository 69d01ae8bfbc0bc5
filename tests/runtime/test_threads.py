"""Tiles are done once each, by however many threads, and nothing ever waits for ever."""

import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from chainrule.codegen.assembly.llvm import Module
from chainrule.codegen.assembly.texts import module_text
from chainrule.errors import ArgumentError, CapacityError
from chainrule.runtime import threads, translation
from chainrule.runtime.engine import Library, host_target, load
from chainrule.runtime.processors import _quota, processors, thread_count
from chainrule.runtime.team_layout import LAYOUT
from chainrule.runtime.threads import Pool, pool
from tests.patience import LIMIT, wait_until
from tests.runtime.programs import arguments, counting_library

ROOT = Path(__file__).parents[2]
LINUX = sys.platform == "linux"
FUTEX = [True, False] if LINUX else [False]


@pytest.fixture(params=FUTEX, ids=["futex", "condition"][-len(FUTEX) :])
def futex(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def library(futex) -> Library:
    return counting_library(futex)


@pytest.fixture
def own(futex) -> Iterator[Pool]:
    made = Pool(futex=futex)
    yield made
    made.close()


def run(one: Pool, address: int, given: np.ndarray, count: int, scratch: int = 0) -> np.ndarray:
    one.prepare(address, scratch, count)(given.ctypes.data)
    return given[3:]


def tasks() -> set[Path]:
    """The threads of this process."""
    return set(Path("/proc/self/task").iterdir())


@pytest.mark.parametrize("count", range(1, 9))
def test_every_tile_is_done_once(own, library, count):
    for tiles in (0, 1, 2, 3, 7, 64, 1000, 70_001):
        repetitions = 100 if tiles < 2000 else 5
        counts = run(own, library.address("count"), arguments(repetitions, tiles), count)
        assert (counts == repetitions).all(), tiles
    assert own.threads == count


def test_programs_leave_processors_to_what_works_beside_them(own, library):
    def limit() -> int:
        counts = run(own, library.address("count"), arguments(3, 40), 4)
        assert (counts == 3).all()
        return ctypes.c_int64.from_address(own._address + LAYOUT["limit"]).value

    most = min(thread_count(), processors())
    assert limit() == 4
    own.leave(1)
    assert limit() == max(1, most - 1)
    own.leave(1)
    assert limit() == max(1, most - 2)
    own.leave(-2)
    assert limit() == 4


def test_threads_take_turns_often_while_one_compiles_beside(own, library):
    usual = sys.getswitchinterval()
    own.leave(1)
    assert sys.getswitchinterval() < usual
    own.leave(1)
    own.leave(-1)
    assert sys.getswitchinterval() < usual
    own.leave(-1)
    assert sys.getswitchinterval() == usual


def test_how_often_they_take_turns_is_left_to_who_says_so_meanwhile(own, library):
    usual = sys.getswitchinterval()
    own.leave(1)
    sys.setswitchinterval(0.25)
    own.leave(-1)
    found = sys.getswitchinterval()
    sys.setswitchinterval(usual)
    assert found == 0.25


def test_beside_programs_fewer_threads_translate():
    assert not translation.BESIDE.get()
    with threads.beside():
        assert translation.BESIDE.get()
    assert not translation.BESIDE.get()


def test_work_is_done_while_workers_come_and_go_to_sleep(own, library):
    given = arguments(1, 40, work=2000)
    call = own.prepare(library.address("count"), 0, 4)
    for turn in range(60):
        call(given.ctypes.data)
        time.sleep((turn % 4) * 40e-6)  # around the time after which they sleep
    assert (given[3:] == 60).all()


def test_each_thread_has_scratch_of_its_own_that_grows(own, library):
    for scratch in (8008, 100_000, 8008, 3_000_000):
        given = arguments(50, 64, work=50)
        counts = run(own, library.address("marked"), given, 4, scratch)
        assert (counts == 50).all()


def test_threads_are_added_when_a_program_may_use_more(own, library):
    for count, expected in ((1, 1), (3, 3), (2, 3), (5, 5)):
        counts = run(own, library.address("marked"), arguments(10, 100), count, 8008)
        assert (counts == 10).all()
        assert own.threads == expected


def test_several_python_threads_call_at_once(own, library):
    call = own.prepare(library.address("marked"), 8008, 3)

    def work(_: int) -> bool:
        given = arguments(20, 50, work=20)
        for _ in range(20):
            call(given.ctypes.data)
        return bool((given[3:] == 400).all())

    with ThreadPoolExecutor(6) as executor:
        assert all(executor.map(work, range(12)))


def calling_back(callback: int) -> Library:
    """A program that calls a function of the host."""
    module = Module()
    b = module.function("program", [("team", "ptr"), ("arguments", "ptr")])
    b.call("chainrule_host", "void")
    return load(module_text(module), host_target(), symbols={"chainrule_host": callback})


def test_a_program_that_is_called_back_from_a_program_runs_alone(own, library):
    given = arguments(10, 64)
    inner = own.prepare(library.address("marked"), 8008, 4)
    host = ctypes.CFUNCTYPE(None)(lambda: inner(given.ctypes.data))
    address = ctypes.cast(host, ctypes.c_void_p).value or 0
    outer_library = calling_back(address)
    own.prepare(outer_library.address("program"), 0, 4)(0)
    assert (given[3:] == 10).all()
    inner(given.ctypes.data)
    assert (given[3:] == 20).all()


def test_denormal_numbers_are_flushed_in_programs_and_nowhere_else(own, library):
    tiny = np.full(64, 1e-300)
    head = np.array([1, 64, 0], np.int64)
    for name, count in (("small", 1), ("small_everywhere", 4)):
        given = np.concatenate([head, tiny.view(np.int64)])
        run(own, library.address(name), given, count)
        found = given[3:].view(np.float64)[: 64 if count > 1 else 1]
        np.testing.assert_array_equal(found, 0.0)
    assert float(tiny[0]) * 1e-10 > 0


def test_a_pool_ends_its_threads(futex, library):
    if not LINUX:
        pytest.skip("threads are counted in /proc")
    before = len(tasks())
    made = Pool(futex=futex)
    run(made, library.address("count"), arguments(1, 64), 5)
    assert len(tasks()) == before + 4
    made.close()
    made.close()
    assert len(tasks()) == before


def test_a_sleeping_pool_costs_nothing(futex, library):
    if not LINUX:
        pytest.skip("what a thread does is read from /proc")
    known = tasks()
    made = Pool(futex=futex)
    run(made, library.address("count"), arguments(10, 64), 4)
    workers = sorted(tasks() - known)
    assert len(workers) == 3
    wait_until(lambda: all(is_asleep(worker) for worker in workers))
    made.close()


def is_asleep(task: Path) -> bool:
    """Whether a thread does not look up even now and then."""
    before = turns(task)
    time.sleep(0.1)
    return "State:\tS" in (task / "status").read_text() and turns(task) == before


def turns(task: Path) -> list[str]:
    """How often a thread was given a processor, by its own wish and against it."""
    return [row for row in (task / "status").read_text().splitlines() if "ctxt_switches" in row]


def test_workers_leave_signals_to_the_interpreter(futex, library):
    if not LINUX:
        pytest.skip("what a thread blocks is read from /proc")
    known = tasks()
    made = Pool(futex=futex)
    run(made, library.address("count"), arguments(1, 64), 2)
    (worker,) = tasks() - known
    rows = (worker / "status").read_text().splitlines()
    blocked = int(next(r for r in rows if r.startswith("SigBlk")).split()[1], 16)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        assert blocked >> (number - 1) & 1
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    made.close()


def test_scratch_that_does_not_fit_is_refused(own, library):
    with pytest.raises(CapacityError) as caught:
        run(own, library.address("count"), arguments(1, 64), 2, 2**60)
    assert str(caught.value) == (
        "the program needs 1152921504606846976 bytes for each of its 2 threads, "
        "and the system refuses them"
    )
    assert (run(own, library.address("count"), arguments(3, 64), 2) == 3).all()


def test_threads_that_the_system_refuses_are_done_without(futex, library):
    made = Pool(futex=futex)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * 4096 if LINUX else 0
    if not used:
        pytest.skip("the memory in use is read from /proc")
    resource.setrlimit(resource.RLIMIT_AS, (used + (20 << 20), limits[1]))
    try:
        counts = run(made, library.address("count"), arguments(5, 640), 200)
        number = made.threads
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert (counts == 5).all()
    assert number < 200
    made.close()


def test_what_a_thread_would_load_ahead_is_loaded_when_it_is_needed(monkeypatch):
    monkeypatch.setattr(threading.Thread, "start", refuse)
    threads.load_ahead.__wrapped__()
    assert threads.symbols()


def refuse(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


# ---------------------------------------------------------------- processes


def in_child(work: object) -> int:
    """Run something in a forked child; its exit code, or −14 if it did not end."""
    child = os.fork()
    if child == 0:
        signal.alarm(int(LIMIT))
        code = 1
        try:
            code = 0 if work() else 2  # type: ignore[operator]
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_a_pool_of_its_own(own, library):
    call = own.prepare(library.address("marked"), 8008, 4)
    given = arguments(20, 64)
    call(given.ctypes.data)

    def work() -> bool:
        if own.threads != 1:
            return False
        call(given.ctypes.data)
        return own.threads == 4 and bool((given[3:] == 40).all())

    for _ in range(5):
        assert in_child(work) == 0
    call(given.ctypes.data)
    assert (given[3:] == 40).all()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_forked_while_the_pool_works_is_not_stuck(own, library):
    call = own.prepare(library.address("marked"), 8008, 3)
    stop = threading.Event()

    def keep_busy() -> None:
        busy = arguments(50, 100, work=200)
        while not stop.is_set():
            call(busy.ctypes.data)

    busy = threading.Thread(target=keep_busy)
    busy.start()
    try:
        for _ in range(10):
            given = arguments(20, 64)

            def work(given: np.ndarray = given) -> bool:
                call(given.ctypes.data)
                return bool((given[3:] == 20).all())

            assert in_child(work) == 0
    finally:
        stop.set()
        busy.join()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_from_inside_a_program_goes_on_in_both(own, library):
    codes = []
    given = arguments(5, 64)

    def host() -> None:
        child = os.fork()
        if child == 0:
            own.prepare(library.address("marked"), 8008, 3)(given.ctypes.data)
            os._exit(0 if (given[3:] == 5).all() else 1)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    callback = ctypes.CFUNCTYPE(None)(host)
    outer_library = calling_back(ctypes.cast(callback, ctypes.c_void_p).value or 0)
    own.prepare(outer_library.address("program"), 0, 3)(0)
    assert codes == [0]


BUSY = """
import sys, threading, time
from tests.runtime.programs import arguments, counting_library
from chainrule.runtime.threads import pool
library = counting_library()
call = pool().prepare(library.address("count"), 0, 4)
given = arguments(10**9 if sys.argv[1] == "busy" else 10, 1000, work=100)
if sys.argv[1] == "busy":
    threading.Thread(target=call, args=(given.ctypes.data,), daemon=True).start()
    time.sleep(0.1)
else:
    call(given.ctypes.data)
if sys.argv[1] == "asleep":
    time.sleep(0.05)
print("end")
"""


@pytest.mark.parametrize("state", ["spinning", "asleep", "busy"])
def test_the_interpreter_ends_whatever_the_pool_does(state):
    ran = subprocess.run(
        [sys.executable, "-c", BUSY, state],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        timeout=LIMIT,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "end\n", "")


# ---------------------------------------------------------------- numbers of threads


def test_the_number_of_threads_is_set_by_the_environment(monkeypatch):
    monkeypatch.setenv("CHAINRULE_THREADS", "3")
    assert thread_count() == 3
    monkeypatch.delenv("CHAINRULE_THREADS")
    assert thread_count() == processors()


@pytest.mark.parametrize("given", ["0", "many", "-1", "257", "2.5"])
def test_a_number_of_threads_that_makes_no_sense_is_refused(given, monkeypatch):
    monkeypatch.setenv("CHAINRULE_THREADS", given)
    with pytest.raises(ArgumentError) as caught:
        thread_count()
    assert str(caught.value) == (
        f"CHAINRULE_THREADS is {given!r}; it is a number of threads from 1 to 256"
    )


def test_processors_are_those_that_the_process_may_use():
    if hasattr(os, "sched_getaffinity"):
        assert processors() <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("text", "expected"), [("max 100000", 256), ("150000 100000", 2), ("50000 100000", 1)]
)
def test_the_quota_of_a_container_counts(text, expected, monkeypatch):
    monkeypatch.setattr(Path, "read_text", lambda self: text)
    assert _quota.__wrapped__() == expected


def test_there_is_one_pool_for_the_process():
    assert pool() is pool()
