"""The report is one well-formed, self-contained file, whatever a run left behind."""

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.metrics import calibration
from chainrule.view import Formula, Mistake, Report, render
from chainrule.view.markup import VOID
from chainrule.view.page import asset, hash_source
from tests.patience import calls

ATTACK = "</script><script>alert(1)</script><img src=x onerror='alert(2)' title=\"\ud800\0"
VOID_IN_HEAD = {"meta", "link"}


class Outline(HTMLParser):
    """Checks that tags close in order, and keeps what the page may load or run."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline: dict[str, list[str]] = {"style": [], "script": []}
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in self.inline:
            self.inline[tag].append("")
        if tag not in VOID | VOID_IN_HEAD:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in self.inline:
            self.inline[self.open[-1]][-1] += data
        else:
            self.text.append(data)


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    page.encode("utf-8")
    ids = [attributes["id"] for _, attributes in parser.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    return parser


def words(page: str) -> str:
    return " ".join(" ".join(outline(page).text).split())


def test_a_whole_run_shows_all_its_parts(whole):
    text = words(render(whole))
    for part in (
        "93.81% test accuracy",
        "3 min 12 s",
        "optimizer. learning_ rate 0.1",
        "Linear(64 → 3)",
        "97 examples, 93.81% on the diagonal.",
        "one two 3 9.09%",
        "one 33 96.6% 84.8% 90.3%",
        "Expected calibration error",
        "R² 0.95",
        "one 98.7% zero",
        "Norms by layer",
        "cross_entropy L = − 1 N Σ i log softmax( s i )[ y i ] for labels y",
        "Best validation value 90.75%, epoch 8.",
        "Cite: Alpaydin and Kaynak, 1998",
    ):
        assert part in text
    assert "not recorded" not in text


def test_settings_are_shown_exactly():
    config = {"learning_rate": 0.000123456, "seed": np.int64(12345678), "huge": 10**400}
    text = words(render(Report("r", config=config, final={"steps": 10**400})))
    assert "learning_ rate 0.000123456 seed 12345678" in text


def test_the_same_run_gives_the_same_page(whole):
    assert render(whole) == render(whole)


def test_no_text_of_the_run_becomes_markup(whole):
    evil = Report(
        title=ATTACK,
        config={ATTACK: ATTACK, "nested": {ATTACK: [ATTACK]}},
        metrics=[{"epoch": 1, "loss": 1.0, ATTACK: ATTACK, "weight_norms": {ATTACK: 2.0}}],
        class_names=[ATTACK, "b", "c"],
        confusion=whole.confusion,
        calibration=whole.calibration,
        mistakes=[
            Mistake(1, ATTACK, ATTACK, 0.5, np.zeros((2, 2), np.uint8)),
            Mistake(2, ATTACK, ATTACK, 0.5),
        ],
        templates=[(ATTACK, np.ones((2, 2)))],
        filters=[(ATTACK, np.ones((2, 2)))],
        layers=[(ATTACK, ATTACK, ATTACK, 3)],
        formulas=[Formula(ATTACK, ATTACK, [ATTACK, f"y = {ATTACK}", f"({ATTACK})/{ATTACK} = √"])],
        timings={ATTACK: 1.0},
        machine={ATTACK: ATTACK},
        final={ATTACK: ATTACK},
        citation=ATTACK,
    )
    parser = outline(render(evil))
    assert len(parser.inline["script"]) == 2
    assert all(not name.startswith("on") for _, attributes in parser.tags for name in attributes)
    table = outline(render(replace(evil, mistakes=[Mistake(2, ATTACK, ATTACK, 0.5, None, ATTACK)])))
    assert len(table.inline["script"]) == 2
    sources = [attributes["src"] for tag, attributes in parser.tags if tag == "img"]
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert json.loads(parser.inline["script"][0])["confusion"]["names"][0] == ATTACK


def test_the_policy_names_exactly_the_inlined_assets(whole):
    parser = outline(render(whole))
    meta = next(a for t, a in parser.tags if t == "meta" and "http-equiv" in a)
    assert meta["http-equiv"] == "Content-Security-Policy"
    rules = dict(rule.split(" ", 1) for rule in meta["content"].split("; "))
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": hash_source(parser.inline["style"][0]),
        "script-src": hash_source(parser.inline["script"][1]),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert not any("style" in attributes for _, attributes in parser.tags)


def test_nothing_is_loaded_from_elsewhere(whole):
    for tag, attributes in outline(render(whole)).tags:
        for name in ("src", "href", "srcset", "action", "data"):
            value = attributes.get(name, "data:")
            assert value.startswith(("data:", "#part-")), (tag, name)
    for name in ("report.css", "report.js", "report.html"):
        assert not re.search(r"https?:|//\w+\.|url\(|@import|fetch\(", asset(name))


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ({"metrics": ()}, "No epoch was finished, so there is no curve."),
        ({"confusion": None}, "No confusion matrix was recorded"),
        ({"confusion": np.zeros((0, 0))}, "No confusion matrix was recorded"),
        ({"confusion": np.zeros((3, 3))}, "The confusion matrix counts no example."),
        ({"confusion": np.eye(3)}, "No example was taken for another class."),
        ({"layers": ()}, "No layer was listed."),
        ({"config": {}}, "Configuration: not recorded."),
        ({"machine": {}}, "Machine: not recorded."),
        ({"timings": {}}, "Timings: not recorded."),
        ({"metrics": [{"epoch": 1, "note": "x"}]}, "No loss, accuracy or learning rate"),
        ({"metrics": (), "final": {}}, "No loss or accuracy was recorded."),
        ({"metrics": [{"loss": 1.0}, {"loss": 0.5}]}, "There was no validation part"),
        ({"metrics": [{"loss": 1.0}]}, "One epoch makes a point, not a curve."),
    ],
)
def test_a_missing_part_becomes_a_sentence(whole, missing, sentence):
    assert sentence in words(render(replace(whole, **missing)))


@pytest.mark.parametrize(
    ("missing", "title"),
    [
        ({"confusion": None, "class_names": ()}, "Confusion"),
        ({"confusion": None}, "Classes"),
        ({"calibration": None}, "Calibration"),
        ({"regression": None}, "Predictions"),
        ({"mistakes": ()}, "Surest mistakes"),
        ({"templates": ()}, "What each class has learned"),
        ({"templates": [("none", np.zeros((0, 4)))]}, "What each class has learned"),
        ({"filters": ()}, "First layer"),
        ({"metrics": [{"loss": 1.0}]}, "Norms by layer"),
        ({"formulas": ()}, "Formulas"),
    ],
)
def test_a_part_that_a_run_does_not_have_leaves_no_trace(whole, missing, title):
    assert f"<h2>{title}</h2>" in render(whole)
    page = render(replace(whole, **missing))
    assert f"<h2>{title}</h2>" not in page
    assert f">{title}</a>" not in page


def test_a_report_of_nothing_renders():
    assert "No loss or accuracy was recorded." in words(render(Report("")))


@pytest.mark.parametrize(
    "losses",
    [
        [math.nan],
        [math.inf, -math.inf],
        [1.0, math.nan, 0.5, math.inf, 0.25],
        [None, "soon", 1.0],
        [0.0, 0.0],
        [-1.0, 1e4],
        [1e308, -1e308, 1e300, -1e300],
        [5e-324, 1e-300, 1e300],
        [5e-324, 0.0],
        [10**400, 1],
        [1.0, 1.0 + 1e-16],
    ],
)
def test_any_loss_renders_with_finite_places(losses):
    page = render(Report("r", metrics=[{"epoch": e, "loss": x} for e, x in enumerate(losses)]))
    for path in re.findall(r' (?:d|x|y|cx|cy)="([^"]*)"', page):
        assert "nan" not in path
        assert "inf" not in path
    json.loads(outline(page).inline["script"][0])


def test_a_gap_is_named_and_not_bridged():
    metrics = [{"epoch": e, "loss": x} for e, x in enumerate([3.0, 2.0, math.nan, 1.0], 1)]
    page = render(Report("gap", metrics=metrics))
    assert "Training: 1 value missing or not a number, the first at epoch 3." in words(page)
    curve = re.search(r'<path d="(M[^"]*L[^"]*)" class="curve">', page)
    assert curve is not None
    assert curve[1].count("M") == 2


@pytest.mark.parametrize("epochs", [[1, 1, 1], [5, 3, 4], [math.nan, None, "x"], [1e9, 1e12]])
def test_any_epoch_numbers_render(epochs):
    outline(render(Report("r", metrics=[{"epoch": e, "loss": 1.0} for e in epochs])))


def test_a_long_run_is_thinned_in_the_table_but_keeps_its_last_epoch():
    page = render(Report("r", metrics=[{"epoch": e, "loss": 1 / e} for e in range(1, 1002)]))
    assert "Figures by epoch, one row in 6" in words(page)
    assert '<th scope="row">1,001</th>' in page


def test_many_classes_become_a_picture():
    page = render(Report("r", confusion=np.eye(30) * 5 + 1))
    drawn = [a for t, a in outline(page).tags if t == "img" and a.get("id") == "confusion"]
    assert [(a["width"], a["height"]) for a in drawn] == [("30", "30")]


def test_hundreds_of_classes_and_a_thousand_epochs_stay_small_and_quick(whole):
    generator = np.random.default_rng(3)
    names = [f"class {index}" for index in range(400)]
    paths = [f"layers.{layer}.{part}" for layer in range(40) for part in ("weight", "bias")]
    metrics = [
        {**whole.metrics[0], "epoch": e, "weight_norms": dict.fromkeys(paths, 1.0 + e)}
        for e in range(1, 1001)
    ]
    images = generator.integers(0, 256, (24, 32, 32, 3), dtype=np.uint8)
    wide = replace(
        whole,
        metrics=metrics,
        class_names=names,
        confusion=generator.integers(0, 9, (400, 400)),
        mistakes=[Mistake(i, "a", "b", 0.9, image) for i, image in enumerate(images)],
        filters=[(f"unit {i}", generator.normal(size=(32, 32, 3))) for i in range(60)],
    )
    pages = []
    count = calls(lambda: pages.append(render(wide)))
    assert count < 5_000_000  # three times what it is
    (page,) = pages
    assert len(page.encode()) < 1_500_000
    assert "Classes, the hardest first, 250 of 400" in words(page)


@pytest.mark.parametrize("count", [1, 3000])
def test_any_number_of_quantities_is_drawn(count):
    targets = np.random.default_rng(0).normal(size=(count, 1))
    page = render(Report("r", regression=(targets, targets * 0.9)))
    assert ("<image" in page) == (count > 2500)
    assert f"{count:,} value" in words(page)


@pytest.mark.parametrize(
    ("targets", "predictions"),
    [([math.nan], [1.0]), ([1.0], [math.inf]), ([], [])],
)
def test_predictions_without_a_place_are_left_out(targets, predictions):
    page = render(Report("r", regression=(np.array(targets), np.array(predictions))))
    assert "No prediction is finite." in words(page)


def test_equal_quantities_are_drawn():
    page = render(Report("r", regression=(np.ones(4), np.ones(4))))
    assert "nan" not in page.split("<script")[0]


def test_no_confidence_at_all_is_said():
    empty = calibration(np.zeros(0, bool), np.zeros(0))
    page = render(Report("r", calibration=empty))
    assert "No example has a confidence." in words(page)


def test_mistakes_without_images_become_a_table():
    page = render(Report("r", mistakes=[Mistake(12, "a", "b", 0.5, text="x < y")]))
    assert "Example True Predicted Probability Text 12 a b 50.00% x < y" in words(page)


def test_figures_of_one_name_share_a_chart_and_the_learning_rate_needs_no_legend(whole):
    parser = outline(render(whole))
    names = json.loads(parser.inline["script"][0])["curves"]
    assert [[s["name"] for s in chart["series"]] for chart in names.values()] == [
        ["training", "validation"],
        ["training", "validation"],
        [""],
        [""],
        ["linear"],
        ["linear"],
    ]


def test_the_norm_of_a_layer_is_that_of_all_its_weights(whole):
    data = json.loads(outline(render(whole)).inline["script"][0])
    assert data["curves"]["norm-0"]["series"][0]["text"][0] == "5.657"  # √(4² + 4²)


def test_a_model_of_one_layer_has_a_name():
    assert "(model) Linear(2 → 1)" in words(
        render(Report("r", layers=[("", "Linear(2 → 1)", "", 3)]))
    )


def test_weights_that_are_not_finite_are_counted():
    images = [("a", np.array([[math.nan, 1.0], [math.inf, -1.0]]))]
    assert "2 weights not finite." in words(render(Report("r", templates=images)))


@pytest.mark.parametrize(
    ("part", "error", "message"),
    [
        (
            {"confusion": np.zeros((3, 4))},
            ShapeError,
            (
                "report: confusion has shape (3, 4)\n\n"
                "  Rows are true classes and columns predicted ones, so it must be square."
            ),
        ),
        (
            {"confusion": np.eye(2), "class_names": ["a"]},
            ShapeError,
            (
                "report: 1 class name for 2 classes\n\n"
                "  confusion has shape (2, 2); give one name for each row, or none."
            ),
        ),
        (
            {"confusion": np.array([[1.0, -2.0], [0.0, 1.0]])},
            ArgumentError,
            (
                "report: confusion[0, 1] is -2\n\n"
                "  Entries count examples, so they must be finite and not negative."
            ),
        ),
        (
            {"regression": (np.zeros(3), np.zeros((3, 1)))},
            ShapeError,
            (
                "report: targets have shape (3,) and predictions (3, 1)\n\n"
                "  There must be one prediction for each target."
            ),
        ),
        (
            {"mistakes": [Mistake(0, "a", "b", 0.5, np.zeros((2, 2, 4), np.uint8))]},
            ShapeError,
            (
                "report: the image of a mistake has shape (2, 2, 4)\n\n"
                "  An image is height × width, or height × width × 1 or 3 channels."
            ),
        ),
        (
            {"mistakes": [Mistake(0, "a", "b", 0.5, np.zeros((2, 2)))]},
            DTypeError,
            (
                "report: the image of a mistake has dtype float64\n\n"
                "  Pixels are of dtype uint8, from 0 to 255."
            ),
        ),
        (
            {"templates": [("a", np.zeros(4))]},
            ShapeError,
            (
                "report: template 'a' has shape (4,)\n\n"
                "  A template is an image: height × width, or height × width × 3 for colors."
            ),
        ),
    ],
)
def test_a_part_that_cannot_be_drawn_is_explained(part, error, message):
    with pytest.raises(error) as caught:
        render(Report("r", **part))
    assert str(caught.value) == message
