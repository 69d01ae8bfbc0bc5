"""What a notebook shows of a training: well formed, on its own, readable in the dark."""

import re
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import chainrule as cr
from chainrule.view.notebook import CURVES, training

HISTORY = [
    {"epoch": k, "loss": 1 / k, "validation_loss": 1.2 / k, "accuracy": 1 - 0.5 / k,
     "validation_accuracy": 1 - 0.6 / k, "learning_rate": 0.1, "samples_per_second": 1e4}
    for k in range(1, 8)
]  # fmt: skip


def curves(text: str) -> list[str]:
    """The names of the drawings."""
    return [found.text or "" for found in ET.fromstring(text).iter("h3")]


def test_what_fit_gives_is_drawn_in_a_notebook() -> None:
    inputs = np.random.default_rng(0).standard_normal((40, 3))
    data = inputs, (inputs[:, 0] > 0).astype(int)
    with cr.nn.seed(0):
        model = cr.nn.Linear(3, 2)
    fitted = cr.fit(model, data, epochs=2, batch=20, validation=data)
    shown = fitted._repr_html_()
    assert curves(shown) == ["Loss", "Accuracy"]
    assert "<p>2 epochs</p>" in shown


def test_the_figures_of_training_and_validation_are_curves() -> None:
    shown = ET.fromstring(training("7 epochs", HISTORY).text)
    drawings = [found for found in shown.iter("svg") if found.get("role") == "img"]
    assert [[g.get("class") for g in drawing.findall("g")] for drawing in drawings] == [
        ["training", "validation"]
    ] * 2


def test_it_needs_no_network_runs_no_script_and_styles_nothing_else() -> None:
    text = training("7 epochs <b>&", HISTORY).text
    shown = ET.fromstring(text)
    assert not list(shown.iter("script"))
    assert not re.search(r"https?:|url\(|@import|<b>&", text)
    (style,) = shown.iter("style")
    for rule in re.findall(r"([^{}]+)\{", style.text or ""):
        assert all(part.strip().startswith(".chainrule-fitted") for part in rule.split(","))


def test_two_outputs_in_one_page_share_no_name() -> None:
    names = [
        {found.get("id") for found in ET.fromstring(text).iter() if found.get("id")}
        for text in (training("a", HISTORY).text, training("a", HISTORY[:5]).text)
    ]
    assert not names[0] & names[1]


def test_a_training_without_an_epoch_is_only_named() -> None:
    assert curves(training("0 epochs", []).text) == []


@pytest.mark.parametrize("page", ["#ffffff", "#111111"])
@pytest.mark.parametrize("color", CURVES.values())
def test_curves_stand_out_from_white_and_from_black(color: str, page: str) -> None:
    """Three to one, as WCAG 2.2 asks of graphics (1.4.11)."""
    light, dark = sorted(map(luminance, (color, page)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3


def luminance(color: str) -> Any:
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return np.dot([0.2126, 0.7152, 0.0722], linear)
