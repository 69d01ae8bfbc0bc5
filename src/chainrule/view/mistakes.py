"""The mistakes of which a model is surest: what it saw, what it is, what the model said."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DTypeError, ShapeError
from chainrule.view import figures, picture, png
from chainrule.view.markup import Markup, element
from chainrule.view.tables import table

LARGEST_SIDE = 112  # pixels of an image in the page
LONGEST_TEXT = 240


class Mistake(NamedTuple):
    """A wrong answer.

    The image is of dtype uint8 and shape (H, W), (H, W, 1) or (H, W, 3); None where the examples
    are no images. The row is the example's number in its data set; the text shows it in words.
    """

    row: int
    truth: str
    predicted: str
    probability: float
    image: NDArray[np.uint8] | None = None
    text: str = ""


def check(mistakes: Sequence[Mistake]) -> list[Mistake]:
    """Bring images into the form height × width × 3, small enough for the page.

    Raises:  ShapeError: it is not an image. DTypeError: it is not of dtype uint8.
    """
    return [m if m.image is None else m._replace(image=_image(m.image)) for m in mistakes]


def _image(image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    gray = image[..., None] if image.ndim == 2 else image
    if gray.ndim != 3 or gray.shape[2] not in (1, 3):
        raise ShapeError(
            f"report: the image of a mistake has shape {image.shape}\n\n"
            "  An image is height × width, or height × width × 1 or 3 channels."
        )
    if image.dtype != np.uint8:
        raise DTypeError(
            f"report: the image of a mistake has dtype {image.dtype}\n\n"
            "  Pixels are of dtype uint8, from 0 to 255."
        )
    if not image.size:
        return None
    return picture.shrunk(np.broadcast_to(gray, (*gray.shape[:2], 3)), LARGEST_SIDE)


def draw(mistakes: Sequence[Mistake]) -> Markup:
    """Draw the images with what they are and what they were taken for, or list them in a table."""
    if any(mistake.image is not None for mistake in mistakes):
        return element("ol", *map(_figure, mistakes), class_="mistakes")
    has_text = any(mistake.text for mistake in mistakes)
    heads = ("Example", "True", "Predicted", "Probability", *(("Text",) if has_text else ()))
    rows = [
        (
            figures.count(m.row),
            m.truth,
            m.predicted,
            figures.percent(m.probability),
            *((figures.shorten(m.text, LONGEST_TEXT),) if has_text else ()),
        )
        for m in mistakes
    ]
    listed = table(heads, rows, "Wrong answers, the surest first", numeric=(3,))
    return element("div", listed, class_="told" if has_text else None)


def _figure(mistake: Mistake) -> Markup:
    words = (
        f"Example {mistake.row}: {mistake.truth}, taken for {mistake.predicted} with probability "
        f"{figures.percent(mistake.probability)}"
    )
    return element("li", element("figure", _drawing(mistake.image, words), _caption(mistake)))


def _drawing(image: NDArray[np.uint8] | None, words: str) -> Markup:
    if image is None:
        return element("div", "no image", class_="frame missing")
    height, width = image.shape[:2]
    drawn = element(
        "img", src=png.data_uri(image), alt=words, width=width, height=height, class_="pixels"
    )
    return element("div", drawn, class_="frame", title=words)


def _caption(mistake: Mistake) -> Markup:
    said = element(
        "span",
        figures.shorten(mistake.predicted, 24),
        " ",
        element("b", f"{mistake.probability:.1%}"),
        class_="predicted",
    )
    truth = element("span", figures.shorten(mistake.truth, 24), class_="truth")
    return element("figcaption", said, truth)
