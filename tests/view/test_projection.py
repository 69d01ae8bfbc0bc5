"""The page of a principal component analysis: what is on it, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest

from chainrule.errors import ShapeError
from chainrule.view import Projection, render_projection


def whole(**changes: object) -> Projection:
    dice = np.random.default_rng(0)
    image = np.arange(48, dtype=np.uint8).reshape(6, 8)
    parts: dict[str, object] = {
        "title": "a & b",
        "ratios": [0.5, 0.25, 0.125],
        "points": dice.standard_normal((30, 2)),
        "labels": np.arange(30) % 3,
        "class_names": ("x", "<y>", "z"),
        "components": [(f"component {k}", dice.standard_normal((6, 8))) for k in range(3)],
        "reconstructions": [("0: x", [("original", image), ("mean", image)])],
        "facts": {"Examples": "30"},
        "settings": {"method": "auto", "label": None},
        "citation": "Somebody, 1901",
    }
    return Projection(**{**parts, **changes})  # type: ignore[arg-type]


def test_a_page_has_all_parts_and_escapes_what_is_given():
    text = render_projection(whole())
    assert "a &amp; b" in text
    assert "&lt;y&gt;" in text
    assert "<y>" not in text
    assert "87.50%" in text
    assert text.count('class="cloud group') == 3
    assert "Somebody, 1901" in text
    assert "label" not in text.partition("<h2>Analysis</h2>")[2].partition("</section>")[0]


@pytest.mark.parametrize(
    ("labels", "names", "style", "count"),
    [
        (None, (), "cloud group0", 1),
        (np.arange(30) % 12, [str(k) for k in range(12)], "cloud group0", 1),
        (np.linspace(0.0, 1.0, 30), (), "cloud ramp", 10),
    ],
)
def test_points_are_colored_where_color_says_something(labels, names, style, count):
    text = render_projection(whole(labels=labels, class_names=names))
    assert text.partition('<div class="beside">')[2].count(f'class="{style}') == count


def test_what_is_missing_is_left_out():
    bare = Projection("t", [1.0], np.zeros((3, 1)))
    text = render_projection(bare)
    for title in ("Components", "Reconstructions"):
        assert f"<h2>{title}</h2>" not in text
    assert "<h2>First component</h2>" in text
    strange = render_projection(whole(points=np.full((2, 2), np.nan), labels=None))
    assert "No point is finite." in strange


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"points": np.zeros((3, 3))},
            "projection: the points have shape (3, 3), and must be n 1 or n 2",
        ),
        (
            {"labels": np.zeros(4)},
            "projection: 30 points and 4 labels; there must be one for each",
        ),
    ],
)
def test_what_cannot_be_drawn_is_told(changes, message):
    with pytest.raises(ShapeError) as caught:
        render_projection(whole(**changes))
    assert str(caught.value) == message


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_a_browser_shows_it_without_a_word(tmp_path: Path, new_page, scheme, width):
    place = tmp_path / "pca.html"
    place.write_text(render_projection(whole()), encoding="utf-8")
    said: list[str] = []
    page = new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith(("file:", "data:"))
            else said.append(r.url))  # fmt: skip
    page.goto(f"file://{place}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.hover("svg[role=slider]")
    assert "component" in page.inner_text(".when >> nth=0")
    page.hover("img[data-picture='1']")
    assert page.inner_text(".readout").startswith("component 1, row ")
    assert said == []
