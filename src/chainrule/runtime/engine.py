"""LLVM text to callable machine code, for which processor, and from the disk where it was kept.

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
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import Final

from chainrule.codegen.assembly.target import Target
from chainrule.errors import ArgumentError, CompileError
from chainrule.runtime.cache import fetch, keep, key_of, remove
from chainrule.runtime.linking import Code, Image, link
from chainrule.runtime.translation import (
    PASSES,
    assembly,
    llvm,
    llvm_version,
    object_codes,
    optimized,
)
from chainrule.runtime.written import Written

__all__ = [
    "ABI",
    "Library",
    "host_target",
    "load",
    "load_kept",
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
        own = "refused"  # float32 is faster than the vectors of bf16 of processors with tiles
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
        key_of("processor", ABI, Target._fields, llvm_version(), description) if description else ""
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
    triple, cpu = llvm().get_process_triple(), llvm().get_host_cpu_name()
    known = llvm().get_host_cpu_features()
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


# ---------------------------------------------------------------- loading


class Library:
    """Machine code in memory, for as long as this object lives.

    seconds   how long it took to make, or to fetch from the disk
    cached    whether it came from the disk
    """

    def __init__(
        self, text: Text, target: Target, level: int, code: Code | _LinkedByLLVM, cached: bool
    ) -> None:
        self._text, self.target, self.level = text, target, level
        self._code, self.cached = code, cached
        self.seconds = 0.0

    @property
    def texts(self) -> Sequence[str]:
        """The LLVM text that it was made of, in one part or several."""
        return _texts(self._text)

    def address(self, name: str) -> int:
        """Where a function begins."""
        found = self._code.address(name)
        if not found:
            raise CompileError(f"the library has no function {name!r}")
        return found

    def assembly(self) -> str:
        """The code in the processor's assembly language."""
        return "\n".join(assembly(*each) for each in self._parts())

    def optimized(self) -> str:
        """The code as LLVM text, after LLVM's passes."""
        return "\n".join(optimized(*each) for each in self._parts())

    def _parts(self) -> Iterator[tuple[str, Target, int]]:
        texts = self.texts
        for text, level in zip(texts, _levels(texts, self.level), strict=True):
            yield text, self.target, level


Text = str | Sequence[str] | Written


def load(
    text: Text,
    target: Target,
    level: int = 2,
    symbols: Mapping[str, int] | None = None,
) -> Library:
    """Make LLVM text callable; what was translated before comes from the disk.

    text      one, or several that call each other's functions: they are translated side by side,
              the last one plainly, which calls what the others compute
    symbols   addresses of functions that the text declares; others are looked for in the C
              libraries of this process (memcpy, expf, …)

    Raises:  CompileError: LLVM does not accept the text, or it calls a function that is nowhere,
             or it is for another kind of processor.
    Cost:    0.5 ms from the disk; else about 50 µs a line.
    """
    start = time.perf_counter()
    key = _key(text, target, level)
    code, cached = _kept(key, target, symbols or {}), True
    if code is None:
        code, cached = _translated(text, target, level, symbols or {}, key), False
    made = Library(text, target, level, code, cached)
    made.seconds = time.perf_counter() - start
    return made


def load_kept(
    text: Written, target: Target, level: int = 2, symbols: Mapping[str, int] | None = None
) -> Library | None:
    """The same, if its code is on the disk; else nothing, and nothing is translated."""
    code = _kept(_key(text, target, level), target, symbols or {})
    return None if code is None else Library(text, target, level, code, cached=True)


def _texts(text: Text) -> Sequence[str]:
    match text:
        case Written():
            return [text.write()]
        case str():
            return [text]
    return text


def _levels(texts: Sequence[str], level: int) -> list[int]:
    """The level of each text: what is called once, while the others work, need not be fast."""
    return [level] * (len(texts) - 1) + [0 if len(texts) > 1 else level]


def _key(text: Text, target: Target, level: int) -> str:
    """Under what code is kept."""
    if _architecture(target) != {"arm64": "aarch64"}.get(_MACHINE, _MACHINE):
        raise CompileError(
            f"code for {target.cpu} ({target.triple}) does not run on this machine ({_MACHINE})"
        )
    own = text.identity() if isinstance(text, Written) else _texts(text)
    return key_of("code", ABI, *own, *_made_by(target, level))


def _made_by(target: Target, level: int) -> tuple[object, ...]:
    """What code depends on beside its text."""
    return llvm_version(), target, level, PASSES, "no lsr", "plain calls"


def _kept(key: str, target: Target, symbols: Mapping[str, int]) -> Code | _LinkedByLLVM | None:
    """Put code that was kept into memory."""
    found = fetch(key)
    if found is not None:
        try:
            return _placed(found, target, symbols)
        except (ValueError, TypeError, struct.error):  # whole, but not what we write
            remove(key)
    return None


def _translated(
    text: Text, target: Target, level: int, symbols: Mapping[str, int], key: str
) -> Code | _LinkedByLLVM:
    """Translate texts, keep the code and put it into memory."""
    objects = _objects(_texts(text), target, level)
    made = link(objects).to_bytes() if _is_linked_here(target) else _together(objects)
    code = _placed(made, target, symbols)
    keep(key, made)
    return code


def _objects(texts: Sequence[str], target: Target, level: int) -> list[bytes]:
    """Object files of texts; of several, each is kept, for other programs that have it too."""
    if len(texts) == 1:
        return object_codes(texts, target, level)
    levels = _levels(texts, level)
    each = [*zip(texts, levels, strict=True)]
    keys = [key_of("object", ABI, text, *_made_by(target, own)) for text, own in each]
    kept = {key: code for key in keys if (code := fetch(key)) is not None}
    new = {key: part for key, part in zip(keys, each, strict=True) if key not in kept}
    missing = [text for text, _ in new.values()], target, [own for _, own in new.values()]
    made = dict(zip(new, object_codes(*missing), strict=True))
    for key, code in made.items():
        keep(key, code)
    return [kept.get(key) or made[key] for key in keys]


def _placed(made: bytes, target: Target, symbols: Mapping[str, int]) -> Code | _LinkedByLLVM:
    if _is_linked_here(target):
        return Code(Image.from_bytes(made), symbols)
    return _LinkedByLLVM(_apart(made), symbols)


def _is_linked_here(target: Target) -> bool:
    """Whether object files are of the kind that ``linking`` knows."""
    return _architecture(target) == "x86_64" and "linux" in target.triple


def _together(objects: Sequence[bytes]) -> bytes:
    return b"".join(struct.pack("<Q", len(code)) + code for code in objects)


def _apart(made: bytes) -> list[bytes]:
    objects, at = [], 0
    while at < len(made):
        (size,) = struct.unpack_from("<Q", made, at)
        objects.append(made[at + 8 : at + 8 + size])
        at += 8 + size
    return objects


class _LinkedByLLVM:
    """Object files in memory, linked by LLVM: for the systems that ``linking`` does not know."""

    def __init__(self, objects: Sequence[bytes], symbols: Mapping[str, int]) -> None:
        for name, address in symbols.items():
            llvm().add_symbol(name, address)
        empty = llvm().parse_assembly("", llvm().create_context())
        machine = llvm().Target.from_default_triple().create_target_machine(jit=True)
        self.engine = llvm().create_mcjit_compiler(empty, machine)
        for code in objects:
            self.engine.add_object_file(llvm().object_file.ObjectFileRef.from_data(code))
        self.engine.finalize_object()

    def address(self, name: str) -> int:
        return int(self.engine.get_function_address(name))


_MACHINE: Final = os.uname().machine
