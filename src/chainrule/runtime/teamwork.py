"""The native side of the thread pool: how tiles are shared out, written as LLVM text.

A pool has a *slot* for each thread: the range of tiles that are its own, and a flag that says
whether it sleeps. To publish a job is to write the ranges. The owner of a range takes half of what
is left from its front, so neighboring tiles stay on one core from kernel to kernel; whoever has
none left steals half of another's from its back. Thus nobody waits for a thread that the system
has not scheduled, and a pool whose workers are gone (after a fork) is merely slow.

A range is one 64-bit word, claimed by compare-and-swap. No counter of jobs is needed: a range is
written only when every tile of the job before is done, and a job cannot end while somebody holds
a tile of it; so who has claimed one may read the job's fields.
"""

from __future__ import annotations

from typing import Final

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.texts import module_text
from chainrule.codegen.assembly.values import Value, constant
from chainrule.runtime.team_calls import CALLS
from chainrule.runtime.team_layout import (
    ASLEEP,
    INDEX,
    SCRATCH,
    TEAM,
    Writer,
    atomic,
    field,
    forever,
    halves,
    negation,
    pair,
    publish,
    slot_at,
)

__all__ = ["pool_text"]

_NONE: Final = Value("null", "ptr")
_FUTEX: Final = {"x86_64": 202, "aarch64": 98}


def pool_text(target: Target, *, futex: bool | None = None) -> str:
    """The functions of a pool: chainrule_ call, fill, parallel, pause and end.

    futex   whether sleepers use the kernel's own queue (Linux) or a condition variable
    """
    arch = target.triple.split("-")[0]
    linux = "linux" in target.triple
    writer = Writer(arch, linux, linux if futex is None else futex)
    if writer.futex:
        writer.module.extra.append("declare i64 @syscall(i64, ...)")
    for write in (_pause, _claim, _work, _sleep, _wake, _worker, _parallel, *CALLS):
        write(writer)
    return module_text(writer.module)


def _pause(w: Writer) -> None:
    """Wait for a number of pauses: to find out how long one takes."""
    b = w.function("chainrule_pause", "count")
    with b.loop(0, b.arguments[0]):
        w.pause(b)


def _claim(w: Writer) -> None:
    """Take half of a range, from its front or its back; gives (begin << 32) | end, or 0."""
    b = w.function("claim", "slot back", "i64")
    slot, back = b.arguments
    kept, done = b.local("i64"), b.local("i64")
    b.store(constant("i64", 0), done)
    b.store(atomic(b, "i64", slot, "monotonic"), kept)
    with forever(b) as leave:
        word = b.load("i64", kept)
        begin, end = halves(b, word)
        leave(b.icmp("uge", begin, end))
        half = b.binary("lshr", b.add(b.sub(end, begin), 1), constant("i64", 1))
        from_back = b.icmp("ne", back, 0)
        first = b.select(from_back, b.sub(end, half), begin)
        last = b.add(first, half)
        left = b.select(from_back, pair(b, begin, first), pair(b, last, end))
        exchange = f"cmpxchg {slot}, {word}, {left} acq_rel monotonic"
        swapped = b.emit("{ i64, i1 }", exchange)
        won = b.emit("i1", f"extractvalue {swapped}, 1")
        b.store(b.emit("i64", f"extractvalue {swapped}, 0"), kept)
        b.store(b.select(won, pair(b, first, last), constant("i64", 0)), done)
        leave(won)
    b.ret(b.load("i64", done))


def _work(w: Writer) -> None:
    """Do tiles until no range has any; then say how many are done."""
    b = w.function("work", "pool team")
    pool, team = b.arguments
    index = b.load("i64", b.offset(team, INDEX - TEAM, "i8"))
    limit = b.load("i64", field(b, pool, "limit"))
    total = b.local("i64")
    b.store(constant("i64", 0), total)
    with b.loop(0, limit) as turn:
        reached = b.add(index, turn.index)
        over = b.icmp("uge", reached, limit)
        victim = b.select(over, b.sub(reached, limit), reached)
        slot = slot_at(b, pool, victim)
        back = b.convert("zext", b.icmp("ne", turn.index, 0), "i64")
        with forever(b) as leave:
            claimed = b.call("claim", "i64", slot, back)
            leave(b.icmp("eq", claimed, 0))
            begin, end = halves(b, claimed)
            kernel = b.load("ptr", field(b, pool, "kernel"))
            table = b.load("ptr", field(b, pool, "table"))
            # Read now: whoever claims late may do a tile of the next program, which let the
            # scratch grow.
            scratch = b.load("ptr", b.offset(team, SCRATCH - TEAM, "i8"))
            b.call_pointer(kernel, "void", table, begin, end, scratch)
            b.store(b.add(b.load("i64", total), b.sub(end, begin)), total)
    done = b.load("i64", total)
    with b.when(b.icmp("ne", done, 0)):
        b.emit("i64", f"atomicrmw sub {field(b, pool, 'pending')}, {done} release")


def _sleep(w: Writer) -> None:
    """Sleep until somebody clears the flag of this slot."""
    b = w.function("sleep_on", "pool flag")
    pool, flag = b.arguments
    if w.futex:
        _syscall(w, b, flag, 128, constant("i32", 1))
        return
    mutex, condition = field(b, pool, "mutex"), field(b, pool, "condition")
    b.call("pthread_mutex_lock", "i32", mutex)
    with forever(b) as leave:
        leave(b.icmp("ne", atomic(b, "i32", flag, "seq_cst"), 1))
        b.call("pthread_cond_wait", "i32", condition, mutex)
    b.call("pthread_mutex_unlock", "i32", mutex)


