"""LLVM text to callable machine code; the only file that asks LLVM for anything.

LLVM is loaded when the first program is translated, never by an import, and not at all when the
disk cache has everything. What is translated are explicit vectors in loops that the lowering has
laid out, so LLVM neither vectorizes nor unrolls: it simplifies, picks instructions and gives out
registers. Levels: 0 and 1 are for code that runs once, 2 is for kernels, 3 is LLVM's own pipeline,
with unrolling and inlining.

CHAINRULE_CPU   what code is written for instead of this machine's own processor: ``x86-64-v2``
                (SSE4), ``x86-64-v3`` (AVX2), ``x86-64-v4`` (AVX-512), ``cooperlake`` (with
                bf16), ``sapphirerapids`` (with tiles of bf16), ``aarch64`` (NEON) or
                ``neoverse-v1`` (with bf16)
CHAINRULE_BF16  ``emulated`` or ``emulated-tiles``: products in bf16 are computed without the
                processor's instructions, to see what becomes of the numbers
"""

from __future__ import annotations

import ctypes
import json
import os
import struct
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from typing import Any, Final

from chainrule.codegen.target import Target
from chainrule.errors import ArgumentError, CompileError
from chainrule.runtime.cache import fetch, keep, key_of, remove
from chainrule.runtime.linking import Code, Image, link

__all__ = [
    "ABI",
    "Library",
    "assembly",
    "host_target",
    "load",
    "object_code",
    "optimized",
    "target_for",
]

ABI: Final = 1  # raise it when what kernels and the runtime expect of each other changes

_ARCH_PRCTL, _ASK_FOR_STATE, _TILE_DATA = 158, 0x1023, 18  # of Linux on x86-64
_EMULATED: Final = ("emulated", "emulated-tiles")
_LINUX: Final = "unknown-linux-gnu"
_NAMED: Final = {
    "x86-64-v2": Target(f"x86_64-{_LINUX}", "x86-64-v2", "", 128, 16, False),
    "x86-64-v3": Target(f"x86_64-{_LINUX}", "x86-64-v3", "", 256, 16, True),
    "x86-64-v4": Target(f"x86_64-{_LINUX}", "x86-64-v4", "", 512, 32, True),
    "cooperlake": Target(f"x86_64-{_LINUX}", "cooperlake", "", 512, 32, True, "avx512"),
    "sapphirerapids": Target(f"x86_64-{_LINUX}", "sapphirerapids", "", 512, 32, True, "amx"),
    "aarch64": Target(f"aarch64-{_LINUX}", "generic", "+neon,+fp-armv8", 128, 32, True),
    "neoverse-v1": Target(f"aarch64-{_LINUX}", "neoverse-v1", "", 128, 32, True, "neon"),
}

# Loops arrive as "test, body, jump back"; turned around, the code generator sees what does not
# change. LLVM's whole pipeline takes five times as long for code of the same speed (measured on
# matrix products, activations and normalizations).
_PASSES: Final = (
    ("sroa",),
    ("always_inliner", "sroa", "loop_rotate", "simplify_cfg"),
    ("always_inliner", "sroa", "instruction_combine", "loop_rotate", "simplify_cfg"),
)


# ---------------------------------------------------------------- processors


def target_for(name: str) -> Target:
    """A processor by its level: x86-64-v2, x86-64-v3, x86-64-v4 or aarch64; or by its name.

    >>> target_for("x86-64-v3").vector_bits
    256
    """
    if name not in _NAMED:
        raise ArgumentError(f"there is no processor {name!r}: take one of {', '.join(_NAMED)}")
    return _NAMED[name]


def host_target(precision: str = "float32") -> Target:
    """This machine's processor, or the one that CHAINRULE_CPU names.

    precision   what the operands of large products of float32 are to be rounded to

    Raises:  ArgumentError: an environment variable names what is not there.
    """
    found = _target(os.environ.get("CHAINRULE_CPU", ""))
    if precision == "float32":
        return found
    own = os.environ.get("CHAINRULE_BF16", "")
    if own not in ("", *_EMULATED):
        names = ", ".join(map(repr, _EMULATED))
        raise ArgumentError(f"CHAINRULE_BF16 is {own!r}; it may be {names}, or nothing")
    if found.bf16 == "amx" and not own and not _may_use_tiles():
        own = "avx512"
    return found.replaced(precision=precision, bf16=own or found.bf16)


@cache
def _may_use_tiles() -> bool:
    """Ask Linux for the state that tiles need, for this process and its threads.

    It refuses where a thread has too little room for signals, or is told not to give it.
    """
    if not sys.platform.startswith("linux") or _MACHINE != "x86_64":
        return False
    call = ctypes.CDLL(None).syscall
    return int(call(_ARCH_PRCTL, _ASK_FOR_STATE, _TILE_DATA)) == 0


