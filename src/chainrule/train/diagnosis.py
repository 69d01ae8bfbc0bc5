"""What to say of a step that is not finite: where the first such number came from, and on what."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, NamedTuple, final

import numpy as np
import numpy.typing as npt

from chainrule import tree
from chainrule.errors import NonFiniteError
from chainrule.ir import build
from chainrule.ir.graph import Graph, Node, mark
from chainrule.ir.primitives import Input
from chainrule.nn import Module
from chainrule.recording import Recording, current, recording
from chainrule.tensors import Tensor, of_node, tensor
from chainrule.train.feed import Batch, row_numbers
from chainrule.train.origin import Origin, bounds, origin
from chainrule.train.progress import Progress, cells, parts
from chainrule.train.step import Taken, objective
from chainrule.train.task import Task
from chainrule.transform import value_and_grad
from chainrule.transform.frames import watching
from chainrule.transform.scope import outputs

__all__ = ["not_finite"]

_Array = npt.NDArray[Any]
_MOST_ROWS = 12  # row numbers in a message
_PACKAGE = __name__.partition(".")[0]


def not_finite(task: Task, before: Progress, batch: Batch, taken: Taken) -> NonFiniteError:
    """Give the error for a step that was not taken; the State cells are those from before it."""
    loss = float(taken.loss)
    names = [path for path, _ in tree.paths(before.model)]
    wrong = [name for name, good in zip(names, taken.finite[1:], strict=False) if not good]
    numbers = row_numbers(task, batch)
    found = _found(task, before, batch)
    lines = [f"    loss           {loss}"]
    lines.append(f"    learning rate  {task.optimizer.current_rate(taken.slots):g}")
    lines.append(f"    gradients      {_listed(wrong, len(names))}")
    lines.append(f"    rows           {_rows(numbers)}")
    if found is None:
        first = _after_the_gradient(before, taken, names)
    else:
        first = _described(found)
        if len(found.rows):
            lines.append(f"    of these       {_rows(numbers[found.rows])}")
    fact = "the step is not finite" if np.isfinite(loss) else f"the loss is {loss}"
    head = f"fit: {fact} in epoch {before.epoch + 1}, step {before.step + 1}"
    error = NonFiniteError("\n\n".join([head, *first, "\n".join(lines), _KEPT]))
    error.model, error.rows = before.model, numbers
    return error


_KEPT = (
    "  The step was not taken. The error's .model is that of the step before, its .rows are the\n"
    "  row numbers of the batch."
)


def _listed(wrong: list[str], count: int) -> str:
    if not wrong:
        return "finite, and so are the weights after the step"
    shown = ", ".join(wrong[:4]) + (", …" if len(wrong) > 4 else "")
    return f"not finite, or the weights after the step: {shown} ({len(wrong)} of {count})"


def _rows(numbers: _Array) -> str:
    shown = ", ".join(str(row) for row in numbers[:_MOST_ROWS])
    return shown + (f", … ({len(numbers)} rows)" if len(numbers) > _MOST_ROWS else "")


# ---------------------------------------------------------------- forward and backward


@final
@dataclass(frozen=True, eq=False)
class _Found:
    """The origin of what is not finite, and where the user finds it.

    place     the layer and the line; empty if neither is known
    backward  whether it belongs to the gradient rather than to the loss
    rows      the places in the batch that it belongs to, if it belongs to some
    """

    origin: Origin
    place: str
    backward: bool
    rows: _Array


def _found(task: Task, before: Progress, batch: Batch) -> _Found | None:
    """Record the loss and its gradient once more, and look through the program node by node."""
    try:
        return _search(task, before, batch)
    except Exception:  # whatever goes wrong here, the step that is not finite is to be told
        return None


def _search(task: Task, before: Progress, batch: Batch) -> _Found | None:
    value, calls = objective(task), _Calls()

    def watched(model: Any, *rest: Any) -> Any:
        with _watching(calls, model):
            return value(model, *rest)

    def loss_and_gradient(model: Any, inputs: Any, targets: Any, keys: Any) -> Any:
        (total, _), gradients = value_and_grad(watched, has_aux=True)(model, inputs, targets, keys)
        return total, gradients

    rest = (batch.inputs, batch.targets, batch.keys)
    arguments = [before.model, *(None if array is None else tensor(array) for array in rest)]
    graph = _recorded(loss_and_gradient, arguments)
    named = dict(zip(graph.inputs, _argument_names(arguments), strict=True))
    back = {n: "δ" for n in graph.nodes() if n.serial > calls.ended and n.inputs}
    names = calls.names | named | back
    given = [leaf.numpy() for leaf in tree.flatten(arguments)[0]]
    found = origin(graph, given, names)
    if found is None:
        return None
    backward = found.node.serial > calls.ended
    place = calls.place(_forward(found.node, calls.ended) if backward else found.node)
    return _Found(found, place, backward, _bad_rows(found.value, len(batch.inputs)))


def _recorded(function: Callable[..., Any], arguments: list[Any]) -> Graph:
    """Record a function, operation by operation: its layers are no Blocks, as they are in trace."""
    leaves, structure = tree.flatten(arguments)
    inputs = [build.parameter(leaf.shape, leaf.dtype) for leaf in leaves]
    with recording("trace", opaque=True) as opened:
        inside = tree.unflatten(structure, [of_node(node, opened) for node in inputs])
        nodes, _ = outputs("fit", opened, function(*inside))
    return Graph(tuple(inputs), tuple(nodes))


def _argument_names(arguments: list[Any]) -> list[str]:
    names = [path for path, _ in tree.paths(arguments[0])]
    given = zip(("inputs", "targets", "keys"), arguments[1:], strict=True)
    return names + [name for name, value in given if value is not None]


def _forward(node: Node, ended: int) -> Node:
    """The last node of the loss that a node of the gradient reads."""
    pending, found = [node], node
    while found.serial > ended and pending:
        pending = [n for each in pending for n in each.inputs]
        ahead = [n for n in pending if n.serial <= ended and not isinstance(n.op, Input)]
        found = max(ahead, key=lambda n: n.serial, default=found)
    return found


def _stack() -> set[str]:
    """The places of the calls that are under way: lines that say nothing of where a node is."""
    places, frame = set(), sys._getframe()
    while frame is not None:
        code = frame.f_code
        file = code.co_filename.rpartition("/")[2]
        places.add(f"{file}:{frame.f_lineno} ({code.co_name})")
        frame = frame.f_back  # type: ignore[assignment]
    return places


def _bad_rows(value: _Array, count: int) -> _Array:
    if not value.ndim or len(value) != count or value.dtype.kind != "f":
        return np.zeros(0, np.int64)
    bad = ~np.isfinite(value.reshape(count, -1)).all(axis=1)
    return np.zeros(0, np.int64) if bad.all() else np.flatnonzero(bad)


def _described(found: _Found) -> list[str]:
    where = found.origin
    what = "in the gradient, where δ is what comes back, at" if found.backward else "first at"
    inside = f" of {' of '.join(reversed(where.blocks))}" if where.blocks else ""
    place = f", in {found.place}" if found.place else ""
    written = where.formula.removeprefix("δ = ")
    rows = [(written, where.value), *where.operands]
    width = max(len(text) for text, _ in rows)
    table = [f"    {text:<{width}}  {bounds(value)}" for text, value in rows]
    return [f"  {what} {written}{inside}{place}:", "\n".join(table)]


def _after_the_gradient(before: Progress, taken: Taken, names: list[str]) -> list[str]:
    """Say which weight or State an update made infinite, where the gradient itself is finite."""
    leaves = dict(tree.paths(before.model))
    after = dict(tree.paths(taken.model))
    bad = next((n for n in names if not np.isfinite(after[n].numpy()).all()), None)
    if bad is not None:
        table = (
            f"    before  {bounds(leaves[bad].numpy())}\n    after   {bounds(after[bad].numpy())}"
        )
        return [f"  first in the update of {bad}; the gradient is finite:", table]
    states = list(cells(before.model))
    late = [n for n, good in zip(states, taken.finite[1 + len(names) :], strict=True) if not good]
    return [f"  first in the new value of the State {late[0]}"] if late else []


# ---------------------------------------------------------------- which layer made a node


class _Call(NamedTuple):
    """A call of a layer: it made the nodes with these serial numbers."""

    first: int
    last: int
    layer: str


@dataclass(eq=False)
class _Calls:
    """The calls of layers while a program was recorded, and the names of the user's variables."""

    made: list[_Call] = field(default_factory=list)
    names: dict[Node, str] = field(default_factory=dict)
    recording: Recording | None = None
    ended: int = 0

    def place(self, node: Node) -> str:
        """The innermost layer that made a node, and the line of the user's code; perhaps none."""
        around = [call for call in self.made if call.first <= node.serial <= call.last]
        line = self.recording.where(node) if self.recording is not None else ""
        layer = max(around, default=_Call(0, 0, "")).layer
        return ", ".join(part for part in (layer, "" if line in _stack() else line) if part)


