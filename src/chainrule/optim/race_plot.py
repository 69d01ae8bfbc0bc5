"""The figure of a race, drawn with matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from chainrule.optim.vector import Vector

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__: list[str] = []

# The colors of Okabe and Ito, which the color-blind can tell apart.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_LINES = ("-", "--", ":", "-.")
_GRID = 60  # points along each axis below the contours
_LEVELS = 18
_MARGIN = 0.15
_TWO = 2


class Drawable(Protocol):
    """What the figure needs of a runner."""

    @property
    def name(self) -> str: ...
    @property
    def values(self) -> Vector: ...
    @property
    def seconds(self) -> Vector: ...
    @property
    def path(self) -> npt.NDArray[np.float64]: ...
    @property
    def path_values(self) -> Vector: ...
    @property
    def path_counts(self) -> npt.NDArray[np.intp]: ...


def drawn(runners: Sequence[Drawable], at: Callable[[Vector], float], start: Vector) -> Figure:
    """Draw the curves, and over contours the paths of two parameters.

    Raises:  ImportError: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            'race.plot needs matplotlib: pip install "chainrule[plot]" installs it'
        ) from error
    panels = 3 if len(start) == _TWO else 2
    figure = Figure(figsize=(5 * panels, 4.4), layout="constrained")
    axes = figure.subplots(1, panels)
    for place, runner in enumerate(runners):
        style: dict[str, Any] = {
            "color": _COLORS[place % len(_COLORS)],
            "linestyle": _LINES[place // len(_COLORS) % len(_LINES)],
            "linewidth": 1.6,
        }
        if len(runner.path_counts):
            counts, values = runner.path_counts, runner.path_values
            axes[0].plot(counts, values, label=runner.name, drawstyle="steps-post", **style)
            axes[1].plot(runner.seconds[counts - 1], values, drawstyle="steps-post", **style)
        if panels > _TWO:
            axes[2].plot(*runner.path.T, marker=".", markersize=4, **style)
    _label(axes, runners)
    if panels > _TWO:
        _contours(axes[2], runners, at, start)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _label(axes: Any, runners: Sequence[Drawable]) -> None:
    """Titles and scales: logarithmic where the values allow it."""
    values = np.concatenate([runner.path_values for runner in runners])
    finite = values[np.isfinite(values)]
    for place, name in enumerate(("evaluations", "seconds")):
        axes[place].set_xlabel(name)
        axes[place].set_ylabel("function")
        axes[place].grid(alpha=0.25)
        if finite.size and (finite >= 0).all() and (finite > 0).any():
            axes[place].set_yscale("log", nonpositive="clip")
            # One that ran away must not press the others flat.
            firsts = [runner.path_values[0] for runner in runners if len(runner.path_values)]
            top = min(10 * max(firsts), 2 * float(finite.max()))
            axes[place].set_ylim(float(finite[finite > 0].min()) / 10, top)
    counts = [int(runner.path_counts[-1]) for runner in runners if len(runner.path_counts)]
    if counts and max(counts) > 20 * min(counts):
        axes[0].set_xscale("log")


def _contours(
    axis: Any, runners: Sequence[Drawable], at: Callable[[Vector], float], start: Vector
) -> None:
    """The lines of equal value around the paths, as far as they do not climb above the start."""
    level = at(start)
    points = [runner.path[runner.path_values <= level] for runner in runners]
    low, high = (choose(np.vstack([start, *points]), axis=0) for choose in (np.min, np.max))
    room = np.maximum(_MARGIN * (high - low), 0.05 * max(float((high - low).max()), 1e-6))
    low, high = low - room, high + room
    across, up = (np.linspace(low[k], high[k], _GRID) for k in range(_TWO))
    heights = np.array([[at(np.array([x, y])) for x in across] for y in up])
    known = heights[np.isfinite(heights)]
    shares = np.linspace(0, 1, _LEVELS + 2)[1:-1] ** 2  # more lines where the function is low
    levels = np.unique(np.quantile(known, shares)) if known.size else known
    if len(levels):
        axis.contour(across, up, heights, levels=levels, colors="0.65", linewidths=0.7, zorder=0)
    axis.plot(*start, marker="o", color="0.3", markersize=7, fillstyle="none")
    axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), title="paths from the start ○")
    axis.set_xlabel("first parameter")
    axis.set_ylabel("second parameter")
