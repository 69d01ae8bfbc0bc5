"""Programs: a graph as one function of machine code that calls its kernels.

The function is ``void program(ptr team, ptr table)``. The table holds the address of the arena, of
a cell that an error is written to, and of every array from outside. All others lie in the arena,
at offsets that are known when the program is written: arrays that are not needed at the same time
share memory.

Where the host has to compute something in between, a program is several functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from chainrule.codegen.assembly.llvm import Builder, module_for
from chainrule.codegen.assembly.table import ARENA, FIRST, SCRATCH, STATUS
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.values import Value, constant
from chainrule.codegen.kernels.contractions import emit_contraction
from chainrule.codegen.kernels.draft import Draft, Kernel
from chainrule.codegen.kernels.draws import emit_draw
from chainrule.codegen.kernels.effort import PAYS
from chainrule.codegen.kernels.fused import emit_fused
from chainrule.codegen.kernels.sums import emit_check, emit_scattered, emit_spread
from chainrule.codegen.kernels.systems import emit_solve
from chainrule.codegen.layout import Layout, ordered, results_of
from chainrule.codegen.nested import (
    Around,
    emit_cond,
    emit_loop,
    error_in,
    with_own_outputs,
)
from chainrule.codegen.outline import Body, Inner, Native, Part, Segment, Work
from chainrule.codegen.statements.fuse import Fused, Item, reads, targets
from chainrule.codegen.statements.steps import Check, Draw, Host, Nested, Scattered, Solve, Spread
from chainrule.ir.graph import Graph
from chainrule.ir.primitives import Cond, Loop

__all__ = ["compile_graph"]


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


class _Writer:
    """Writes kernels and the functions that call them."""

    def __init__(self, target: Target, timed: bool) -> None:
        self.target = target
        self.timed = timed
        self.module = module_for(target)
        self.scratch = 0
        self.count = 0
        self.written: dict[object, Body] = {}

    def program(self, graph: Graph, header: int, donated: Sequence[int]) -> Native:
        """Write a whole program."""
        layout = Layout(graph, self.target, self.body, donated=donated, is_whole=True)
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
            layout = Layout(own, self.target, self.body, loop, is_whole=False)
            name = self._fresh("body")
            parts = self._segment(name, layout.items, layout).parts
            found = Body(name, own, layout.entries, layout.arena, parts, layout.in_place)
            self.written[key] = found
        return found

    def _fresh(self, hint: str) -> str:
        self.count += 1
        return f"{hint}{self.count}"

    def _segment(
        self, name: str, items: Sequence[Item], layout: Layout, header: int = 0
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

    def _calls(self, b: Builder, parts: Sequence[Part], layout: Layout) -> None:
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
    def _clock(self, b: Builder, layout: Layout, number: int) -> Iterator[None]:
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

    def _nested(self, b: Builder, inner: Inner, layout: Layout) -> None:
        item, made = inner
        op = item.node.op
        team, table = b.arguments
        names = [(item.node, room.name) for room in layout.rooms(item)]
        found = layout.addresses([*item.node.inputs, *item.targets, *names])(b, table)
        room = {name[1]: found[name] for name in names}
        nowhere = Value("null", "ptr")  # an array without elements
        operands = [nowhere if 0 in n.shape else found[n] for n in item.node.inputs]
        results = {k: found[n] for k, n in results_of(item).items()}
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

    def _kernel(self, item: Item, layout: Layout) -> Kernel:
        name = self._fresh("k")
        places = layout.addresses(list(dict.fromkeys((*ordered(reads(item)), *targets(item)))))
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
