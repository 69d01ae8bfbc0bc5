"""A curve over epochs as SVG that needs no script; the script only reads values out.

>>> history = [{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": float("nan")}]
>>> read(Panel("Loss", (("training", "loss"),)), history).epochs
(1.0, 2.0)
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from chainrule.view import figures
from chainrule.view.markup import Markup, element, join
from chainrule.view.scale import Scale, fitting, is_drawable, linear, whole_numbers

WIDTH, HEIGHT = 400.0, 236.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 12.0, 10.0, 30.0
MOST_MARKERS = 40
Metrics = Mapping[str, object]
Point = tuple[float, float]
Axis = Literal["fitting", "percentages", "from zero"]


@dataclass(frozen=True)
class Panel:
    """What one chart shows: a title, and (series name, metric key) for each curve."""

    title: str
    metrics: tuple[tuple[str, str], ...]
    axis: Axis = "from zero"
    best: Callable[[Sequence[float]], float] | None = None


@dataclass(frozen=True)
class Series:
    """One curve: a value at each epoch, NaN where none was recorded."""

    name: str
    values: tuple[float, ...]

    @property
    def drawable(self) -> tuple[float, ...]:
        """The values that have a place on an axis.

        >>> Series("training", (1.0, float("nan"))).drawable
        (1.0,)
        """
        return tuple(value for value in self.values if is_drawable(value))


@dataclass(frozen=True)
class Curves:
    """A panel with its numbers."""

    panel: Panel
    epochs: tuple[float, ...]
    series: tuple[Series, ...]

    def write(self, value: float) -> str:
        """Write one value in the panel's unit."""
        return figures.percent(value) if self.panel.axis == "percentages" else figures.number(value)


def epochs_of(history: Sequence[Metrics]) -> tuple[float, ...]:
    """Read each entry's epoch; its place in the list stands in where one is missing.

    >>> epochs_of([{"epoch": 3}, {}])
    (3.0, 2.0)
    """
    numbers = [figures.to_float(entry.get("epoch")) for entry in history]
    return tuple(n if is_drawable(n) else float(i) for i, n in enumerate(numbers, start=1))


def read(panel: Panel, history: Sequence[Metrics]) -> Curves:
    """Take a panel's metrics from the history, leaving out those that nobody recorded."""
    recorded = [(name, key) for name, key in panel.metrics if any(key in e for e in history)]
    series = (
        Series(name, tuple(figures.to_float(entry.get(key)) for entry in history))
        for name, key in recorded
    )
    return Curves(panel, epochs_of(history), tuple(series))


def draw(curves: Curves, name: str) -> Markup:
    """Draw one panel as a figure; `name` is unique in the page."""
    values = [value for series in curves.series for value in series.drawable]
    if not values:
        note = f"{curves.panel.title}: no value to draw. {_gaps(curves)}".strip()
        return element("p", note, class_="empty")
    vertical = _vertical(curves.panel, values)
    heading = curves.panel.title
    scale_note = " · logarithmic" if vertical.is_logarithmic else ""
    caption = element(
        "figcaption",
        element("h3", heading, element("small", scale_note)),
        _legend(curves),
    )
    notes = " ".join(filter(None, (_best(curves), _single(curves), _gaps(curves))))
    return element(
        "figure",
        caption,
        _drawing(curves, vertical, name),
        *([element("p", notes, class_="note")] if notes else []),
        class_="chart",
        id=name,
    )


def readings(curves: Curves) -> dict[str, object]:
    """Give the script what it reads out: places in the drawing, and texts."""
    values = [value for series in curves.series for value in series.drawable]
    if not values:
        return {}
    vertical = _vertical(curves.panel, values)
    horizontal = whole_numbers(curves.epochs)
    return {
        "x": [round(_across(horizontal, epoch), 2) for epoch in curves.epochs],
        "epochs": [f"epoch {epoch:,.6g}" for epoch in curves.epochs],
        "series": [
            {
                "name": series.name,
                "y": [_place(vertical, value) for value in series.values],
                "text": [curves.write(value) for value in series.values],
            }
            for series in curves.series
        ],
    }


def _vertical(panel: Panel, values: Sequence[float]) -> Scale:
    match panel.axis:
        case "fitting":
            return fitting(values)
        case "percentages":
            return linear(values, percentages=True)
        case "from zero":
            return linear([0.0, *values])


def _place(vertical: Scale, value: float) -> float | None:
    return round(_down(vertical, value), 2) if is_drawable(value) else None


def _across(scale: Scale, value: float) -> float:
    return LEFT + scale.fraction(value) * (WIDTH - LEFT - RIGHT)


def _down(scale: Scale, value: float) -> float:
    return HEIGHT - BOTTOM - scale.fraction(value) * (HEIGHT - TOP - BOTTOM)


