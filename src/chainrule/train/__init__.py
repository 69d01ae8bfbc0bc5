"""Training: the loop, its metrics, checkpoints and the run folder.

``checkpoint``, ``run`` and ``durable`` are modules of their own: what survives a kill.
"""

from chainrule.train.evaluation import Evaluation, confusion_matrix, evaluate
from chainrule.train.fit import Fitted, fit
from chainrule.train.interrupt import catch_signals
from chainrule.train.loop import Task, begin, steps
from chainrule.train.progress import Progress, pack, unpack

__all__ = [
    "Evaluation",
    "Fitted",
    "Progress",
    "Task",
    "begin",
    "catch_signals",
    "confusion_matrix",
    "evaluate",
    "fit",
    "pack",
    "steps",
    "unpack",
]
