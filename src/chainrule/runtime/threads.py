"""The threads that share the tiles of a kernel, and the call of a native program.

The workers are threads of the system that run native code only and never ask for the interpreter's
lock. They watch their share of work for some 30 µs after the last job, then sleep; a program that
does not use them starts none. One program has the pool at a time: a second one, of another Python
thread or called back from the first, runs all its tiles on its own thread. A child of ``fork`` has
no workers and makes a pool of its own.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from threading import Thread
from typing import Any, Final
from weakref import WeakSet

from chainrule.errors import CapacityError
from chainrule.locking import lock_between_forks
from chainrule.runtime.engine import Library, host_target, load
from chainrule.runtime.memory import never_let_go
from chainrule.runtime.processors import processors, thread_count, threads_beside
from chainrule.runtime.team_layout import CAPACITY, LAYOUT, POOL_BYTES, TEAM
from chainrule.runtime.teamwork import pool_text
from chainrule.runtime.translation import BESIDE
from chainrule.runtime.written import Written

__all__ = ["Pool", "beside", "load_ahead", "pool", "symbols"]

_SPIN: Final = 30e-6  # seconds that a worker watches before it sleeps
_TURN: Final = 5e-4  # seconds for which who compiles beside programs keeps the interpreter


def symbols(futex: bool | None = None) -> dict[str, int]:
    """What programs call for their tiles, and what calls programs, by name: for ``engine.load``.

    futex   as for the ``Pool`` that runs them
    """
    library = _library(futex)
    names = ("chainrule_parallel", "chainrule_call", "chainrule_fill")
    return {name: library.address(name) for name in names}


@cache
def load_ahead() -> None:
    """Load what every program needs on a thread of its own, while the first one is recorded.

    With an empty cache on the disk that is LLVM, and a fifth of all that it does for the first
    training step of a small network.
    """
    with suppress(RuntimeError):  # there can be no more threads: then who needs it loads it
        Thread(target=_load, name="chainrule-load").start()


def _load() -> None:
    with suppress(Exception):  # who needs it is told
        _library(None)


def _library(futex: bool | None) -> Library:
    """The native code, made by one thread for all."""
    with _LOADING:
        return _made(futex)


@cache
def _made(futex: bool | None) -> Library:
    """The native code. It is never let go: workers run in it until the process ends."""
    target = host_target()
    text = Written(f"pool {futex}", lambda: pool_text(target, futex=futex))
    library = load(text, target, 0)  # at level 2, as fast
    never_let_go(library)
    return library


class Pool:
    """Threads for native programs; they start with the first program that may use several.

    futex   whether they sleep in the kernel's own queue, where the system has one, or on a
            condition variable
    """

    def __init__(self, *, futex: bool | None = None) -> None:
        library = _library(futex)
        kind, pointer = ctypes.CFUNCTYPE, ctypes.c_void_p
        self._call = kind(ctypes.c_int32, pointer, pointer)(library.address("chainrule_call"))
        fill = kind(ctypes.c_int64, pointer, pointer, pointer)
        self._fill = fill(library.address("chainrule_fill"))
        self._end = kind(None, pointer)(library.address("chainrule_end"))
        self._address = _zeros(POOL_BYTES)
        self._spins = _pauses(library)
        self._beside, self._changes = 0, lock_between_forks()
        self._turns: tuple[float, float] | None = None
        self._begin()
        _POOLS.add(self)

    def _begin(self) -> None:
        """Let the pool have the caller's thread only, and no scratch."""
        ctypes.memset(self._address, 0, POOL_BYTES)
        _write(self._address + LAYOUT["slots"] + TEAM, self._address)
        _write(self._address + LAYOUT["threads"], 1)
        _write(self._address + LAYOUT["most"], CAPACITY)
        _write(self._address + LAYOUT["processors"], processors())
        _write(self._address + LAYOUT["spins"], self._spins)
        for name, make in (("mutex", _C.pthread_mutex_init), ("condition", _C.pthread_cond_init)):
            make(ctypes.c_void_p(self._address + LAYOUT[name]), None)

    def prepare(self, program: int, scratch: int = 0, threads: int = 0) -> Callable[[int], None]:
        """Make a native program callable: ``void program(ptr team, ptr arguments)``.

        program   its address; what it is part of must outlive the calls
        scratch   bytes that each thread needs for itself
        threads   how many may be used; 0: ``thread_count()``

        What this gives is called with the address of the arguments.

        Raises:  CapacityError: there was no memory for the scratch; nothing was computed.
        Cost:    0.5 µs a call.
        """
        record = self.record(program, scratch, threads)
        place, run, count = ctypes.addressof(record), self._call, record[3]

        def call(arguments: int, _kept: object = record) -> None:
            if run(place, arguments):
                raise _no_memory(scratch, count)

        return call

    def prepare_fill(self, record: ctypes.Array[ctypes.c_int64]) -> Callable[[int, int], int]:
        """Make a native program callable for block after block.

        record   what ``record`` gives; it must outlive the calls

        What this gives is called with the address of the arguments and that of a job, the words
        that ``team_calls.FILL`` names. It gives the number of blocks until one went wrong.

        Raises:  CapacityError: there was no memory for the scratch.
        """
        place, run, (_, _, scratch, count) = ctypes.addressof(record), self._fill, record

        def fill(arguments: int, job: int) -> int:
            ran: int = run(place, arguments, job)
            if ran < 0:
                raise _no_memory(scratch, count)
            return ran

        return fill

    def record(
        self, program: int, scratch: int = 0, threads: int = 0
    ) -> ctypes.Array[ctypes.c_int64]:
        """What ``chainrule_call`` is told of a program, as for ``prepare``. It is only read.

        A program that has the pool may be one thread's while another's looks for it.
        """
        count = threads or thread_count()
        return (ctypes.c_int64 * 4)(self._address, program, scratch, count)

    @property
    def threads(self) -> int:
        """How many threads there are now, the caller's among them."""
        return ctypes.c_int64.from_address(self._address + LAYOUT["threads"]).value

    def leave(self, change: int) -> None:
        """Take note of so many more threads that work beside programs; their processors are left.

        Who waits for the tile of a thread that has no processor loses more than a processor is
        worth.
        """
        with self._changes:
            self._beside += change
            left = min(thread_count(), processors()) - self._beside
            _write(self._address + LAYOUT["most"], max(1, left) if self._beside else CAPACITY)
            self._take_turns(often=self._beside > 0)

    def _take_turns(self, *, often: bool) -> None:
        """Let Python's threads take turns often while one of them compiles, then as before.

        Usually a thread keeps the interpreter for 5 ms where another one wants it. Who takes steps
        of 2 ms would wait for that once or twice a step.
        """
        if often and self._turns is None:
            usual = sys.getswitchinterval()
            sys.setswitchinterval(min(usual, _TURN))
            self._turns = usual, sys.getswitchinterval()
        elif not often and self._turns is not None:
            usual, own = self._turns
            if sys.getswitchinterval() == own:  # nobody else wants another one by now
                sys.setswitchinterval(usual)
            self._turns = None

    def close(self) -> None:
        """End the workers and wait for them. No program may be running."""
        if self._address:
            _POOLS.discard(self)
            self._end(self._address)
            _free(self._address)
            self._address = 0


