"""From a configuration to its loss, its optimizer and its learning rates."""

import math
from collections.abc import Mapping
from functools import partial, wraps
from typing import Any

from chainrule import optim, schedule
from chainrule.cli.config import Config
from chainrule.data import Dataset
from chainrule.errors import ArgumentError
from chainrule.functions.embedding import one_hot
from chainrule.loss import (
    absolute,
    binary_logistic,
    cross_entropy,
    hinge,
    huber,
    squared,
    squared_hinge,
)
from chainrule.tensors import Tensor
from chainrule.train.evaluation import Loss

__all__ = ["make_loss", "make_optimizer", "make_schedule"]

_OF_LABELS: Mapping[str, Loss] = {
    "cross-entropy": cross_entropy,
    "hinge": hinge,
    "squared-hinge": squared_hinge,
}
_OF_QUANTITIES: Mapping[str, Loss] = {"squared": squared, "absolute": absolute, "huber": huber}
_RESTARTS = 7  # the first period in all steps: 1 + 2 + 4 of them


def make_loss(config: Config, form: Dataset) -> Loss:
    """Give the loss as a function of (what the model gives, targets).

    A loss for quantities takes labels as rows with a single 1.

    Raises:  ArgumentError: a loss for labels, and the targets are quantities.
    """
    if config.loss in _OF_LABELS or config.loss == "logistic":
        if form.classes is None:
            raise ArgumentError(
                f"--loss: {config.loss} is for classes, and the targets of {form.name} are "
                f"quantities\n\n  There are for quantities: {', '.join(_OF_QUANTITIES)}."
            )
        if config.label_smoothing and config.loss != "cross-entropy":
            raise ArgumentError(f"--label-smoothing: {config.loss} has none; cross-entropy has")
    match config.loss:
        case "cross-entropy":
            if not config.label_smoothing:
                return cross_entropy
            return partial(cross_entropy, label_smoothing=config.label_smoothing)
        case "logistic":
            return _one_hot(binary_logistic)
        case name if name in _OF_LABELS:
            return _OF_LABELS[name]
        case name:
            loss = _OF_QUANTITIES[name]
            return loss if form.classes is None else _one_hot(loss)


def _one_hot(loss: Loss) -> Loss:
    @wraps(loss)
    def of_labels(outputs: Tensor, labels: Tensor) -> Tensor:
        if outputs.ndim == labels.ndim:  # the logit of class 1
            return loss(outputs, labels.astype(outputs.dtype))
        return loss(outputs, one_hot(labels, outputs.shape[-1]).astype(outputs.dtype))

    return of_labels


def make_optimizer(config: Config, rate: Any) -> Any:
    """Give the optimizer with a learning rate: a number or a schedule."""
    optimizer = _rule(config, rate)
    if config.schedule == "plateau":
        optimizer = optim.ReduceOnPlateau(optimizer, patience=max(2, config.epochs // 10))
    if config.clip_norm is not None:
        optimizer = optim.Clipped(optimizer, norm=config.clip_norm)
    if config.accumulate > 1:
        optimizer = optim.Accumulated(optimizer, config.accumulate)
    if config.average is not None:
        optimizer = optim.Averaged(optimizer, config.average)
    return optimizer


def _rule(config: Config, rate: Any) -> Any:
    decay = config.weight_decay
    match config.optimizer:
        case "sgd":
            return optim.SGD(rate, weight_decay=decay)
        case "momentum":
            return optim.SGD(rate, momentum=0.9, weight_decay=decay)
        case "nesterov":
            return optim.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay)
        case "adam":
            return optim.Adam(rate)
        case "adagrad":
            return optim.Adagrad(rate, weight_decay=decay)
        case "rmsprop":
            return optim.RMSProp(rate, weight_decay=decay)
        case "lion":
            return optim.Lion(rate, weight_decay=decay)
        case "muon":
            return optim.Muon(rate, weight_decay=decay)
        case _:
            return optim.AdamW(rate, weight_decay=decay)


def make_schedule(config: Config, batches: int) -> Any:
    """Give the learning rate by the step, for a training of so many batches."""
    steps = max(1, math.ceil(batches / config.accumulate))
    rising = min(round(config.warmup * steps), steps - 1)
    main = _falling(config, steps - rising)
    if not rising:
        return main
    return schedule.chain((schedule.warm_up(config.learning_rate, rising), main), (rising,))


def _falling(config: Config, steps: int) -> Any:
    rate = config.learning_rate
    match config.schedule:
        case "cosine":
            return schedule.cosine(rate, steps)
        case "cosine-restarts":
            return schedule.cosine_restarts(rate, math.ceil(steps / _RESTARTS), growth=2)
        case "exponential":
            return schedule.exponential(rate, factor=0.01, steps=steps)
        case "inverse-time":
            return schedule.inverse_time(rate, 10.0 / steps)
        case "linear":
            return schedule.polynomial(rate, steps)
        case "one-cycle":
            return schedule.one_cycle(rate, steps)
        case "polynomial":
            return schedule.polynomial(rate, steps, power=2.0)
        case "step":
            return schedule.step(rate, every=math.ceil(steps / 3))
        case _:
            return schedule.constant(rate)
