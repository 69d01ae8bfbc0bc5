"""LLVM text becomes functions that compute, for this processor and for others."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from chainrule.codegen.assembly.llvm import Module
from chainrule.codegen.assembly.texts import module_text, module_texts
from chainrule.codegen.assembly.values import Value
from chainrule.errors import ArgumentError, CompileError
from chainrule.runtime import engine, translation
from chainrule.runtime.engine import host_target, load, target_for
from chainrule.runtime.translation import assembly, object_code, optimized
from tests.patience import LIMIT
from tests.runtime.programs import kernel, run_saxpy, saxpy_text

LEVELS = ("x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64")
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "cache"))


def python(code: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", **environment},
        timeout=LIMIT,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_a_kernel_computes():
    target = host_target()
    library = load(saxpy_text(target), target)
    np.testing.assert_array_equal(run_saxpy(library, target), 1 + 2.5 * np.arange(64))
    assert library.seconds > 0
    assert not library.cached


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_every_level_computes_the_same(level):
    target = host_target()
    library = load(saxpy_text(target), target, level)
    np.testing.assert_array_equal(run_saxpy(library, target), 1 + 2.5 * np.arange(64))


@pytest.mark.parametrize("name", LEVELS)
def test_code_is_written_for_every_processor_and_runs_where_it_can(name):
    target = target_for(name)
    assert len(object_code(saxpy_text(target), target)) > 200
    host = host_target()
    own = target.triple.split("-")[0] == host.triple.split("-")[0]
    if own and target.vector_bits <= host.vector_bits and (host.fma or not target.fma):
        library = load(saxpy_text(target), target)
        np.testing.assert_array_equal(run_saxpy(library, target), 1 + 2.5 * np.arange(64))
    elif not own:
        with pytest.raises(CompileError, match="does not run on this machine"):
            load(saxpy_text(target), target)


@pytest.mark.parametrize(
    ("name", "register"),
    [("x86-64-v2", "xmm"), ("x86-64-v3", "ymm"), ("x86-64-v4", "zmm"), ("aarch64", "v0.4s")],
)
def test_vectors_are_as_wide_as_the_registers(name, register):
    target = target_for(name)
    assert register in assembly(saxpy_text(target), target)


def test_the_library_shows_its_assembly_and_its_simplified_text():
    target = host_target()
    library = load(saxpy_text(target), target)
    assert "saxpy:" in library.assembly()
    assert "define void @saxpy" in library.optimized()
    assert optimized(saxpy_text(target), target) == library.optimized()


def test_an_unknown_processor_is_refused():
    with pytest.raises(ArgumentError) as caught:
        target_for("z80")
    assert str(caught.value) == (
        "there is no processor 'z80': take one of x86-64-v2, x86-64-v3, x86-64-v4, cooperlake, "
        "sapphirerapids, aarch64, neoverse-v1"
    )


@pytest.mark.parametrize("name", ["x86-64-v2", "x86-64-v3"])
def test_the_processor_can_be_masked(name, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CPU", name)
    if os.uname().machine != "x86_64":
        pytest.skip("another kind of processor")
    assert host_target().cpu == name
    assert host_target().vector_bits == target_for(name).vector_bits


def test_a_wider_processor_than_there_is_is_refused(monkeypatch):
    small = target_for("x86-64-v2")
    monkeypatch.setattr(engine, "_host", lambda: small)
    with pytest.raises(CompileError) as caught:
        engine._target.__wrapped__("x86-64-v4")
    assert str(caught.value) == (
        "CHAINRULE_CPU is x86-64-v4, and this processor (x86-64-v2) lacks its instructions"
    )


def test_text_that_is_no_program_is_refused_with_its_line():
    with pytest.raises(CompileError, match="LLVM does not accept the program") as caught:
        load("define void @f() {\n  %x = nonsense\n  ret void\n}", host_target())
    assert "nonsense" in str(caught.value)


def test_a_program_that_breaks_a_rule_of_llvm_is_refused():
    text = "define void @f() {\na:\n  br label %b\nb:\n  %x = add i64 %y, 1\n"
    text += "  br label %c\nc:\n  %y = add i64 1, 1\n  ret void\n}"
    with pytest.raises(CompileError, match="dominate"):
        load(text, host_target())


def test_a_function_that_is_not_there_is_refused():
    library = load("define void @f() {\n  ret void\n}", host_target())
    assert library.address("f")
    with pytest.raises(CompileError) as caught:
        library.address("g")
    assert str(caught.value) == "the library has no function 'g'"


def calling(name: str) -> str:
    module = Module()
    b = module.function("apply", [("x", "double")], "double")
    b.ret(b.call(name, "double", b.arguments[0]))
    return module_text(module)


def applied(library: engine.Library, x: float) -> float:
    double = ctypes.c_double
    return ctypes.CFUNCTYPE(double, double)(library.address("apply"))(x)


def test_functions_of_the_c_library_are_found_by_name():
    assert applied(load(calling("cos"), host_target()), 0.0) == 1.0


def test_functions_that_are_given_are_found_by_name():
    negate = "define double @negate(double %x) {\n  %y = fneg double %x\n  ret double %y\n}"
    library = load(negate, host_target())
    symbols = {"chainrule_negate": library.address("negate")}
    assert applied(load(calling("chainrule_negate"), host_target(), symbols=symbols), 3.0) == -3.0


def test_a_function_from_nowhere_is_refused():
    with pytest.raises(CompileError) as caught:
        load(calling("chainrule_missing"), host_target())
    assert str(caught.value) == (
        "the program calls 'chainrule_missing', which no library of this process has"
    )


def test_variables_tables_and_constants_have_their_places():
    text = """
