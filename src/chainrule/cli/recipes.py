"""What is good for a data set with a kind of model, beyond the common choices.

Measured with the commands of the README.
"""

from collections.abc import Mapping
from typing import Any

from chainrule.cli.choices import CLOSED

__all__ = ["ADAM_RATE", "MODELS", "RATES", "SIZES", "recipe_for"]

MODELS: Mapping[str, str] = {
    "digits": "mlp:64",
    "images": "resnet",
    "sounds": "resnet",
    "table": "mlp:64,64",
    "text": "transformer",
    "lines": "bag",
    "numbers": "mlp:256",
}
"""The model for a data set, or a kind of data; else linear."""

SIZES: Mapping[str, str] = {"resnet": "resnet:32,16"}
"""What a model said without sizes is. A step on CIFAR-10 takes three quarters of the time of
resnet:16, and four times the weights learn more: 86.0 % where that reached 82.6 %."""

RATES: Mapping[str, float] = {
    "sgd": 0.05,
    "momentum": 0.01,
    "nesterov": 0.01,
    "adagrad": 0.01,
    "lion": 0.0001,
    "muon": 0.02,
    "rmsprop": 0.001,
}
"""The learning rate of an optimizer; else that of adam."""

ADAM_RATE = 0.001

_DIGITS: Mapping[str, Any] = {"learning_rate": 0.003, "epochs": 30, "batch": 32}
_CIFAR10: Mapping[str, Any] = {"optimizer": "momentum", "standardize": "feature"}
_RESNET: Mapping[str, Any] = {
    "standardize": "channel",
    "optimizer": "muon",  # after 8 epochs 78.5 % of CIFAR-10, Nesterov's momentum 74.4 %
    "schedule": "one-cycle",
    "learning_rate": 0.02,
    "weight_decay": 0.03,
    "augment": "flip,crop:4",
    "epochs": 40,
}
_TRANSFORMER: Mapping[str, Any] = {  # nanoGPT's setting for a processor
    "optimizer": "adamw",
    "learning_rate": 0.001,
    "weight_decay": 0.1,
    "warmup": 0.05,
    "clip_norm": 1.0,
    "batch": 12,
    "epochs": 10,
    "steps_per_epoch": 200,
    "validation": 0.05,
}
_TABLE: Mapping[str, Any] = {"standardize": "feature", "epochs": 30, "batch": 32}
_RECIPES: Mapping[tuple[str, str, str], Mapping[str, Any]] = {
    ("digits", "linear", "cross-entropy"): {**_DIGITS, "learning_rate": 0.01},
    ("digits", "mlp", "cross-entropy"): _DIGITS,
    ("digits", "resnet", "cross-entropy"): {**_DIGITS, "standardize": "all"},
    ("mnist", "mlp", "cross-entropy"): {"optimizer": "adamw"},
    ("mnist", "lenet", "cross-entropy"): {
        "optimizer": "adamw",
        "learning_rate": 0.002,
        "weight_decay": 0.05,
        "augment": "crop:2",
    },
    ("fashion-mnist", "lenet", "cross-entropy"): {"optimizer": "adamw", "learning_rate": 0.002},
    ("cifar10", "linear", "cross-entropy"): {**_CIFAR10, "learning_rate": 0.001, "l2": 0.02},
    ("cifar10", "linear", "hinge"): {**_CIFAR10, "learning_rate": 0.0003, "l2": 0.3},
    ("cifar10", "mlp", "cross-entropy"): {
        "optimizer": "adamw",
        "weight_decay": 0.05,
        "epochs": 12,
        "augment": "flip",
        "dropout": 0.1,
    },
    ("cifar10", "resnet", "cross-entropy"): _RESNET,
    ("cifar100", "resnet", "cross-entropy"): _RESNET,
    ("images", "resnet", "cross-entropy"): {
        **_RESNET,
        "optimizer": "adamw",
        "learning_rate": 0.002,
        "weight_decay": 0.01,
        "epochs": 20,
        "batch": 32,
    },
}
_KINDS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("table", "linear"): {**_TABLE, "learning_rate": 0.01},
    ("table", "mlp"): {**_TABLE, "learning_rate": 0.003},
    ("text", "transformer"): _TRANSFORMER,
    ("lines", "bag"): {"optimizer": "adamw", "learning_rate": 0.005, "dropout": 0.5, "batch": 64},
    ("sounds", "resnet"): {"optimizer": "adamw", "learning_rate": 0.002, "epochs": 20, "batch": 32},
    ("sounds", "mlp"): {"standardize": "feature", "epochs": 30, "batch": 32},
}


def recipe_for(kind: str, model: str, loss: str) -> Mapping[str, Any]:
    """Give the choices that are good for a data set, or a kind of data, a model and a loss.

    >>> recipe_for("mnist", "mlp:512,512", "cross-entropy")
    {'optimizer': 'adamw'}
    """
    name = model.partition(":")[0]
    if name in CLOSED:
        scale = "feature" if kind in ("table", "sounds", "numbers") else "all"
        return {"epochs": 1, "standardize": scale, "l2": 0.0 if name == "naive-bayes" else 1e-4}
    return _RECIPES.get((kind, name, loss), _KINDS.get((kind, name), {}))
