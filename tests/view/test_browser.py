"""In a real browser: no message, no request, no sideways scroll, and values read out.

Skipped where Chromium or playwright is not installed.
"""

import shutil

import pytest

from chainrule.view import render

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if BROWSER is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def messages():
    return []


@pytest.fixture
def show(browser, whole, tmp_path, messages):
    """Open the whole report in a window of a given width; messages gather all that is wrong."""
    file = tmp_path / "report.html"
    file.write_text(render(whole), encoding="utf-8")
    contexts = []

    def opened(width=1280, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("request", lambda request: messages.append(request.url))
        page.goto(file.as_uri())
        # The page itself, and the pictures that it carries, are no requests to anywhere.
        messages[:] = [m for m in messages if m != file.as_uri() and not m.startswith("data:")]
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", [1280, 760, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_quiet_and_fits(show, messages, width, scheme):
    page = show(width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert messages == []


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
    readout = page.locator(".learned .readout")
    weight = float(f"{whole.templates[0][1][0, 0]:.3g}")
    page.locator("[data-template='0']").hover(position={"x": 3, "y": 3})
    assert readout.inner_text().startswith("gray 0, row 1, column 1: ")
    assert readout.inner_text().endswith(f"{abs(weight)}")
    page.locator("[data-template='3']").focus()
    page.keyboard.press("ArrowUp")
    assert readout.inner_text().startswith("color, row 2, column 3: red ")
    assert messages == []