@cache
def _target(masked: str) -> Target:
    host = _host()
    if not masked or masked == "native":
        return host
    target = target_for(masked)
    if _architecture(target) != _architecture(host):
        return target
    lacks_bf16 = target.bf16 not in ("", host.bf16, "avx512" if host.bf16 == "amx" else "")
    if target.vector_bits > host.vector_bits or (target.fma and not host.fma) or lacks_bf16:
        raise CompileError(
            f"CHAINRULE_CPU is {masked}, and this processor ({host.cpu}) lacks its instructions"
        )
    return target.replaced(triple=host.triple)


@cache
def _host() -> Target:
    """This machine's processor; what LLVM said of it is kept on the disk, as LLVM is large."""
    description = _own_description()
    key = (
        key_of("processor", ABI, Target._fields, _llvm_version(), description)
        if description
        else ""
    )
    kept = fetch(key) if key else None
    if kept is not None:
        try:
            return Target(*json.loads(kept))
        except (ValueError, TypeError):
            remove(key)
    made = _ask_llvm()
    if key:
        keep(key, json.dumps([getattr(made, name) for name in Target._fields]).encode())
    return made


def _own_description() -> bytes:
    """How the system describes the first processor; nothing where it does not."""
    try:
        with open("/proc/cpuinfo", "rb") as file:  # noqa: PTH123  read_bytes would ask all of them
            rows = file.read(8192).split(b"\n\n")[0].split(b"\n")
    except OSError:
        return b""
    # The clock rate changes by the minute.
    fixed = [r for r in rows if not r.startswith((b"cpu MHz", b"bogomips", b"BogoMIPS"))]
    return sha256(b"\n".join(fixed)).digest() if any(b"lags" in r for r in fixed) else b""


def _ask_llvm() -> Target:
    llvm = _llvm()
    triple, cpu = llvm.get_process_triple(), llvm.get_host_cpu_name()
    known = llvm.get_host_cpu_features()
    features = ",".join(f"{'+' if on else '-'}{name}" for name, on in sorted(known.items()))
    if not triple.startswith("x86_64"):
        return Target(triple, cpu, features, 128, 32, True, "neon" if known.get("bf16") else "")
    wide = all(known.get(f"avx512{part}") for part in ("f", "bw", "dq", "vl"))
    width = 512 if wide else 256 if known.get("avx2") else 128
    registers, fma = 32 if wide else 16, bool(known.get("fma"))
    bf16 = "avx512" if wide and known.get("avx512bf16") else ""
    if bf16 and known.get("amx-tile") and known.get("amx-bf16"):
        bf16 = "amx"
    return Target(triple, cpu, features, width, registers, fma, bf16)


def _architecture(target: Target) -> str:
    name = target.triple.split("-")[0]
    return {"arm64": "aarch64", "amd64": "x86_64"}.get(name, name)


@cache
def _llvm_version() -> str:
    """The version of llvmlite, whose wheels carry one version of LLVM each; this is cheap."""
    import llvmlite

    return str(llvmlite.__version__)


@cache
def _llvm() -> Any:
    """LLVM, ready to write code for any processor that we know of."""
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm


# ---------------------------------------------------------------- translation


def object_code(text: str, target: Target, level: int = 2) -> bytes:
    """Translate LLVM text to an object file in memory."""
    with _translated(text, target, level) as (machine, module), _emitting(level):
        return bytes(machine.emit_object(module))


def assembly(text: str, target: Target, level: int = 2) -> str:
    """Translate LLVM text to the processor's assembly language."""
    with _translated(text, target, level) as (machine, module), _emitting(level):
        return str(machine.emit_assembly(module))


def optimized(text: str, target: Target, level: int = 2) -> str:
    """What LLVM's passes make of a text, as LLVM text again."""
    with _translated(text, target, level) as (_, module):
        return str(module)


@contextmanager
def _translated(text: str, target: Target, level: int) -> Iterator[tuple[Any, Any]]:
    """A machine and the module for it, after the passes."""
    llvm = _llvm()
    with (
        _TRANSLATING,
        llvm.create_context() as context,
        _machine(target, level) as machine,
        _parsed(text, context) as module,
    ):
        module.triple = target.triple
        module.data_layout = str(machine.target_data)
        _simplify(llvm, module, machine, level)
        yield machine, module


def _parsed(text: str, context: Any) -> Any:
    """A module, which must be closed before its context is."""
    llvm = _llvm()
    module = None
    try:
        module = llvm.parse_assembly(text, context)
        module.verify()
    except RuntimeError as error:
        if module is not None:
            module.close()
        raise CompileError(f"LLVM does not accept the program: {error}") from error
    return module


