"""Every text can be read on what is behind it, in both color schemes."""

import re

import pytest

from chainrule.view.chart import RAMP
from chainrule.view.page import asset

TEXTS = ("ink", "muted", "training", "validation")
READABLE = 4.5  # Source: WCAG 2.2, success criterion 1.4.3
VISIBLE = 3.0  # Source: WCAG 2.2, success criterion 1.4.11


def scheme(dark: bool) -> dict[str, tuple[float, ...]]:
    block = re.search(r":root \{(.*?)\}", asset("report.css"), re.DOTALL)
    assert block is not None
    return {name: color(value, dark) for name, value in re.findall(r"--(\w+): ([^;]+);", block[1])}


def color(value: str, dark: bool) -> tuple[float, ...]:
    pair = re.fullmatch(r"light-dark\((#\w+), (#\w+)\)", value)
    chosen = pair[1 + dark] if pair else value
    channels = chosen.split() if " " in chosen else re.findall("..", chosen.removeprefix("#"))
    return tuple(int(c, 10 if " " in chosen else 16) / 255 for c in channels)


def luminance(color: tuple[float, ...]) -> float:
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def contrast(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("behind", ["page", "panel"])
def test_text_stands_out(dark, text, behind):
    colors = scheme(dark)
    assert contrast(colors[text], colors[behind]) >= READABLE


@pytest.mark.parametrize("dark", [False, True])
def test_every_curve_of_a_layer_stands_out(dark):
    ramp = re.findall(r"\.ramp\d \{ --curve: ([^;]+);", asset("report.css"))
    assert len(ramp) == RAMP
    assert all(contrast(color(value, dark), scheme(dark)["panel"]) >= VISIBLE for value in ramp)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("shade", ["hit", "miss"])
def test_counts_stand_out_on_every_shade(dark, shade):
    colors = scheme(dark)
    opacities = re.findall(r"rgb\(var\(--shade\) / ([\d.]+)\)", asset("report.css"))
    assert len(opacities) == 10
    for opacity in map(float, opacities):
        pairs = zip(colors[shade], colors["page"], strict=True)
        behind = tuple(opacity * over + (1 - opacity) * under for over, under in pairs)
        assert contrast(colors["ink"], behind) >= READABLE
