"""The report of a training run: one HTML file that works offline, forever.

Everything that can be seen is drawn here; the page's script only reads values out under the
pointer. What was not recorded gets a sentence instead of an empty box.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from chainrule.view import confusion, figures, page, tables, templates
from chainrule.view.chart import Panel, draw_all
from chainrule.view.markup import Markup, element, join
from chainrule.view.tables import LayerRow

PANELS = (
    Panel("Loss", (("training", "loss"), ("validation", "validation_loss")), "fitting", min),
    Panel(
        "Accuracy",
        (("training", "accuracy"), ("validation", "validation_accuracy")),
        "percentages",
        max,
    ),
    Panel("Learning rate", (("training", "learning_rate"),)),
    Panel("Samples per second", (("training", "samples_per_second"),)),
)
HEADLINES = ("test_accuracy", "validation_accuracy", "accuracy", "validation_loss", "loss")


@dataclass(frozen=True, eq=False)
class Report:
    """What is known of a run, as plain data; all but the title may be missing.

    The confusion matrix has a row for each true class and a column for each prediction. Templates
    are images: (H, W), or (H, W, 3) in color.

    Units:   timings in seconds; accuracies as fractions.
    """

    title: str
    config: Mapping[str, object] = field(default_factory=dict)
    metrics: Sequence[Mapping[str, object]] = ()
    class_names: Sequence[str] = ()
    confusion: NDArray[np.generic] | None = None
    templates: Sequence[tuple[str, NDArray[np.generic]]] = ()
    layers: Sequence[LayerRow] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    machine: Mapping[str, object] = field(default_factory=dict)
    final: Mapping[str, object] = field(default_factory=dict)
    citation: str = ""


def render(report: Report) -> str:
    """Write a report as one HTML file, which loads nothing and allows no script but its own.

    Raises:  ShapeError: the confusion matrix is not square, or a template is not an image.
             ArgumentError: the confusion matrix has a negative or non-finite entry.

    >>> text = render(Report("digits <linear>", metrics=[{"epoch": 1, "loss": 0.5}]))
    >>> text.count("digits &lt;linear&gt;"), "https:" in text
    (2, False)
    """
    matrix = None
    if report.confusion is not None:
        matrix = confusion.check(report.confusion, report.class_names)
    images = templates.check(report.templates)
    curves, curve_readings = draw_all(PANELS, report.metrics)
    sections = (
        _header(report),
        _section("Curves", _curves(report, curves)),
        _section("Confusion", _confusion(report, matrix)),
        _section("What each class has learned", _learned(images)),
        _section("Model", _model(report)),
        _section("Run", _run(report)),
        _citation(report),
    )
    data = {
        "curves": curve_readings,
        "confusion": {} if matrix is None else confusion.readings(matrix, report.class_names),
        "templates": templates.readings(images),
    }
    return page.fill(report.title, join(sections), data)


def _section(title: str, content: Markup) -> Markup:
    return element("section", element("h2", title), content)


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
            element("span", figures.title(name).lower()),
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


def _curves(report: Report, curves: Markup) -> Markup:
    if not report.metrics:
        return _sentence("No epoch was finished, so there is no curve.")
    if not curves.text:
        curves = _sentence("No loss, accuracy or learning rate was recorded.")
    validated = any("validation" in key for entry in report.metrics for key in entry)
    missing = "There was no validation part, so only training figures are drawn."
    return join(
        [
            element("div", curves, class_="charts"),
            *([] if validated else [_sentence(missing)]),
            tables.history(report.metrics),
        ]
    )


def _confusion(report: Report, matrix: NDArray[np.float64] | None) -> Markup:
    if matrix is None or not matrix.size:
        return _sentence("No confusion matrix was recorded: nothing was evaluated by class.")
    return confusion.draw(matrix, report.class_names)


def _learned(images: list[templates.Template]) -> Markup:
    if not images:
        return _sentence("This model has no weights that belong to one class and form an image.")
    return templates.draw(images)


def _model(report: Report) -> Markup:
    return tables.model(report.layers) if report.layers else _sentence("No layer was listed.")


def _run(report: Report) -> Markup:
    groups = {
        "Configuration": {k: figures.plain(v) for k, v in figures.flatten(report.config).items()},
        "Machine": {k: figures.plain(v) for k, v in figures.flatten(report.machine).items()},
        "Timings": {k: figures.duration(figures.to_float(v)) for k, v in report.timings.items()},
    }
    drawn = [
        tables.pairs(group, name) if group else _sentence(f"{name}: not recorded.")
        for name, group in groups.items()
    ]
    return element("div", drawn[0], element("div", *drawn[1:]), class_="columns")


def _citation(report: Report) -> Markup:
    if not report.citation:
        return element("footer", element("p", "Made by chainrule."))
    cited = element("p", "Cite: ", element("cite", report.citation))
    return element("footer", cited, element("p", "Made by chainrule."))
