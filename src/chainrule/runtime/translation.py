"""LLVM text to object files; the only file that asks LLVM to translate.

LLVM is loaded when the first program is translated, never by an import, and not at all when the
disk cache has everything. What is translated are explicit vectors in loops that the lowering has
laid out, so LLVM neither vectorizes nor unrolls: it simplifies, picks instructions and gives out
registers. Levels: 0 is for code that waits or runs once and takes a fifth of the time to translate,
2 is for kernels, 3 is LLVM's own pipeline, with unrolling and inlining.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from threading import Condition, Thread
from typing import Any, Final

from chainrule.codegen.assembly.target import Target
from chainrule.errors import CompileError
from chainrule.runtime.processors import thread_count, threads_beside
from chainrule.runtime.unlocked import object_of, run_passes

__all__ = [
    "BESIDE",
    "PASSES",
    "assembly",
    "llvm",
    "llvm_version",
    "object_code",
    "object_codes",
    "optimized",
]

BESIDE: Final = ContextVar("chainrule-beside", default=False)
"""Whether programs run meanwhile, to which most processors are left."""

# Loops arrive as "test, body, jump back"; turned around, the code generator sees what does not
# change. LLVM's whole pipeline takes five times as long for code of the same speed (measured on
# matrix products, activations and normalizations).
PASSES: Final = (
    ("always_inliner", "sroa"),
    ("always_inliner", "sroa", "loop_rotate", "simplify_cfg"),
    ("always_inliner", "sroa", "instruction_combine", "loop_rotate", "simplify_cfg"),
)


@cache
def llvm_version() -> str:
    """The version of llvmlite, whose wheels carry one version of LLVM each; this is cheap."""
    import llvmlite

    return str(llvmlite.__version__)


@cache
def llvm() -> Any:
    """LLVM, ready to write code for any processor that we know of."""
    import llvmlite.binding as found

    found.initialize_all_targets()
    found.initialize_all_asmprinters()
    return found


def object_codes(
    texts: Sequence[str], target: Target, level: int | Sequence[int] = 2
) -> list[bytes]:
    """Translate several texts to object files, on as many threads as programs may use.

    level   that of all, or of each
    """
    levels = [level] * len(texts) if isinstance(level, int) else level
    made = [b""] * len(texts)
    failures: list[BaseException] = []
    waiting = iter(range(len(texts)))

    def work() -> None:
        for k in waiting:
            try:
                made[k] = _object_code(texts[k], target, levels[k])
            except BaseException as failure:
                failures.append(failure)
                return

    most = threads_beside() if BESIDE.get() else thread_count()
    _on_threads(work, min(len(texts), most), lambda: deque(waiting, maxlen=0))
    if failures:
        raise failures[0]
    return made


def object_code(text: str, target: Target, level: int = 2) -> bytes:
    """Translate LLVM text to an object file in memory."""
    return object_codes([text], target, level)[0]


def _object_code(text: str, target: Target, level: int) -> bytes:
    with _translated(text, target, level) as (machine, module):
        return object_of(machine, module)


def _on_threads(work: Callable[[], None], count: int, stop: Callable[[], object]) -> None:
    """Work on so many threads, and wait for them.

    The main thread waits only: Ctrl-C comes to it, and must not leave LLVM in the middle of its
    work, whose modules have to be closed before their context is.
    """
    others = []
    with suppress(RuntimeError):  # there can be no more threads: then those there are do the work
        for _ in range(max(count, 1)):
            others.append(Thread(target=work, name="chainrule-translate"))
            others[-1].start()
    if others[0].ident is None:
        work()
    try:
        for other in others:
            if other.ident is not None:
                other.join()
    finally:
        stop()


def assembly(text: str, target: Target, level: int = 2) -> str:
    """Translate LLVM text to the processor's assembly language."""
    with _translated(text, target, level) as (machine, module):
        return str(machine.emit_assembly(module))


def optimized(text: str, target: Target, level: int = 2) -> str:
    """What LLVM's passes make of a text, as LLVM text again."""
    with _translated(text, target, level) as (_, module):
        return str(module)


@contextmanager
def _translated(text: str, target: Target, level: int) -> Iterator[tuple[Any, Any]]:
    """A machine and the module for it, after the passes."""
    with (
        _GATE.passed(plain=level > 2),
        llvm().create_context() as context,
        _machine(target, level) as machine,
        _parsed(text, context) as module,
    ):
        module.triple = target.triple
        module.data_layout = str(machine.target_data)
        _simplify(module, machine, level)
        yield machine, module


def _parsed(text: str, context: Any) -> Any:
    """A module, which must be closed before its context is."""
    module = None
    try:
        module = llvm().parse_assembly(text, context)
        module.verify()
    except RuntimeError as error:
        if module is not None:
            module.close()
        raise CompileError(f"LLVM does not accept the program: {error}") from error
    return module


def _machine(target: Target, level: int) -> Any:
    own = llvm().Target.from_triple(target.triple)
    return own.create_target_machine(
        cpu=target.cpu,
        features=target.features,
        opt=level,
        reloc="pic",
        codemodel="small",
        jit=True,
    )


def _simplify(module: Any, machine: Any, level: int) -> None:
    options = llvm().create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = options.loop_interleaving = False
    with llvm().create_pass_builder(machine, options) as builder:
        if level > 2:
            manager = builder.getModulePassManager()
        else:
            manager = llvm().create_new_module_pass_manager()
            for name in PASSES[level]:
                getattr(manager, f"add_{name}_pass")()
        run_passes(manager, module, builder)


class _Gate:
    """Who translates. Several threads may at once, if they want the same of LLVM's one switch.

    Without the switch LLVM searches for the cheapest addresses in loops. That takes half of the
    time for a matrix product and gains nothing: our loops count by constants, which the
    processor's addressing covers. It belongs to all users of LLVM in this process, so it is thrown
    for this long only.

    A fork waits until nobody translates: a child would have LLVM in the middle of its work, and
    nobody who goes on with it.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._inside, self._plain = 0, True

    @contextmanager
    def passed(self, *, plain: bool) -> Iterator[None]:
        """Translate, with LLVM as it is if it shall be plain."""
        with self._changed:
            self._changed.wait_for(lambda: not self._inside or self._plain == plain)
            if not self._inside:
                self._throw(plain)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                if not self._inside:
                    self._throw(True)
                    self._changed.notify_all()

    def _throw(self, plain: bool) -> None:
        if plain != self._plain:
            llvm().set_option("chainrule", f"-disable-lsr={'false' if plain else 'true'}")
            self._plain = plain

    def close(self) -> None:
        """Wait until nobody translates, and let nobody begin."""
        self._changed.acquire()
        self._changed.wait_for(lambda: not self._inside)

    def open(self) -> None:
        """Let whoever wants to begin."""
        self._changed.release()


_GATE: Final = _Gate()
os.register_at_fork(before=_GATE.close, after_in_parent=_GATE.open, after_in_child=_GATE.open)
