"""The resolved configuration of a training: every choice that its result depends on.

It is what ``config.json`` holds. What the user did not say comes from the recipe of the data set.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, final

from chainrule.cli.choices import place
from chainrule.cli.recipes import ADAM_RATE, MODELS, RATES, SIZES, recipe_for
from chainrule.cli.settings import SETTINGS
from chainrule.errors import ArgumentError, CheckpointError

__all__ = ["FORMAT", "Config", "from_stored", "resolve", "sizes_of"]

FORMAT = 2
"""The version of the run folder. That of chainrule 0.1.0 had none."""

_CHECKS = {setting.name: setting.check for setting in SETTINGS} | {"data": place}


@final
@dataclass(frozen=True, kw_only=True)
class Config:
    """Every choice of a training.

    data             the name of a data set, or the path of a file or folder of one's own
    folder           where the files of a named set lie; None if it is bundled or in the cache
    target, missing  of a table: whether the column to predict is classes or a number, and what is
                     done where a cell is empty; None: as the reader does by itself
    ignore           the columns of a table to leave out, with commas in between
    test             the share to test on, of data that have no part for it; else None
    validation       the share of the training part to look at after each epoch
    standardize      what a batch is centered and scaled by: "feature" (each by its own statistics),
                     "channel" (each color), "all" (one mean and one deviation), "range" (only
                     brought to 0 … 1)
    early_stopping   the epochs without a better validation loss after which to stop
    precision        of the factors in large products and convolutions; None: float32
    threads          that compute; None: one for each processor of the machine
    """

    data: str
    folder: str | None = None
    label: str | None = None
    target: str | None = None
    missing: str | None = None
    ignore: str | None = None
    size: str | None = None
    sound: str | None = None
    tokens: str | None = None
    context: int | None = None
    test: float | None = None
    validation: float = 0.1
    standardize: str = "all"
    augment: str | None = None
    model: str = "linear"
    dropout: float = 0.0
    loss: str = "cross-entropy"
    label_smoothing: float = 0.0
    l2: float = 0.0
    l1: float = 0.0
    optimizer: str = "adam"
    learning_rate: float = 0.001
    schedule: str = "cosine"
    warmup: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    accumulate: int = 1
    average: float | None = None
    epochs: int = 10
    steps_per_epoch: int | None = None
    batch: int = 128
    early_stopping: int | None = None
    seed: int = 0
    precision: str | None = None
    threads: int | None = None

    def stored(self) -> dict[str, Any]:
        """Give the values for ``config.json``."""
        return {"format": FORMAT, **asdict(self)}


_NO_DECAY = (
    "adam has no weight decay\n\n"
    "  --optimizer adamw has; or --l2 adds the squares of the weights to the loss."
)
_NO_VALIDATION = "--early-stopping: there is no validation part to go by\n\n  Give --validation."


def resolve(kind: str, given: Mapping[str, Any], labeled: bool = True) -> Config:
    """Fill in what was not given (None) by what is good for a data set.

    kind     the name of the data set, or that of its kind: "images", "sounds", "table", "text" …
    labeled  whether its targets are classes

    Raises:  ArgumentError: choices that exclude one another.

    >>> config = resolve("cifar10", {"data": "cifar10", "loss": "hinge", "seed": 3})
    >>> config.model, config.learning_rate, config.l2, config.seed
    ('linear', 0.0003, 0.3, 3)
    """
    said = {name: value for name, value in given.items() if value is not None and name in _CHECKS}
    model = said.get("model", MODELS.get(kind, "linear"))
    loss = said.get("loss", "cross-entropy" if labeled else "squared")
    recipe = recipe_for(kind, model, loss)
    usual = recipe.get("optimizer", "adam")
    optimizer = said.get("optimizer", usual)
    if optimizer != usual:  # what was good for another optimizer says nothing about this one
        recipe = {k: v for k, v in recipe.items() if k not in ("learning_rate", "weight_decay")}
    general = {
        "learning_rate": RATES.get(optimizer, ADAM_RATE),
        "weight_decay": 0.01 if optimizer == "adamw" else 0.0,
    }
    if optimizer == "adam" and said.get("weight_decay"):
        raise ArgumentError(_NO_DECAY)
    if said.get("early_stopping") and said.get("validation", 0.1) == 0:
        raise ArgumentError(_NO_VALIDATION)
    found = {"optimizer": optimizer, "loss": loss, "model": SIZES.get(model, model)}
    return Config(**{**general, **recipe, **said, **found})


def from_stored(values: Mapping[str, Any], place: str) -> Config:
    """Take the configuration of a run folder.

    Raises:  CheckpointError: it was made by another version; a value is missing, unknown or none
             that can be meant.
    """
    kept = {name: value for name, value in values.items() if name != "format"}
    if values.get("format") != FORMAT:
        raise CheckpointError(_other_format(values, place))
    names = [entry.name for entry in fields(Config)]
    # What is left open by default was not there yet when the run was made.
    needed = [entry.name for entry in fields(Config) if entry.default is not None]
    wrong = [
        *(f"{name} is missing" for name in needed if name not in kept),
        *(f"{name} is unknown" for name in kept if name not in names),
        *(f"{name} is {value!r}" for name, value in kept.items() if not _is(name, value)),
    ]
    if wrong:
        raise CheckpointError(
            f"{place} is not the configuration of a training\n\n    " + "\n    ".join(wrong)
        )
    return Config(**kept)


def _other_format(values: Mapping[str, Any], place: str) -> str:
    if "format" not in values:
        return (
            f"{place} is not the configuration of a training by the command line\n\n"
            "  A run of fit is gone on with by fit."
        )
    return (
        f"{place} has format {values['format']!r}; this version reads {FORMAT}\n\n"
        "  A newer chainrule may have made it."
    )


def _is(name: str, value: object) -> bool:
    kinds = {entry.name: str(entry.type) for entry in fields(Config)}
    if name not in kinds:
        return True  # is told apart
    if value is None:
        return "None" in kinds[name]
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        found = _CHECKS[name](str(value))
    except ValueError:
        return False
    return bool(found == value)


def sizes_of(model: str) -> tuple[int, ...]:
    """Read the sizes from the name of a model.

    >>> sizes_of("mlp:512,256"), sizes_of("linear")
    ((512, 256), ())
    """
    _, _, sizes = model.partition(":")
    return tuple(int(size) for size in sizes.split(",") if size)
