"""What a training runs, each program compiled before a step or an evaluation has to wait for it.

The program of a full batch is compiled by the first step. What else an epoch needs, the program of
a shorter last batch and those of the validation, a thread compiles while the next steps are taken,
so that no epoch seems to stand still at its end.
"""

from collections.abc import Callable
from typing import Any, final

from chainrule.runtime.programs import is_native
from chainrule.train.beside import Beside
from chainrule.train.evaluation import Evaluation, Evaluator
from chainrule.train.feed import Batch
from chainrule.train.progress import Progress
from chainrule.train.step import Step, Taken
from chainrule.train.task import Task

__all__ = ["Programs"]


@final
class Programs:
    """The step of a training and the figures of its validation."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._step = Step(task)
        self._compare = Evaluator(task.loss, task.metrics)
        self._beside: Beside | None = None

    def take(self, before: Progress, batch: Batch) -> Taken:
        """Take the step after a Progress."""
        if self._beside is not None and len(batch.inputs) < self.task.batch:
            self._beside.wait("last batch")
        last = before.batch + 1 == self.task.batches
        return self._step(before.model, before.slots, batch, last)

    def compare(self, model: Any) -> Evaluation:
        """Try a model on the validation data."""
        if self._beside is not None:
            self._beside.wait("validation")
        assert self.task.validation is not None
        return self._compare(model, self.task.validation)

    def prepare(self, after: Progress, batch: Batch) -> None:
        """Let a thread compile what is not needed yet, once a step was taken on a full batch."""
        if self._beside is not None or not is_native() or len(batch.inputs) < self.task.batch:
            return
        work: dict[str, Callable[[], None]] = {}
        rest = self._rest(after)
        if rest:
            short = batch._replace(
                inputs=batch.inputs[:rest],
                targets=batch.targets[:rest],
                keys=None if batch.keys is None else batch.keys[:rest],
            )
            work["last batch"] = lambda: self._step.prepare(after.model, after.slots, short)
        if self.task.validation is not None and after.record is None:
            model = self.task.optimizer.evaluated(after.slots, after.model)
            data = self.task.validation
            work["validation"] = lambda: self._compare.prepare(model, data)
        self._beside = Beside(work)

    def _rest(self, after: Progress) -> int:
        """The examples of the shorter batch that is still to come; 0 if there is none."""
        task = self.task
        in_turn = task.data.batch_count(task.batch)
        turn = after.at(task.batches) // in_turn
        if (turn + 1) * in_turn > task.total_steps:
            return 0
        return len(task.data) % task.batch