def _no_memory(scratch: int, count: int) -> CapacityError:
    return CapacityError(
        f"the program needs {scratch} bytes for each of its {count} threads, "
        "and the system refuses them"
    )


@cache
def pool() -> Pool:
    """The pool of this process."""
    return Pool()


@contextmanager
def beside() -> Iterator[None]:
    """Compile beside programs that run: with few threads, whose processors programs leave."""
    count, own = threads_beside(), pool()
    before = BESIDE.set(True)
    own.leave(count)
    try:
        yield
    finally:
        own.leave(-count)
        BESIDE.reset(before)


def _begin_in_child() -> None:
    """Forget the workers: a fork leaves them behind.

    Their scratch is not freed, as who forked may have done so from inside a program.
    """
    for one in _POOLS:
        one._beside = 0
        one._take_turns(often=False)
        one._begin()


_POOLS: Final[WeakSet[Pool]] = WeakSet()
os.register_at_fork(after_in_child=_begin_in_child)

_LOADING: Final = lock_between_forks()


# ---------------------------------------------------------------- memory

_C: Final[Any] = ctypes.CDLL(None)
_C.calloc.restype = ctypes.c_void_p
_C.calloc.argtypes = (ctypes.c_size_t, ctypes.c_size_t)
_C.free.argtypes = (ctypes.c_void_p,)


def _zeros(size: int) -> int:
    """Memory at a multiple of 64 that nothing frees by itself: workers look at it to the end."""
    start: int | None = _C.calloc(size + 128, 1)
    if start is None:
        raise MemoryError
    place = (start + 127) // 64 * 64
    _write(place - 8, start)
    return place


def _free(place: int) -> None:
    _C.free(ctypes.c_int64.from_address(place - 8).value)


def _write(place: int, number: int) -> None:
    ctypes.c_int64.from_address(place).value = number


@cache
def _pauses(library: Library) -> int:
    """How many pauses of the processor fill the time for which a worker watches."""
    pause = ctypes.CFUNCTYPE(None, ctypes.c_int64)(library.address("chainrule_pause"))
    pause(1)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        pause(200)
        times.append(time.perf_counter() - start)
    return max(16, int(_SPIN / (min(times) / 200)))
