"""What a training runs, each program compiled before a step or an evaluation has to wait for it.

The program of a full batch is compiled by the first step, or that is a stride of one. What else an
epoch needs, the program of a shorter last batch and those of the validation, a thread compiles
while the next steps are taken, so that no epoch seems to stand still at its end.
"""

from collections.abc import Callable
from typing import Any, Final, final

from chainrule.runtime.programs import is_native
from chainrule.train.beside import Beside
from chainrule.train.evaluation import Evaluation
from chainrule.train.feed import Batch
from chainrule.train.progress import Progress
from chainrule.train.step import Step, Taken
from chainrule.train.task import Task

__all__ = ["Programs"]

_STEP: Final = "step"
_LAST: Final = "last batch"
_VALIDATION: Final = "validation"


@final
class Programs:
    """The step of a training and the figures of its validation."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._step = self._short = Step(task)
        self._compare = task.evaluator
        self._beside: Beside | None = None

    def take(self, before: Progress, batch: Batch) -> Taken:
        """Take the step after a Progress."""
        is_short = len(batch.inputs) < self.task.batch
        if self._beside is not None:
            self._beside.wait(_LAST if is_short else _STEP)
        last = before.batch + 1 == self.task.batches
        step = self._short if is_short else self._step
        return step(before.model, before.slots, batch, last)

    def compare(self, model: Any) -> Evaluation:
        """Try a model on the validation data."""
        if self._beside is not None:
            self._beside.wait(_VALIDATION)
        assert self.task.validation is not None
        return self._compare(model, self.task.validation)

    @property
    def has_step(self) -> bool:
        """Whether the program of a full batch was to be compiled on the thread, and is."""
        return self._beside is not None and self._beside.is_done(_STEP)

    @property
    def is_prepared(self) -> bool:
        """Whether a thread has begun."""
        return self._beside is not None

    def prepare(
        self, after: Progress, batch: Batch, *, step: bool = False, seldom: bool = False
    ) -> None:
        """Let a thread compile what is not needed yet, once a step was taken on a full batch.

        step    whether the program of a full batch is not compiled yet, and will be needed
        seldom  whether that of a shorter one runs so seldom that to translate it is what counts
        """
        if self._beside is not None or not is_native() or len(batch.inputs) < self.task.batch:
            return
        work: dict[str, Callable[[], None]] = {}
        model, slots, rest = after.model, after.slots, self._rest(after)
        if step:
            work[_STEP] = lambda: self._step.prepare(model, slots, batch)
        if rest:
            short = batch._replace(
                inputs=batch.inputs[:rest],
                targets=batch.targets[:rest],
                keys=None if batch.keys is None else batch.keys[:rest],
            )
            if seldom:
                self._short = Step(self.task, seldom=True)
            work[_LAST] = lambda: self._short.prepare(model, slots, short)
        if self.task.validation is not None and after.record is None:
            evaluated = self.task.optimizer.evaluated(slots, model)
            data = self.task.validation
            work[_VALIDATION] = lambda: self._compare.prepare(evaluated, data)
        self._beside = Beside(work)

    def _rest(self, after: Progress) -> int:
        """The examples of the shorter batch that is still to come; 0 if there is none."""
        task = self.task
        in_turn = task.data.batch_count(task.batch)
        turn = after.at(task.batches) // in_turn
        if (turn + 1) * in_turn > task.total_steps:
            return 0
        return len(task.data) % task.batch
