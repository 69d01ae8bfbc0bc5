"""Which classes a model takes for which: the matrix, and its most frequent mistakes.

>>> row_shares(np.array([[3.0, 1.0], [0.0, 0.0]])).tolist()
[[0.75, 0.25], [0.0, 0.0]]
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import ArgumentError, ShapeError
from chainrule.view import figures, picture, png
from chainrule.view.markup import Markup, element
from chainrule.view.tables import scrolling, table
from chainrule.wording import plural

Array = NDArray[np.float64]
LARGEST_TABLE = 24  # more classes become a picture: nobody reads a thousand numbers
LARGEST_READING = 200
SHADES = 10
MISTAKES = 8


def check(confusion: NDArray[np.generic], names: Sequence[str]) -> Array:
    """Take a confusion matrix as float64, or say what is wrong with it.

    Raises:  ShapeError: it is not square, or does not fit the class names.
             ArgumentError: an entry is negative or not finite.
    """
    counts = np.asarray(confusion, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ShapeError(
            f"report: confusion has shape {counts.shape}\n\n"
            "  Rows are true classes and columns predicted ones, so it must be square."
        )
    if names and len(names) != len(counts):
        raise ShapeError(
            f"report: {plural(len(names), 'class name')} for "
            f"{plural(len(counts), 'class')}\n\n"
            f"  confusion has shape {counts.shape}; give one name for each row, or none."
        )
    wrong = np.argwhere(~np.isfinite(counts) | (counts < 0))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise ArgumentError(
            f"report: confusion[{row}, {column}] is {counts[row, column]:g}\n\n"
            "  Entries count examples, so they must be finite and not negative."
        )
    return counts


def row_shares(counts: Array) -> Array:
    """Divide each row by its sum; a class without examples keeps a row of zeros."""
    totals = counts.sum(axis=1, keepdims=True)
    return counts / np.where(totals > 0, totals, 1.0)


def draw(counts: Array, names: Sequence[str]) -> Markup:
    """Draw the matrix, as a table where its numbers can be read, and its worst mistakes."""
    total = int(counts.sum())
    if not total:
        return element("p", "The confusion matrix counts no example.", class_="empty")
    labels = list(names) or [str(index) for index in range(len(counts))]
    small = len(counts) <= LARGEST_TABLE
    right = figures.percent(float(np.trace(counts)) / total)
    note = (
        f"{plural(total, 'example')}, {right} on the diagonal. A row is a true class, a "
        "column a prediction. Shade is the share of the row, on a square-root scale so that rare "
        "mistakes show."
    )
    matrix = _table(counts, labels) if small else _image(counts)
    return element(
        "div",
        element(
            "div",
            matrix,
            element("p", note, class_="note"),
            element("p", class_="readout", aria_live="polite"),
            class_="matrix",
        ),
        _mistakes(counts, labels),
        class_="confusion",
    )


def readings(counts: Array, names: Sequence[str]) -> dict[str, object]:
    """Give the script the counts and names that it reads out."""
    if len(counts) > LARGEST_READING or not counts.sum():
        return {}
    return {
        "names": list(names) or [str(index) for index in range(len(counts))],
        "counts": counts.astype(np.int64).tolist(),
    }


def _table(counts: Array, labels: Sequence[str]) -> Markup:
    rows = [_row(counts[index], index, name) for index, name in enumerate(labels)]
    corner = element("td", class_="corner")
    heads = [
        element("th", element("span", figures.shorten(name, 20)), scope="col", title=name)
        for name in labels
    ]
    table = element(
        "table",
        element("caption", "True class by row, prediction by column"),
        element("thead", element("tr", corner, *heads)),
        element("tbody", *rows),
        id="confusion",
        class_=f"cells {'long' if max(map(len, labels)) > 3 else 'short'}",
    )
    return scrolling(table, "Confusion matrix")


def _row(counts: Array, index: int, name: str) -> Markup:
    cells = [
        element("td", figures.count(int(n)), class_=_shade(float(share), column == index))
        for column, (n, share) in enumerate(zip(counts, row_shares(counts[None])[0], strict=True))
    ]
    head = element("th", figures.shorten(name, 20), scope="row", title=name)
    return element("tr", head, *cells)


def _shade(share: float, is_right: bool) -> str:
    step = round(SHADES * math.sqrt(share))
    return f"{'hit' if is_right else 'miss'} s{step}" if step else "zero"


def _image(counts: Array) -> Markup:
    size = len(counts)
    drawing = element(
        "img",
        src=png.data_uri(picture.shares(row_shares(counts))),
        alt=f"Confusion matrix of {size} classes, darker where more of a row lies",
        width=size,
        height=size,
        id="confusion",
        class_="pixels",
    )
    return element("div", drawing, class_="frame")


def _mistakes(counts: Array, labels: Sequence[str]) -> Markup:
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:MISTAKES]
    places = [divmod(int(place), len(counts)) for place in order if wrong.flat[place] > 0]
    if not places:
        return element("p", "No example was taken for another class.", class_="empty")
    totals = counts.sum(axis=1)
    rows = [
        (
            labels[truth],
            labels[predicted],
            figures.count(int(counts[truth, predicted])),
            figures.percent(float(counts[truth, predicted] / totals[truth])),
        )
        for truth, predicted in places
    ]
    heads = ("True class", "Taken for", "Times", "Share of class")
    return table(heads, rows, caption="Most frequent mistakes", numeric=(2, 3))
