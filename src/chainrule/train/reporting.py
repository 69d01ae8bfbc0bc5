"""From a trained model and its test to the report: which parts of a run are worth a picture."""

import inspect
import math
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule import loss, nn
from chainrule.data import Dataset
from chainrule.metrics import mean_absolute_error, r_squared, root_mean_squared_error
from chainrule.runtime.processors import thread_count
from chainrule.train.durable import write_text
from chainrule.train.evaluation import Evaluation
from chainrule.train.manifest import library
from chainrule.train.pictures import pixels, templates, units
from chainrule.train.task import Task
from chainrule.view import Formula, Mistake, Report, render
from chainrule.view.figures import printable
from chainrule.view.formula import lines

__all__ = ["figures", "machine", "report_of", "write_report"]

_MOST_MISTAKES = 24
_NO_PROBABILITIES = (loss.hinge, loss.squared_hinge, loss.squared, loss.absolute, loss.huber)
_MOST_CLASSES = 2000  # of which a confusion matrix still fits the page


def report_of(
    title: str,
    task: Task,
    model: Any,
    metrics: Sequence[Mapping[str, Any]],
    tested: Evaluation | None = None,
    data: Dataset | None = None,
    *,
    part: str = "test",
    **told: Any,
) -> Report:
    """Gather what a report shows of a trained model.

    tested  how good the model is on ``data``; None if there are none to test it on
    part    what these data are called
    told    what is only known outside: config, timings, machine
    """
    found = Report(
        title,
        metrics=metrics,
        templates=templates(model, task.data),
        filters=units(model, task.data),
        layers=nn.layers(model),
        formulas=list(_formulas(model, task)),
        citation=task.data.citation,
        **told,
    )
    if tested is None or data is None:
        return found
    names = [printable(name) for name in data.classes or ()]
    labeled = tested.accuracy is not None
    of_classes = labeled and 0 < len(names) <= _MOST_CLASSES
    is_calibrated = labeled and _makes_chances(task) and tested.confidences is not None
    return replace(
        found,
        class_names=names if of_classes else (),
        confusion=tested.confusion(len(names)) if of_classes else None,
        calibration=tested.calibration() if is_calibrated else None,
        regression=None if labeled else _pairs(tested),
        mistakes=_mistakes(data, tested, names) if of_classes else (),
        final={f"{part}_{name}": value for name, value in figures(tested).items()},
    )


def write_report(folder: Path, report: Report) -> Path:
    """Write ``report.html`` into a run folder, and give its path."""
    page = folder / "report.html"
    write_text(page, render(report))
    return page


def _makes_chances(task: Task) -> bool:
    """Whether the softmax of the scores is a chance; of a loss of one's own we take it so."""
    return _definition(task.loss) not in _NO_PROBABILITIES


def figures(tested: Evaluation) -> dict[str, float]:
    """Give the figures of a test that say most, the most telling first."""
    if tested.accuracy is not None:
        found = {"accuracy": tested.accuracy, "loss": tested.loss}
        is_text = tested.targets is not None and tested.targets.ndim > 1  # a label at each position
        return {"perplexity": math.exp(min(tested.loss, 700.0)), **found} if is_text else found
    pairs = _pairs(tested)
    if pairs is None:
        return {"loss": tested.loss}
    return {
        "r_squared": r_squared(*pairs),
        "root_mean_squared_error": root_mean_squared_error(*pairs),
        "mean_absolute_error": mean_absolute_error(*pairs),
        "loss": tested.loss,
    }


def _pairs(tested: Evaluation) -> tuple[npt.NDArray[Any], npt.NDArray[Any]] | None:
    """Targets and predictions of one shape: a model may give n 1 for targets n."""
    if tested.predictions is None or tested.targets is None:
        return None
    return tested.targets, tested.predictions.reshape(tested.targets.shape)


# ---------------------------------------------------------------- mistakes


def _mistakes(data: Dataset, tested: Evaluation, names: Sequence[str]) -> list[Mistake]:
    """The wrong answers of which the model is surest; of texts none, since a place says little."""
    targets, predictions, sure = tested.targets, tested.predictions, tested.confidences
    if targets is None or predictions is None or sure is None or targets.ndim != 1:
        return []
    wrong = np.flatnonzero((predictions != targets) & (targets >= 0))
    rows = wrong[np.argsort(-sure[wrong], kind="stable")][:_MOST_MISTAKES]
    images = pixels(data, rows)
    return [
        Mistake(
            int(row),
            names[int(targets[row])],
            names[int(predictions[row])],
            float(sure[row]),
            None if images is None else images[place],
        )
        for place, row in enumerate(rows)
    ]


# ---------------------------------------------------------------- formulas


def _formulas(model: Any, task: Task) -> Iterator[Formula]:
    """The formula lines of the docstrings: each fact is written once, where it is computed."""
    penalties = [penalty for penalty in ("l2", "l1") if getattr(task, penalty)]
    parts: dict[str, list[Any]] = {
        "Score": [model, *_parts(model)],
        "Loss": [task.loss, *(getattr(loss, penalty) for penalty in penalties)],
        "Update": list(_updates(task.optimizer)),
    }
    for part, objects in parts.items():
        seen = dict.fromkeys(_definition(value) for value in objects)
        for definition in seen:
            found = lines(definition.__doc__)
            if found:
                yield Formula(part, definition.__name__, found)


def _parts(model: Any) -> Iterator[Any]:
    """The layers of a model, each after the blocks that it is in."""
    for path, *_ in nn.layers(model):
        value = model
        for key in path.split(".") if path else ():
            value = _item(value, key)
            if callable(value):
                yield value


def _item(value: Any, key: str) -> Any:
    match value:
        case list() | tuple():
            return value[int(key)]
        case dict():
            return value.get(key)
        case _:
            return getattr(value, key)


def _updates(optimizer: Any) -> Iterator[Any]:
    """The rule, what is wrapped around it, and the schedule of its learning rate."""
    inside = [getattr(optimizer, "optimizer", None)]
    if callable(getattr(optimizer, "members", None)):
        inside += optimizer.members()
    for inner in inside:
        if inner is not None:
            yield from _updates(inner)
    yield optimizer
    rate = getattr(optimizer, "learning_rate", None)
    if callable(rate):
        yield rate


def _definition(value: Any) -> Callable[..., Any]:
    """The function or class that the docstring belongs to."""
    while isinstance(value, partial):
        value = value.func
    value = inspect.unwrap(value) if callable(value) else value
    return value if inspect.isroutine(value) else type(value)


# ---------------------------------------------------------------- machine


def machine() -> dict[str, object]:
    """Say what a training ran on."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": thread_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "chainrule": library(),
    }


def _processor() -> str:
    try:
        rows = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (value.strip() for key, _, value in (entry.partition(":") for entry in rows)
         if key.strip() == "model name"),
        platform.processor(),
    )  # fmt: skip
