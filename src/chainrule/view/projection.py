"""A principal component analysis as one HTML file that works offline, forever."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import ShapeError
from chainrule.view import figures, page, picture, png, tables, templates
from chainrule.view.chart import RAMP, Curves, Series, draw_all
from chainrule.view.markup import Child, Markup, element, join
from chainrule.view.plot import Frame
from chainrule.view.scale import LARGEST, linear
from chainrule.wording import plural

__all__ = ["Projection", "render_projection"]

Array = NDArray[Any]
GROUPS = 10  # classes that have a color of their own
LARGEST_SIDE = 112  # pixels of an image in the page
_IMAGE_NOTE = (
    "A bright pixel where the component is positive raises the coordinate of an example; the sign "
    "of a whole component is a convention."
)


@dataclass(frozen=True, eq=False)
class Projection:
    """What is known of an analysis, as plain data.

    ratios           the share of the variance that each component explains
    points           the coordinates of some examples along the first two components, n 2; along
                     the only one, n 1
    labels           their classes as numbers, or their quantities; None if they have none
    class_names      what the classes are called; none for quantities
    components       (name, image) of the mean and the components, where examples are images
    reconstructions  of some examples: (name, [(what it is made of, image), …])
    facts, settings  names and values for the head and the foot of the page
    """

    title: str
    ratios: Sequence[float]
    points: Array
    labels: Array | None = None
    class_names: Sequence[str] = ()
    components: Sequence[tuple[str, Array]] = ()
    reconstructions: Sequence[tuple[str, Sequence[tuple[str, NDArray[np.uint8]]]]] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    citation: str = ""


def render_projection(projection: Projection) -> str:
    """Write an analysis as one HTML file, which loads nothing and allows no script but its own.

    Raises:  ShapeError: the points are not n 1 or n 2, there is not one label for each, or a
             component is no image.

    >>> points = np.array([[0.0, 1.0], [2.0, 3.0]])
    >>> text = render_projection(Projection("a <set>", [0.75, 0.25], points))
    >>> text.count("a &lt;set&gt;"), "https:" in text
    (2, False)
    """
    _check(projection)
    charts, readings = draw_all(_spectrum(projection.ratios), "curve")
    images = templates.check(projection.components)
    parts = dict(_parts(projection, charts, images))
    drawn = [
        element("section", element("h2", title), content, id=f"part-{place}")
        for place, (title, content) in enumerate(parts.items())
    ]
    links = (
        element("li", element("a", title, href=f"#part-{place}"))
        for place, title in enumerate(parts)
    )
    contents = element("nav", element("ul", *links), aria_label="Parts of the page")
    cited = [element("p", "Cite: ", element("cite", projection.citation))]
    cited = cited if projection.citation else []
    footer = element("footer", *cited, element("p", "Made by chainrule."))
    data = {"curves": readings, "confusion": {}, "pictures": templates.readings(images)}
    return page.fill(projection.title, join([_header(projection), contents, *drawn, footer]), data)


def _check(projection: Projection) -> None:
    shape = projection.points.shape
    if len(shape) != 2 or shape[1] not in (1, 2):
        raise ShapeError(f"projection: the points have shape {shape}, and must be n 1 or n 2")
    if projection.labels is not None and len(projection.labels) != shape[0]:
        raise ShapeError(
            f"projection: {plural(shape[0], 'point')} and "
            f"{plural(len(projection.labels), 'label')}; there must be one "
            "for each"
        )


def _parts(
    projection: Projection, charts: Markup, images: Sequence[tuple[str, Array]]
) -> Iterator[tuple[str, Markup]]:
    yield "Explained variance", element("div", charts, class_="charts")
    if images:
        yield "Components", templates.draw(images, _IMAGE_NOTE)
    yield (
        "First two components" if projection.points.shape[1] > 1 else "First component",
        (_scatter(projection)),
    )
    if projection.reconstructions:
        yield "Reconstructions", _reconstructions(projection)
    settings = {
        name.replace("_", " "): figures.plain(value)
        for name, value in projection.settings.items()
        if value is not None
    }
    yield "Analysis", element("div", tables.pairs(settings, "Settings"), class_="columns")


def _header(projection: Projection) -> Markup:
    cells = (
        element("div", element("dt", name), element("dd", value))
        for name, value in projection.facts.items()
    )
    count = plural(len(projection.ratios), "component")
    headline = element(
        "p",
        element("strong", figures.percent(float(sum(projection.ratios)))),
        element("span", f"of the variance in {count}"),
        class_="headline",
    )
    facts = element("dl", *cells, class_="facts")
    return element("header", element("h1", projection.title), headline, facts)


def _spectrum(ratios: Sequence[float]) -> list[Curves]:
    places = tuple(float(k) for k in range(1, len(ratios) + 1))
    whole = tuple(accumulate(map(float, ratios)))
    own = Series("", tuple(map(float, ratios)), "plain")
    return [
        Curves("Variance up to a component", places, (Series("", whole, "training"),),
               "percentages", step="component"),
        Curves("Variance of each component", places, (own,), "percentages", step="component"),
    ]  # fmt: skip


# ---------------------------------------------------------------- points


def _scatter(projection: Projection) -> Markup:
    points = np.asarray(projection.points, np.float64)
    kept = (np.abs(points) <= LARGEST).all(axis=1)
    points, labels = points[kept], projection.labels
    labels = None if labels is None else np.asarray(labels)[kept]
    if not len(points):
        return element("p", "No point is finite.", class_="empty")
    groups = _groups(labels, projection.class_names, len(points))
    across = linear([float(points[:, 0].min()), float(points[:, 0].max())])
    heights = points[:, 1] if points.shape[1] > 1 else _spread(points[:, 0])
    down = linear([float(heights.min()), float(heights.max())])
    frame = Frame(across, down, width=520, height=440, left=64, right=16, bottom=40)
    clouds = (
        _cloud(points[rows, 0], heights[rows], frame, name, style) for name, rows, style in groups
    )
    names = ("component 1", "component 2" if points.shape[1] > 1 else "(spread by chance)")
    plot = element(
        "svg",
        element("title", "Examples by their first coordinates"),
        *frame.grid(*names),
        *clouds,
        viewBox=frame.view_box,
        role="img",
        class_="plot",
    )
    return element("div", plot, _keys(groups, len(points)), class_="beside")


Group = tuple[str, NDArray[np.intp], str]


def _groups(labels: Array | None, names: Sequence[str], count: int) -> list[Group]:
    """The points by class; of quantities by tenths; all together where there are many classes."""
    everything = np.arange(count)
    if labels is None or len(names) > GROUPS:
        return [("", everything, "group0")]
    if names:
        found = ((name, np.flatnonzero(labels == k)) for k, name in enumerate(names))
        return [(name, rows, f"group{k}") for k, (name, rows) in enumerate(found)]
    places = np.argsort(np.argsort(labels, kind="stable"), kind="stable") * RAMP // max(1, count)
    groups = []
    for k in range(RAMP):
        rows = np.flatnonzero(places == k)
        if len(rows):
            ends = [figures.number(float(f(labels[rows]))) for f in (np.min, np.max)]
            groups.append((f"{ends[0]} to {ends[1]}", rows, f"ramp{k}"))
    return groups


def _spread(values: Array) -> Array:
    """Heights for points on a line, the same each time, so that they do not hide one another."""
    return np.random.default_rng(0).uniform(-1, 1, len(values))


def _cloud(x: Array, y: Array, frame: Frame, name: str, style: str) -> Markup:
    # A line of no length with round ends is a dot; one path is far smaller than many circles.
    dots = "".join(
        f"M{frame.x(a):.1f} {frame.y(b):.1f}h0" for a, b in zip(x.tolist(), y.tolist(), strict=True)
    )
    title = [element("title", name)] if name else []
    return element("path", *title, d=dots, class_=f"cloud {style}")


def _keys(groups: Sequence[Group], count: int) -> Markup:
    swatch = element("path", d="M11 4h0", class_="cloud")
    keys = [
        element(
            "li",
            element("svg", swatch, viewBox="0 0 22 8", width=22, height=8, aria_hidden="true"),
            element("span", figures.shorten(name, 40), class_="name"),
            element("small", f" {len(rows):,}"),
            class_=f"key {style}",
        )
        for name, rows, style in groups
        if name
    ]
    note = element("p", f"{plural(count, 'example')}.", class_="note")
    listed = [element("ul", *keys, class_="keys")] if keys else []
    return element("div", *listed, note)


# ---------------------------------------------------------------- images


def _reconstructions(projection: Projection) -> Markup:
    heads = [name for name, _ in projection.reconstructions[0][1]]
    rows: list[list[Child]] = [
        [label, *(_image(image, f"{label}, {name}") for name, image in images)]
        for label, images in projection.reconstructions
    ]
    listed = tables.table(("Example", *heads), rows, "Examples, from ever more components")
    return element("div", listed, class_="approached")


def _image(image: NDArray[np.uint8], words: str) -> Markup:
    colored = np.broadcast_to(image if image.ndim == 3 else image[..., None], (*image.shape[:2], 3))
    small = picture.shrunk(colored, LARGEST_SIDE)
    height, width = small.shape[:2]
    drawn = element(
        "img", src=png.data_uri(small), alt=words, width=width, height=height, class_="pixels"
    )
    return element("div", drawn, class_="frame")
