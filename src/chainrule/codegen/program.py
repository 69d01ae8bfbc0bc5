"""Programs: a graph as one function of machine code that calls its kernels.

The function is ``void program(ptr team, ptr table)``. The table holds the address of the arena, of
a cell that an error is written to, and of every array from outside. All others lie in the arena,
at offsets that are known when the program is written: arrays that are not needed at the same time
share memory.

Where the host has to compute something in between, a program is several functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from chainrule.codegen.carries import overwritten, taken_over
from chainrule.codegen.contractions import emit_contraction
from chainrule.codegen.draft import Draft, Kernel
from chainrule.codegen.draws import emit_draw
from chainrule.codegen.effort import PAYS
from chainrule.codegen.fuse import Fused, Item, fuse, own_rank, reads, targets
from chainrule.codegen.kernels import emit_fused
from chainrule.codegen.llvm import Builder, Module
from chainrule.codegen.memory import arrange
from chainrule.codegen.nested import (
    Around,
    Room,
    emit_cond,
    emit_loop,
    error_in,
    rooms,
    with_own_outputs,
)
from chainrule.codegen.outline import Body, Inner, Native, Part, Segment, Work
from chainrule.codegen.split import split_sums
from chainrule.codegen.steps import Check, Draw, Host, Nested, Scattered, Solve, Spread, steps_of
from chainrule.codegen.streaming import streamed_in
from chainrule.codegen.sums import emit_check, emit_scattered, emit_spread
from chainrule.codegen.systems import emit_solve
from chainrule.codegen.table import ARENA, FIRST, SCRATCH, STATUS
from chainrule.codegen.target import Target
from chainrule.codegen.turned import with_turned_copies
from chainrule.codegen.unread import without_unread
from chainrule.codegen.values import Value, constant
from chainrule.codegen.windows.arrange import arrange_factors
from chainrule.codegen.windows.bands import cut_rows
from chainrule.codegen.windows.plan import plan_of
from chainrule.codegen.windows.words import in_words
from chainrule.ir.graph import Graph, Node, bodies
from chainrule.ir.primitives import Cond, Data, Loop, Project

__all__ = ["compile_graph", "items_of"]


def compile_graph(
    graph: Graph,
    target: Target,
    header: int = 0,
    donated: Sequence[int] = (),
    *,
    timed: bool = False,
) -> Native:
    """Write a graph as a program.

    Results may be written over the ``donated`` inputs.

    With ``header``, the bytes that an array object has before the address of its memory, the table
    holds such objects for the inputs, unless the host takes part in the program. A ``timed``
    program adds how long each kernel takes, by the processor's clock, to the array that is the
    table's last entry: at the number of the kernel, as its name has it. At 0 is the whole program.
    """
    return _Writer(target, timed).program(graph, header, donated)


def items_of(graph: Graph, target: Target) -> list[Item]:
    """The kernels and other steps that compute a graph, in order."""
    steps = without_unread(steps_of(graph), graph)
    steps = cut_rows(with_turned_copies(steps), target)
    steps = split_sums(steps, lambda s: plan_of(target, s, own_rank(s)) is not None)
    steps = arrange_factors(in_words(cut_rows(steps, target), target), target)
    return [item for item in fuse(steps, target.vector_bits) if _computes(item)]


class _Layout:
    """What the function of a graph computes, and where its arrays lie."""

    def __init__(
        self,
        graph: Graph,
        writer: _Writer,
        loop: Loop | None = None,
        donated: Sequence[int] = (),
        *,
        is_whole: bool,
    ) -> None:
        self.graph = graph
        self.is_whole = is_whole
        self.items = items_of(graph, writer.target)
        self.bodies = {
            item.node: tuple(writer.body(g, item.node.op) for g in bodies(item.node.op))
            for item in self.items
            if isinstance(item, Nested)
        }
        self.outside = _outside(graph, self.items)
        self.constants = self._constants()
        self.taken_over = taken_over(graph, self.items, donated)
        fresh = (n for n in graph.outputs if n not in self.taken_over)
        given = (*graph.inputs, *self.constants, *fresh)
        hosted = [n for item in self.items if isinstance(item, Host) for n in item.targets]
        self.entries = tuple(dict.fromkeys((*given, *hosted)))
        self.table = {node: FIRST + k for k, node in enumerate(self.entries)}
        self.table |= {after: self.table[before] for after, before in self.taken_over.items()}
        self.in_place: frozenset[int] = frozenset()
        if loop is not None:
            # The old value and the new one are entries of their own all the same: the first turn
            # reads what the loop is given, where it lies.
            self.in_place = overwritten(loop, graph, self.items)
        # What is written over what was just read is in the cache.
        streamed = streamed_in(graph, self.items, self.table) if is_whole else set()
        self.streamed = streamed - self.taken_over.keys()
        self.places, self.arena = self._places()

    def _constants(self) -> tuple[Node, ...]:
        """Constant arrays that the graph or a body reads."""
        read = [node for item in self.items for node in _ordered(reads(item))]
        inner = [n for made in self.bodies.values() for body in made for n in body.entries]
        given = set(self.graph.inputs)
        return tuple(dict.fromkeys(
            n for n in (*read, *inner, *self.graph.outputs)
            if isinstance(n.op, Data) and n.op.value.size > 1 and n not in given
        ))  # fmt: skip

    def rooms(self, item: Nested) -> list[Room]:
        """The memory that a nested program needs for itself."""
        op = item.node.op
        assert isinstance(op, Loop | Cond)
        return rooms(op, self.bodies[item.node], set(_results(item)))

    def _places(self) -> tuple[dict[object, int], int]:
        """Offsets in the arena, and its size, by when each array is made and last read."""
        lives: dict[object, tuple[int, int, int]] = {}
        for k, item in enumerate(self.items):
            for node in reads(item):
                if node in lives:
                    born, _, size = lives[node]
                    lives[node] = born, k, size
            for node in targets(item):
                if node in self.outside and node not in self.table:
                    lives[node] = k, k, node.nbytes
            if isinstance(item, Nested):
                for room in self.rooms(item):
                    lives[item.node, room.name] = k, k, room.size
        return arrange(lives)

    def addresses(self, names: Sequence[object]) -> Callable[[Builder, Value], dict[Any, Value]]:
        """The function of (builder, table) that gives where arrays lie."""
        here = [n for n in names if n in self.table or n in self.places]

        def places(b: Builder, table: Value) -> dict[Any, Value]:
            made: dict[Any, Value] = {}
            entries: dict[int, Value] = {}
            arena: Value | None = None
            for name in here:
                if name in self.table:
                    entry = self.table[name]
                    if entry not in entries:
                        entries[entry] = b.load("ptr", b.offset(table, entry, "ptr"))
                    made[name] = entries[entry]
                else:
                    arena = arena or b.load("ptr", b.offset(table, ARENA, "ptr"))
                    made[name] = b.offset(arena, self.places[name], "i8")
            return made

        return places


def _results(item: Nested) -> dict[int, Node]:
    """The results that are read, by their numbers."""
    return {t.op.index: t for t in item.targets if isinstance(t.op, Project)}


def _computes(item: Item) -> bool:
    """Whether there is anything to compute: arrays without elements need no code."""
    match item:
        case Fused():
            item.statements = [s for s in item.statements if 0 not in s.target.shape]
            return bool(item.statements) or (
                item.product is not None and 0 not in item.product.extents
            )
        case Spread() | Scattered() | Draw():
            return 0 not in item.target.shape
        case Check(extents=extents):
            return 0 not in extents
        case Solve(targets=made):
            return any(0 not in node.shape for node in made)
        case _:
            return True


def _outside(graph: Graph, items: Sequence[Item]) -> set[Node]:
    """The arrays that are read by others than the kernel that computes them."""
    home = {node: k for k, item in enumerate(items) for node in targets(item)}
    found = set(graph.outputs)
    for k, item in enumerate(items):
        found |= {node for node in reads(item) if home.get(node) != k}
        if isinstance(item, Nested):
            found.update(item.targets)
    return found


class _Writer:
    """Writes kernels and the functions that call them."""

    def __init__(self, target: Target, timed: bool) -> None:
        self.target = target
        self.timed = timed
        self.module = Module(
            target.attributes, fma=target.fma, tables=target.tables, roots=target.roots
        )
        self.scratch = 0
        self.count = 0
        self.written: dict[object, Body] = {}

    def program(self, graph: Graph, header: int, donated: Sequence[int]) -> Native:
        """Write a whole program."""
        layout = _Layout(graph, self, donated=donated, is_whole=True)
        if any(isinstance(item, Host) for item in layout.items):
            header = 0
        segments: list[Segment] = []
        run: list[Item] = []
        for item in [*layout.items, None]:
            if item is not None and not isinstance(item, Host):
                run.append(item)
                continue
            if run:
                segments.append(self._segment(f"program{len(segments)}", run, layout, header))
                run = []
            if item is not None:
                segments.append(Segment("", (), item))
        made = tuple(dict.fromkeys(
            n for n in graph.outputs
            if n not in {*graph.inputs, *layout.constants, *layout.taken_over}
        ))  # fmt: skip
        hosted = {n for item in layout.items if isinstance(item, Host) for n in item.targets}
        return Native(
            self.module, graph, tuple(segments), layout.entries, layout.constants,
            tuple(n for n in made if n not in hosted), layout.places, layout.arena, self.scratch,
            bool(header), layout.taken_over, self.target.note,
        )  # fmt: skip

    def body(self, graph: Graph, op: object) -> Body:
        """Write the body of a Loop or a Cond as a function."""
        loop = op if isinstance(op, Loop) else None
        key = graph, loop and (loop.constants, loop.carries)
        found = self.written.get(key)
        if found is None:
            own = with_own_outputs(graph)
            layout = _Layout(own, self, loop, is_whole=False)
            name = self._fresh("body")
            parts = self._segment(name, layout.items, layout).parts
            found = Body(name, own, layout.entries, layout.arena, parts, layout.in_place)
            self.written[key] = found
        return found

    def _fresh(self, hint: str) -> str:
        self.count += 1
        return f"{hint}{self.count}"

    def _segment(
        self, name: str, items: Sequence[Item], layout: _Layout, header: int = 0
    ) -> Segment:
        parts: list[Part] = []
        for item in items:
            if isinstance(item, Nested):
                parts.append(Inner(item, layout.bodies[item.node]))
            else:
                kernel = self._kernel(item, layout)
                parts.append(Work(kernel, item))
                self.scratch = max(self.scratch, kernel.scratch)
        b = self.module.function(name, [("team", "ptr"), ("table", "ptr")])
        if layout.is_whole:
            self.module.programs.add(name)
        if header:
            table = b.arguments[1]
            for node in dict.fromkeys(layout.graph.inputs):
                entry = b.offset(table, layout.table[node], "ptr")
                b.store(b.load("ptr", b.offset(b.load("ptr", entry), header, "i8")), entry)
        with self._clock(b, layout, 0) if layout.is_whole else nullcontext():
            self._calls(b, parts, layout)
        return Segment(name, tuple(parts))

    def _calls(self, b: Builder, parts: Sequence[Part], layout: _Layout) -> None:
        team, table = b.arguments
        scratch = b.load("ptr", b.offset(team, SCRATCH, "ptr"))
        for part in parts:
            if isinstance(part, Inner):
                self._nested(b, part, layout)
                self._stop(b, table)
                continue
            kernel = part.kernel
            tiles = constant("i64", kernel.tiles)
            with self._clock(b, layout, int(kernel.name[1:])):
                if kernel.tiles > 1 and kernel.effort >= PAYS:
                    function = Value(f"@{kernel.name}", "ptr")
                    b.call("chainrule_parallel", "void", team, function, table, tiles)
                else:
                    b.call(kernel.name, "void", table, constant("i64", 0), tiles, scratch)
            if isinstance(part.item, Check | Solve):
                self._stop(b, table)

    @contextmanager
    def _clock(self, b: Builder, layout: _Layout, number: int) -> Iterator[None]:
        """Add the time that something takes to a number's."""
        if not self.timed:
            yield
            return
        before = b.call("llvm.readcyclecounter", "i64")
        yield
        spent = b.sub(b.call("llvm.readcyclecounter", "i64"), before)
        last = b.offset(b.arguments[1], FIRST + len(layout.entries), "ptr")
        place = b.offset(b.load("ptr", last), number, "i64")
        b.store(b.add(b.load("i64", place), spent), place)

    def _nested(self, b: Builder, inner: Inner, layout: _Layout) -> None:
        item, made = inner
        op = item.node.op
        team, table = b.arguments
        names = [(item.node, room.name) for room in layout.rooms(item)]
        found = layout.addresses([*item.node.inputs, *item.targets, *names])(b, table)
        room = {name[1]: found[name] for name in names}
        nowhere = Value("null", "ptr")  # an array without elements
        operands = [nowhere if 0 in n.shape else found[n] for n in item.node.inputs]
        results = {k: found[n] for k, n in _results(item).items()}
        constants = layout.addresses(layout.constants)

        def head(body: Body) -> Value:
            last = FIRST + len(body.entries)
            own = b.local("ptr", last + self.timed)
            if self.timed:
                times = b.offset(table, FIRST + len(layout.entries), "ptr")
                b.store(b.load("ptr", times), b.offset(own, last, "ptr"))
            b.store(room["arena"], b.offset(own, ARENA, "ptr"))
            b.store(b.load("ptr", b.offset(table, STATUS, "ptr")), b.offset(own, STATUS, "ptr"))
            known = constants(b, table)
            for k, node in enumerate(body.entries, FIRST):
                if node in known:
                    b.store(known[node], b.offset(own, k, "ptr"))
            return own

        around = Around(b, team, table, head)
        if isinstance(op, Loop):
            emit_loop(op, made[0], operands, results, room, around)
        else:
            assert isinstance(op, Cond)
            places = [results.get(k) or room["result", k] for k in range(len(op.then.outputs))]
            emit_cond((made[0], made[1]), operands, places, around)

    def _stop(self, b: Builder, table: Value) -> None:
        """End the program if an error was written."""
        bad, good = b.label("bad"), b.label("good")
        b.branch(b.icmp("ne", error_in(b, table), 0), bad, good)
        b.place(bad)
        b.act("ret void")
        b.place(good)

    def _kernel(self, item: Item, layout: _Layout) -> Kernel:
        name = self._fresh("k")
        places = layout.addresses(list(dict.fromkeys((*_ordered(reads(item)), *targets(item)))))
        draft = Draft(self.module, self.target, name, places, layout.outside, layout.streamed)
        match item:
            case Fused(product=None):
                return emit_fused(draft, item)
            case Fused():
                return emit_contraction(draft, item)
            case Spread():
                return emit_spread(draft, item)
            case Scattered():
                return emit_scattered(draft, item)
            case Draw():
                return emit_draw(draft, item)
            case Solve():
                return emit_solve(draft, item)
            case Check():
                return emit_check(draft, item)
            case _:
                raise AssertionError(item)


def _ordered(nodes: set[Node]) -> list[Node]:
    return sorted(nodes, key=lambda n: n.serial)
