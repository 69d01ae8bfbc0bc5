"""The test of a model that lies in a run folder: overall figures, and those of each class."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from chainrule.cli.finish import said
from chainrule.cli.form import fitted
from chainrule.cli.grid import grid
from chainrule.cli.optimization import make_loss
from chainrule.cli.parts import test_part
from chainrule.cli.sources import load_source
from chainrule.cli.trained import Trained, open_trained
from chainrule.data import Dataset
from chainrule.train.evaluation import Evaluation, evaluate
from chainrule.train.reporting import figures
from chainrule.wording import plural

__all__ = ["Tested", "report", "test"]

_TOP = 5
_TITLES = {
    "top_5_accuracy": "top-5 accuracy",
    "macro_f1": "mean F1",
    "calibration_error": "calibration error",
}


@final
@dataclass(frozen=True, eq=False)
class Tested:
    """A model, what it was tested on, and what came out."""

    trained: Trained
    data: Dataset
    found: Evaluation


def test(path: str, name: str | None, folder: str | None) -> Tested:
    """Test the model of a run on a data set, or on the test part of its own.

    Raises:  CheckpointError: there is no model, or it is broken. DataError: the examples have
             another size than those that the model was trained on, or other classes.
    """
    trained = open_trained(path)
    settings = trained.config.stored()
    same = (None, settings["data"])
    is_own = folder is None and (name in same or str(Path(str(name)).absolute()) in same)
    if not is_own and name is not None:
        settings |= {"data": name, "folder": None}
    if folder is not None:
        settings |= {"folder": folder} if name is not None else {"data": None, "folder": folder}
    data = test_part(trained.config, load_source(settings), is_own)
    data = fitted(trained.form, data, trained.config)
    loss = make_loss(trained.config, data)
    scores = len(data.targets.shape) == 1  # of a text there are too many to keep
    return Tested(trained, data, evaluate(trained.model, data, loss, scores=scores))


def report(tested: Tested, as_json: bool) -> str:
    """Write what came out: as lines and a table, or as JSON."""
    told, classes = _figures(tested), _by_class(tested)
    if as_json:
        whole: dict[str, Any] = {
            "run": str(tested.trained.opened.path),
            "step": tested.trained.step,
        }
        whole |= {"data": tested.data.name, "examples": len(tested.data), **told}
        return json.dumps({**whole, **({"classes": classes} if classes else {})}, indent=2)
    first = [name for name in told if name.startswith("test_")]
    head = f"{tested.trained.title} on {tested.data.name} ({plural(len(tested.data), 'example')}): "
    lines = [head + "   ".join(said(name, told[name]) for name in first)]
    others = [f"{_TITLES[name]} {_percent(v)}" for name, v in told.items() if name not in first]
    lines += ["   ".join(others)] if others else []
    rows = [
        (row["class"], *(_percent(row[name]) for name in ("precision", "recall", "f1")),
         f"{row['support']:,}")
        for row in classes
    ]  # fmt: skip
    if rows:
        lines += ["", grid(("class", "precision", "recall", "F1", "examples"), rows)]
    return "\n".join(lines)


def _figures(tested: Tested) -> dict[str, float]:
    """The figures of the report, and more of those of classes."""
    found = tested.found
    told = {f"test_{name}": value for name, value in figures(found).items()}
    if found.accuracy is None:
        return told
    classes = len(tested.data.classes or ())
    if found.scores is not None:
        if classes > _TOP and found.scores.ndim > 1:
            told["top_5_accuracy"] = found.top_k_accuracy(_TOP)
        told["macro_f1"] = found.classes(classes).macro["f1"]
    told["calibration_error"] = found.calibration().expected_error
    return told


def _by_class(tested: Tested) -> list[dict[str, Any]]:
    """The figures of each class; of the characters of a text nobody asks for them."""
    names = tested.data.classes
    if not names or tested.found.scores is None:
        return []
    figures = tested.found.classes(len(names))
    columns = (figures.precision, figures.recall, figures.f1, figures.support)
    return [
        {
            "class": name,
            "precision": float(p),
            "recall": float(r),
            "f1": float(f),
            "support": int(n),
        }
        for name, p, r, f, n in zip(names, *columns, strict=True)
    ]


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{value * 100:.2f} %"
