"""A stride that is compiled while single steps go on, so that no training seems to stand still."""

from contextlib import suppress
from contextvars import copy_context
from threading import Thread
from typing import Any, final

from chainrule.data.whole import Whole
from chainrule.train.feed import Numbers
from chainrule.train.pace import Pace
from chainrule.train.progress import Progress
from chainrule.train.step import Stride
from chainrule.train.task import Task

__all__ = ["Ahead"]


@final
class Ahead:
    """The stride of a training, and which rows it takes.

    A thread compiles it from the first step on after which there could be a stride.
    """

    def __init__(self, task: Task, examples: Whole, pace: Pace) -> None:
        self.numbers = Numbers(task, examples)
        self.stride = Stride(task, examples)
        self._task, self._pace = task, pace
        self._thread: Thread | None = None

    def is_ready(self, progress: Progress) -> bool:
        """Whether the stride is compiled, or cannot be; begins with it when there can be one."""
        if self._thread is None:
            count = self._pace.next(progress)
            if not count:
                return False
            rows = self.numbers.rows(progress.at(self._task.batches), count)
            given = progress.model, progress.slots, *rows
            run = copy_context().run
            self._thread = Thread(target=run, args=(self._prepare, *given), name="chainrule-stride")
            with suppress(RuntimeError):  # there can be no more threads: the first stride compiles
                self._thread.start()
                if self._pace.waits:
                    self._thread.join()
        return not self._thread.is_alive()

    def _prepare(self, *given: Any) -> None:
        with suppress(Exception):  # the first stride will fail as well, and say why
            self.stride.prepare(*given)