def _wake(w: Writer) -> None:
    """Wake the owner of a slot if it sleeps."""
    b = w.function("wake", "pool slot")
    pool, slot = b.arguments
    flag = b.offset(slot, ASLEEP, "i8")
    with b.when(b.icmp("ne", atomic(b, "i32", flag, "seq_cst"), 0)):
        if w.futex:
            publish(b, constant("i32", 0), flag)
            _syscall(w, b, flag, 129, constant("i32", 1))
        else:
            mutex = field(b, pool, "mutex")
            b.call("pthread_mutex_lock", "i32", mutex)
            publish(b, constant("i32", 0), flag)
            b.call("pthread_cond_broadcast", "i32", field(b, pool, "condition"))
            b.call("pthread_mutex_unlock", "i32", mutex)


def _syscall(w: Writer, b: Builder, flag: Value, operation: int, number: Value) -> None:
    code = f"i64 {_FUTEX[w.arch]}, {flag}, i32 {operation}, {number}, ptr null"
    b.emit("i64", f"call i64 (i64, ...) @syscall({code})")


def _worker(w: Writer) -> None:
    """What each thread of the pool does all its life."""
    b = w.function("worker", "team", "ptr")
    (team,) = b.arguments
    w.flush(b)
    pool = b.load("ptr", team)
    slot = b.offset(team, -TEAM, "i8")
    flag = b.offset(slot, ASLEEP, "i8")
    waited = b.local("i64")
    b.store(constant("i64", 0), waited)
    with forever(b) as leave:
        leave(b.icmp("ne", atomic(b, "i32", field(b, pool, "stop"), "acquire"), 0))
        begin, end = halves(b, atomic(b, "i64", slot, "acquire"))
        some = b.icmp("ult", begin, end)
        with b.when(some):
            b.call("work", "void", pool, team)
            b.store(constant("i64", 0), waited)
        with b.when(negation(b, some)):
            _idle(w, b, pool, slot, flag, waited)
    b.ret(_NONE)


def _idle(w: Writer, b: Builder, pool: Value, slot: Value, flag: Value, waited: Value) -> None:
    """Wait a little; after many times, sleep."""
    count = b.add(b.load("i64", waited), 1)
    b.store(count, waited)
    w.pause(b)
    w.yield_if_crowded(b, pool, count)
    with b.when(b.icmp("uge", count, b.load("i64", field(b, pool, "spins")))):
        publish(b, constant("i32", 1), flag)
        begin, end = halves(b, atomic(b, "i64", slot, "seq_cst"))
        stop = atomic(b, "i32", field(b, pool, "stop"), "seq_cst")
        idle = b.binary("and", b.icmp("uge", begin, end), b.icmp("eq", stop, 0))
        with b.when(idle):
            b.call("sleep_on", "void", pool, flag)
        publish(b, constant("i32", 0), flag)
        b.store(constant("i64", 0), waited)


def _parallel(w: Writer) -> None:
    """Let the pool do the tiles of a kernel; return when all are done."""
    b = w.function("chainrule_parallel", "team kernel table tiles")
    team, kernel, table, tiles = b.arguments
    pool = b.load("ptr", team)
    alone, shared, end = b.label("alone"), b.label("shared"), b.label("end")
    several, many = b.label("several"), b.label("many")
    b.branch(b.emit("i1", f"icmp eq {pool}, null"), alone, several)
    b.place(several)
    limit = b.load("i64", field(b, pool, "limit"))
    fewer = b.icmp("slt", tiles, limit)
    count = b.select(fewer, tiles, limit)
    b.branch(b.icmp("sle", count, 1), alone, many)
    b.place(many)
    # A tile's number has 32 bits in a range.
    b.branch(b.icmp("ugt", tiles, 2**32 - 1), alone, shared)
    b.place(shared)
    b.store(kernel, field(b, pool, "kernel"))
    b.store(table, field(b, pool, "table"))
    b.act(f"store atomic {tiles}, {field(b, pool, 'pending')} release, align 8")
    _publish_ranges(b, pool, tiles, count)
    b.call("work", "void", pool, team)
    _await(w, b, pool)
    b.jump(end)
    b.place(alone)
    scratch = b.load("ptr", b.offset(team, SCRATCH - TEAM, "i8"))
    with b.when(b.icmp("sgt", tiles, 0)):
        b.call_pointer(kernel, "void", table, constant("i64", 0), tiles, scratch)
    b.jump(end)
    b.place(end)


def _publish_ranges(b: Builder, pool: Value, tiles: Value, count: Value) -> None:
    """Give each thread its part, the caller last."""
    with b.loop(0, count) as turn:
        which = b.sub(b.sub(count, 1), turn.index)
        begin = b.binary("udiv", b.mul(tiles, which), count)
        end = b.binary("udiv", b.mul(tiles, b.add(which, 1)), count)
        slot = slot_at(b, pool, which)
        publish(b, pair(b, begin, end), slot)
        with b.when(b.icmp("ne", which, 0)):
            b.call("wake", "void", pool, slot)


def _await(w: Writer, b: Builder, pool: Value) -> None:
    waited = b.local("i64")
    b.store(constant("i64", 0), waited)
    with forever(b) as leave:
        pending = atomic(b, "i64", field(b, pool, "pending"), "acquire")
        leave(b.icmp("eq", pending, 0))
        count = b.add(b.load("i64", waited), 1)
        b.store(count, waited)
        w.pause(b)
        w.yield_if_crowded(b, pool, count)
