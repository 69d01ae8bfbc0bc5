"""Which models are found at once, and what is asked for with them: see ``solutions``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.cli.choices import CLOSED
from chainrule.cli.scores import GaussianScores, TokenScores
from chainrule.data import Dataset
from chainrule.errors import ArgumentError

__all__ = ["UNUSED", "bayes", "check_settings", "has_tokens", "is_closed"]

UNUSED = (
    *("dropout", "loss", "label_smoothing", "l1", "optimizer", "learning_rate", "schedule"),
    *("warmup", "weight_decay", "clip_norm", "accumulate", "average", "epochs", "augment"),
    *("steps_per_epoch", "batch", "early_stopping", "precision"),
)
"""The settings of a training in steps, which say nothing about a model that is found at once."""

_OPTIONS = {"learning_rate": "lr"}


def is_closed(model: str) -> bool:
    """Whether a model of this name is found at once."""
    return model in CLOSED


def check_settings(given: Mapping[str, Any], data: Dataset) -> None:
    """Refuse settings of a training in steps, and data of which there is no such model.

    Raises:  ArgumentError: such settings or data.
    """
    model = given.get("model")
    if model is None or not is_closed(model):
        return
    unused = (*UNUSED, "l2") if model == "naive-bayes" else UNUSED
    for name in unused:
        if given.get(name) is not None:
            option = _OPTIONS.get(name, name.replace("_", "-"))
            raise ArgumentError(
                f"--{option}: {model} is found at once, not in steps\n\n"
                "  --model linear is trained in steps."
            )
    if model == "ridge" and data.classes is not None:
        numbers = given.get("label") is not None and all(map(_is_number, data.classes))
        raise ArgumentError(
            f"--model: ridge predicts quantities, and {data.name} has classes\n\n"
            + ("  --target number says that they are quantities.\n" if numbers else "")
            + "  logistic and naive-bayes predict classes."
        )
    if model != "ridge" and (data.classes is None or len(data.targets.shape) != 1):
        raise ArgumentError(
            f"--model: {model} predicts a class, and {data.name} has none\n\n"
            "  ridge predicts quantities."
        )
    if model != "naive-bayes" and has_tokens(data):
        raise ArgumentError(f"--model: {model} takes quantities, and {data.name} has tokens")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def has_tokens(data: Dataset) -> bool:
    """Whether examples are tokens, and no quantities."""
    return data.inputs.dtype.kind == "i"


def bayes(form: Dataset) -> GaussianScores | TokenScores:
    """The naive Bayes model for data of a form, before anything is known."""
    classes = len(form.classes or ())
    if has_tokens(form):
        return TokenScores(len((form.preparation or {}).get("vocabulary", ())), classes)
    return GaussianScores(int(np.prod(form.shape)), classes)
