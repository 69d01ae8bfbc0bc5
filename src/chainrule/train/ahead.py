"""Which steps run as one program, and a thread that compiles it while others are taken.

Programs of one, of four or of hundreds of steps differ in a number alone, so that LLVM translates
their kernels once. Where steps are quick, a training begins with the program of one.
"""

from functools import partial
from typing import Any, Final, final

import numpy.typing as npt

from chainrule import tree
from chainrule.data.whole import Whole
from chainrule.errors import ChainruleError
from chainrule.tensors import Tensor
from chainrule.train.beside import Beside
from chainrule.train.feed import Numbers
from chainrule.train.pace import Pace
from chainrule.train.progress import Progress
from chainrule.train.step import Stride
from chainrule.train.task import Task

__all__ = ["Ahead"]

_Array = npt.NDArray[Any]
_STRIDE: Final = "stride"
_SHARED: Final = 0.3  # of the time to compile a stride, what is left where kernels are there
_QUICK: Final = 4 * 10**9  # products in a step that takes less than a stride may
_FEW: Final = 20
_BRIEF: Final = 2 * 10**9  # products that take a third of a second longer where code is plain
_SMALL: Final = 2**26  # bytes of a model and its slots: a stride copies some once


@final
class Ahead:
    """The stride of a training, and which rows it takes.

    A thread compiles it from the first step on after which there could be a stride.

    at_once  whether single steps too are strides, of one step, unless one ends an epoch
    """

    def __init__(self, task: Task, examples: Whole, pace: Pace, *, at_once: bool = False) -> None:
        self.numbers = Numbers(task, examples)
        self.stride = Stride(task, examples)
        self.at_once = at_once
        self._task, self._pace = task, pace
        self._beside: Beside | None = None
        self._products = 0

    def is_quick(self, start: Progress) -> bool:
        """Whether steps are such that strides of several will do; nothing is compiled."""
        leaves = tree.flatten((start.model, start.slots))[0]
        if sum(leaf.numpy().nbytes for leaf in leaves if isinstance(leaf, Tensor)) > _SMALL:
            return False
        rows = self.rows(start, 1)
        try:
            self._products = self.stride.multiply_adds(start.model, start.slots, *rows)
        except ChainruleError:  # single steps say why
            return False
        return self._products <= _QUICK

    def is_seldom(self, progress: Progress) -> bool:
        """Whether to translate a step well takes longer than to take one an epoch."""
        epochs = self._task.epochs - progress.epoch
        return epochs <= _FEW and epochs * self._products <= _BRIEF

    def count(self, progress: Progress) -> int:
        """How many steps to take as one program now; 0: a single one, by its own program."""
        if self.is_ready(progress) and (count := self._pace.next(progress)):
            return count
        return int(self.at_once and self._pace.fits(progress, 1))

    def rows(self, progress: Progress, count: int) -> tuple[_Array, _Array | None]:
        """Give the row numbers and the random keys of the next steps."""
        return self.numbers.rows(progress.at(self._task.batches), count)

    def took(self, count: int, seconds: float, after: Progress) -> None:
        """Take note of a stride, which may be of one step, or of a single step: of none."""
        if count > 1:
            self._pace.strode(seconds)
        elif self.at_once and count:
            self._pace.stepped(seconds)
            self._pace.strides_pay(after, _SHARED)

    def is_ready(self, progress: Progress) -> bool:
        """Whether the stride is compiled, or cannot be; begins with it when there can be one."""
        if self._beside is None:
            count = self._pace.next(progress)
            if not count:
                return False
            rows = self.rows(progress, count)
            prepare = partial(self.stride.prepare, progress.model, progress.slots, *rows)
            self._beside = Beside({_STRIDE: prepare}, "chainrule-stride")
            if self._pace.waits:
                self._beside.wait(_STRIDE)
        return self._beside.is_done(_STRIDE)

    def is_settled(self, progress: Progress) -> bool:
        """Whether the stride is not waited for: what an epoch needs besides comes after it."""
        if self._pace.length:
            return self.is_ready(progress)
        return self._pace.is_decided

    @property
    def gives_up(self) -> bool:
        """Whether single steps are so slow that strides of one, which copy the model, go."""
        return self._pace.is_slow

    @property
    def needs_single_steps(self) -> bool:
        """Whether single steps are taken on full batches too, by their own program."""
        task = self._task
        ends_full = task.steps_per_epoch is not None or len(task.data) % task.batch == 0
        return self.gives_up or ends_full
