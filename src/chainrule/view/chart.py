"""A curve over epochs as SVG that needs no script; the script only reads values out.

>>> curves = Curves("Loss", (1.0, 2.0), (Series("training", (2.0, float("nan"))),))
>>> readings(curves)["series"][0]["text"]
['2', 'not a number']
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from chainrule.view import figures
from chainrule.view.markup import Markup, element, join
from chainrule.view.plot import Frame
from chainrule.view.scale import Scale, fitting, is_drawable, linear, whole_numbers
from chainrule.wording import plural

MOST_MARKERS = 40
MOST_KEYS = 4  # a longer legend is laid out in columns
RAMP = 10  # colors from the first of many curves to the last
Point = tuple[float, float]
Axis = Literal["fitting", "percentages", "from zero"]


@dataclass(frozen=True)
class Series:
    """One curve: a value at each epoch, NaN where none was recorded.

    A curve that stands alone needs no name. The style is a class of the style sheet.
    """

    name: str
    values: tuple[float, ...]
    style: str = "training"

    @property
    def drawable(self) -> tuple[float, ...]:
        """The values that have a place on an axis.

        >>> Series("training", (1.0, float("nan"))).drawable
        (1.0,)
        """
        return tuple(value for value in self.values if is_drawable(value))


@dataclass(frozen=True)
class Curves:
    """What one chart shows. `best` chooses the value of the last curve that is worth a note.

    `step` is what is counted across: epochs, or the components of a spectrum.
    """

    title: str
    epochs: tuple[float, ...]
    series: tuple[Series, ...]
    axis: Axis = "from zero"
    best: Callable[[Sequence[float]], float] | None = None
    step: str = "epoch"

    def write(self, value: float) -> str:
        """Write one value in the chart's unit."""
        return figures.percent(value) if self.axis == "percentages" else figures.number(value)


def ramp(place: int, count: int) -> str:
    """Give the style of one of many curves that have an order, such as layers.

    >>> [ramp(place, 3) for place in range(3)]
    ['ramp0', 'ramp4', 'ramp9']
    """
    return f"ramp{(RAMP - 1) * place // max(1, count - 1)}"


def draw(curves: Curves, name: str) -> Markup:
    """Draw one chart as a figure; `name` is unique in the page."""
    frame = _frame(curves)
    if frame is None:
        note = f"{curves.title}: no value to draw. {_gaps(curves)}".strip()
        return element("p", note, class_="empty")
    scale_note = " · logarithmic" if frame.down.is_logarithmic else ""
    caption = element(
        "figcaption",
        element("h3", curves.title, element("small", scale_note)),
        _legend(curves),
    )
    notes = " ".join(filter(None, (_best(curves), _single(curves), _gaps(curves))))
    return element(
        "figure",
        caption,
        _drawing(curves, frame, name),
        *([element("p", notes, class_="note")] if notes else []),
        class_="chart",
        id=name,
    )


def readings(curves: Curves) -> dict[str, object]:
    """Give the script what it reads out: places in the drawing, and texts."""
    frame = _frame(curves)
    if frame is None:
        return {}
    return {
        "x": [round(frame.x(epoch), 2) for epoch in curves.epochs],
        "epochs": [f"{curves.step} {epoch:,.6g}" for epoch in curves.epochs],
        "series": [
            {
                "name": series.name,
                "y": [round(frame.y(v), 2) if is_drawable(v) else None for v in series.values],
                "text": [curves.write(value) for value in series.values],
            }
            for series in curves.series
        ],
    }


def draw_all(charts: Sequence[Curves], prefix: str) -> tuple[Markup, dict[str, object]]:
    """Draw every chart; also give the script's readings by name."""
    named = {f"{prefix}-{i}": curves for i, curves in enumerate(charts)}
    drawings = join(draw(curves, name) for name, curves in named.items())
    return drawings, {name: found for name, c in named.items() if (found := readings(c))}


