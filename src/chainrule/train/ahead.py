"""A stride that is compiled while single steps go on, so that no training seems to stand still."""

from functools import partial
from typing import Final, final

from chainrule.data.whole import Whole
from chainrule.train.beside import Beside
from chainrule.train.feed import Numbers
from chainrule.train.pace import Pace
from chainrule.train.progress import Progress
from chainrule.train.step import Stride
from chainrule.train.task import Task

__all__ = ["Ahead"]

_STRIDE: Final = "stride"


@final
class Ahead:
    """The stride of a training, and which rows it takes.

    A thread compiles it from the first step on after which there could be a stride.
    """

    def __init__(self, task: Task, examples: Whole, pace: Pace) -> None:
        self.numbers = Numbers(task, examples)
        self.stride = Stride(task, examples)
        self._task, self._pace = task, pace
        self._beside: Beside | None = None

    def is_ready(self, progress: Progress) -> bool:
        """Whether the stride is compiled, or cannot be; begins with it when there can be one."""
        if self._beside is None:
            count = self._pace.next(progress)
            if not count:
                return False
            rows = self.numbers.rows(progress.at(self._task.batches), count)
            prepare = partial(self.stride.prepare, progress.model, progress.slots, *rows)
            self._beside = Beside({_STRIDE: prepare}, "chainrule-stride")
            if self._pace.waits:
                self._beside.wait(_STRIDE)
        return self._beside.is_done(_STRIDE)
