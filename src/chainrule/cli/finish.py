"""The end of a training: the test, the final model, the report."""

import time
from pathlib import Path
from typing import Any

from chainrule.cli.config import Config
from chainrule.cli.parts import Parts, make_task, split
from chainrule.cli.reporting import report_of
from chainrule.cli.sources import load_source
from chainrule.cli.trained import description_of, open_trained, stored_arrays
from chainrule.cli.version import VERSION
from chainrule.train import reporting
from chainrule.train.display import Display
from chainrule.train.evaluation import Evaluation, evaluate
from chainrule.train.progress import Progress
from chainrule.train.run import Run
from chainrule.train.task import Task
from chainrule.view.figures import decimal

__all__ = ["finish", "rebuild", "said", "write_report"]


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
    tested = task.evaluator(progress.model, parts.test)
    final = {f"test_{name}": value for name, value in reporting.figures(tested).items()}
    timings = {"training": _training_seconds(opened), "test": time.perf_counter() - begun}
    # A training that was resumed took longer than this process has been there.
    timings["total"] = max(time.perf_counter() - clock, timings["training"] + timings["test"])
    description = {"library": VERSION, **description_of(config, parts.training), **final}
    opened.save_model(
        stored_arrays(progress.model, parts.training), {**description, "timings": timings}
    )
    page = write_report(opened, config, parts, progress.model, tested, timings)
    shown.note("   ".join(said(name, value) for name, value in final.items()))
    shown.note(f"report: {page}")


def rebuild(path: str) -> Path:
    """Write the report of a run folder anew, and give its path.

    The model is tested once more; an unfinished run gets the report of its last checkpoint.
    """
    trained = open_trained(path)
    config, begun = trained.config, time.perf_counter()
    parts = split(config, load_source(config.stored()))
    tested = evaluate(trained.model, parts.test, make_task(config, parts).loss)
    timings = trained.description.get("timings")
    if not isinstance(timings, dict):
        timings = {"training": _training_seconds(trained.opened)}
        timings["test"] = time.perf_counter() - begun
    return write_report(trained.opened, config, parts, trained.model, tested, timings)


def write_report(
    opened: Run,
    config: Config,
    parts: Parts,
    model: Any,
    tested: Evaluation,
    timings: dict[str, float],
) -> Path:
    """Write ``report.html`` into a run folder, and give its path."""
    report = report_of(config, parts, model, tested, opened.metrics(), timings)
    return reporting.write_report(opened.path, report)


def said(name: str, value: float) -> str:
    """Write a figure with its name.

    >>> said("test_accuracy", 0.9725)
    'test accuracy 97.25 %'
    """
    shown = f"{100 * value:.2f} %" if name.endswith("accuracy") else decimal(value)
    return f"{name.replace('_', ' ')} {shown}"


def _training_seconds(opened: Run) -> float:
    return sum(float(record.get("seconds") or 0.0) for record in opened.metrics())