@contextmanager
def _emitting(level: int) -> Iterator[None]:
    """Write code without LLVM's search for the cheapest addresses in loops, below level 3.

    It takes half of the time for a matrix product and gains nothing: our loops count by
    constants, which the processor's addressing covers. The switch belongs to all users of LLVM in
    this process, so it is thrown for this long only.
    """
    if level > 2:
        yield
        return
    _llvm().set_option("chainrule", "-disable-lsr=true")
    try:
        yield
    finally:
        _llvm().set_option("chainrule", "-disable-lsr=false")


def _machine(target: Target, level: int) -> Any:
    own = _llvm().Target.from_triple(target.triple)
    return own.create_target_machine(
        cpu=target.cpu,
        features=target.features,
        opt=max(level, 1),
        reloc="pic",
        codemodel="small",
        jit=True,
    )


def _simplify(llvm: Any, module: Any, machine: Any, level: int) -> None:
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = options.loop_interleaving = False
    with llvm.create_pass_builder(machine, options) as builder:
        if level > 2:
            manager = builder.getModulePassManager()
        else:
            manager = llvm.create_new_module_pass_manager()
            for name in _PASSES[level]:
                getattr(manager, f"add_{name}_pass")()
        manager.run(module, builder)


# ---------------------------------------------------------------- loading


class Library:
    """Machine code in memory, for as long as this object lives.

    seconds   how long it took to make, or to fetch from the disk
    cached    whether it came from the disk
    """

    def __init__(self, text: str, target: Target, level: int, symbols: Mapping[str, int]) -> None:
        start = time.perf_counter()
        self.text, self.target, self.level = text, target, level
        self._code, self.cached = _code(text, target, level, symbols)
        self.seconds = time.perf_counter() - start

    def address(self, name: str) -> int:
        """Where a function begins."""
        found = self._code.address(name)
        if not found:
            raise CompileError(f"the library has no function {name!r}")
        return found

    def assembly(self) -> str:
        """The code in the processor's assembly language."""
        return assembly(self.text, self.target, self.level)

    def optimized(self) -> str:
        """The code as LLVM text, after LLVM's passes."""
        return optimized(self.text, self.target, self.level)


def load(
    text: str, target: Target, level: int = 2, symbols: Mapping[str, int] | None = None
) -> Library:
    """Make LLVM text callable; what was translated before comes from the disk.

    symbols   addresses of functions that the text declares; others are looked for in the C
              libraries of this process (memcpy, expf, …)

    Raises:  CompileError: LLVM does not accept the text, or it calls a function that is nowhere,
             or it is for another kind of processor.
    Cost:    0.5 ms from the disk; else about 70 µs a line.
    """
    return Library(text, target, level, symbols or {})


def _code(
    text: str, target: Target, level: int, symbols: Mapping[str, int]
) -> tuple[Code | _LinkedByLLVM, bool]:
    """Fetch code from the disk or translate it, and put it into memory."""
    if _architecture(target) != {"arm64": "aarch64"}.get(_MACHINE, _MACHINE):
        raise CompileError(
            f"code for {target.cpu} ({target.triple}) does not run on this machine ({_MACHINE})"
        )
    key = key_of("code", ABI, text, _llvm_version(), target, level, _PASSES, "no lsr")
    kept = fetch(key)
    if kept is not None:
        try:
            return _placed(kept, target, symbols), True
        except (ValueError, TypeError, struct.error):  # whole, but not what we write
            remove(key)
    made = object_code(text, target, level)
    if _is_linked_here(target):
        made = link(made).to_bytes()
    code = _placed(made, target, symbols)
    keep(key, made)
    return code, False


def _placed(made: bytes, target: Target, symbols: Mapping[str, int]) -> Code | _LinkedByLLVM:
    if _is_linked_here(target):
        return Code(Image.from_bytes(made), symbols)
    return _LinkedByLLVM(made, symbols)


def _is_linked_here(target: Target) -> bool:
    """Whether object files are of the kind that ``linking`` knows."""
    return _architecture(target) == "x86_64" and "linux" in target.triple


class _LinkedByLLVM:
    """An object file in memory, linked by LLVM: for the systems that ``linking`` does not know."""

    def __init__(self, code: bytes, symbols: Mapping[str, int]) -> None:
        llvm = _llvm()
        for name, address in symbols.items():
            llvm.add_symbol(name, address)
        empty = llvm.parse_assembly("", llvm.create_context())
        machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
        self.engine = llvm.create_mcjit_compiler(empty, machine)
        self.engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(code))
        self.engine.finalize_object()

    def address(self, name: str) -> int:
        return int(self.engine.get_function_address(name))


_MACHINE: Final = os.uname().machine

# One thread translates at a time: LLVM's switches are global. A fork waits for it, since a child
# would have the lock, and LLVM in the middle of its work, but nobody who goes on with it.
_TRANSLATING: Final = threading.RLock()
os.register_at_fork(
    before=_TRANSLATING.acquire,
    after_in_parent=_TRANSLATING.release,
    after_in_child=_TRANSLATING.release,
)
