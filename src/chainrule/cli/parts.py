"""From a configuration to what it names: the data, the model, the loss, the optimizer."""

import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, final

import click

from chainrule import nn, optim, schedule
from chainrule.cli.config import Config, hidden_sizes
from chainrule.data import Dataset, load
from chainrule.data.registry import NAMES
from chainrule.errors import ArgumentError
from chainrule.functions.embedding import one_hot
from chainrule.loss import cross_entropy, hinge, squared
from chainrule.tensors import Tensor
from chainrule.train.evaluation import Loss
from chainrule.train.loop import Task

__all__ = ["Parts", "load_parts", "make_loss", "make_model", "make_task", "split"]


@final
@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of a data set: all standardized by the statistics of the training part."""

    training: Dataset
    validation: Dataset | None
    test: Dataset


def split(config: Config, whole: tuple[Dataset, Dataset]) -> Parts:
    """Cut off the validation part, and bring all parts into the form that the model takes."""
    training, test = (part.flattened() for part in whole)
    validation = None
    if config.validation:
        try:
            training, validation = training.split(1 - config.validation, config.seed)
        except ArgumentError as error:
            raise ArgumentError(
                f"--validation: {config.validation:g} of {len(training):,} examples leaves a part "
                "without any"
            ) from error
    if config.standardize != "range":
        training = training.standardize(per="all" if config.standardize == "all" else "feature")
        test = test.standardize(by=training.standardization)
        validation = validation and validation.standardize(by=training.standardization)
    return Parts(training, validation, test)


def load_parts(name: str | None, folder: str | None) -> tuple[tuple[Dataset, Dataset], str | None]:
    """Load a data set as (train, test), and give the whole path of its folder if it has one.

    Without a name, the set that lies in the folder; a name may also be a folder.

    Raises:  UsageError: there is no such data set. DataError: its files are missing or broken.
    """
    if name is not None and name not in NAMES and folder is None and Path(name).is_dir():
        name, folder = None, name
    place = None if folder is None else str(Path(folder).absolute())
    try:
        whole = load(place or "") if name is None else load(name, place)
    except ArgumentError as error:  # whatever is wrong here was typed so
        raise click.UsageError(str(error)) from error
    return whole, place


def make_model(config: Config, data: Dataset) -> Any:
    """Make the model with its first weights, a pure function of the configuration.

    The linear model starts at zero: its problem is convex, so no start is better, and its weights
    as images then show what was learned and no noise from the start.

    Raises:  ArgumentError: the model is larger than the memory.
    """
    sizes = (data.shape[0], *hidden_sizes(config.model), len(data.classes or ()))
    _check_memory(config.model, sizes)
    with nn.seed(config.seed):
        if config.model == "linear":
            return nn.Linear(sizes[0], sizes[1], weight_init=nn.initialization.zeros())
        return nn.mlp(sizes)


def _check_memory(model: str, sizes: tuple[int, ...]) -> None:
    """Refuse what cannot be trained here, before minutes are spent on random numbers for it."""
    count = sum((ins + 1) * outs for ins, outs in pairwise(sizes))
    needed = 2 * 4 * count  # the weights and their gradients, as float32
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise ArgumentError(
            f"--model: {model} has {count:,} parameters\n\n"
            f"  Weights and gradients alone take {needed / 1e9:,.0f} GB; this machine has "
            f"{there / 1e9:,.0f} GB."
        )


def make_loss(config: Config, classes: int) -> Loss:
    """Give the loss as a function of (scores, labels)."""
    match config.loss:
        case "hinge":
            return hinge
        case "squared":
            return _squared(classes)
        case _:
            return cross_entropy


def _squared(classes: int) -> Loss:
    def squared_of_labels(scores: Any, labels: Any) -> Tensor:
        return squared(scores, one_hot(labels, classes).astype(scores.dtype))

    return squared_of_labels


def make_task(config: Config, parts: Parts) -> Task:
    """Give the task: what is trained on what."""
    steps = config.epochs * parts.training.batch_count(config.batch)
    return Task(
        parts.training,
        make_loss(config, len(parts.training.classes or ())),
        _optimizer(config, max(1, steps)),
        config.epochs,
        config.batch,
        config.seed,
        config.l2,
        config.l1,
        parts.validation,
    )


def _optimizer(config: Config, steps: int) -> Any:
    rate, decay = _schedule(config, steps), config.weight_decay
    match config.optimizer:
        case "sgd":
            return optim.SGD(rate, weight_decay=decay)
        case "momentum":
            return optim.SGD(rate, momentum=0.9, weight_decay=decay)
        case "nesterov":
            return optim.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay)
        case "adam":
            return optim.Adam(rate)
        case _:
            return optim.AdamW(rate, weight_decay=decay)


def _schedule(config: Config, steps: int) -> Any:
    rate = config.learning_rate
    match config.schedule:
        case "cosine":
            return schedule.cosine(rate, steps)
        case "one-cycle":
            return schedule.one_cycle(rate, steps)
        case "inverse-time":
            return schedule.inverse_time(rate, 10.0 / steps)
        case _:
            return schedule.constant(rate)
