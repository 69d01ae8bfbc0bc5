"""The resolved configuration of a training: every choice that its result depends on.

It is what ``config.json`` holds. What the user did not say comes from the recipe of the data set.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, final

from chainrule.errors import ArgumentError, CheckpointError

__all__ = [
    "LOSSES",
    "MODEL",
    "OPTIMIZERS",
    "SCALINGS",
    "SCHEDULES",
    "Config",
    "from_stored",
    "hidden_sizes",
    "resolve",
]

LOSSES = ("cross-entropy", "hinge", "squared")
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adam", "adamw")
SCHEDULES = ("constant", "cosine", "one-cycle", "inverse-time")
SCALINGS = ("feature", "all", "range")
MODEL = re.compile(r"linear|mlp:[1-9]\d{0,6}(,[1-9]\d{0,6})*")

_NAMES = {"loss": LOSSES, "optimizer": OPTIMIZERS, "schedule": SCHEDULES, "standardize": SCALINGS}
_RANGES = {"learning_rate": (math.ulp(0.0), math.inf), "validation": (0.0, 1.0)}


@final
@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice of a training.

    folder       where the files of the data set lie; None if it is bundled
    validation   the share of the training part that is set aside to look at after each epoch
    standardize  what a batch is centered and scaled by: "feature" (each by its own statistics),
                 "all" (one mean and one deviation), "range" (only brought to 0 … 1)
    threads      of the linear algebra; another number may give other bits
    """

    data: str
    folder: str | None
    model: str
    loss: str
    l2: float
    l1: float
    optimizer: str
    learning_rate: float
    schedule: str
    weight_decay: float
    epochs: int
    batch: int
    seed: int
    validation: float
    standardize: str
    threads: int

    def stored(self) -> dict[str, Any]:
        """Give the values for ``config.json``."""
        return asdict(self)


# What is good for a data set with a kind of model, beyond the common choices. Measured with the
# commands of the README.
_COMMON: Mapping[str, Any] = {
    "model": "linear",
    "loss": "cross-entropy",
    "l2": 0.0,
    "l1": 0.0,
    "optimizer": "adam",
    "schedule": "cosine",
    "weight_decay": 0.0,
    "epochs": 10,
    "batch": 128,
    "seed": 0,
    "validation": 0.1,
    "standardize": "all",
    "threads": 1,
}
_DIGITS: Mapping[str, Any] = {"learning_rate": 0.003, "epochs": 30, "batch": 32}
_CIFAR10: Mapping[str, Any] = {"optimizer": "momentum", "standardize": "feature"}
_RECIPES: Mapping[tuple[str, str, str], Mapping[str, Any]] = {
    ("digits", "linear", "cross-entropy"): {**_DIGITS, "learning_rate": 0.01},
    ("digits", "mlp", "cross-entropy"): _DIGITS,
    ("mnist", "mlp", "cross-entropy"): {"optimizer": "adamw"},
    ("cifar10", "linear", "cross-entropy"): {**_CIFAR10, "learning_rate": 0.001, "l2": 0.02},
    ("cifar10", "linear", "hinge"): {**_CIFAR10, "learning_rate": 0.0003, "l2": 0.3},
    ("cifar10", "mlp", "cross-entropy"): {"optimizer": "adamw", "weight_decay": 0.05},
}
_MODELS: Mapping[str, str] = {"digits": "mlp:64"}
_RATES: Mapping[str, float] = {"sgd": 0.05, "momentum": 0.01, "nesterov": 0.01}
_ADAM_RATE = 0.001
_NO_DECAY = (
    "adam has no weight decay\n\n"
    "  --optimizer adamw has; or --l2 adds the squares of the weights to the loss."
)


def resolve(data: str, folder: str | None, given: Mapping[str, Any]) -> Config:
    """Fill in what was not given (None) by what is good for the data set.

    Raises:  ArgumentError: choices that exclude one another.

    >>> config = resolve("cifar10", "images", {"loss": "hinge", "seed": 3})
    >>> config.model, config.learning_rate, config.l2, config.seed
    ('linear', 0.0003, 0.3, 3)
    """
    said = {name: value for name, value in given.items() if value is not None}
    model = said.get("model", _MODELS.get(data, _COMMON["model"]))
    loss = said.get("loss", _COMMON["loss"])
    recipe = _RECIPES.get((data, model.partition(":")[0], loss), {})
    usual = recipe.get("optimizer", _COMMON["optimizer"])
    optimizer = said.get("optimizer", usual)
    if optimizer != usual:  # what was good for another optimizer says nothing about this one
        recipe = {k: v for k, v in recipe.items() if k not in ("learning_rate", "weight_decay")}
    general = {
        "learning_rate": _RATES.get(optimizer, _ADAM_RATE),
        "weight_decay": 0.01 if optimizer == "adamw" else 0.0,
    }
    if optimizer == "adam" and said.get("weight_decay"):
        raise ArgumentError(_NO_DECAY)
    values = {**_COMMON, **general, **recipe, "model": model, **said}
    return Config(data=data, folder=folder, **values)


def from_stored(values: Mapping[str, Any], place: str, data_sets: Sequence[str]) -> Config:
    """Take the configuration of a run folder.

    Raises:  CheckpointError: a value is missing, unknown or of another type.
    """
    kinds = {entry.name: entry.type for entry in fields(Config)}
    wrong = [
        *(f"{name} is missing" for name in kinds if name not in values),
        *(f"{name} is unknown" for name in values if name not in kinds),
        *(
            f"{name} is {values[name]!r}"
            for name, kind in kinds.items()
            if name in values and not _is(name, values[name], kind, data_sets)
        ),
    ]
    if wrong:
        raise CheckpointError(
            f"{place} is not the configuration of a training\n\n    " + "\n    ".join(wrong)
        )
    return Config(**values)


def _is(name: str, value: object, kind: object, data_sets: Sequence[str]) -> bool:
    if isinstance(value, bool):
        return False
    if name == "data":
        return value in data_sets
    if name in _NAMES:
        return value in _NAMES[name]
    if name == "model":
        return isinstance(value, str) and MODEL.fullmatch(value) is not None
    if kind is float:
        low, high = _RANGES.get(name, (0.0, math.inf))
        return isinstance(value, int | float) and low <= value < high
    if kind is int:
        return isinstance(value, int) and value >= (name in ("batch", "threads"))
    return isinstance(value, kind)  # type: ignore[arg-type]


def hidden_sizes(model: str) -> tuple[int, ...]:
    """Read the sizes of the hidden layers from the name of a model.

    >>> hidden_sizes("mlp:512,256"), hidden_sizes("linear")
    ((512, 256), ())
    """
    _, _, sizes = model.partition(":")
    return tuple(int(size) for size in sizes.split(",") if size)
