"""What run folders hold: their state, their figures and the settings in which they differ."""

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, final

from chainrule.cli.grid import grid
from chainrule.errors import CheckpointError, DataError
from chainrule.train import run
from chainrule.view.figures import decimal, duration

__all__ = ["Entry", "figure_text", "read_entry", "show"]

_HEADS = ("run", "data", "model", "state", "epochs", "validation", "test", "time")
_NO_DIFFERENCE = {"format", "folder", "threads"}
"""Settings that say where and how, not what."""

_FIGURES = ("accuracy", "r_squared", "loss")
"""Of a test: the first of these that it has. All but the loss are the better the larger."""

_MOST_COLUMNS = 4  # of settings that differ; more become one column of words
_SHOWN_APART = {"data", "model"}


@final
@dataclass(frozen=True)
class Entry:
    """A run folder at a glance; what is not known is None.

    state       "finished", "unfinished", "in use" or "broken"
    validation  the best validation accuracy, or without one the least validation loss
    test        the test accuracy, of quantities the share of their variance that is explained, or
                the test loss

    Units:   seconds on the clock of the training; changed in seconds since 1970
    """

    run: str
    data: str | None = None
    model: str | None = None
    state: str = "broken"
    epochs: int = 0
    planned: int | None = None
    validation: float | None = None
    validation_figure: str | None = None
    test: float | None = None
    test_figure: str | None = None
    seconds: float | None = None
    changed: float = 0.0
    config: Mapping[str, Any] = field(default_factory=dict)
    fault: str | None = None


def show(folders: Sequence[str], sort: str, as_json: bool) -> int:
    """Print the runs in some folders; the exit code is 1 if one cannot be read.

    Raises:  DataError: there is no such folder.
    """
    entries = sorted(map(read_entry, _run_folders(folders)), key=lambda e: _key(e, sort))
    if as_json:
        sys.stdout.write(json.dumps([asdict(entry) for entry in entries], indent=2) + "\n")
    elif not entries:
        sys.stdout.write(f"no run folders in {', '.join(folders)}\n")
    else:
        sys.stdout.write(_table(entries) + "\n")
    broken = [entry for entry in entries if entry.fault is not None]
    for entry in broken:
        sys.stderr.write(f"{entry.fault}\n")
    return 1 if broken else 0


def _run_folders(folders: Sequence[str]) -> list[Path]:
    """The folders that are runs themselves, and the runs below the others, each once."""
    found: dict[Path, Path] = {}
    for folder in map(Path, folders):
        try:
            if not folder.is_dir():
                raise DataError(f"runs: there is no folder {folder}")
            if (folder / "config.json").exists():
                below = [folder]
            else:
                below = [path.parent for path in folder.glob("*/config.json")]
                below += [path.parent for path in folder.glob("*/*/config.json")]
        except OSError as error:
            raise DataError(f"runs: {folder} cannot be read: {error.strerror}") from error
        found |= {path.resolve(): path for path in below}
    return list(found.values())


def read_entry(path: Path) -> Entry:
    """Read what a run folder says of itself. A broken one gets a fault instead of figures."""
    try:
        opened = run.open(path)
        metrics, finished = opened.metrics(), opened.finished
        description = opened.description() if finished else {}
    except CheckpointError as error:
        return Entry(str(path), fault=str(error))
    config = opened.config
    last = metrics[-1] if metrics else {}
    validation, figure = _best(metrics)
    tested = next((n for n in _FIGURES if description.get(f"test_{n}") is not None), "")
    return Entry(
        str(path),
        config.get("data"),
        config.get("model"),
        "in use" if run.in_use(path) else "finished" if finished else "unfinished",
        last.get("epoch", len(metrics)),
        config.get("epochs"),
        validation,
        figure,
        description.get(f"test_{tested}"),
        tested or None,
        sum(record.get("seconds") or 0.0 for record in metrics),
        _changed(path),
        config,
    )


def _best(metrics: Sequence[Mapping[str, Any]]) -> tuple[float | None, str | None]:
    for name, choose in (("accuracy", max), ("loss", min)):
        values = [record.get(f"validation_{name}") for record in metrics]
        known = [float(value) for value in values if isinstance(value, int | float)]
        if known:
            return choose(known), name
    return None, None


def _changed(path: Path) -> float:
    names = ("metrics.jsonl", "model.json", "config.json")
    return max(
        (file.stat().st_mtime for name in names if (file := path / name).exists()), default=0
    )


def _key(entry: Entry, sort: str) -> tuple[Any, ...]:
    """What to sort by: of figures the best first, and what is not known last."""
    match sort:
        case "validation" | "test":
            value = entry.validation if sort == "validation" else entry.test
            figure = entry.validation_figure if sort == "validation" else entry.test_figure
            better = 0.0 if value is None else value if figure == "loss" else -value
            return (value is None, figure or "", better, entry.run)
        case "epochs":
            return (-entry.epochs, entry.run)
        case "time":
            return (entry.seconds is None, entry.seconds or 0.0, entry.run)
        case "changed":
            return (-entry.changed, entry.run)
        case "name":
            return (entry.run,)
        case _:
            return (str(getattr(entry, sort)), entry.run)


def _table(entries: Sequence[Entry]) -> str:
    configs = [entry.config for entry in entries if entry.fault is None]
    differing = _differing(configs)
    columns = differing if len(differing) <= _MOST_COLUMNS else []
    usual = {name: _usual(name, configs) for name in differing}
    rows = []
    for entry in entries:
        known = entry.fault is None
        own = {name: _plain(entry.config.get(name)) for name in differing if known}
        apart = ", ".join(f"{k} {value}" for k, value in own.items() if value != usual[k])
        rows.append(
            (
                *(entry.run, _near(entry.data), entry.model or "?", entry.state),
                *(own.get(name, "?") for name in columns),
                f"{entry.epochs}/{'?' if entry.planned is None else entry.planned}",
                figure_text(entry.validation, entry.validation_figure),
                figure_text(entry.test, entry.test_figure),
                "–" if entry.seconds is None else duration(entry.seconds),
                *([apart] if differing and not columns else []),
            )
        )
    heads = (*_HEADS[:4], *columns, *_HEADS[4:])
    if differing and not columns:
        return grid((*heads, "  differs in"), rows, left=4, last=True)
    return grid(heads, rows, left=4)


def _near(data: str | None) -> str:
    """A path that lies below this folder as seen from here."""
    path = Path(data or "?")
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _usual(name: str, configs: Sequence[Mapping[str, Any]]) -> str:
    """The value that most runs have."""
    return Counter(_plain(config.get(name)) for config in configs).most_common(1)[0][0]


def _differing(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The settings that not all runs share."""
    names = {name: None for config in configs for name in config}
    apart = _NO_DIFFERENCE | _SHOWN_APART | {"epochs"}
    return [
        name
        for name in names
        if name not in apart and len({_plain(config.get(name)) for config in configs}) > 1
    ]


def _plain(value: object) -> str:
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def figure_text(value: float | None, figure: str | None) -> str:
    """Write an accuracy as a percentage, R² by its name, and another figure as a number.

    >>> figure_text(0.9725, "accuracy"), figure_text(0.25, "loss"), figure_text(None, None)
    ('97.25 %', '0.2500', '–')
    """
    if value is None:
        return "–"
    if figure == "r_squared":
        return f"R² {decimal(value)}"
    return f"{value * 100:.2f} %" if figure == "accuracy" else decimal(value)
