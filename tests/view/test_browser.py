"""In a real browser: no message, no request, no sideways scroll, nothing blank, values read out.

Skipped where Chromium or playwright is not installed.
"""

import io
import itertools
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from chainrule.view import Mistake, render

# What the policy forbids becomes a message.
WATCH = """addEventListener("securitypolicyviolation",
                            (event) => console.error(`forbidden: ${event.violatedDirective}`))"""

# Elements that stick out of the window, other than inside something that scrolls by itself.
STICKING_OUT = """() => [...document.querySelectorAll("main *")].filter((element) => {
  const box = element.getBoundingClientRect();
  return box.right > innerWidth + 1 && !element.closest(".scroll") && !element.closest("svg");
}).map((element) => element.outerHTML.slice(0, 80))"""

# Text inside drawings that is cut off at the edge of its drawing's panel.
CUT_OFF = """() => [...document.querySelectorAll("svg[role] text")].filter((text) => {
  const inner = text.getBoundingClientRect();
  const outer = (text.closest("figure") ?? text.closest("svg")).getBoundingClientRect();
  return inner.left < outer.left || inner.right > outer.right || inner.bottom > outer.bottom;
}).map((text) => text.textContent)"""

BOXES = """() => [...document.querySelectorAll("section")].map((section) => {
  const { left, top, right, bottom } = section.getBoundingClientRect();
  return [section.querySelector("h2").textContent, left, top, right, bottom];
})"""

TITLES = [
    *("Curves", "Confusion", "Classes", "Predictions", "Calibration", "Surest mistakes"),
    *("What each class has learned", "First layer", "Norms by layer", "Model", "Formulas", "Run"),
]


@pytest.fixture
def messages():
    return []


@pytest.fixture
def show_page(new_page, tmp_path, messages):
    """Open a page in a window of a given width; messages gather all that is wrong."""
    file = tmp_path / "report.html"

    def opened(text, width=1280, **options):
        file.write_text(text, encoding="utf-8")
        page = new_page(viewport={"width": width, "height": 800}, **options)
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("request", lambda request: messages.append(request.url))
        page.add_init_script(WATCH)
        page.goto(file.as_uri())
        # The page itself, and the pictures that it carries, are no requests to anywhere.
        messages[:] = [m for m in messages if m != file.as_uri() and not m.startswith("data:")]
        return page

    return opened


@pytest.fixture
def show(show_page, whole):
    """Open the report in which nothing is missing."""
    return lambda width=1280, **options: show_page(render(whole), width, **options)


