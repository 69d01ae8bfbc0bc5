"""A deep-learning library whose mathematics you can see.

Write ordinary Python; chainrule records it as a graph of small differentiable blocks over tensors.
Functions have the array API standard's names and signatures; transforms (``grad``, ``vmap``,
``jit``, ``hessian`` ...) take functions and give functions. ``nn``, ``loss``, ``optim``,
``schedule``, ``data`` and ``train`` build and train models.

Everything is imported when it is first asked for, NumPy included.
"""

import importlib
import os
from _thread import RLock as _RLock  # that of threading, which takes a millisecond to import
from typing import TYPE_CHECKING, Any

from chainrule.elsewhere import missing_from as _missing_from

if TYPE_CHECKING:
    from chainrule import classical as classical
    from chainrule import data as data
    from chainrule import decomposition as decomposition
    from chainrule import errors as errors
    from chainrule import formula as formula
    from chainrule import loss as loss
    from chainrule import metrics as metrics
    from chainrule import nn as nn
    from chainrule import optim as optim
    from chainrule import probability as probability
    from chainrule import schedule as schedule
    from chainrule import stats as stats
    from chainrule import testing as testing
    from chainrule import train as train
    from chainrule import tree as tree
    from chainrule import view as view
    from chainrule.api import *  # noqa: F403 — the list is api.__all__
    from chainrule.formula import check as check
    from chainrule.formula import compare as compare
    from chainrule.formula import explain as explain
    from chainrule.train.fit import fit as fit

__version__ = "0.1.0"

_missing = _missing_from(__name__)

_ROOMS = (
    "classical", "data", "decomposition", "errors", "formula", "loss", "metrics", "nn", "optim",
    "probability", "schedule", "stats", "testing", "train", "tree", "view",
)  # fmt: skip
_FOUND_IN = {
    "check": "chainrule.formula",
    "compare": "chainrule.formula",
    "explain": "chainrule.formula",
    "fit": "chainrule.train.fit",
}


# A child that is forked while another thread imports would wait for that thread's imports for ever.
_importing = _RLock()
os.register_at_fork(
    before=_importing.acquire,
    after_in_parent=_importing.release,
    after_in_child=_importing.release,
)


def __getattr__(name: str) -> Any:
    """Import the room of that name, or all functions and transforms at once."""
    with _importing:
        return _found(name)


def _found(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"chainrule.{name}")
    if name in _FOUND_IN:
        return getattr(importlib.import_module(_FOUND_IN[name]), name)
    public = globals()
    if "__all__" not in public:
        api = importlib.import_module("chainrule.api")
        public |= {key: getattr(api, key) for key in api.__all__}
        public["__all__"] = sorted([*api.__all__, *_ROOMS, *_FOUND_IN, "__version__"])
    return public[name] if name in public else _missing(name)


def __dir__() -> list[str]:
    return list(__getattr__("__all__"))
