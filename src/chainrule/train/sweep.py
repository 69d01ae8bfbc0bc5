"""Train for every combination of settings and seeds, and compare what comes out."""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from chainrule.errors import ArgumentError, NonFiniteError
from chainrule.train.durable import PathLike, make_folder, read_bytes, write_bytes
from chainrule.train.encoding import plain, seal, unseal
from chainrule.train.fit import Fitted
from chainrule.train.monitor import Monitor
from chainrule.wording import plural

__all__ = ["Sweep", "Trial", "sweep"]

_RESULT = "result.json"
_LIMIT = 1 << 20
_UNSAFE = re.compile(r"[^\w.,=+-]+")


@final
@dataclass(frozen=True, eq=False)
class Trial:
    """One combination of settings, and the figures of each seed: none of one that diverged."""

    settings: Mapping[str, Any]
    figures: tuple[Mapping[str, float], ...]

    def mean(self, name: str) -> float:
        """The mean of a figure over the seeds; NaN if one of them diverged."""
        return float(np.mean(self._all(name)))

    def std(self, name: str) -> float:
        """The standard deviation of a figure over the seeds; 0 for a single one."""
        values = self._all(name)
        return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0

    def _all(self, name: str) -> list[float]:
        finished = [figures for figures in self.figures if figures]
        if not all(name in figures for figures in finished):
            known = ", ".join(finished[0])
            raise ArgumentError(f"Sweep: there is no figure {name!r}\n\n    there are  {known}")
        return [float(figures.get(name, "nan")) for figures in self.figures]


@final
@dataclass(frozen=True, eq=False)
class Sweep:
    """The trials of a sweep, in the order in which they were made; ``print`` shows the table.

    seeds        the seeds of each trial
    interrupted  whether Ctrl-C ended it: trials without all seeds are left out
    """

    trials: tuple[Trial, ...]
    seeds: tuple[int, ...]
    interrupted: bool = False

    def best(self, name: str, largest: bool | None = None) -> Trial:
        """The trial with the best mean of a figure; what is better follows from its name.

        Raises:  ArgumentError: there is no such figure, or it is finite in no trial.
        """
        monitor, found, best = Monitor(name, largest), None, None
        for trial in self.trials:
            if monitor.is_better(trial.mean(name), best):
                found, best = trial, trial.mean(name)
        if found is None:
            raise ArgumentError(f"Sweep.best: {name} is finite in none of the trials")
        return found

    def table(self, *names: str) -> str:
        """Write a row for each trial: its settings, and the mean ± std of figures."""
        if not self.trials:
            return "no trial"
        finished = (figures for trial in self.trials for figures in trial.figures if figures)
        chosen = names or tuple(next(finished, ()))
        head = [*self.trials[0].settings, *(name.replace("_", " ") for name in chosen)]
        rows = [
            [*map(_text, t.settings.values()), *(_figure(t, name) for name in chosen)]
            for t in self.trials
        ]
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (head, *rows)
        ]
        count = len(self.seeds)
        lines[0] += f"   mean ± std of {count} seeds" if count > 1 else ""
        return "\n".join(lines)

    __str__ = table

    def __repr__(self) -> str:
        return f"Sweep({plural(len(self.trials), 'trial')}, {plural(len(self.seeds), 'seed')})"


