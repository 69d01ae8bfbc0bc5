"""Whether a model knows how sure it may be: confidence against accuracy, in bins.

Source:  guo2017calibration, sec. 2

>>> from chainrule.metrics import calibration
>>> "12.50%" in draw(calibration([False, True, True], [0.2, 0.9125, 0.9125], bins=2)).text
True
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from chainrule.metrics import Calibration
from chainrule.view import figures
from chainrule.view.markup import Markup, element
from chainrule.view.plot import Frame
from chainrule.view.scale import linear
from chainrule.view.tables import folded, table
from chainrule.wording import plural

WIDTH, LEFT, RIGHT = 360.0, 66.0, 20.0
GAP = 0.12  # between two bars, as a share of a bin


def draw(bins: Calibration) -> Markup:
    """Draw the reliability diagram above the numbers of examples, and say what it shows."""
    if not bins.count.sum():
        return element("p", "No example has a confidence.", class_="empty")
    return element("div", _diagram(bins), _words(bins), class_="beside")


def _words(bins: Calibration) -> Markup:
    error = bins.expected_error
    total = bins.count.sum()
    mean = float(np.nansum(bins.confidence * bins.count) / total)
    right = float(np.nansum(bins.accuracy * bins.count) / total)
    lean = "more" if mean > right else "less"
    facts = {
        "Expected calibration error": figures.percent(error),
        "Mean confidence": figures.percent(mean),
        "Accuracy": figures.percent(right),
    }
    cells = (element("div", element("dt", k), element("dd", v)) for k, v in facts.items())
    verdict = (
        "The model is as sure as it is right."
        if abs(mean - right) < 0.005
        else f"On the whole the model is {lean} sure of its answers than it is right."
    )
    return element(
        "div",
        element("dl", *cells, class_="facts stacked"),
        element(
            "p",
            f"{verdict} A bar is the accuracy among the examples with that confidence, which is "
            "the probability of the predicted class; on the diagonal, both are equal. The outlined "
            "part is the gap between them. Below: the number of examples in each bin.",
            class_="note",
        ),
        _numbers(bins),
    )


def _numbers(bins: Calibration) -> Markup:
    rows = [
        (
            _edges(bins, place),
            figures.count(int(bins.count[place])),
            figures.percent(float(bins.confidence[place])),
            figures.percent(float(bins.accuracy[place])),
        )
        for place in np.flatnonzero(bins.count).tolist()
    ]
    heads = ("Confidence", "Examples", "Mean confidence", "Accuracy")
    return folded(table(heads, rows, "Calibration by bin", numeric=(1, 2, 3)), "Calibration by bin")


def _edges(bins: Calibration, place: int) -> str:
    size = len(bins.count)
    return f"{100 * place / size:.3g} to {100 * (place + 1) / size:.3g}%"


def _diagram(bins: Calibration) -> Markup:
    share = linear([0.0, 1.0], percentages=True)
    upper = Frame(share, share, WIDTH, 310, LEFT, RIGHT, bottom=14)
    counts = linear([0.0, float(bins.count.max())], wanted=2)
    lower = Frame(share, counts, WIDTH, 416, LEFT, RIGHT, top=330, bottom=40)
    x0, y0, x1, y1 = upper.x(0), upper.y(0), upper.x(1), upper.y(1)
    named = "Reliability diagram: accuracy by confidence, and the number of examples in each bin"
    return element(
        "svg",
        element("title", named),
        *_without_labels_below(upper),
        *_bars(bins, upper, lower),
        element("path", d=f"M{x0:g} {y0:g}L{x1:g} {y1:g}", class_="diagonal"),
        *lower.grid("confidence", "examples"),
        viewBox=lower.view_box,
        role="img",
        class_="plot",
    )


def _without_labels_below(frame: Frame) -> Iterator[Markup]:
    bare = frame.across.bare()
    yield from replace(frame, across=bare).grid(down="accuracy")


def _bars(bins: Calibration, upper: Frame, lower: Frame) -> Iterator[Markup]:
    size = len(bins.count)
    width = (upper.x(1) - upper.x(0)) / size
    for place in np.flatnonzero(bins.count).tolist():
        left = upper.x(place / size) + GAP / 2 * width
        accuracy, confidence = float(bins.accuracy[place]), float(bins.confidence[place])
        count = int(bins.count[place])
        yield element(
            "g",
            element(
                "title",
                f"{_edges(bins, place)}: {plural(count, 'example')}, confidence "
                f"{figures.percent(confidence)}, accuracy {figures.percent(accuracy)}",
            ),
            _bar(upper, left, width, 0.0, accuracy, "column"),
            # Over the column there is room for a tint; on it, only the outline can be seen.
            _bar(upper, left, width, accuracy, confidence, f"gap {_lean(accuracy, confidence)}"),
            _bar(lower, left, width, 0.0, float(count), "column quiet"),
        )


def _lean(accuracy: float, confidence: float) -> str:
    return "too-sure" if confidence > accuracy else "too-shy"


def _bar(frame: Frame, left: float, width: float, low: float, high: float, style: str) -> Markup:
    top, bottom = sorted((frame.y(low), frame.y(high)))
    return element(
        "rect", x=left, y=top, width=(1 - GAP) * width, height=bottom - top, class_=style
    )
