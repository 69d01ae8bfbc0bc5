"""Training: the loop, its metrics, checkpoints and the run folder.

``checkpoint``, ``run`` and ``durable`` are modules of their own: what survives a kill.
"""

from chainrule.metrics import (
    Calibration,
    ClassFigures,
    calibration,
    confusion_matrix,
    mean_absolute_error,
    precision_recall_f1,
    r_squared,
    root_mean_squared_error,
    top_k_accuracy,
)
from chainrule.train.callbacks import Callback
from chainrule.train.checkpointing import Checkpoints
from chainrule.train.early_stopping import EarlyStopping
from chainrule.train.evaluation import Evaluation, evaluate
from chainrule.train.final import load_model, save_model
from chainrule.train.finder import RateCurve, find_learning_rate
from chainrule.train.fit import Fitted, fit
from chainrule.train.interrupt import catch_signals
from chainrule.train.loop import steps
from chainrule.train.monitor import Monitor
from chainrule.train.pace import Pace
from chainrule.train.progress import Progress, pack, unpack
from chainrule.train.sweep import Sweep, sweep
from chainrule.train.task import Task, begin

__all__ = [
    "Calibration",
    "Callback",
    "Checkpoints",
    "ClassFigures",
    "EarlyStopping",
    "Evaluation",
    "Fitted",
    "Monitor",
    "Pace",
    "Progress",
    "RateCurve",
    "Sweep",
    "Task",
    "begin",
    "calibration",
    "catch_signals",
    "confusion_matrix",
    "evaluate",
    "find_learning_rate",
    "fit",
    "load_model",
    "mean_absolute_error",
    "pack",
    "precision_recall_f1",
    "r_squared",
    "root_mean_squared_error",
    "save_model",
    "steps",
    "sweep",
    "top_k_accuracy",
    "unpack",
]
