"""Trainings with each combination of settings, and what came out, by mean and deviation."""

import json
import re
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any, final

from chainrule.cli import session
from chainrule.cli.grid import grid
from chainrule.cli.listing import Entry, figure_text, read_entry
from chainrule.cli.settings import SETTINGS
from chainrule.errors import NonFiniteError
from chainrule.train import run

__all__ = ["Outcome", "train_all"]

_SPELLINGS = {"data": "data"} | {setting.name: setting.option for setting in SETTINGS}


@final
@dataclass(frozen=True)
class Outcome:
    """The figures of the runs that differ by the seed alone; None where nothing is known.

    settings  what sets them apart from the other runs of the sweep
    runs      how many of them did not diverge
    """

    settings: Mapping[str, Any]
    runs: int
    validation_figure: str | None
    validation_mean: float | None
    validation_deviation: float | None
    test_figure: str | None
    test_mean: float | None
    test_deviation: float | None


def train_all(values: Mapping[str, Sequence[Any]], out: str, as_json: bool) -> int:
    """Train with each combination of values, each in a folder of its own; return the exit code.

    Raises:  UsageError: settings that cannot be meant. CheckpointError: a folder holds a run with
             other settings.
    """
    # In the order of the table: the names of the folders must not depend on how it was typed.
    varied = [name for name in _SPELLINGS if len(values.get(name, ())) > 1]
    fixed = {name: options[0] for name, options in values.items() if len(options) == 1}
    runs = [
        dict(zip(varied, chosen, strict=True))
        for chosen in product(*(values[name] for name in varied))
    ]
    done: list[tuple[dict[str, Any], Path | None]] = []
    for number, chosen in enumerate(runs, 1):
        path = Path(out) / _name(chosen)
        if run.in_use(path):
            _say(f"{number}/{len(runs)}: another process is at {path}")
            continue
        _say(f"{number}/{len(runs)}: {path}")
        try:
            code = session.start_or_go_on({**fixed, **chosen}, path, quiet=as_json)
        except NonFiniteError as error:
            sys.stderr.write(f"NonFiniteError: {error}\n")
            done.append((chosen, None))
            continue
        if code:
            return code
        done.append((chosen, path))
    outcomes = sorted(_outcomes(done), key=_best_first)
    sys.stdout.write(
        json.dumps([asdict(outcome) for outcome in outcomes], indent=2) + "\n"
        if as_json
        else f"\n{_table(outcomes)}\n"
    )
    return 1 if any(path is None for _, path in done) else 0


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _name(chosen: Mapping[str, Any]) -> str:
    parts = (f"{_SPELLINGS[name]}-{value}" for name, value in chosen.items())
    return re.sub(r"[^\w.+-]+", "-", "_".join(parts)) or "run"


def _outcomes(done: Sequence[tuple[Mapping[str, Any], Path | None]]) -> list[Outcome]:
    groups: dict[tuple[Any, ...], list[Entry]] = {}
    for chosen, path in done:
        key = tuple((name, value) for name, value in chosen.items() if name != "seed")
        entries = groups.setdefault(key, [])
        if path is not None:  # it did not diverge
            entries.append(read_entry(path))
    return [_outcome(dict(key), entries) for key, entries in groups.items()]


def _outcome(settings: dict[str, Any], entries: Sequence[Entry]) -> Outcome:
    first = entries[0] if entries else Entry("")
    validation = [entry.validation for entry in entries if entry.validation is not None]
    test = [entry.test for entry in entries if entry.test is not None]
    return Outcome(
        settings,
        len(entries),
        first.validation_figure,
        *_spread(validation),
        first.test_figure,
        *_spread(test),
    )


def _spread(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Mean, and the standard deviation of a sample; of a single value there is none."""
    if not values:
        return None, None
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None


def _best_first(outcome: Outcome) -> tuple[Any, ...]:
    """By the validation, since what was chosen by the test is no longer tested by it."""
    for mean, figure in (
        (outcome.validation_mean, outcome.validation_figure),
        (outcome.test_mean, outcome.test_figure),
    ):
        if mean is not None:
            return (0, mean if figure == "loss" else -mean)
    return (1, 0.0)


def _table(outcomes: Sequence[Outcome]) -> str:
    if not outcomes:
        return "no run was finished"
    names = list(outcomes[0].settings)
    rows = [
        (
            *(str(outcome.settings[name]) for name in names),
            str(outcome.runs),
            _figure(
                outcome.validation_mean, outcome.validation_deviation, outcome.validation_figure
            ),
            _figure(outcome.test_mean, outcome.test_deviation, outcome.test_figure),
        )
        for outcome in outcomes
    ]
    heads = (*(_SPELLINGS[name] for name in names), "runs", "validation", "test")
    return grid(heads, rows, left=len(names))


def _figure(mean: float | None, deviation: float | None, figure: str | None) -> str:
    text = figure_text(mean, figure)
    return text if deviation is None else f"{text} ± {figure_text(deviation, figure)}"
