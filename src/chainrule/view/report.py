"""The report of a training run: one HTML file that works offline, forever.

Everything that can be seen is drawn here; the page's script only reads values out under the
pointer. A part that the run does not have is left out; one that a reader would look for in vain
gets a sentence.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.metrics import Calibration
from chainrule.view import (
    classes,
    confusion,
    figures,
    formulas,
    mistakes,
    page,
    reliability,
    scatter,
    tables,
    templates,
)
from chainrule.view.chart import draw_all
from chainrule.view.formulas import Formula
from chainrule.view.history import VALIDATION, figure_charts, norm_charts
from chainrule.view.markup import Markup, element, join
from chainrule.view.mistakes import Mistake
from chainrule.view.tables import LayerRow

Array = NDArray[np.generic]
HEADLINES = (
    "test_perplexity",
    "test_accuracy",
    "test_r_squared",
    "test_loss",
    "validation_accuracy",
    "accuracy",
    "validation_loss",
    "loss",
)


@dataclass(frozen=True, eq=False)
class Report:
    """What is known of a run, as plain data; all but the title may be missing.

    metrics      a record an epoch; `weight_norms` and `gradient_norms` are {parameter path: norm}
    confusion    a row for each true class, a column for each predicted one
    regression   (targets, predictions), of one shape
    mistakes     the surest first
    templates    (class, weights) as images: (H, W), or (H, W, 3) in color
    filters      (unit, weights) of the first layer, likewise
    layers       (path, kind, shapes, number of parameters)

    Units:   timings in seconds; accuracies, confidences and probabilities as fractions.
    """

    title: str
    config: Mapping[str, object] = field(default_factory=dict)
    metrics: Sequence[Mapping[str, object]] = ()
    class_names: Sequence[str] = ()
    confusion: Array | None = None
    calibration: Calibration | None = None
    regression: tuple[Array, Array] | None = None
    mistakes: Sequence[Mistake] = ()
    templates: Sequence[tuple[str, Array]] = ()
    filters: Sequence[tuple[str, Array]] = ()
    layers: Sequence[LayerRow] = ()
    formulas: Sequence[Formula] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    machine: Mapping[str, object] = field(default_factory=dict)
    final: Mapping[str, object] = field(default_factory=dict)
    citation: str = ""


class Section(NamedTuple):
    """A part of the page, and what the script reads out there."""

    title: str
    content: Markup
    readings: Mapping[str, object] = {}


def render(report: Report) -> str:
    """Write a report as one HTML file, which loads nothing and allows no script but its own.

    Raises:  ShapeError: the confusion matrix is not square, a template or a mistake is no image,
             or there is not one prediction for each target.
             ArgumentError: the confusion matrix has a negative or non-finite entry.
             DTypeError: the image of a mistake is not of dtype uint8.

    >>> text = render(Report("digits <linear>", metrics=[{"epoch": 1, "loss": 0.5}]))
    >>> text.count("digits &lt;linear&gt;"), "https:" in text
    (2, False)
    """
    sections = list(_sections(report))
    drawn = [
        element("section", element("h2", section.title), section.content, id=f"part-{place}")
        for place, section in enumerate(sections)
    ]
    body = join([_header(report), _contents(sections), *drawn, _footer(report)])
    data: dict[str, object] = {"curves": {}, "confusion": {}, "pictures": []}
    for section in sections:
        for name, found in section.readings.items():
            data[name] = _merged(data[name], found)
    return page.fill(report.title, body, data)


def _merged(old: object, new: object) -> object:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **new}
    assert isinstance(old, list)
    assert isinstance(new, list)
    return old + new


def _sections(report: Report) -> Iterator[Section]:
    yield _curves(report)
    yield from _by_class(report)
    if report.regression is not None:
        yield Section("Predictions", scatter.draw(*scatter.check(report.regression)))
    if report.calibration is not None:
        yield Section("Calibration", reliability.draw(report.calibration))
    if report.mistakes:
        yield Section("Surest mistakes", mistakes.draw(mistakes.check(report.mistakes)))
    yield from _pictures(report)
    yield from _norms(report)
    content = tables.model(report.layers) if report.layers else _sentence("No layer was listed.")
    yield Section("Model", content)
    if report.formulas:
        yield Section("Formulas", formulas.draw(report.formulas))
    yield Section("Run", _run(report))


def _sentence(text: str) -> Markup:
    return element("p", text, class_="empty")


def _header(report: Report) -> Markup:
    last = report.metrics[-1] if report.metrics else {}
    known = {**last, **report.final}
    name = next((key for key in HEADLINES if known.get(key) is not None), None)
    if name is None:
        headline = _sentence("No loss or accuracy was recorded.")
    else:
        headline = element(
            "p",
            element("strong", figures.by_name(name, known[name])),
            element("span", figures.title(name)[:1].lower() + figures.title(name)[1:]),
            class_="headline",
        )
    return element("header", element("h1", report.title), headline, _facts(report, name))


def _facts(report: Report, headline: str | None) -> Markup:
    facts = {
        figures.title(key): figures.by_name(key, value)
        for key, value in report.final.items()
        if key != headline
    }
    if report.metrics:
        facts["Epochs"] = figures.count(len(report.metrics))
    if report.layers:
        facts["Parameters"] = figures.count(sum(row[3] for row in report.layers))
    if "total" in report.timings:
        facts["Time"] = figures.duration(figures.to_float(report.timings["total"]))
    cells = (
        element("div", element("dt", name), element("dd", value)) for name, value in facts.items()
    )
    return element("dl", *cells, class_="facts")


def _contents(sections: Sequence[Section]) -> Markup:
    links = (
        element("li", element("a", section.title, href=f"#part-{place}"))
        for place, section in enumerate(sections)
    )
    return element("nav", element("ul", *links), aria_label="Parts of the report")


def _curves(report: Report) -> Section:
    if not report.metrics:
        return Section("Curves", _sentence("No epoch was finished, so there is no curve."))
    curves, readings = draw_all(figure_charts(report.metrics), "curve")
    if not curves.text:
        curves = _sentence("No loss, accuracy or learning rate was recorded.")
    validated = any(key.startswith(VALIDATION) for entry in report.metrics for key in entry)
    missing = "There was no validation part, so only training figures are drawn."
    content = join(
        [
            element("div", curves, class_="charts"),
            *([] if validated else [_sentence(missing)]),
            tables.history(report.metrics),
        ]
    )
    return Section("Curves", content, {"curves": readings})


def _by_class(report: Report) -> Iterator[Section]:
    if report.confusion is None or not np.size(report.confusion):
        if report.class_names:
            text = "No confusion matrix was recorded: nothing was evaluated by class."
            yield Section("Confusion", _sentence(text))
        return
    matrix = confusion.check(report.confusion, report.class_names)
    drawn = confusion.draw(matrix, report.class_names)
    readings = confusion.readings(matrix, report.class_names)
    yield Section("Confusion", drawn, {"confusion": readings})
    if matrix.sum():
        yield Section("Classes", classes.draw(matrix, report.class_names))


def _pictures(report: Report) -> Iterator[Section]:
    found = templates.check(report.templates)
    units = templates.check(report.filters)
    if found:
        note = "A bright pixel where the weight is positive raises the score of the class."
        readings = {"pictures": templates.readings(found)}
        yield Section("What each class has learned", templates.draw(found, note), readings)
    if units:
        note = "A bright pixel where the weight is positive raises the output of the unit."
        offset = len(found)
        readings = {"pictures": templates.readings(units)}
        yield Section("First layer", templates.draw(units, note, offset), readings)


def _norms(report: Report) -> Iterator[Section]:
    charts = norm_charts(report.metrics)
    if not charts:
        return
    drawn, readings = draw_all(charts, "norm")
    note = (
        "Euclidean norms at the end of each epoch, of all weights of a layer and of all elements "
        "of its gradient. From the first layer, violet, to the last, yellow."
    )
    content = join([element("div", drawn, class_="charts"), element("p", note, class_="note")])
    yield Section("Norms by layer", content, {"curves": readings})


def _run(report: Report) -> Markup:
    groups = {
        "Configuration": _settings(report.config),
        "Machine": {k: figures.plain(v) for k, v in figures.flatten(report.machine).items()},
        "Timings": {k: figures.duration(figures.to_float(v)) for k, v in report.timings.items()},
    }
    drawn = [
        tables.pairs(group, name) if group else _sentence(f"{name}: not recorded.")
        for name, group in groups.items()
    ]
    return element("div", drawn[0], element("div", *drawn[1:]), class_="columns")


def _settings(config: Mapping[str, object]) -> dict[str, str]:
    """All settings in words; those without a value at the end, in one row."""
    flat = figures.flatten(config)
    unset = [name.replace("_", " ") for name, value in flat.items() if value is None]
    chosen = {name: figures.plain(value) for name, value in flat.items() if value is not None}
    return {**chosen, "not set": ", ".join(unset)} if unset else chosen


def _footer(report: Report) -> Markup:
    if not report.citation:
        return element("footer", element("p", "Made by chainrule."))
    cited = element("p", "Cite: ", element("cite", report.citation))
    return element("footer", cited, element("p", "Made by chainrule."))
