"""Building: trees of Python objects put together by machine code, as a list of steps says.

A step takes what it needs from a stack of objects and puts what it makes there. The objects of
classes are made by ``object.__new__`` and given their attributes past ``__setattr__``.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from chainrule.codegen.assembly.llvm import Builder, Module
from chainrule.codegen.assembly.values import Value, constant
from chainrule.runtime.matching import NULL, PLACES, words_of
from chainrule.runtime.team_layout import forever, negation

__all__ = ["STEP", "Build", "write_build"]

_LEAF, _SAME, _TUPLE, _LIST, _DICT, _OBJECT = range(6)
STEP: Final = 4  # words: kind, count, an object, names


class Build:
    """The steps that make a tree; each method is one, and takes what was made last."""

    def __init__(self) -> None:
        self.words: list[int] = []
        self.known: list[object] = []  # what steps name; their addresses stay valid
        self.depth = self.deepest = 0

    def leaf(self, number: int) -> None:
        """One of the objects that are given."""
        self._do(_LEAF, number, 0, 0, 0)

    def same(self, value: object) -> None:
        """This very object."""
        self.known.append(value)
        self._do(_SAME, 0, id(value), 0, 0)

    def sequence(self, kind: type, count: int) -> None:
        """A tuple or a list of so many."""
        self._do(_TUPLE if kind is tuple else _LIST, count, 0, 0, count)

    def mapping(self, names: Sequence[Any]) -> None:
        """A dictionary with these keys."""
        self._do(_DICT, len(names), 0, self._names(names), len(names))

    def object(self, kind: type, names: Sequence[str]) -> None:
        """An object of a class with these attributes."""
        own = (kind,)
        self.known.append(own)
        self._do(_OBJECT, len(names), id(own), self._names(names), len(names))

    def fits(self) -> bool:
        """Whether there are places enough."""
        return self.deepest <= PLACES

    def _names(self, names: Sequence[Any]) -> int:
        found = words_of([*map(id, names)])
        self.known += [found, *names]
        return ctypes.addressof(found)

    def _do(self, kind: int, count: int, value: int, names: int, taken: int) -> None:
        self.words += [kind, count, value, names]
        self.depth += 1 - taken
        self.deepest = max(self.deepest, self.depth)


# ---------------------------------------------------------------- the function


def write_build(module: Module) -> None:
    """``build(steps, leaves, stack, make, count)`` gives a new object, or null if that fails.

    leaves  a list
    make    ``object.__new__``
    """
    names = ("steps", "leaves", "stack", "make")
    parameters = [*((name, "ptr") for name in names), ("count", "i64")]
    _Writer(module.function("build", parameters, "ptr", internal=True, noalias=False)).write()


class _Writer:
    def __init__(self, b: Builder) -> None:
        self.b = b
        self.steps, self.leaves, self.stack, self.make, self.count = b.arguments
        self.top, self.made = b.local("i64"), b.local("ptr")

    def write(self) -> None:
        """Carry the steps out; what was made of those that fail is given up."""
        b = self.b
        turn = b.local("i64")
        for place in (turn, self.top):
            b.store(constant("i64", 0), place)
        with forever(b) as leave:
            at = b.load("i64", turn)
            leave(b.icmp("sge", at, self.count))
            word = b.offset(self.steps, b.mul(at, STEP), "i64")
            self.what, self.size = (b.load("i64", b.offset(word, k, "i64")) for k in range(2))
            self.value, self.names = (b.load("ptr", b.offset(word, k, "ptr")) for k in (2, 3))
            b.store(NULL, self.made)
            self._step()
            leave(b.icmp("eq", b.load("ptr", self.made), NULL))
            end = b.load("i64", self.top)
            b.store(b.load("ptr", self.made), b.offset(self.stack, end, "ptr"))
            b.store(b.add(end, 1), self.top)
            b.store(b.add(at, 1), turn)
        good = b.icmp("sge", b.load("i64", turn), self.count)
        with b.when(negation(b, good)), b.loop(0, b.load("i64", self.top)) as loop:
            b.call("Py_DecRef", "void", b.load("ptr", b.offset(self.stack, loop.index, "ptr")))
        b.ret(b.select(good, b.load("ptr", self.stack), NULL))

    def _step(self) -> None:
        b = self.b
        with self._kind(_LEAF):
            value = b.call("PyList_GetItem", "ptr", self.leaves, self.size)
            b.call("Py_IncRef", "void", value)
            b.store(value, self.made)
        with self._kind(_SAME):
            b.call("Py_IncRef", "void", self.value)
            b.store(self.value, self.made)
        for kind, name in ((_TUPLE, "PyTuple"), (_LIST, "PyList")):
            with self._kind(kind):
                self._new(b.call(f"{name}_New", "ptr", self.size))
                with self._taken() as (place, number, value):
                    b.store(NULL, place)
                    b.call(f"{name}_SetItem", "i32", b.load("ptr", self.made), number, value)
                self._drop()
        with self._kind(_DICT):
            self._new(b.call("PyDict_New", "ptr"))
            self._named("PyDict_SetItem")
        with self._kind(_OBJECT):
            self._new(b.call("PyObject_Call", "ptr", self.make, self.value, NULL))
            self._named("PyObject_GenericSetAttr")

    @contextmanager
    def _kind(self, kind: int) -> Iterator[None]:
        with self.b.when(self.b.icmp("eq", self.what, kind)):
            yield

    def _new(self, value: Value) -> None:
        self.b.store(value, self.made)

    @contextmanager
    def _taken(self) -> Iterator[tuple[Value, Value, Value]]:
        """Write what is done with each object that a step takes, if it could make anything."""
        b = self.b
        there = b.icmp("ne", b.load("ptr", self.made), NULL)
        first = b.sub(b.load("i64", self.top), self.size)
        with b.when(there), b.loop(0, self.size) as loop:
            place = b.offset(self.stack, b.add(first, loop.index), "ptr")
            yield place, loop.index, b.load("ptr", place)

    def _named(self, put: str) -> None:
        """Put objects under their names; they stay ours until all are dropped."""
        b = self.b
        failed = b.local("i32")
        b.store(constant("i32", 0), failed)
        with self._taken() as (_, number, value):
            name = b.load("ptr", b.offset(self.names, number, "ptr"))
            code = b.call(put, "i32", b.load("ptr", self.made), name, value)
            b.store(b.binary("or", b.load("i32", failed), code), failed)
        with b.when(b.icmp("ne", b.load("i32", failed), 0), rare=True):
            b.call("Py_DecRef", "void", b.load("ptr", self.made))
            b.store(NULL, self.made)
        self._drop()

    def _drop(self) -> None:
        """Let go of what a step took, if it succeeded: else all of the stack goes."""
        b = self.b
        with self._taken() as (_, _, value):
            b.call("Py_DecRef", "void", value)
        with b.when(b.icmp("ne", b.load("ptr", self.made), NULL)):
            b.store(b.sub(b.load("i64", self.top), self.size), self.top)