@contextmanager
def _watching(calls: _Calls, model: Any) -> Iterator[None]:
    """Note each call of a layer of the model, and the local variables of the user's functions.

    Python tells a profiler of calls; so layers need not know that anyone looks.
    """
    layers = {id(part): _named(path, part) for path, part in _modules(model)}
    pending: list[tuple[FrameType, int, str]] = []

    def watch(frame: FrameType, event: str) -> None:
        code = frame.f_code
        if event == "call" and code.co_name == "__call__":
            layer = layers.get(id(frame.f_locals.get(code.co_varnames[0])))
            if layer is not None:
                pending.append((frame, mark(), layer))
        elif event == "return":
            if pending and pending[-1][0] is frame:
                _, first, layer = pending.pop()
                calls.made.append(_Call(first, mark(), layer))
            if not str(frame.f_globals.get("__name__")).startswith(f"{_PACKAGE}."):
                _note_names(calls.names, frame.f_locals)

    try:
        with watching(watch):
            yield
    finally:
        calls.recording, calls.ended = current(), mark()


def _note_names(names: dict[Node, str], variables: dict[str, Any]) -> None:
    for name, value in variables.items():
        if isinstance(value, Tensor) and value._node is not None:
            names.setdefault(value._node, name)


def _modules(model: Any) -> Iterator[tuple[str, Module]]:
    pending: list[tuple[str, Any]] = [("", model)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, Module):
            yield path, value
        pending += [(f"{path}.{name}" if path else name, part) for name, part in parts(value)]


def _named(path: str, module: Module) -> str:
    kind = module.describe()
    return f"{path} ({kind})" if path else type(module).__name__