def _frame(curves: Curves) -> Frame | None:
    values = [value for series in curves.series for value in series.drawable]
    return Frame(whole_numbers(curves.epochs), _vertical(curves.axis, values)) if values else None


def _vertical(axis: Axis, values: Sequence[float]) -> Scale:
    match axis:
        case "fitting":
            return fitting(values)
        case "percentages":
            return linear(values, percentages=True)
        case "from zero":
            return linear([0.0, *values])


def _legend(curves: Curves) -> Markup:
    keys = (
        element(
            "li",
            element("svg", _swatch(), viewBox="0 0 22 8", width=22, height=8, aria_hidden="true"),
            element("span", series.name, class_="name", title=series.name) if series.name else "",
            element("b", curves.write(series.values[-1])),
            class_=f"key {series.style}",
        )
        for series in curves.series
    )
    when = element("li", f"{curves.step} {curves.epochs[-1]:,.6g}", class_="when")
    many = " many-keys" if len(curves.series) > MOST_KEYS else ""
    return element("ul", when, *keys, class_=f"legend{many}")


def _swatch() -> Markup:
    return element("path", d="M1 4H21", class_="curve")


def _drawing(curves: Curves, frame: Frame, name: str) -> Markup:
    drawn = [_curve(series, curves.epochs, frame) for series in curves.series]
    return element(
        "svg",
        element("title", f"{curves.title} by {curves.step}", id=f"{name}-title"),
        element("desc", _summary(curves), id=f"{name}-desc"),
        *frame.grid(),
        *drawn,
        element(
            "path", d=f"M0 {frame.top:g}V{frame.floor:g}", class_="cursor", visibility="hidden"
        ),
        viewBox=frame.view_box,
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )


def _curve(series: Series, epochs: Sequence[float], frame: Frame) -> Markup:
    runs = [
        [(frame.x(epoch), frame.y(value)) for epoch, value in run]
        for run in _runs(series.values, epochs)
    ]
    lines = "".join("M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in run) for run in runs)
    # A value between two gaps has no line, so it always gets its marker.
    marked = [run for run in runs if len(run) == 1 or len(epochs) <= MOST_MARKERS]
    return element(
        "g",
        element("path", d=lines, class_="curve"),
        *_markers(marked),
        element("circle", r=4, class_="pointer", visibility="hidden"),
        class_=series.style,
    )


def _markers(runs: Sequence[Sequence[Point]]) -> Iterator[Markup]:
    for run in runs:
        yield from (element("circle", cx=x, cy=y, r=2.4, class_="marker") for x, y in run)


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
                f"{series.name or curves.title}: {curves.write(start)} at {curves.step} {first:g}, "
                f"{curves.write(end)} at {curves.step} {last:g}."
            )
    return " ".join(sentences)


def _best(curves: Curves) -> str:
    last = curves.series[-1]
    if curves.best is None or len(last.drawable) < 2:
        return ""
    value = curves.best(last.drawable)
    epoch = curves.epochs[last.values.index(value)]
    named = f"{last.name} value" if last.name else "value"
    return f"Best {named} {curves.write(value)}, {curves.step} {epoch:,.6g}."


def _single(curves: Curves) -> str:
    return "" if len(curves.epochs) > 1 else f"One {curves.step} makes a point, not a curve."


def _gaps(curves: Curves) -> str:
    sentences = []
    for series in curves.series:
        gaps = [e for e, v in zip(curves.epochs, series.values, strict=True) if not is_drawable(v)]
        strange = sum(not math.isnan(v) and not is_drawable(v) for v in series.values)
        if gaps:
            first = f"the first at {curves.step} {gaps[0]:,.6g}"
            kind = "infinite or missing" if strange else "missing or not a number"
            number = plural(len(gaps), "value")
            name = series.name or curves.title
            sentences.append(f"{name[:1].upper()}{name[1:]}: {number} {kind}, {first}.")
    return " ".join(sentences)