@counter = internal global i64 40, align 8
@names = internal constant [2 x ptr] [ptr @one, ptr @two], align 8
define i64 @one() { ret i64 1 }
define i64 @two() { ret i64 2 }
define i64 @next(i64 %which) {
  %before = load i64, ptr @counter
  %place = getelementptr ptr, ptr @names, i64 %which
  %f = load ptr, ptr %place
  %step = call i64 %f()
  %after = add i64 %before, %step
  store i64 %after, ptr @counter
  ret i64 %after
}
"""
    for _ in range(2):  # written anew, then from the disk
        library = load(text, host_target())
        step = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(library.address("next"))
        assert [step(0), step(1), step(1)] == [41, 43, 45]
    assert library.cached


def test_a_switch_finds_its_branches():
    cases = "\n".join(f"    i64 {k}, label %b{k}" for k in range(20))
    blocks = "\n".join(f"b{k}:\n  ret i64 {k * k + 7 * (k % 3)}" for k in range(20))
    text = f"define i64 @pick(i64 %x) {{\n  switch i64 %x, label %none [\n{cases}\n  ]\n{blocks}\n"
    text += "none:\n  ret i64 -1\n}\n"
    pick = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
    library = load(text, host_target(), 1)
    f = pick(library.address("pick"))
    assert [f(k) for k in range(-1, 21)] == [-1, *(k * k + 7 * (k % 3) for k in range(20)), -1]


def test_many_programs_live_and_die_without_trouble():
    target = host_target()
    kept = [load(saxpy_text(target, float(k)), target, 1) for k in range(12)]
    del kept[::2]
    for k, library in zip(range(1, 12, 2), kept, strict=True):
        np.testing.assert_array_equal(run_saxpy(library, target), 1 + k * np.arange(64))


def test_linking_by_llvm_is_the_same():
    target = host_target()
    made = object_code(saxpy_text(target), target)
    code = engine._LinkedByLLVM([made], {})
    assert kernel(code, "saxpy")  # it has an address
    np.testing.assert_array_equal(run_saxpy(code, target), 1 + 2.5 * np.arange(64))


def chained(count: int) -> list[str]:
    """Modules of one function each, of which each adds a number and calls the next one."""
    module = Module()
    for k in range(count):
        b = module.function(f"f{k}", [("x", "double")], "double", noalias=False)
        bonus = Value(f"{float(10**k)}", "double")
        own = b.call("bonus", "double", b.fadd(b.arguments[0], bonus))
        b.ret(b.call(f"f{k + 1}", "double", own) if k + 1 < count else own)
    b = module.function("bonus", [("x", "double")], "double", internal=True)
    b.ret(b.arguments[0])
    return module_texts(module)


def test_modules_that_call_each_other_are_one_library(monkeypatch):
    monkeypatch.setattr("chainrule.codegen.assembly.texts._LINES", 1)
    texts = chained(5)
    assert len(texts) == 5
    assert all(text.count("define internal double @bonus") == 1 for text in texts)
    for cached in (False, True):
        library = load(texts, host_target())
        call = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(library.address("f0"))
        assert (call(0.5), library.cached) == (11111.5, cached)
    code = engine._LinkedByLLVM([object_code(text, host_target()) for text in texts], {})
    call = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(code.address("f0"))
    assert call(0.5) == 11111.5


def test_the_last_of_several_texts_is_translated_plainly(monkeypatch):
    asked: list[int] = []
    plain = translation._object_code

    def noted(text: str, target: Any, level: int) -> bytes:
        asked.append(level)
        return plain(text, target, level)

    monkeypatch.setenv("CHAINRULE_THREADS", "1")
    monkeypatch.setattr("chainrule.codegen.assembly.texts._LINES", 1)
    monkeypatch.setattr(translation, "_object_code", noted)
    load(chained(6), host_target())
    load(chained(1), host_target())
    assert asked == [2, 2, 2, 2, 2, 0, 2]


def test_a_module_of_several_that_llvm_refuses_is_told_of(monkeypatch):
    monkeypatch.setattr("chainrule.codegen.assembly.texts._LINES", 1)
    texts = chained(4)
    texts[2] = texts[2].replace("fadd double", "fadd float")
    with pytest.raises(CompileError, match=r"^LLVM does not accept the program: "):
        load(texts, host_target())


def test_without_threads_modules_are_translated_one_after_another(monkeypatch):
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("chainrule.codegen.assembly.texts._LINES", 1)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    library = load(chained(3), host_target())
    call = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(library.address("f0"))
    assert call(0.5) == 111.5


def test_llvm_has_its_switch_back_when_nobody_translates(monkeypatch):
    thrown: list[str] = []
    known = SimpleNamespace(set_option=lambda _, text: thrown.append(text))
    monkeypatch.setattr(translation, "llvm", lambda: known)
    gate = translation._Gate()
    with gate.passed(plain=True):
        pass
    assert thrown == []
    with gate.passed(plain=False), gate.passed(plain=False):
        assert thrown == ["-disable-lsr=true"]
    assert thrown == ["-disable-lsr=true", "-disable-lsr=false"]


def test_several_threads_translate_at_once():
    target = host_target()
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda k: load(saxpy_text(target, float(k)), target), range(8)))
    for k, library in enumerate(made):
        np.testing.assert_array_equal(run_saxpy(library, target), 1 + k * np.arange(64))


def test_llvm_is_not_loaded_before_a_program_is_translated(tmp_path):
    code = (
        "import sys, chainrule as cr\n"
        "from chainrule.runtime import engine, threads, memory\n"
        "cr.grad(lambda x: (x * x).sum())(cr.tensor([1.0, 2.0]))\n"
        "print('llvmlite.binding' in sys.modules)"
    )
    assert python(code, CHAINRULE_RUNTIME="reference") == "False"


def test_llvm_is_not_loaded_at_all_if_the_disk_has_everything():
    code = (
        "import sys\n"
        "from chainrule.runtime import engine, threads\n"
        "from tests.runtime.programs import saxpy_text, run_saxpy\n"
        "target = engine.host_target()\n"
        "library = engine.load(saxpy_text(target), target)\n"
        "threads.pool()\n"
        "print(float(run_saxpy(library, target)[2]), 'llvmlite.binding' in sys.modules)"
    )
    assert python(code) == "6.0 True"
    if host_target().triple.startswith("x86_64") and sys.platform == "linux":
        assert python(code) == "6.0 False"


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_forked_while_a_thread_translates_can_translate():
    target = host_target()
    stop = threading.Event()

    def keep_busy() -> None:
        while not stop.is_set():
            object_code(saxpy_text(target), target)
            time.sleep(1e-3)  # who forks waits for the lock, and locks are not fair

    busy = threading.Thread(target=keep_busy)
    busy.start()
    try:
        for k in range(5):
            child = os.fork()
            if child == 0:
                signal.alarm(int(LIMIT))  # a child that is stuck ends
                found = run_saxpy(load(saxpy_text(target, k + 0.5), target), target)
                os._exit(0 if (found == 1 + (k + 0.5) * np.arange(64)).all() else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        busy.join()


def test_llvm_never_works_on_the_thread_that_is_interrupted(monkeypatch) -> None:
    """Ctrl-C inside LLVM left modules open whose context was closed, and the process died."""
    seen = []
    parsed = translation._parsed

    def watched(*given):
        seen.append(threading.current_thread())
        return parsed(*given)

    monkeypatch.setattr(translation, "_parsed", watched)
    target = host_target()
    texts = [saxpy_text(target)] * 3
    assert all(translation.object_codes(texts, target))
    assert len(seen) == 3
    assert threading.main_thread() not in seen


def test_who_is_interrupted_while_others_translate_leaves_the_rest(monkeypatch) -> None:
    """The pieces under way are finished, those that wait are not begun."""
    begun, there, go = [], threading.Event(), threading.Event()

    def slow(text, *_):
        begun.append(text)
        there.set()
        go.wait(60)
        return b"made"

    def interrupted(_self, _timeout=None):
        there.wait(60)
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(translation, "_object_code", slow)
    monkeypatch.setattr(translation, "thread_count", lambda: 1)
    monkeypatch.setattr(threading.Thread, "join", interrupted)
    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        translation.object_codes(["one", "two", "three"], host_target())
    go.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
    assert begun == ["one"]
