"""Weights as pictures: what each class has learned, what each unit of the first layer sees."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import ShapeError
from chainrule.view import figures, picture, png
from chainrule.view.markup import Markup, element
from chainrule.wording import plural

Array = NDArray[np.float64]
Template = tuple[str, Array]
MOST_READINGS = 50_000  # values; about half a megabyte of page


def check(templates: Sequence[tuple[str, NDArray[np.generic]]]) -> list[Template]:
    """Take templates as float64 images, H × W or H × W × 3, leaving out those without a pixel.

    Raises:  ShapeError: a template is not an image.
    """
    images = [(label, np.asarray(weights, dtype=np.float64)) for label, weights in templates]
    for label, image in images:
        if not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
            raise ShapeError(
                f"report: template {label!r} has shape {image.shape}\n\n"
                "  A template is an image: height × width, or height × width × 3 for colors."
            )
    return [(label, image) for label, image in images if image.size]


def draw(templates: Sequence[Template], note: str, offset: int = 0) -> Markup:
    """Draw all templates side by side, with the scale that explains their colors.

    The offset is the number of pictures that the script reads out before these.
    """
    limit = picture.typical_limit([image for _, image in templates])
    figures_drawn = [
        _figure(label, image, limit, i) for i, (label, image) in enumerate(templates, offset)
    ]
    count = len(templates)
    size = "few" if count <= 12 else "some" if count <= 40 else "many"
    tab = 0 if size == "many" else None  # very many scroll by themselves
    return element(
        "div",
        element("div", *figures_drawn, class_=f"templates {size}", tabindex=tab),
        element("p", class_="readout", aria_live="polite"),
        _legend(templates, limit, note),
        class_="learned",
    )


def readings(templates: Sequence[Template]) -> list[dict[str, object]]:
    """Give the script the weights that it reads out, or nothing for each if they are too many."""
    if sum(image.size for _, image in templates) > MOST_READINGS:
        return [{} for _ in templates]
    return [{"label": label, "weights": _rounded(image)} for label, image in templates]


def _rounded(image: NDArray[np.float64]) -> object:
    """The weights to three digits, row by row, a list for each color; None is not finite."""
    values = np.asarray(image, np.float64)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    known = np.isfinite(values)
    sizes = np.abs(np.where(known & (values != 0), values, 1.0))
    places = 2 - np.floor(np.log10(sizes))
    with np.errstate(all="ignore"):
        shift = 10.0 ** np.abs(places)  # dividing by a power of ten gives the nearest decimal
        shown = np.where(
            places < 0, np.round(values / shift) * shift, np.round(values * shift) / shift
        )
    table = shown.astype(object)
    table[~known] = None
    return table.tolist()


def _figure(label: str, image: Array, limit: float, index: int) -> Markup:
    if image.ndim == 2:
        pixels = picture.weights(image, limit)
    else:
        pixels = picture.color_weights(image, picture.typical_limit([image]))
    height, width = image.shape[:2]
    drawing = element(
        "img",
        src=png.data_uri(pixels),
        alt=f"Weights of {label}, {height} × {width}",
        width=width,
        height=height,
        class_="pixels",
        data_picture=index,
    )
    frame = element("div", drawing, class_="frame")
    return element("figure", frame, element("figcaption", figures.shorten(label, 40)))


def _legend(templates: Sequence[Template], limit: float, note: str) -> Markup:
    parts: list[Markup] = []
    if any(image.ndim == 2 for _, image in templates):
        ramp = np.linspace(-1, 1, 129)[None]
        end = figures.number(limit)
        parts += [
            element("span", f"−{end}"),
            element(
                "img",
                src=png.data_uri(picture.weights(ramp, limit=1.0)),
                alt="from blue through the page's own color at zero to red",
                width=129,
                height=1,
                class_="ramp",
            ),
            element("span", f"+{end}"),
            element("span", "The scale is the same for all. "),
        ]
    if any(image.ndim == 3 for _, image in templates):
        text = "Mid-gray is zero; each color picture has its own scale. "
        parts.append(element("span", text))
    wrong = sum(int(np.count_nonzero(~np.isfinite(image))) for _, image in templates)
    if wrong:
        parts.append(element("span", f"{plural(wrong, 'weight')} not finite. "))
    parts.append(element("span", note))
    return element("p", *parts, class_="note legend")
