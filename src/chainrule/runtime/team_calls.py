"""The native side of a program's call: the pool or a thread alone, scratch, and the pool's end."""

from __future__ import annotations

from typing import Final, NamedTuple

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.table import FIRST
from chainrule.codegen.assembly.values import Value, constant
from chainrule.runtime.team_layout import (
    INDEX,
    SCRATCH,
    SLOT,
    TEAM,
    THREAD,
    Writer,
    field,
    forever,
    negation,
    pointer,
    publish,
    slot_at,
)

__all__ = ["CALLS", "FILL", "MOVING"]

FILL: Final = (
    "blocks", "inputs", "held", "moving", "header", "output", "status", "start", "step", "end",
    "rest", "spare",
)  # fmt: skip
"""The words of a job of ``chainrule_fill``.

held     where the table's entries for the inputs are written down; a run leaves others there
header   bytes of an array object before the address of its memory
output   the table's entry for the output; start, step, end and rest say where the output of the
         first block lies, bytes from block to block, where that of the last lies, and its bytes
spare    memory for the output of a block that belongs where programs do not write: at no multiple
         of 64 bytes, or beyond the end. It is copied.
"""
MOVING: Final = 4  # words of an input that moves

_NONE: Final = Value("null", "ptr")


class _Call(NamedTuple):
    """What a program is called with, while the call is written."""

    pool: Value
    program: Value
    arguments: Value
    bytes: Value
    threads: Value
    failed: Value


def _grow(w: Writer) -> None:
    """Make threads and scratch as many as asked; gives 0, or 1 if there is no memory.

    A thread that the system refuses is done without.
    """
    b = w.function("grow", "pool bytes count", "i32")
    pool, wanted, count = b.arguments
    failed = b.local("i32")
    b.store(constant("i32", 0), failed)
    threads = b.load("i64", field(b, pool, "threads"))
    own = field(b, pool, "scratch")
    with b.when(b.icmp("ult", b.load("i64", own), wanted)), b.loop(0, threads) as turn:
        _reserve(b, slot_at(b, pool, turn.index), wanted, failed)
    whole = b.icmp("eq", b.load("i32", failed), 0)
    more = b.icmp("ult", b.load("i64", own), wanted)
    with b.when(b.binary("and", whole, more)):
        b.store(wanted, own)
    with b.when(b.binary("and", whole, b.icmp("ult", threads, count))):
        _start(w, b, pool, threads, count)
    b.ret(b.load("i32", failed))


def _reserve(b: Builder, slot: Value, wanted: Value, failed: Value) -> None:
    """Exchange a thread's scratch for a larger one."""
    made = b.local("ptr")
    place = b.offset(slot, SCRATCH, "i8")
    code = b.call("posix_memalign", "i32", made, constant("i64", 64), wanted)
    good = b.icmp("eq", code, 0)
    with b.when(good):
        b.call("free", "void", b.load("ptr", place))
        b.store(b.load("ptr", made), place)
    with b.when(negation(b, good)):
        b.store(constant("i32", 1), failed)


def _start(w: Writer, b: Builder, pool: Value, threads: Value, count: Value) -> None:
    """Start threads, with all signals blocked: those are for the interpreter's own."""
    every, before = b.local("i64", 16), b.local("i64", 16)
    replace = constant("i32", 2 if w.linux else 3)  # SIG_SETMASK
    b.call("sigfillset", "i32", every)
    b.call("pthread_sigmask", "i32", replace, every, before)
    failed = b.local("i32")
    b.store(constant("i32", 0), failed)
    bytes_each = b.load("i64", field(b, pool, "scratch"))
    with b.loop(threads, count) as turn:
        slot = slot_at(b, pool, turn.index)
        with (
            b.when(b.icmp("eq", b.load("i32", failed), 0)),
            b.when(b.icmp("ne", bytes_each, 0)),
        ):
            _reserve(b, slot, bytes_each, failed)
        with b.when(b.icmp("eq", b.load("i32", failed), 0)):
            place, team = b.offset(slot, THREAD, "i8"), b.offset(slot, TEAM, "i8")
            b.store(pool, team)
            b.store(turn.index, b.offset(slot, INDEX, "i8"))
            worker = Value("@worker", "ptr")
            code = b.call("pthread_create", "i32", place, _NONE, worker, team)
            b.store(code, failed)
            with b.when(b.icmp("eq", code, 0)):
                b.store(b.add(turn.index, 1), field(b, pool, "threads"))
    b.call("pthread_sigmask", "i32", replace, before, _NONE)


def _call(w: Writer) -> None:
    """Run a program: with the pool if it is free, else alone; gives 1 if memory is short."""
    b = w.function("chainrule_call", "call arguments", "i32")
    call, arguments = b.arguments
    pool, program = (b.load("ptr", b.offset(call, k, "ptr")) for k in range(2))
    wanted, count = (b.load("i64", b.offset(call, k, "i64")) for k in range(2, 4))
    failed = b.local("i32")
    b.store(constant("i32", 0), failed)
    given = _Call(pool, program, arguments, wanted, count, failed)
    before = w.flush(b)
    busy = field(b, pool, "busy")
    swapped = b.emit("{ i32, i1 }", f"cmpxchg {busy}, i32 0, i32 1 acquire monotonic")
    free = b.emit("i1", f"extractvalue {swapped}, 1")
    with b.when(free):
        _together(b, given)
        b.act(f"store atomic i32 0, {busy} release, align 4")
    with b.when(negation(b, free)):
        _alone(b, given)
    w.restore(b, before)
    b.ret(b.load("i32", failed))


