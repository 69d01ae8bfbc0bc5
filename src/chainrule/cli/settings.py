"""The settings of a training, in one table: what they are called, what they may be, what they mean.

The options of the commands, the files of ``--config`` and the stored configurations all read it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, final

import click

from chainrule.cli.choices import (
    MODELS,
    Check,
    callback,
    count,
    model_name,
    number,
    one_of,
    place,
    size,
)

__all__ = [
    "LOSSES",
    "MOST_THREADS",
    "OPTIMIZERS",
    "PRECISIONS",
    "SCALINGS",
    "SCHEDULES",
    "SETTINGS",
    "Setting",
    "config_option",
    "data_argument",
    "data_options",
    "debug_option",
    "folder_option",
    "json_option",
    "run_argument",
    "setting_options",
    "sweep_options",
    "threads_option",
]

LOSSES = (
    *("cross-entropy", "logistic", "hinge", "squared-hinge"),
    *("squared", "absolute", "huber"),
)
OPTIMIZERS = (
    *("sgd", "momentum", "nesterov", "adam", "adamw"),
    *("adagrad", "lion", "muon", "rmsprop"),
)
SCHEDULES = (
    *("constant", "cosine", "cosine-restarts", "exponential", "inverse-time"),
    *("linear", "one-cycle", "plateau", "polynomial", "step"),
)
MOST_THREADS = 256
"""That a native program may use. Its own constant would load NumPy for ``--help``."""

TARGETS = ("classes", "number")
MISSING = ("error", "drop", "mean", "median", "most-frequent")
SOUNDS = ("waveform", "spectrogram", "log-mel")
TOKENS = ("characters", "byte-pairs")
PRECISIONS = ("float32", "bf16")
"""Of products. Its own constant would load NumPy for ``--help``."""
SCALINGS = ("feature", "channel", "all", "range")

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = TypeVar("Decorator", bound=Callable[..., Any])


@final
@dataclass(frozen=True)
class Setting:
    """One choice of a training.

    name     of the field of the configuration
    option   its spelling on the command line, without the dashes in front
    commas   whether a value of its own may hold commas, which else separate the values of a sweep
    """

    name: str
    option: str
    metavar: str
    check: Check
    help: str
    commas: bool = False


def _names(name: str, names: tuple[str, ...], help_: str) -> Setting:
    return Setting(name, name, "|".join(names), one_of(names), help_)


def _count(name: str, low: int, help_: str, high: int | None = None) -> Setting:
    return Setting(name, name.replace("_", "-"), "N", count(low, high), help_)


def _number(name: str, help_: str, high: float = math.inf, above: bool = False) -> Setting:
    return Setting(name, name.replace("_", "-"), "X", number(0.0, high, above), help_)


def _text(name: str, option: str, metavar: str, check: Check, help_: str) -> Setting:
    return Setting(name, option, metavar, check, help_, commas=True)


_DATA = (
    _text(
        *("folder", "data", "FOLDER", place),
        "Where the files of DATA lie. Default: the cache; what is missing there is downloaded.",
    ),
    _text("label", "label", "COLUMN", place, "The column of a table that is to be predicted."),
    _names("target", TARGETS, "What the column is. Default: numbers with a fraction are numbers."),
    _names("missing", MISSING, "What is done where a cell of a table is empty. Default: error."),
    _text("ignore", "ignore", "COLUMN,…", place, "Columns to leave out, by their names."),
    Setting("size", "size", "N|HxW", size, "What images of a folder are brought to. Default: 64."),
    _names("sound", SOUNDS, "What sounds are turned into. Default: log-mel."),
    _names("tokens", TOKENS, "What a text is cut into. Default: characters."),
    _count("context", 1, "Tokens that a model of texts sees at once. Default: 64."),
    _number("test", "Share of one's own data to set aside and test at the end. Default: 0.2.", 1.0),
    _number(
        "validation",
        "Share of the training data to set aside and test after each epoch. Default: 0.1.",
        1.0,
    ),
    Setting(
        *("standardize", "standardize", "|".join(SCALINGS), one_of(SCALINGS)),
        "Center and scale the inputs: each feature, each color, all together, or only by their "
        "range. Default: all, or by DATA.",
    ),
    _text(
        *("augment", "augment", "flip,crop:4,cutout:8,color:0.2", place),
        "Random changes of the training images.",
    ),
)
_MODEL = (
    _text(
        *("model", "model", "|".join(MODELS), model_name),
        "The network; mlp:512,512, resnet:32,16, transformer:4,4,128 and bag:64 say sizes. "
        "Default: by DATA.",
    ),
    _number("dropout", "Share of hidden features that a step leaves out. Default: 0.", 1.0),
)
_LOSS = (
    _names("loss", LOSSES, "What is made small. Default: cross-entropy; of quantities squared."),
    _number("label_smoothing", "Share of a label that goes to all classes. Default: 0.", 1.0),
    _number("l2", "Strength of Σ w², added to the mean loss. Default: 0, or by DATA."),
    _number("l1", "Strength of Σ |w|, added to the mean loss. Default: 0."),
)
_UPDATE = (
    _names("optimizer", OPTIMIZERS, "The update rule. Default: adam, or by DATA and model."),
    Setting(
        *("learning_rate", "lr", "X", number(above=True)),
        "Learning rate, the largest of the schedule. Default: by the choices; find-rate tries.",
    ),
    _names("schedule", SCHEDULES, "How the learning rate changes. Default: cosine."),
    _number(
        "warmup", "Share of all steps in which the learning rate first rises. Default: 0.", 1.0
    ),
    _number(
        "weight_decay",
        "Share of w × learning rate taken off w at each step; not for adam. Default: 0; "
        "adamw 0.01.",
    ),
    _number("clip_norm", "The most that the gradient may be long. Default: any.", above=True),
    _count("accumulate", 1, "Batches whose gradients make one step. Default: 1."),
    _number(
        "average", "Keep a moving average of the weights, with this decay, such as 0.999.", 1.0
    ),
)
_COURSE = (
    _count("epochs", 0, "Passes over the training data. Default: 10, or by DATA."),
    _count("steps_per_epoch", 1, "Steps that count as an epoch. Default: as many as see all data."),
    _count("batch", 1, "Examples in a step. Default: 128, or by DATA."),
    _count(
        *("early_stopping", 1),
        "Stop after so many epochs without a better validation loss, and keep the best weights.",
    ),
    _count("seed", 0, "Decides first weights, parts, orders and draws. Default: 0.", 2**63 - 1),
    _names(
        *("precision", PRECISIONS),
        "Of the factors in large products and convolutions; sums stay float32. Default: float32.",
    ),
    _count(
        *("threads", 1),
        "Threads that compute; a network gets the same bits with any number. Default: one for each "
        "processor.",
        MOST_THREADS,
    ),
)
SETTINGS = (*_DATA, *_MODEL, *_LOSS, *_UPDATE, *_COURSE)


def setting_options(command: Command) -> Command:
    """Give a command an option for each setting."""
    return _with_options(command, SETTINGS)


def data_options(*names: str) -> Callable[[Command], Command]:
    """Give a command options for the settings of these names, of those that say what DATA is."""
    return lambda command: _with_options(command, [s for s in _DATA if s.name in names])


def _with_options(command: Command, settings: Sequence[Setting]) -> Command:
    for setting in reversed(settings):
        option = click.option(
            f"--{setting.option}",
            setting.name,
            metavar=setting.metavar,
            callback=callback(setting.check),
            help=setting.help,
        )
        command = option(command)
    return command


def sweep_options(command: Command) -> Command:
    """Give a command an option for each setting, which takes several values."""
    for setting in reversed(SETTINGS):
        option = click.option(
            f"--{setting.option}",
            setting.name,
            metavar=setting.metavar if setting.commas else f"{setting.metavar},…",
            multiple=True,
            callback=_several(setting),
            help=setting.help,
        )
        command = option(command)
    return command


def _several(setting: Setting) -> Callable[[click.Context, click.Parameter, Any], Any]:
    checked = callback(setting.check)

    def split(context: click.Context, parameter: click.Parameter, texts: Any) -> tuple[Any, ...]:
        pieces = [piece for t in texts for piece in ([t] if setting.commas else t.split(","))]
        values = (checked(context, parameter, piece.strip()) for piece in pieces)
        return tuple(dict.fromkeys(values))  # a value that is said twice is meant once

    return split


def _explained(explanation: str, decorator: Decorator) -> Decorator:
    decorator.__doc__ = explanation
    return decorator


data_argument = _explained(
    "Give a command the argument DATA, which may be missing.",
    click.argument("data", metavar="[DATA]", required=False, callback=callback(place)),
)
run_argument = _explained(
    "Give a command the argument RUN.",
    click.argument("run", metavar="RUN", callback=callback(place)),
)
config_option = _explained(
    "Give a command the option --config.",
    click.option(
        "--config",
        metavar="FILE.toml",
        callback=callback(place),
        help="Settings by the names of these options, or a RUN's; the options go before it.",
    ),
)
folder_option = _explained(
    "Give a command the option --data, for data that are known from a run.",
    click.option(
        *("--data", "folder"),
        metavar="FOLDER",
        callback=callback(place),
        help="Where the files of DATA lie. Default: where they lay in training.",
    ),
)
threads_option = _explained(
    "Give a command the option --threads.",
    click.option(
        "--threads",
        metavar="N",
        callback=callback(count(1, MOST_THREADS)),
        help="Threads that compute. Default: one for each processor.",
    ),
)
json_option = _explained(
    "Give a command the option --json.",
    click.option("--json", "as_json", is_flag=True, help="Write JSON, for programs."),
)
debug_option = _explained(
    "Give a command the option --debug.",
    click.option("--debug", is_flag=True, help="Show where in the program an error happened."),
)
