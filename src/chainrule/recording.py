"""Recordings: the scopes in which operations become nodes.

A transform opens a recording, makes Tensors that stand for its inputs, runs the user's function and
closes the recording. Recordings nest; all nodes live in one growing graph, and an inner recording
sees the nodes of the outer ones. A Tensor knows the recording that made it; once that is closed,
using the Tensor raises. The outermost recording owns the values computed so far.

Kinds: in a *transparent* recording (``grad``, ``jvp``) inputs are aliases of known nodes, so values
can be asked for. In an *opaque* one (``jit``, ``vmap``, the bodies of ``scan`` and ``cond``) they
cannot.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import CodeType
from typing import TYPE_CHECKING, Any, Final

from chainrule.errors import RecordingError
from chainrule.ir.graph import Node, mark
from chainrule.runtime.reference import evaluate

if TYPE_CHECKING:
    import numpy as np

_PACKAGE: Final = __name__.rpartition(".")[0]


@cache
def _is_ours(module: str | None) -> bool:
    """Whether a module belongs to this package."""
    return module is not None and (module + ".").startswith(_PACKAGE + ".")


Place = tuple[CodeType, int]
"""A place in the user's code: its code and the instruction."""


def users_place(depth: int) -> Place:
    """The place in the user's code from which we were called, at least so many frames out."""
    try:
        frame = sys._getframe(depth)
    except ValueError:  # a thread may begin with one of our functions
        frame = sys._getframe(1)
    while _is_ours(frame.f_globals.get("__name__")) and frame.f_back:
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def place_text(place: Place) -> str:
    """A place, as ``train.py:31 (encode)``."""
    code, instruction = place
    # Looked up when asked for, since the search is linear.
    lines = (line for first, end, line in code.co_lines() if first <= instruction < end)
    line = next(lines, None) or code.co_firstlineno
    return f"{code.co_filename.rpartition('/')[2]}:{line} ({code.co_name})"


class Recording:
    """One scope of one transform."""

    __slots__ = (
        "alive", "constants", "depth", "effects", "kind", "lines", "opaque", "parent", "reads",
        "root", "since", "touched", "values", "writes",
    )  # fmt: skip

    def __init__(self, kind: str, parent: Recording | None, opaque: bool) -> None:
        self.kind = kind
        self.parent = parent
        self.opaque = opaque
        self.root: Recording = parent.root if parent else self
        self.depth: int = parent.depth + 1 if parent else 0
        self.alive = True
        self.since = mark()
        self.values: dict[Node, Any] = {}
        self.constants: dict[int, tuple[object, Node]] = {}
        self.lines: dict[Node, Place] = {}
        self.effects: list[tuple[str, list[Node]]] = []
        self.reads: dict[Any, Any] = {}
        self.writes: dict[Any, Any] = {}
        self.touched: set[int] = set()

    def value(self, node: Node) -> np.ndarray:
        """The value of a node; raises where it depends on an unknown input."""
        try:
            return evaluate([node], self.root.values)[0]
        except RecordingError:
            raise RecordingError(self._unknown(node)) from None

    def _unknown(self, node: Node) -> str:
        place = self.where(node)
        opaque = self.unknown_under or self.kind
        return (
            f"the value of this {node.dtype.short}{list(node.shape)} Tensor"
            f"{f', made at {place},' if place else ''} is not known while {opaque} records\n\n"
            f"  {opaque} runs the function once, without numbers, to learn the program. Choose "
            "between values\n  with cr.where or cr.cond, print them with cr.debug.print, or pass "
            "what decides as a\n  Python int, bool or string."
        )

    def chain(self) -> Iterator[Recording]:
        """This recording and those around it."""
        recording: Recording | None = self
        while recording is not None:
            yield recording
            recording = recording.parent

    @property
    def unknown_under(self) -> str | None:
        """The transform under which values are not known, if this or one around it is opaque."""
        return next((r.kind for r in self.chain() if r.opaque), None)

    def note_line(self, node: Node) -> None:
        """Remember the place in the user's code that made a node."""
        self.lines[node] = users_place(3)

    def where(self, node: Node) -> str:
        """The place in the user's code that made a node, as ``train.py:31 (encode)``."""
        for recording in self.chain():
            if node in recording.lines:
                return place_text(recording.lines[node])
        return ""


_current: ContextVar[Recording | None] = ContextVar("recording", default=None)


def current() -> Recording | None:
    """The innermost open recording of this thread or task."""
    return _current.get()


@contextmanager
def recording(kind: str, *, opaque: bool) -> Iterator[Recording]:
    """Open a recording inside the current one and close it at the end, whatever happens."""
    opened = Recording(kind, _current.get(), opaque)
    token = _current.set(opened)
    try:
        yield opened
    finally:
        _current.reset(token)
        opened.alive = False
        opened.values = {}


_modes: ContextVar[frozenset[str]] = ContextVar("modes", default=frozenset())


def modes() -> frozenset[str]:
    """The modes of this thread or task, such as "evaluation".

    A function may read them while it is recorded, so they are part of the program: ``jit`` records
    once for each set of them.
    """
    return _modes.get()


@contextmanager
def mode(name: str) -> Iterator[None]:
    """Switch a mode on for a while."""
    token = _modes.set(_modes.get() | {name})
    try:
        yield
    finally:
        _modes.reset(token)


def innermost(recordings: Sequence[Recording]) -> Recording:
    """The deepest of the recordings of some operands; raises for a closed one."""
    found = recordings[0]
    for other in recordings:
        if not other.alive:
            raise RecordingError(leaked(other))
        if other.depth > found.depth:
            found = other
    return found


def leaked(closed: Recording) -> str:
    """The message for a Tensor that outlived its recording."""
    return (
        f"this Tensor was made inside {closed.kind} and is used after it has ended\n\n"
        f"  Return it from the function that {closed.kind} transforms (auxiliary results: "
        "has_aux=True),\n  or keep a number with .detach() while the value is known."
    )
