"""What is told how a training gets on, and may end it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.train.progress import Progress

__all__ = ["Callback", "Callbacks", "Records"]

Records = Sequence[Mapping[str, Any]]
"""The records of the epochs that have ended."""


class Callback:
    """The base of what a training calls: methods that do nothing unless they are overridden.

    ``on_step``, ``on_pause`` and ``on_epoch`` end the training after this step by returning True.

    >>> class Patient(Callback):
    ...     def on_epoch(self, record, progress):
    ...         return record["loss"] < 0.01
    """

    def on_start(self, progress: Progress, history: Records, saved: Path | None) -> bool | None:
        """Called before the first step; with the records so far where a training goes on.

        ``saved`` is the folder of the checkpoints, if there is one. True: no step is to be taken.
        """

    def on_step(self, progress: Progress) -> bool | None:
        """Called after each step; where one does it, no two steps run as one program."""

    def on_pause(self, progress: Progress) -> bool | None:
        """Called between two steps: after each, or after several that ran as one program.

        These take a fraction of a second, and never go beyond the end of an epoch.
        """

    def on_epoch(self, record: Mapping[str, Any], progress: Progress) -> bool | None:
        """Called after each epoch, with its figures."""

    def on_failure(self, progress: Progress) -> None:
        """Called when a step is not finite, with the Progress before it; the error is raised."""

    def on_end(self, progress: Progress) -> Progress | None:
        """Called after the last step, also after one that was asked to be the last.

        Another Progress replaces the one from which ``fit`` takes the model.
        """

    def on_leave(self) -> None:
        """Called after all others, also where an error ends the training."""


@final
class _EachEpoch(Callback):
    def __init__(self, function: Callable[..., object]) -> None:
        self.function = function

    def on_epoch(self, record: Mapping[str, Any], progress: Progress) -> bool | None:
        return _asks(self.function(record, progress))


@final
class Callbacks:
    """Several callbacks, called one after another; ``ended_by`` names the one that ended it."""

    def __init__(self, callbacks: Iterable[Any]) -> None:
        self.all = [_callback(each) for each in callbacks]
        self.ended_by: str | None = None

    @property
    def want_each_step(self) -> bool:
        """Whether one does something after each step."""
        return any(
            getattr(each.on_step, "__func__", None) is not Callback.on_step for each in self.all
        )

    def start(self, progress: Progress, history: Records, saved: Path | None) -> bool:
        """Call each one's ``on_start``; say whether one asks to take no step."""
        return self._asked(lambda each: each.on_start(progress, history, saved))

    def step(self, progress: Progress) -> bool:
        """Call each one's ``on_step``, ``on_pause``, and ``on_epoch`` if one has ended.

        Say whether to end.
        """
        asked = self._asked(lambda each: each.on_step(progress))
        asked |= self._asked(lambda each: each.on_pause(progress))
        record = progress.record
        if record is not None:
            asked |= self._asked(lambda each: each.on_epoch(record, progress))
        return asked

    def end(self, progress: Progress) -> Progress:
        """Call each one's ``on_end``; give the Progress to take the model from."""
        for each in self.all:
            progress = each.on_end(progress) or progress
        return progress

    def failed(self, progress: Progress) -> None:
        """Call each one's ``on_failure``."""
        for each in self.all:
            each.on_failure(progress)

    def close(self) -> None:
        """Call each one's ``on_leave``."""
        for each in self.all:
            each.on_leave()

    def _asked(self, call: Callable[[Callback], object]) -> bool:
        asked = False
        for each in self.all:  # all of them are called, whatever the first ones say
            if _asks(call(each)):
                asked = True
                self.ended_by = self.ended_by or _name(each)
        return asked


def _callback(given: Any) -> Callback:
    if isinstance(given, Callback):
        return given
    if callable(given) and not isinstance(given, type):
        return _EachEpoch(given)
    kind = f"the class {given.__name__}" if isinstance(given, type) else f"a {type(given).__name__}"
    raise ArgumentError(
        f"fit: {kind} is no callback\n\n"
        "  It is a train.Callback, or a function of (record, progress) to call after each epoch."
    )


def _asks(answer: object) -> bool:
    """Only True asks to end: a function may well return something else in passing."""
    return isinstance(answer, bool | np.bool_) and bool(answer)


def _name(callback: Callback) -> str:
    if isinstance(callback, _EachEpoch):
        return getattr(callback.function, "__name__", type(callback.function).__name__)
    return type(callback).__name__
