"""Where a training stands, as values, and the checkpoint that holds the same.

The rest of a training follows from its Progress, its Task and the State cells of its model, so
going on from a checkpoint gives the bits of a training that was never stopped.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from chainrule import tree
from chainrule.errors import CheckpointError
from chainrule.tensors import tensor
from chainrule.train.checkpoint import Checkpoint
from chainrule.transform import State

__all__ = ["Progress", "Tally", "cells", "pack", "parts", "restorer", "unpack"]

_Arrays = dict[str, npt.NDArray[Any]]


@final
@dataclass(frozen=True)
class Tally:
    """Sums over the batches of an epoch so far.

    loss      the sum of the losses of all targets
    correct   the number of right answers
    seen      the number of targets: one an example, or one for each position of a sequence
    seconds   the time that the steps took, on the clock of whoever took them
    examples  the number of examples

    >>> Tally(loss=3.0, seen=2).add(Tally(loss=1.0, correct=2, seen=2, seconds=0.5))
    Tally(loss=4.0, correct=2, seen=4, seconds=0.5, examples=0)
    """

    loss: float = 0.0
    correct: int = 0
    seen: int = 0
    seconds: float = 0.0
    examples: int = 0

    def add(self, more: "Tally") -> "Tally":
        """Give the sums with those of further batches."""
        return Tally(
            self.loss + more.loss,
            self.correct + more.correct,
            self.seen + more.seen,
            self.seconds + more.seconds,
            self.examples + more.examples,
        )


@final
@dataclass(frozen=True, eq=False)
class Progress:
    """Where a training stands after a step. Nothing in it changes.

    model, slots  the weights, and what the optimizer remembers (its own tree)
    step          the steps taken since the beginning
    epoch, batch  the epochs finished, and the batches taken in the one that has begun
    tally         the sums of the epoch that has begun
    record        the figures of the epoch that this very step has ended, else None
    loss          that of the batch of the last step; None before the first one
    """

    model: Any
    slots: Any
    step: int = 0
    epoch: int = 0
    batch: int = 0
    tally: Tally = field(default_factory=Tally)
    record: Mapping[str, Any] | None = None
    loss: float | None = None

    def at(self, batches: int) -> int:
        """The number of the next step, where an epoch has so many batches."""
        return self.epoch * batches + self.batch


def cells(model: Any) -> dict[str, State]:
    """Give the State cells of a model by path, each cell once.

    >>> from types import SimpleNamespace
    >>> cells((State(0.0), {"a": State(1.0)}))
    {'0': State(Tensor(0.)), '1.a': State(Tensor(1.))}
    """
    found: dict[str, State] = {}
    seen: set[int] = set()
    pending: list[tuple[str, Any]] = [("", model)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, State):
            if id(value) not in seen:
                seen.add(id(value))
                found[path] = value
            continue
        inside = [(f"{path}.{name}" if path else name, part) for name, part in parts(value)]
        pending += reversed(inside)
    return found


def restorer(model: Any) -> Callable[[], None]:
    """Give what puts the State cells of a model back to where they are now.

    >>> cell = State(0.0)
    >>> put_back = restorer(cell)
    >>> cell.value = cr.tensor(1.0)
    >>> put_back()
    >>> cell
    State(Tensor(0.))
    """
    held = [(cell, cell.value) for cell in cells(model).values()]

    def put_back() -> None:
        for cell, value in held:
            cell.value = value

    return put_back


def parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Give the fields, items or elements of a value, each with its name.

    >>> list(parts({"a": 1})), list(parts((2, 3)))
    ([('a', 1)], [('0', 2), ('1', 3)])
    """
    if is_dataclass(value) and not isinstance(value, type):
        yield from ((entry.name, getattr(value, entry.name)) for entry in fields(value))
    elif isinstance(value, Mapping):
        yield from ((str(key), part) for key, part in value.items())
    elif isinstance(value, list | tuple):
        yield from ((str(place), part) for place, part in enumerate(value))


def pack(progress: Progress) -> Checkpoint:
    """Give the checkpoint that holds a Progress and the State cells of its model."""
    position = {
        "step": progress.step,
        "epoch": progress.epoch,
        "batch": progress.batch,
        "tally": asdict(progress.tally),
    }
    held = {path: cell.value.numpy() for path, cell in cells(progress.model).items()}
    return Checkpoint(_arrays(progress.model), _arrays(progress.slots), held, position)


def unpack(checkpoint: Checkpoint, start: Progress) -> Progress:
    """Give the Progress in a checkpoint; ``start`` is that of the same training at its beginning.

    The State cells of ``start.model`` take the stored values.

    Raises:  CheckpointError: it is that of another model or optimizer; the names that differ are
             listed, and nothing was changed.
    """
    model = _filled("model", start.model, checkpoint.model)
    slots = _filled("optimizer", start.slots, checkpoint.optimizer)
    own = cells(start.model)
    _check_names("state", own, checkpoint.state)
    position = checkpoint.position
    try:
        tally = Tally(**position["tally"])
        step, epoch, batch = (int(position[name]) for name in ("step", "epoch", "batch"))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the checkpoint's position is not that of a training: {error}"
        ) from error
    for path, cell in own.items():
        cell.value = tensor(checkpoint.state[path])
    return Progress(model, slots, step, epoch, batch, tally)


def _arrays(values: Any) -> _Arrays:
    return {path: leaf.numpy() for path, leaf in tree.paths(values)}


def _filled(part: str, like: Any, arrays: _Arrays) -> Any:
    """Build the tree of ``like`` with the stored leaves."""
    named = tree.paths(like)
    _check_names(part, dict(named), arrays)
    for path, leaf in named:
        stored = arrays[path]
        if stored.shape != leaf.shape or stored.dtype != np.dtype(leaf.dtype.name):
            raise CheckpointError(
                f"the checkpoint's {part} does not fit: {path} is "
                f"{stored.dtype}{list(stored.shape)} there and "
                f"{leaf.dtype.name}{list(leaf.shape)} here"
            )
    _, structure = tree.flatten(like)
    return tree.unflatten(structure, [tensor(arrays[path]) for path, _ in named])


def _check_names(part: str, here: Mapping[str, Any], there: Mapping[str, Any]) -> None:
    if here.keys() == there.keys():
        return
    lines = [
        f"    only {side}  {', '.join(sorted(names))}"
        for side, names in (
            ("here ", here.keys() - there.keys()),
            ("there", there.keys() - here.keys()),
        )
        if names
    ]
    raise CheckpointError(
        f"the checkpoint's {part} has other names than this one\n\n" + "\n".join(lines)
    )
