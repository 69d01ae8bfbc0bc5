"""The report of a run of the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from chainrule.cli.closed_form import UNUSED, is_closed
from chainrule.cli.config import Config
from chainrule.cli.parts import Parts, make_task
from chainrule.train.evaluation import Evaluation
from chainrule.train.reporting import machine
from chainrule.train.reporting import report_of as report_on
from chainrule.view import Report

__all__ = ["report_of"]


def report_of(
    config: Config,
    parts: Parts,
    model: Any,
    tested: Evaluation,
    metrics: Sequence[Mapping[str, Any]],
    timings: Mapping[str, float],
) -> Report:
    """Gather what the report shows."""
    found = report_on(
        f"{Path(config.data).name} · {config.model}",
        make_task(config, parts),
        model,
        metrics,
        tested,
        parts.test,
        config=config.stored(),
        timings=timings,
        machine=machine(),
    )
    if not is_closed(config.model):
        return found
    from chainrule.cli.solutions import formulas

    kept = {name: value for name, value in config.stored().items() if name not in UNUSED}
    scored = [formula for formula in found.formulas if formula.part != "Update"]
    told = [*scored, *formulas(config, parts.training)]
    return replace(found, config=kept, formulas=told)
