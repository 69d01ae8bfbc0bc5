"""How many steps to run as one program, by the time that they take."""

import math
from typing import final

from chainrule.runtime.programs import is_native
from chainrule.train.progress import Progress
from chainrule.train.task import Task

__all__ = ["Pace"]

_TRIED = 6  # single steps to measure
_FEWEST = 4  # steps that make a stride
_LATE = 0.5  # seconds after which whoever watches wants to see something
_MOST_ROWS = 2**21  # row numbers in a stride


@final
class Pace:
    """How many steps to run as one program: a stride, after which others are told and asked.

    A stride never ends an epoch, and its batches are full, so that all strides are one program. To
    compile it costs at most as much as the program of one step did; single steps are taken until
    it is known that what is left is worth that, and while a thread compiles the stride.

    aim    the seconds that a stride may take, by those of single steps, which are slower
    saved  what a step in a stride saves: seconds, and a share of its time
    most   steps of a stride, however fast they are
    waits  whether no step is taken while the stride is compiled

    It tells of its length, 0 before it is decided, and whether steps are so slow that few of them
    are a stride.

    >>> data = cr.data.digits()[0]
    >>> task = cr.train.Task(data, cr.loss.cross_entropy, cr.optim.SGD(0.1), epochs=2, batch=32)
    >>> with cr.nn.seed(0):
    ...     start = cr.train.begin(task, cr.nn.Linear(64, 10))
    >>> *_, last = cr.train.steps(task, start, Pace(task))
    >>> last.step, last.record["epoch"]
    (90, 2)
    """

    def __init__(
        self,
        task: Task,
        *,
        aim: float = 0.25,
        saved: tuple[float, float] = (2e-4, 0.1),
        most: int | None = None,
        waits: bool = False,
    ) -> None:
        self.length = 0
        self.waits = waits
        self._task, self._aim, self._saved = task, aim, saved
        self._most = max(1, _MOST_ROWS // task.batch) if most is None else most
        self._full = min(task.batches - 1, len(task.data) // task.batch)
        self._taken, self._first, self._each = 0, 0.0, math.inf
        self.is_decided = self.is_slow = False
        self._is_new, self._late, self._is_given_up = True, 0, False

    def stepped(self, seconds: float) -> None:
        """Take note of a single step."""
        if self._taken:
            self._each = min(self._each, seconds)
        else:
            self._first = seconds
        self._taken += 1

    def strides_pay(self, progress: Progress, share: float = 1.0) -> bool:
        """Whether to begin with strides; once they do, it is not asked again.

        The fastest step tells how long one takes: the first ones may share the processors with a
        thread that compiles, and with other programs. So what is decided first is no last word.

        share  of the time to compile a step, that to compile a stride
        """
        if self.length or self._is_given_up or self._taken < _TRIED or not is_native():
            return False
        self.is_decided = True
        length = self._fitting(self._each)
        self.is_slow = self._each > self._aim
        if length < _FEWEST:
            return False
        of_epoch = self._full // length * length / self._task.batches
        left = (self._task.total_steps - progress.step) * of_epoch
        seconds, saved = self._saved
        if left * (seconds + saved * self._each) <= share * (self._first - self._each):
            return False
        self.length = length
        return True

    def _fitting(self, each: float) -> int:
        """A stride that is not over the aim: an epoch, or a half, a fourth, … of it.

        There are few such lengths, so that another training finds its program in the cache. 0: an
        epoch has too few steps.
        """
        most = min(max(1, int(self._aim / max(each, 1e-9))), self._most)
        length = self._full
        while length > most:
            length //= 2
        return length

    def next(self, progress: Progress) -> int:
        """The number of steps to run as one program now; 0: a single step."""
        return self.length if self.length and self.fits(progress, self.length) else 0

    def fits(self, progress: Progress, count: int) -> bool:
        """Whether so many steps come before the one that ends the epoch, all on full batches."""
        task = self._task
        ahead = task.batches - 1 - progress.batch
        number = progress.at(task.batches) % task.data.batch_count(task.batch)
        return count <= min(ahead, len(task.data) // task.batch - number)

    def strode(self, seconds: float) -> None:
        """Take note of a stride. The first may be compiled yet; if others are late, halve them."""
        if self._is_new:
            self._is_new = False
            return
        self._late = self._late + 1 if seconds > max(_LATE, self._aim) else 0
        if self._late > 1:
            half = self.length // 2
            self.length, self._is_new, self._late = half if half >= _FEWEST else 0, True, 0
            self._is_given_up = not self.length