def _legend(curves: Curves) -> Markup:
    keys = (
        element(
            "li",
            element("svg", _swatch(), viewBox="0 0 22 8", width=22, height=8, aria_hidden="true"),
            f" {series.name} ",
            element("b", curves.write(series.values[-1])),
            class_=f"key {series.name}",
        )
        for series in curves.series
    )
    when = element("li", f"epoch {curves.epochs[-1]:,.6g}", class_="when")
    return element("ul", when, *keys, class_="legend")


def _swatch() -> Markup:
    return element("path", d="M1 4H21", class_="curve")


def _drawing(curves: Curves, vertical: Scale, name: str) -> Markup:
    horizontal = whole_numbers(curves.epochs)
    drawn = [_curve(series, curves.epochs, horizontal, vertical) for series in curves.series]
    return element(
        "svg",
        element("title", f"{curves.panel.title} by epoch", id=f"{name}-title"),
        element("desc", _summary(curves), id=f"{name}-desc"),
        *_grid(horizontal, vertical),
        *drawn,
        element("path", d=f"M0 {TOP:g}V{HEIGHT - BOTTOM:g}", class_="cursor", visibility="hidden"),
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )


def _grid(horizontal: Scale, vertical: Scale) -> Iterator[Markup]:
    floor = HEIGHT - BOTTOM
    for tick, label in zip(vertical.ticks, vertical.labels, strict=True):
        y = _down(vertical, tick)
        yield element("path", d=f"M{LEFT:g} {y:.2f}H{WIDTH - RIGHT:g}", class_="grid")
        yield element("text", label, x=LEFT - 6, y=y, dy="0.35em", class_="tick left")
    yield element("path", d=f"M{LEFT:g} {floor:g}H{WIDTH - RIGHT:g}", class_="axis")
    for tick, label in zip(horizontal.ticks, horizontal.labels, strict=True):
        x = _across(horizontal, tick)
        yield element("path", d=f"M{x:.2f} {floor:g}v4", class_="axis")
        yield element("text", label, x=x, y=floor + 7, dy="0.8em", class_="tick below")


def _curve(series: Series, epochs: Sequence[float], across: Scale, down: Scale) -> Markup:
    runs = [
        [(_across(across, epoch), _down(down, value)) for epoch, value in run]
        for run in _runs(series.values, epochs)
    ]
    lines = "".join("M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in run) for run in runs)
    # A value between two gaps has no line, so it always gets its marker.
    marked = [run for run in runs if len(run) == 1 or len(epochs) <= MOST_MARKERS]
    return element(
        "g",
        element("path", d=lines, class_="curve"),
        *(element("circle", cx=x, cy=y, r=2.4, class_="marker") for run in marked for x, y in run),
        element("circle", r=4, class_="pointer", visibility="hidden"),
        class_=series.name,
    )


def _runs(values: Sequence[float], epochs: Sequence[float]) -> list[list[Point]]:
    """Split a curve where values are missing, so that no line is drawn across a gap."""
    runs: list[list[Point]] = [[]]
    for epoch, value in zip(epochs, values, strict=True):
        if is_drawable(value):
            runs[-1].append((epoch, value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _summary(curves: Curves) -> str:
    sentences = []
    for series in curves.series:
        finite = [
            (e, v) for e, v in zip(curves.epochs, series.values, strict=True) if is_drawable(v)
        ]
        if finite:
            (first, start), (last, end) = finite[0], finite[-1]
            sentences.append(
                f"{series.name}: {curves.write(start)} at epoch {first:g}, "
                f"{curves.write(end)} at epoch {last:g}."
            )
    return " ".join(sentences)


def _best(curves: Curves) -> str:
    choose, last = curves.panel.best, curves.series[-1]
    if choose is None or len(last.drawable) < 2:
        return ""
    value = choose(last.drawable)
    epoch = curves.epochs[last.values.index(value)]
    return f"Best {last.name} value {curves.write(value)}, epoch {epoch:,.6g}."


def _single(curves: Curves) -> str:
    return "" if len(curves.epochs) > 1 else "One epoch makes a point, not a curve."


def _gaps(curves: Curves) -> str:
    sentences = []
    for series in curves.series:
        gaps = [e for e, v in zip(curves.epochs, series.values, strict=True) if not is_drawable(v)]
        strange = sum(not math.isnan(v) and not is_drawable(v) for v in series.values)
        if gaps:
            first = f"the first at epoch {gaps[0]:,.6g}"
            kind = "infinite or missing" if strange else "missing or not a number"
            number = figures.plural(len(gaps), "value")
            sentences.append(f"{series.name.capitalize()}: {number} {kind}, {first}.")
    return " ".join(sentences)


def draw_all(
    panels: Sequence[Panel], history: Sequence[Metrics]
) -> tuple[Markup, dict[str, object]]:
    """Draw every panel that has a recorded metric; also give the script's readings by name."""
    read_panels = [read(panel, history) for panel in panels]
    named = {f"curve-{i}": curves for i, curves in enumerate(read_panels) if curves.series}
    drawings = join(draw(curves, name) for name, curves in named.items())
    return drawings, {name: found for name, c in named.items() if (found := readings(c))}
