"""How a thread pool lies in memory, and the words in which its native code is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from chainrule.codegen.assembly.llvm import Builder, Module
from chainrule.codegen.assembly.values import Value, constant

__all__ = [
    "ASLEEP",
    "CAPACITY",
    "INDEX",
    "LAYOUT",
    "POOL_BYTES",
    "SCRATCH",
    "SLOT",
    "TEAM",
    "THREAD",
    "Writer",
    "atomic",
    "field",
    "forever",
    "halves",
    "negation",
    "pair",
    "pointer",
    "publish",
    "slot_at",
]

CAPACITY: Final = 256  # threads

# Where the fields of a pool lie, in bytes. What one thread writes while others spin on something
# else has a cache line of its own.
LAYOUT: Final = {
    "busy": 0,  # i32: a program has the pool
    "scratch": 8,  # i64: the bytes that each thread has
    "limit": 16,  # i64: how many threads the running program may use
    "stop": 64,  # i32: workers shall end
    "threads": 72,  # i64: how many there are, the caller among them
    "spins": 80,  # i64: how many pauses a worker waits before it sleeps
    "processors": 88,  # i64: with more threads than these, who waits yields
    "most": 96,  # i64: how many threads any program may use now
    "pending": 128,  # i64: tiles that are not done
    "kernel": 192,  # the job: ptr, ptr
    "table": 200,
    "mutex": 256,  # for systems without a futex
    "condition": 384,
    "slots": 512,
}
SLOT: Final = 256
# Fields of a slot. The last four are a team: what a program is given to call `parallel` with.
# A call has four fields: the pool, the program, bytes of scratch and the number of threads.
ASLEEP, TEAM, SCRATCH, INDEX, THREAD = 64, 128, 136, 144, 152
POOL_BYTES: Final = LAYOUT["slots"] + CAPACITY * SLOT


@contextmanager
def forever(b: Builder) -> Iterator[Callable[[Value], None]]:
    """Write a loop that is left where a condition holds: call what this gives with it."""
    again, after = b.label("again"), b.label("left")
    b.jump(again)
    b.place(again)

    def leave(condition: Value) -> None:
        on = b.label("on")
        b.branch(condition, after, on)
        b.place(on)

    yield leave
    b.jump(again)
    b.place(after)


def field(b: Builder, pool: Value, name: str) -> Value:
    """Where a field of a pool lies."""
    return b.offset(pool, LAYOUT[name], "i8")


def slot_at(b: Builder, pool: Value, index: Value) -> Value:
    """Where the slot of a thread lies."""
    return b.offset(pool, b.add(b.mul(index, SLOT), LAYOUT["slots"]), "i8")


def atomic(b: Builder, kind: str, place: Value, order: str) -> Value:
    """Read what other threads write."""
    return b.emit(kind, f"load atomic {kind}, {place} {order}, align {int(kind[1:]) // 8}")


def publish(b: Builder, value: Value, place: Value) -> None:
    """Write what other threads read, before anything that this thread reads after."""
    b.emit(value.type, f"atomicrmw xchg {place}, {value} seq_cst")


def pair(b: Builder, begin: Value, end: Value) -> Value:
    """A range as one word: begin in the upper half, end in the lower."""
    return b.binary("or", b.binary("shl", begin, constant("i64", 32)), end)


def halves(b: Builder, word: Value) -> tuple[Value, Value]:
    """The begin and the end of a range."""
    end = b.binary("and", word, constant("i64", 2**32 - 1))
    return b.binary("lshr", word, constant("i64", 32)), end


class Writer:
    """The functions of a pool while they are written, for one processor and system.

    linux   whether the constants of the C library are those of Linux
    futex   whether who sleeps uses the system's own queue instead of a condition variable
    """

    def __init__(self, arch: str, linux: bool, futex: bool) -> None:
        self.arch, self.linux, self.futex = arch, linux, futex
        self.module = Module()

    def function(self, name: str, parameters: str, result: str = "void") -> Builder:
        """Begin a function; its pointers may be written by other threads."""
        pairs = [(n, "ptr" if n in _POINTERS else "i64") for n in parameters.split()]
        own = name in _OUTSIDE
        return self.module.function(name, pairs, result, internal=not own, noalias=False)

    def pause(self, b: Builder) -> None:
        """Tell the processor that this thread waits."""
        if self.arch == "x86_64":
            b.call("llvm.x86.sse2.pause", "void")
        else:
            b.call("llvm.aarch64.hint", "void", constant("i32", 1))

    def flush(self, b: Builder) -> Value:
        """Let the processor take denormal numbers for 0; gives how it was before."""
        bits = _FLUSH[self.arch]
        if self.arch == "x86_64":
            word = b.local("i32", 2)
            b.call("llvm.x86.sse.stmxcsr", "void", word)
            other = b.offset(word, 1, "i32")
            b.store(b.binary("or", b.load("i32", word), constant("i32", bits)), other)
            b.call("llvm.x86.sse.ldmxcsr", "void", other)
            return word
        before = b.call("llvm.aarch64.get.fpcr", "i64")
        b.call("llvm.aarch64.set.fpcr", "void", b.binary("or", before, constant("i64", bits)))
        return before

    def restore(self, b: Builder, before: Value) -> None:
        """Undo ``flush``."""
        name = "x86.sse.ldmxcsr" if self.arch == "x86_64" else "aarch64.set.fpcr"
        b.call(f"llvm.{name}", "void", before)

    def yield_if_crowded(self, b: Builder, pool: Value, count: Value) -> None:
        """With more threads than processors, who waits keeps another from its work."""
        threads = b.load("i64", field(b, pool, "threads"))
        crowded = b.icmp("ugt", threads, b.load("i64", field(b, pool, "processors")))
        turn = b.icmp("eq", b.binary("and", count, constant("i64", 15)), 0)
        long = b.icmp("ugt", count, b.load("i64", field(b, pool, "spins")))
        with b.when(b.binary("and", turn, b.binary("or", crowded, long))):
            b.call("sched_yield", "i32")


_OUTSIDE: Final = {
    "chainrule_pause",
    "chainrule_parallel",
    "chainrule_call",
    "chainrule_fill",
    "chainrule_end",
}
_POINTERS: Final = {
    "pool",
    "team",
    "slot",
    "flag",
    "kernel",
    "table",
    "program",
    "call",
    "arguments",
    "job",
}
_FLUSH: Final = {"x86_64": 0x8040, "aarch64": 1 << 24, "arm64": 1 << 24}


def negation(b: Builder, condition: Value) -> Value:
    """The opposite of a condition (i1)."""
    return b.binary("xor", condition, constant("i1", True))


def pointer(b: Builder, address: Value) -> Value:
    """A number as what it is the address of."""
    return b.emit("ptr", f"inttoptr {address} to ptr")
