"""How well each class is found: precision, recall and their harmonic mean.

>>> draw(np.array([[3.0, 1.0], [0.0, 4.0]]), ["a", "b"]).text.count("75.0%")
1
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chainrule.metrics import precision_recall_f1
from chainrule.view import figures
from chainrule.view.markup import Child, Markup, element
from chainrule.view.tables import bar, table

Array = NDArray[np.float64]
MOST_IN_ORDER = 30  # more classes are sorted, the hardest first
MOST_ROWS = 250


def draw(counts: Array, names: Sequence[str]) -> Markup:
    """List the classes, in their order if they are few, else the hardest first."""
    labels = list(names) or [str(index) for index in range(len(counts))]
    found = precision_recall_f1(counts)
    columns = (found.precision, found.recall, found.f1)
    many = len(labels) > MOST_IN_ORDER
    hardest = np.argsort(np.where(found.support > 0, found.f1, 2.0), kind="stable").tolist()
    order = hardest if many else list(range(len(labels)))
    rows: list[list[Child]] = [
        [
            labels[place],
            figures.count(int(found.support[place])),
            *(_rate(values[place], found.support[place]) for values in columns),
            bar(float(found.f1[place])),
        ]
        for place in order[:MOST_ROWS]
    ]
    means = (f"{value:.1%}" for value in found.macro.values())
    cut = f", {MOST_ROWS} of {figures.count(len(labels))}" if len(labels) > MOST_ROWS else ""
    caption = f"Classes, the hardest first{cut}" if many else "Classes"
    listed = table(
        ("Class", "Examples", "Precision", "Recall", "F1", "0 to 100%"),
        rows,
        caption,
        numeric=(1, 2, 3, 4),
        footer=("mean", figures.count(int(found.support.sum())), *means, ""),
    )
    note = (
        "Precision: how many of the answers with this class are right. Recall: how many examples "
        "of the class are found. F1 is their harmonic mean."
    )
    style = "classes tall-list" if many else "classes"
    return element("div", listed, element("p", note, class_="note"), class_=style)


def _rate(value: float, examples: int) -> str:
    return f"{value:.1%}" if examples else figures.DASH