def sweep(
    run: Callable[..., Any],
    settings: Mapping[str, Sequence[Any]],
    seeds: Sequence[int] = (0,),
    folder: PathLike | None = None,
) -> Sweep:
    """Call a function for each combination of settings and each seed, and collect the figures.

    run       takes the settings and ``seed`` by name, and with a folder also ``folder``, to be
              handed to ``fit``; it gives what ``fit`` gives, or figures by name
    settings  the values to try of each setting, such as {"learning_rate": [0.1, 0.01]}
    folder    where each run has a folder of its own. What is finished is not done again, and what
              was stopped inside is gone on with

    Ctrl-C lets the step finish and ends the sweep; what has been finished is in the result. A run
    that diverges (NonFiniteError) has no figures, and the sweep goes on.

    Raises:  ArgumentError: no values, no seeds, or something else than figures comes out.

    >>> def run(power, seed):
    ...     return {"error": 1 / power + 0.1 * seed}
    >>> found = sweep(run, {"power": [1, 2]}, seeds=(0, 1))
    >>> print(found)
    power  error   mean ± std of 2 seeds
    1      1.05 ± 0.0707
    2      0.55 ± 0.0707
    >>> found.best("error").settings
    {'power': 2}
    """
    _check(settings, seeds)
    trials: list[Trial] = []
    for values in itertools.product(*settings.values()):
        chosen = dict(zip(settings, values, strict=True))
        figures: list[Mapping[str, float]] = []
        for seed in seeds:
            found = _one(run, chosen, seed, None if folder is None else Path(folder))
            if found is None:
                return Sweep(tuple(trials), tuple(seeds), interrupted=True)
            figures.append(found)
        trials.append(Trial(chosen, tuple(figures)))
    return Sweep(tuple(trials), tuple(seeds))


def _one(
    run: Callable[..., Any], chosen: Mapping[str, Any], seed: int, folder: Path | None
) -> dict[str, float] | None:
    """The figures of a run: read if it is finished, else made; None if it was interrupted."""
    if folder is None:
        return _tried(run, chosen, seed=seed)
    own = folder / _name({**chosen, "seed": seed})
    if (own / _RESULT).exists():
        there = unseal(read_bytes(own / _RESULT, limit=_LIMIT), str(own / _RESULT))
        return {name: float("nan") if f is None else f for name, f in there["figures"].items()}
    make_folder(own)
    figures = _tried(run, chosen, seed=seed, folder=own / "run")
    if figures is not None:
        entry = {"settings": {n: _text(v) for n, v in chosen.items()}, "seed": seed}
        stored = plain(figures, "figures", null_for_nonfinite=True)
        write_bytes(own / _RESULT, seal({**entry, "figures": stored}))
    return figures


def _tried(
    run: Callable[..., Any], chosen: Mapping[str, Any], **given: Any
) -> dict[str, float] | None:
    try:
        return _figures(run(**chosen, **given))
    except NonFiniteError:  # such a setting is an answer too
        return {}


def _figures(result: Any) -> dict[str, float] | None:
    if isinstance(result, Fitted):
        if result.interrupted:
            return None
        result = result.history[-1] if result.history else {}
        clock = ("epoch", "step", "seconds", "samples_per_second", "learning_rate")
        result = {name: figure for name, figure in result.items() if name not in clock}
    if isinstance(result, Mapping):
        numbers = (int, float, np.integer, np.floating)
        figures = {n: float(f) for n, f in result.items() if isinstance(f, numbers)}
        if figures:
            return figures
    raise ArgumentError(
        f"sweep: the function gave a {type(result).__name__} without figures\n\n"
        "  It gives what fit gives, or a dictionary of numbers by name."
    )


def _check(settings: Mapping[str, Sequence[Any]], seeds: Sequence[int]) -> None:
    for name, values in settings.items():
        if isinstance(values, str) or not len(values):
            raise ArgumentError(
                f"sweep: {name} is {values!r}; it must be a list of the values to try"
            )
        if name in ("seed", "folder"):
            raise ArgumentError(f"sweep: {name} is handed to the function anyway; leave it out")
        if len({_text(value) for value in values}) < len(values):
            raise ArgumentError(f"sweep: {name} has a value twice: {list(values)!r}")
    if not seeds or len(set(seeds)) < len(seeds):
        raise ArgumentError(f"sweep: seeds is {tuple(seeds)!r}; it must be different numbers")


def _name(chosen: Mapping[str, Any]) -> str:
    return _UNSAFE.sub("_", ",".join(f"{name}={_text(v)}" for name, v in chosen.items()))


def _text(value: Any) -> str:
    name = getattr(value, "__name__", None)
    return name if isinstance(name, str) else str(value)


def _figure(trial: Trial, name: str) -> str:
    mean = f"{trial.mean(name):.4g}"
    return mean if len(trial.figures) < 2 else f"{mean} ± {trial.std(name):.3g}"
