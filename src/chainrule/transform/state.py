"""State: a value that a pure program may read and write.

Batch-norm statistics, dropout keys and optimizer slots live in State cells. To every transform a
cell is a hidden input and a hidden output. Writes are seen at once by later reads of the same
recording; they are committed once, when the outermost ``grad`` or ``jit`` succeeds, and never when
an exception passes. ``jvp``, ``jacobian``, ``hessian`` and finite differences read but never write.
"""

from __future__ import annotations

from typing import Any

from chainrule.errors import ArgumentError, RecordingError, ShapeError
from chainrule.ir import build
from chainrule.recording import Recording, current
from chainrule.tensors import Tensor, of_node, tensor


class State:
    """A cell that holds one Tensor, whose shape and dtype never change.

    ``across`` says how ``vmap`` combines the examples' writes: ``"mean"``, ``"sum"`` or
    ``"first"``; without it, writing under ``vmap`` raises.

    >>> count = cr.State(cr.tensor(0.0))
    >>> def f(x):
    ...     count.value = count.value + 1
    ...     return x * x
    >>> cr.grad(f)(3.0), count.value
    (Tensor(6.), Tensor(1.))
    """

    __slots__ = ("__weakref__", "_held", "across")

    def __init__(self, value: Any, *, across: str | None = None) -> None:
        if across not in (None, "mean", "sum", "first"):
            raise ArgumentError(f'State: across={across!r} is none of "mean", "sum" and "first"')
        held = tensor(value)
        if held._node is not None:
            raise RecordingError("a State is made outside of transforms, from known numbers")
        self._held = held
        self.across = across

    def __repr__(self) -> str:
        return f"State({self.value!r})"

    @property
    def value(self) -> Tensor:
        """The Tensor that the cell holds now, pending writes of open recordings included."""
        return self._read(current())

    @value.setter
    def value(self, value: Any) -> None:
        new = tensor(value)
        if (new.shape, new.dtype) != (self._held.shape, self._held.dtype):
            raise ShapeError(
                f"a State of {self._held.dtype.short}{list(self._held.shape)} cannot hold "
                f"{new.dtype.short}{list(new.shape)}"
            )
        self.commit(new, current())

    def commit(self, value: Tensor, recording: Recording | None) -> None:
        """Take a write that an inner recording hands on."""
        if recording is None:
            self._held = value
        else:
            recording.writes[self] = value

    def _read(self, recording: Recording | None) -> Tensor:
        if recording is None:
            return self._held
        if self in recording.writes:
            written: Tensor = recording.writes[self]
            return written
        if recording.opaque and recording.kind in ("jit", "scan", "cond"):
            if self not in recording.reads:
                node = build.parameter(self._held.shape, self._held.dtype)
                recording.reads[self] = of_node(node, recording)
            read: Tensor = recording.reads[self]
            return read
        return self._read(recording.parent)
