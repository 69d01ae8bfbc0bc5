"""LLVM's assembly language, written as text by small methods.

A ``Builder`` writes one function, line by line, and a ``Module`` holds functions; ``texts.py``
makes of it what LLVM is given. Text is what LLVM parses anyway, and writing it takes a microsecond
an instruction, where objects for each operand would take fifty. Types are LLVM's own spellings:
``float``, ``double``, ``i32``, ``i1``, ``ptr``, ``<16 x float>``. Control flow is written with
``with``: ``loop``, ``when``.

>>> module = Module()
>>> f = module.function("twice", [("x", "ptr")])
>>> with f.loop(0, 8) as loop:
...     place = f.offset(f.arguments[0], loop.index, "float")
...     x = f.load("float", place)
...     f.store(f.fadd(x, x), place)
>>> sum("fadd float" in line for line in f.lines)
1
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import final

from chainrule.codegen.assembly.instructions import Instructions, Needs
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.values import Index, Value

__all__ = ["Builder", "Loop", "Module", "module_for"]


@final
class Module(Needs):
    """Functions, and the declarations that they need.

    programs  the functions that call all others
    """

    def __init__(
        self,
        attributes: str = "attributes #0 = { nounwind }",
        *,
        fma: bool = True,
        tables: bool = False,
        roots: bool = False,
    ) -> None:
        super().__init__(fma=fma, tables=tables, roots=roots)
        self.attributes = attributes
        self.builders: dict[str, Builder] = {}
        self.extra: list[str] = []
        self.programs: set[str] = set()

    def function(
        self,
        name: str,
        parameters: Sequence[tuple[str, str]],
        result: str = "void",
        *,
        internal: bool = False,
        noalias: bool = True,
    ) -> Builder:
        """Begin a function; parameters are (name, type).

        noalias   no two pointers overlap, and nobody else writes what they point to
        """
        if name in self.builders:
            raise ValueError(f"the function {name!r} exists already")
        made = self.builders[name] = Builder(self, name, parameters, result, internal, noalias)
        return made


@final
class Loop:
    """A loop that is being written: its index, and what it carries from turn to turn."""

    def __init__(self, index: Value, carried: Sequence[Value]) -> None:
        self.index = index
        self.carried = list(carried)
        self.following: list[Value] = list(carried)

    def next(self, *values: Value) -> None:
        """Say what the next turn carries."""
        assert [v.type for v in values] == [c.type for c in self.carried], (values, self.carried)
        self.following = list(values)

    @property
    def results(self) -> list[Value]:
        """What is carried when the loop has ended: the values at its head."""
        return self.carried


@final
class Builder(Instructions):
    """Writes one function: its head, its blocks, and what they compute line by line."""

    def __init__(
        self,
        module: Module,
        name: str,
        parameters: Sequence[tuple[str, str]],
        result: str,
        internal: bool,
        noalias: bool = True,
    ) -> None:
        super().__init__(module)
        self.module = module
        self.name = name
        self.arguments = [Value(f"%{n}", t) for n, t in parameters]
        self.result = result
        self.internal = internal
        self.noalias = noalias
        self.block = "entry"
        self._ended = False

    def text(self, name: str, twins: Mapping[str, str], *, inlined: bool) -> str:
        """The whole function, under a name.

        twins     functions, and those that are called in their place
        inlined   whether it is written out where it is called
        """
        own = "noalias " if self.noalias else ""
        parameters = ", ".join(
            f"{v.type} {own if v.type == 'ptr' else ''}{v.text}" for v in self.arguments
        )
        head = f"define {'internal ' if self.internal else ''}{self.result}"
        end = [] if self._ended else ["  ret void"]
        body = "\n".join(["entry:", *self.entry, *self.lines, *end])
        mark = " alwaysinline" if inlined else ""
        for called, first in twins.items():
            if called in self.called:
                body = body.replace(f" @{called}(", f" @{first}(")
        return f"{head} @{name}({parameters}){mark} #0 {{\n{body}\n}}"

    def declaration(self) -> str:
        """How another module announces the function."""
        return f"declare {self.result} @{self.name}({', '.join(v.type for v in self.arguments)})"

    # ------------------------------------------------------------ control

    def place(self, label: str) -> None:
        """Begin a basic block."""
        self.lines.append(f"{label}:")
        self.block = label

    def ret(self, value: Value | None = None) -> None:
        """Return."""
        self.act(f"ret {value}" if value is not None else "ret void")
        self._ended = True

    def jump(self, label: str) -> None:
        """Go to a block."""
        self.act(f"br label %{label}")

    def branch(self, condition: Value, then: str, otherwise: str, *, rare: bool = False) -> None:
        """Go to one of two blocks.

        rare   hardly ever to the first: nothing of it is computed before it is needed
        """
        self.module.has_rare |= rare
        mark = ", !prof !1" if rare else ""
        self.act(f"br {condition}, label %{then}, label %{otherwise}{mark}")

    @contextmanager
    def loop(
        self, begin: Index, end: Index, step: int = 1, carried: Sequence[Value] = ()
    ) -> Iterator[Loop]:
        """Write a loop over begin, begin + step, … below end; it may have no turn at all."""
        begin, end = self.number(begin), self.number(end)
        head, body, after = (self.label(hint) for hint in ("head", "body", "after"))
        before = self.block
        self.jump(head)
        self.place(head)
        names = [self.fresh() for _ in range(len(carried) + 1)]
        at = len(self.lines)
        self.lines += [""] * len(names)
        held = [Value(n, v.type) for n, v in zip(names[1:], carried, strict=True)]
        loop = Loop(Value(names[0], "i64"), held)
        self.branch(self.icmp("slt", loop.index, end), body, after)
        self.place(body)
        yield loop
        following = self.emit("i64", f"add nsw {loop.index}, {step}")
        last = self.block
        self.jump(head)
        firsts = [begin, *carried]
        nexts = [following, *loop.following]
        for k, (name, first, later) in enumerate(zip(names, firsts, nexts, strict=True)):
            phi = f"phi {first.type} [ {first.text}, %{before} ], [ {later.text}, %{last} ]"
            self.lines[at + k] = f"  {name} = {phi}"
        self.place(after)

    @contextmanager
    def when(self, condition: Value, *, rare: bool = False) -> Iterator[None]:
        """Write what happens only if a condition (i1) holds, which may be rare."""
        then, after = self.label("then"), self.label("after")
        self.branch(condition, then, after, rare=rare)
        self.place(then)
        yield
        self.jump(after)
        self.place(after)


def module_for(target: Target) -> Module:
    """A module without functions yet, whose instructions are those of a processor."""
    return Module(target.attributes, fma=target.fma, tables=target.tables, roots=target.roots)