@pytest.mark.parametrize("width", [1280, 760, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_quiet_and_fits(show, messages, width, scheme):
    page = show(width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(STICKING_OUT) == []
    assert page.evaluate(CUT_OFF) == []
    assert page.locator("section h2").all_inner_texts() == TITLES
    assert messages == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_no_part_is_blank(show, width, scheme):
    page = show(width, color_scheme=scheme)
    whole_page = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("L")
    for title, *box in page.evaluate(BOXES):
        picture = whole_page.crop(box)
        dark, light = picture.getextrema()
        assert light - dark > 100, title
        assert len(picture.getcolors()) > 20, title


RUNS = {
    "nothing": dict.fromkeys(("metrics", "class_names", "mistakes", "layers", "formulas"), ())
    | {"confusion": None, "calibration": None, "regression": None, "templates": (), "filters": ()}
    | {"config": {}, "machine": {}, "timings": {}, "final": {}, "citation": ""},
    "one epoch": {"metrics": [{"epoch": 1, "loss": 2.0, "weight_norms": {"weight": 1.0}}]},
    "no validation": {"metrics": [{"epoch": e, "loss": 1 / e} for e in range(1, 9)]},
    "a thousand epochs": {
        "metrics": [
            {"epoch": e, "loss": 1 / e, "weight_norms": {f"l.{i}.w": e + i for i in range(30)}}
            for e in range(1, 1001)
        ]
    },
    "a long name": {
        "class_names": ["x" * 300, "two words " * 30, "ok"],
        "title": "y" * 500,
        "config": {"folder": "/a" * 300},
        "mistakes": [Mistake(10**9, "z" * 300, "w" * 300, 1.0, np.zeros((3, 900), np.uint8))] * 3,
        "layers": [("layers.0." * 20 + "w", "Linear" * 40, "weight 3×3, " * 30, 10**15)],
    },
    "hundreds of classes": {
        "class_names": [f"class number {i}" for i in range(300)],
        "confusion": np.eye(300) * 9 + 1,
    },
}


@pytest.mark.parametrize("name", RUNS)
def test_every_run_fits_a_phone(show_page, whole, messages, name):
    page = show_page(render(replace(whole, **RUNS[name])), 360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate(STICKING_OUT) == []
    assert messages == []


def test_headings_and_pictures_have_names(show):
    page = show()
    levels = [int(h.evaluate("e => e.tagName[1]")) for h in page.locator("h1,h2,h3,h4").all()]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))
    assert page.locator("img:not([alt]), img[alt='']").count() == 0
    for drawing in page.locator("svg[role=img]").all():
        assert drawing.evaluate("e => e.getAttribute('aria-label') || e.querySelector('title')")


def test_the_scheme_can_be_switched_and_is_remembered(show, messages):
    page = show(color_scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.get_by_role("button", name="Switch between light and dark").click()
    dark = page.evaluate(background)
    assert dark != light
    page.reload()
    assert page.evaluate(background) == dark
    page.locator(".scheme").focus()
    page.keyboard.press("Enter")
    assert page.evaluate(background) == light
    assert [m for m in messages if not m.startswith(("file:", "data:"))] == []


def test_the_policy_stops_what_does_not_belong_to_the_page(show_page, whole, messages):
    text = render(whole).replace("</body>", "<script>alert(1)</script></body>")
    show_page(text)
    assert any("Content Security Policy" in message for message in messages)


def test_links_lead_to_their_parts(show):
    page = show()
    for link in page.locator("nav a").all():
        target = page.locator(link.get_attribute("href"))
        assert target.locator("h2").inner_text() == link.inner_text()


def test_the_page_is_complete_without_script(show, messages):
    page = show(java_script_enabled=False)
    assert page.locator("figure.chart svg").count() > 0
    assert "93.81%" in page.locator("header").inner_text()
    assert messages == []


def test_paper_is_white_and_keeps_the_pictures(show):
    page = show(760, color_scheme="dark")
    page.emulate_media(media="print")
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert color == "rgb(255, 255, 255)"
    assert page.locator(".frame").first.bounding_box()["width"] > 100
    cells = page.locator("#confusion tbody tr").first.locator("td")
    lefts = [cells.nth(column).bounding_box()["x"] for column in range(3)]
    assert lefts == sorted(set(lefts))


def test_a_curve_is_read_out_under_the_pointer_and_from_the_keyboard(show, messages):
    page = show()
    drawing, legend = page.locator("#curve-1 svg[role]"), page.locator("#curve-1 .legend")
    drawing.hover(position={"x": 75, "y": 50})
    assert "epoch 1\n" in legend.inner_text()
    assert "50.00%" in legend.inner_text()
    drawing.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    said = "epoch 7: training 92.86%, validation 89.86%"
    assert drawing.get_attribute("aria-valuetext") == said
    assert messages == []


def test_a_count_is_read_out_under_the_pointer_and_from_the_keyboard(show, messages):
    page = show()
    readout = page.locator(".matrix .readout")
    page.locator("#confusion tbody td").nth(1).hover()
    assert readout.inner_text() == "zero taken for one: 1 of 31 (3.23%)"
    page.locator("#confusion tbody td").nth(0).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    assert readout.inner_text() == "one taken for two: 3 of 33 (9.09%)"
    assert messages == []


def test_a_weight_is_read_out_under_the_pointer_and_from_the_keyboard(show, messages, whole):
    page = show()
    readout = page.locator(".learned .readout").first
    weight = float(f"{whole.templates[0][1][0, 0]:.3g}")
    page.locator("[data-picture='0']").hover(position={"x": 3, "y": 3})
    assert readout.inner_text().startswith("gray 0, row 1, column 1: ")
    assert readout.inner_text().endswith(f"{abs(weight)}")
    page.locator("[data-picture='3']").focus()
    page.keyboard.press("ArrowUp")
    assert readout.inner_text().startswith("color, row 2, column 3: red ")
    assert messages == []


def test_a_unit_of_the_first_layer_is_read_out_in_its_own_place(show, messages):
    page = show()
    page.locator("[data-picture='4']").focus()
    said = page.locator(".learned .readout").all_inner_texts()
    assert said[0] == ""
    assert said[1].startswith("unit 3, row 3, column 3: ")
    assert messages == []


def test_a_norm_is_read_out_from_the_keyboard(show):
    page = show()
    drawing = page.locator("#norm-1 svg[role]")
    drawing.focus()
    page.keyboard.press("Home")
    assert drawing.get_attribute("aria-valuetext") == "epoch 1: linear 0.3679"
