"""Several threads are in LLVM at once, and write what one after the other would."""

import ctypes
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from llvmlite.binding import ffi

from chainrule.runtime import unlocked
from chainrule.runtime.engine import host_target, target_for
from chainrule.runtime.translation import object_code
from tests.patience import LIMIT
from tests.runtime.programs import saxpy_text


def test_objects_of_many_threads_are_those_of_one():
    work = [
        (saxpy_text(target), target, level)
        for target in (host_target(), target_for("x86-64-v2"), target_for("aarch64"))
        for level in (0, 1, 2, 3)
    ]
    alone = [object_code(*each) for each in work]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda each: object_code(*each), 3 * work))
    assert together == 3 * alone


def test_long_work_passes_the_lock_of_llvmlite():
    known = unlocked._functions()
    assert known is not None
    for own, theirs in (
        (known.run, ffi.lib.LLVMPY_RunNewModulePassManager),
        (known.emit, ffi.lib.LLVMPY_TargetMachineEmitToMemory),
    ):
        assert (own.argtypes, own.restype) == (theirs.argtypes, theirs.restype)
    entered = threading.Event()

    def enter() -> None:
        for own in (known.run, known.emit):
            with pytest.raises(ctypes.ArgumentError):
                own(1, 2, 3, 4)
        entered.set()

    with ffi.lib._lock:
        thread = threading.Thread(target=enter)
        thread.start()
        assert entered.wait(LIMIT)
    thread.join()


def test_another_llvmlite_is_asked_in_its_own_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    text, target = saxpy_text(host_target()), host_target()
    known = object_code(text, target, 2)
    longer = [(name, count + 1) for name, count in unlocked._LONG]
    monkeypatch.setattr(unlocked, "_LONG", longer)
    unlocked._functions.cache_clear()
    try:
        assert unlocked._functions() is None
        assert object_code(text, target, 2) == known
    finally:
        unlocked._functions.cache_clear()
