"""From a configuration to the parts of its data, and to the task."""

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from chainrule.cli.config import Config
from chainrule.cli.form import shaped
from chainrule.cli.optimization import make_loss, make_optimizer, make_schedule
from chainrule.cli.sources import Source
from chainrule.data import Dataset, augmentation, refit
from chainrule.data.rows import Rows
from chainrule.errors import ArgumentError, DataError
from chainrule.train.task import Task

__all__ = ["Parts", "make_task", "split", "test_part"]

_PREFETCHED = 2  # batches that are prepared ahead
_MANY = 2**24  # bytes of which a copy takes as long as a few steps


@final
@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of a data set: all standardized by the statistics of the training part."""

    training: Dataset
    validation: Dataset | None
    test: Dataset


def split(config: Config, source: Source) -> Parts:
    """Cut off the parts to validate and to test on, and bring all into the form of the model.

    Raises:  ArgumentError: a part would be empty. DataError: the model takes other examples; all
             examples are of one class.
    """
    _require_two_classes(source.training)
    training, test = _tested(config, source)
    validation = None
    if config.validation:
        cut = _cut_text if source.is_text else _cut
        training, validation = cut(training, "--validation", config.validation, config.seed)
    # What the columns of a table are encoded by is known of the training part alone.
    training, test, *others = refit(training, test, *([validation] if validation else []))
    validation = others[0] if others else None
    training, test = (shaped(part, config) for part in (training, test))
    validation = validation and shaped(validation, config)
    if config.standardize != "range" and training.inputs.dtype.kind != "i":
        training = training.standardize(per=config.standardize)  # type: ignore[arg-type]
        test = test.standardize(by=training.standardization)
        validation = validation and validation.standardize(by=training.standardization)
    return Parts(training, validation, test)


def _require_two_classes(data: Dataset) -> None:
    if data.classes is not None and len(data.classes) == 1:
        raise DataError(
            f"{data.name}: all examples are of one class, so there is nothing to tell apart\n\n"
            f"    class  {data.classes[0]}\n\n"
            "  There must be examples of another class too."
        )


def _tested(config: Config, source: Source) -> tuple[Dataset, Dataset]:
    if source.test is not None:
        return source.training, source.test
    return _cut(source.training, "--test", config.test or 0.0, config.seed)


def test_part(config: Config, source: Source, is_own: bool) -> Dataset:
    """Give the part of a data set to test on, as it is stored: of foreign files all of it."""
    if source.test is not None:
        return source.test
    return _tested(config, source)[1] if is_own else source.training


def _cut(data: Dataset, option: str, share: float, seed: int) -> tuple[Dataset, Dataset]:
    try:
        return _uncopied(data).split(1 - share, seed)
    except ArgumentError as error:
        raise ArgumentError(
            f"{option}: {share:g} of {len(data):,} examples leaves a part without any"
        ) from error


def _uncopied(data: Dataset) -> Dataset:
    """The same examples; of many bytes parts are numbers of rows then, and no copies."""
    if isinstance(data.inputs, np.ndarray) and data.inputs.nbytes >= _MANY:
        return replace(data, inputs=Rows((data.inputs,)))
    return data


def _cut_text(data: Dataset, option: str, share: float, seed: int) -> tuple[Dataset, Dataset]:
    """Cut off the end: windows of a text overlap, so a random part would be known already."""
    del seed
    context, count = data.shape[0], len(data)
    cut = round(count * (1 - share))
    if cut - context < 1 or cut >= count:
        raise ArgumentError(f"{option}: {share:g} of {count:,} windows leaves a part without any")
    training = replace(
        data, inputs=data.inputs[: cut - context], targets=data.targets[: cut - context]
    )
    rows = np.arange(cut, count, context)
    return training, data.take(rows)


def make_task(config: Config, parts: Parts) -> Task:
    """Give the task: what is trained on what.

    Raises:  ArgumentError: settings that cannot be meant together.
    """
    in_epoch = config.steps_per_epoch or parts.training.batch_count(config.batch)
    rates = make_schedule(config, max(1, config.epochs * in_epoch))
    return Task(
        parts.training,
        make_loss(config, parts.training),
        make_optimizer(config, rates),
        config.epochs,
        config.batch,
        config.seed,
        config.l2,
        config.l1,
        parts.validation,
        augment=_augmentation(config, parts.training),
        steps_per_epoch=config.steps_per_epoch,
        prefetch=_PREFETCHED,
        precision=config.precision or "float32",
    )


def _augmentation(config: Config, data: Dataset) -> tuple[Any, ...]:
    if config.augment is None:
        return ()
    steps = augmentation.parse(config.augment)
    if data.image_shape is None:
        raise ArgumentError(f"--augment: the examples of {data.name} are not images")
    return tuple(steps)
