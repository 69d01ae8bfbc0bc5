"""How near a model's quantities come to the true ones: predictions against truth, and the rest.

>>> "900.0" in draw(*check(([1.0, 2.0], [1.0, 2.0]))).text
False
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chainrule import metrics
from chainrule.errors import ShapeError
from chainrule.view import figures, picture, png
from chainrule.view.figures import number
from chainrule.view.markup import Markup, element
from chainrule.view.plot import Frame
from chainrule.view.scale import LARGEST, linear
from chainrule.wording import plural

Array = NDArray[np.float64]
MOST_POINTS = 2500  # more become a picture of how many lie where
CELLS = 96
BARS = 30


def check(pairs: Sequence[NDArray[np.generic]]) -> tuple[Array, Array]:
    """Take (targets, predictions) of any one shape, leaving out pairs that have no place.

    Raises:  ShapeError: they do not have one shape.
    """
    targets, predictions = (np.asarray(part, np.float64) for part in pairs)
    if targets.shape != predictions.shape:
        raise ShapeError(
            f"report: targets have shape {targets.shape} and predictions {predictions.shape}\n\n"
            "  There must be one prediction for each target."
        )
    kept = (np.abs(targets) <= LARGEST) & (np.abs(predictions) <= LARGEST)
    return targets[kept], predictions[kept]


def draw(targets: Array, predictions: Array) -> Markup:
    """Draw predictions against targets, and how the errors are spread."""
    if not targets.size:
        return element("p", "No prediction is finite.", class_="empty")
    errors = predictions - targets
    facts = {
        "R²": metrics.r_squared(targets, predictions),
        "Root mean squared error": metrics.root_mean_squared_error(targets, predictions),
        "Mean absolute error": metrics.mean_absolute_error(targets, predictions),
        "Mean error": float(np.mean(errors)),
    }
    cells = (element("div", element("dt", k), element("dd", number(v))) for k, v in facts.items())
    note = (
        f"{plural(targets.size, 'value')}. On the diagonal a prediction is right; above it "
        "is too high, below too low. The bars count errors by size."
    )
    return element(
        "div",
        _plot(targets, predictions),
        element(
            "div",
            element("dl", *cells, class_="facts"),
            _histogram(errors),
            element("p", note, class_="note"),
        ),
        class_="beside",
    )


def _plot(targets: Array, predictions: Array) -> Markup:
    both = linear([float(f(part)) for f in (np.min, np.max) for part in (targets, predictions)])
    frame = Frame(both, both, width=400, height=400, left=70, right=20, bottom=40)
    inside = _density if targets.size > MOST_POINTS else _points
    ends = [(frame.x(value), frame.y(value)) for value in (both.low, both.high)]
    return element(
        "svg",
        element("title", "Predicted values against true values"),
        *frame.grid("true", "predicted"),
        element("path", d="M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in ends), class_="diagonal"),
        inside(targets, predictions, frame),
        viewBox=frame.view_box,
        role="img",
        class_="plot",
    )


def _points(targets: Array, predictions: Array, frame: Frame) -> Markup:
    places = zip(targets.tolist(), predictions.tolist(), strict=True)
    # A line of no length with round ends is a dot; one path is far smaller than many circles.
    dots = "".join(f"M{frame.x(t):.1f} {frame.y(p):.1f}h0" for t, p in places)
    return element("path", d=dots, class_="dots")


def _density(targets: Array, predictions: Array, frame: Frame) -> Markup:
    ends = (frame.down.low, frame.down.high)
    counts, _, _ = np.histogram2d(predictions, targets, CELLS, (ends, ends))
    pixels = picture.density(counts[::-1] / counts.max())
    return element(
        "image",
        href=png.data_uri(pixels),
        x=frame.x(ends[0]),
        y=frame.y(ends[1]),
        width=frame.x(ends[1]) - frame.x(ends[0]),
        height=frame.y(ends[0]) - frame.y(ends[1]),
        class_="density",
    )


def _histogram(errors: Array) -> Markup:
    across = linear([float(errors.min()), float(errors.max())])
    counts, edges = np.histogram(errors, BARS, (across.low, across.high))
    upright = linear([0.0, float(counts.max())], wanted=3)
    frame = Frame(across, upright, height=190, right=20, bottom=40)
    bars = (
        element(
            "rect",
            element("title", f"{number(a)} to {number(b)}: {figures.count(int(n))}"),
            x=frame.x(a),
            y=frame.y(float(n)),
            width=max(0.5, frame.x(b) - frame.x(a) - 1),
            height=frame.floor - frame.y(float(n)),
            class_="column",
        )
        for n, a, b in zip(counts, edges.tolist(), edges.tolist()[1:], strict=False)
    )
    return element(
        "svg",
        element("title", "How many errors have which size"),
        *frame.grid("predicted − true"),
        *bars,
        viewBox=frame.view_box,
        role="img",
        class_="plot",
    )