def _together(b: Builder, given: _Call) -> None:
    """Run a program with the pool, which is ours until the program has ended."""
    pool, count = given.pool, given.threads
    most = b.load("i64", field(b, pool, "most"))
    count = b.select(b.icmp("ult", most, count), most, count)
    small = b.icmp("ult", b.load("i64", field(b, pool, "scratch")), given.bytes)
    few = b.icmp("ult", b.load("i64", field(b, pool, "threads")), count)
    with b.when(b.binary("or", small, few)):
        b.store(b.call("grow", "i32", pool, given.bytes, count), given.failed)
    threads = b.load("i64", field(b, pool, "threads"))
    fewer = b.icmp("ult", threads, count)
    b.store(b.select(fewer, threads, count), field(b, pool, "limit"))
    with b.when(b.icmp("eq", b.load("i32", given.failed), 0)):
        team = b.offset(slot_at(b, pool, constant("i64", 0)), TEAM, "i8")
        b.call_pointer(given.program, "void", team, given.arguments)


def _alone(b: Builder, given: _Call) -> None:
    """Run a program on this thread, with scratch that lives as long."""
    slot = b.local("i8", SLOT)
    team, own = b.offset(slot, TEAM, "i8"), b.offset(slot, SCRATCH, "i8")
    b.store(_NONE, team)
    b.store(_NONE, own)
    with b.when(b.icmp("ne", given.bytes, 0)):
        _reserve(b, slot, given.bytes, given.failed)
    with b.when(b.icmp("eq", b.load("i32", given.failed), 0)):
        b.call_pointer(given.program, "void", team, given.arguments)
    b.call("free", "void", b.load("ptr", own))


def _fill(w: Writer) -> None:
    """Run a program on block after block; gives how many it ran on, or −1 if memory is short.

    The job's words are those of ``FILL``, then four for each input that is another for each block:
    the array objects of all blocks and of the last, bytes from block to block, and the address.
    """
    b = w.function("chainrule_fill", "call table job", "i64")
    call, table, job = b.arguments
    own = {name: b.load("i64", b.offset(job, k, "i64")) for k, name in enumerate(FILL)}
    moving = b.offset(job, len(FILL), "i64")
    last = b.sub(own["blocks"], 1)
    ran, failed = b.local("i64"), b.local("i64")
    b.store(constant("i64", 0), ran)
    b.store(constant("i64", 0), failed)
    with forever(b) as leave:
        number = b.load("i64", ran)
        leave(b.icmp("sge", number, own["blocks"]))
        is_last = b.icmp("eq", number, last)
        _take(b, own, moving, number, is_last)
        with b.loop(0, own["inputs"]) as turn:
            held = b.load("i64", b.offset(pointer(b, own["held"]), turn.index, "i64"))
            b.store(held, b.offset(table, b.add(turn.index, FIRST), "i64"))
        place = b.add(own["start"], b.mul(number, own["step"]))
        place = b.select(is_last, own["end"], place)
        apart = b.icmp("ne", b.binary("and", place, constant("i64", 63)), 0)
        short = b.binary("and", is_last, b.icmp("ne", own["rest"], own["step"]))
        apart = b.binary("or", apart, short)
        to = b.select(apart, own["spare"], place)
        b.store(to, b.offset(table, own["output"], "i64"))
        code = b.call("chainrule_call", "i32", call, table)
        with b.when(b.icmp("ne", code, 0), rare=True):
            b.store(constant("i64", 1), failed)
        wrong = b.load("i64", b.offset(table, own["status"], "i64"))
        leave(b.icmp("ne", b.binary("or", wrong, b.load("i64", failed)), 0))
        with b.when(apart):
            size = b.select(is_last, own["rest"], own["step"])
            b.call("memcpy", "ptr", pointer(b, place), pointer(b, own["spare"]), size)
        b.store(b.add(number, 1), ran)
    short = b.icmp("ne", b.load("i64", failed), 0)
    b.ret(b.select(short, constant("i64", -1), b.load("i64", ran)))


def _take(b: Builder, own: dict[str, Value], moving: Value, number: Value, is_last: Value) -> None:
    """Let the addresses of the inputs that move be those of a block."""
    with b.loop(0, own["moving"]) as turn:
        word = b.offset(moving, b.mul(turn.index, MOVING), "i64")
        whole, end, step = (b.load("i64", b.offset(word, k, "i64")) for k in range(3))
        place = b.add(_data(b, whole, own), b.mul(number, step))
        b.store(b.select(is_last, _data(b, end, own), place), b.offset(word, 3, "i64"))


def _data(b: Builder, array: Value, own: dict[str, Value]) -> Value:
    """The address of the memory of an array object."""
    return b.load("i64", pointer(b, b.add(array, own["header"])))


def _end(w: Writer) -> None:
    """Let the workers end, wait for them and free their memory."""
    b = w.function("chainrule_end", "pool")
    (pool,) = b.arguments
    publish(b, constant("i32", 1), field(b, pool, "stop"))
    threads = b.load("i64", field(b, pool, "threads"))
    with b.loop(1, threads) as turn:
        slot = slot_at(b, pool, turn.index)
        thread = b.load("i64", b.offset(slot, THREAD, "i8"))
        b.call("wake", "void", pool, slot)
        b.call("pthread_join", "i32", thread, _NONE)
    with b.loop(0, threads) as turn:
        place = b.offset(slot_at(b, pool, turn.index), SCRATCH, "i8")
        b.call("free", "void", b.load("ptr", place))
        b.store(_NONE, place)


CALLS: Final = (_grow, _call, _fill, _end)  # what writes the functions, in order
