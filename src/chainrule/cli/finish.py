"""The end of a training: the test, the final model, the report."""

import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule import nn
from chainrule.cli.config import Config
from chainrule.cli.display import Display
from chainrule.cli.parts import Parts
from chainrule.cli.version import VERSION
from chainrule.data import Dataset
from chainrule.train.durable import write_text
from chainrule.train.evaluation import Evaluation, confusion_matrix, evaluate
from chainrule.train.loop import Task
from chainrule.train.progress import Progress, cells
from chainrule.train.run import Run
from chainrule.view import Report, render

__all__ = ["MEAN", "STATE", "STD", "finish", "templates"]

MEAN, STD, STATE = "input.mean", "input.std", "state."
"""Names in the final model beside those of its parameters: the standardization, State cells."""


def finish(
    opened: Run,
    config: Config,
    parts: Parts,
    task: Task,
    progress: Progress,
    clock: float,
    shown: Display,
) -> None:
    """Test the model, write it and the report, and say what came out."""
    begun = time.perf_counter()
    tested = evaluate(progress.model, parts.test, task.loss)
    final = {"test_accuracy": tested.accuracy, "test_loss": tested.loss}
    opened.save_model(_arrays(progress.model, parts.training), _description(config, parts, final))
    metrics = opened.metrics()
    now = time.perf_counter()
    training = sum(record.get("seconds") or 0.0 for record in metrics)
    timings = {"training": training, "test": now - begun}
    # A training that was resumed took longer than this process has been there.
    timings["total"] = max(now - clock, training + timings["test"])
    page = opened.path / "report.html"
    report = _report(config, parts, progress.model, tested, metrics, timings, final)
    write_text(page, render(report))
    shown.note(
        f"test accuracy {tested.accuracy:.2%}   test loss {tested.loss:.4f}".replace("%", " %")
    )
    shown.note(f"report: {page}")


def _arrays(model: Any, data: Dataset) -> dict[str, npt.NDArray[Any]]:
    arrays = {path: value.numpy() for path, value in nn.parameters(model).items()}
    arrays |= {STATE + path: cell.value.numpy() for path, cell in cells(model).items()}
    if data.standardization is not None:
        arrays |= {MEAN: data.standardization.mean, STD: data.standardization.std}
    return arrays


def _description(config: Config, parts: Parts, final: dict[str, Any]) -> dict[str, Any]:
    data = parts.training
    return {
        "library": VERSION,
        "model": config.model,
        "features": data.shape[0],
        "classes": list(data.classes or ()),
        "image_shape": data.image_shape,
        "layout": data.layout,
        **final,
    }


def _report(
    config: Config,
    parts: Parts,
    model: Any,
    tested: Evaluation,
    metrics: list[dict[str, Any]],
    timings: dict[str, float],
    final: dict[str, Any],
) -> Report:
    classes = parts.test.classes or ()
    assert tested.predictions is not None
    return Report(
        f"{config.data} · {config.model}",
        config=config.stored(),
        metrics=metrics,
        class_names=classes,
        confusion=confusion_matrix(parts.test.targets, tested.predictions, len(classes)),
        templates=templates(model, parts.training) if config.model == "linear" else (),
        layers=nn.layers(model),
        timings=timings,
        machine=_machine(config),
        final=final,
        citation=parts.training.citation,
    )


def templates(model: Any, data: Dataset) -> list[tuple[str, npt.NDArray[Any]]]:
    """Give each class's weights as an image, by how much a pixel as stored raises the score.

    The score is w·(x − mean)/std + b, so that the weight of the pixel x itself is w/std.
    """
    if data.image_shape is None:
        return []
    height, width, channels = data.image_shape
    weight = np.asarray(model.weight.numpy(), np.float64)
    if data.standardization is not None:
        weight = weight / data.standardization.std
    if data.layout == "CHW":
        images = weight.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    else:
        images = weight.reshape(-1, height, width, channels)
    if channels == 1:
        images = images[..., 0]
    return list(zip(data.classes or (), images, strict=True))


def _machine(config: Config) -> dict[str, object]:
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": config.threads,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "chainrule": VERSION,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (value.strip() for key, _, value in (entry.partition(":") for entry in lines)
         if key.strip() == "model name"),
        platform.processor(),
    )  # fmt: skip
