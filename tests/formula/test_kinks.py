"""Kinks are named where the derivative jumps, and nowhere else."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

from typing import Any

import pytest

import chainrule as cr
from chainrule.formula import explain


def huber(w: "d", X: "n d", y: "n"):
    r = X @ w - y
    return cr.mean(cr.where(cr.abs(r) < 1, r * r / 2, cr.abs(r) - 0.5))


def misjoined(w: "d", X: "n d", y: "n"):
    r = X @ w - y
    return cr.mean(cr.where(cr.abs(r) < 1, r * r, cr.abs(r) - 0.5))


def elu(x: "n"):
    return cr.sum(cr.where(x > 0, x, cr.exp(x) - 1))


def selu(x: "n"):
    return cr.sum(cr.where(x > 0, x, 2 * (cr.exp(x) - 1)))


def leaky(x: "n"):
    return cr.sum(cr.where(x > 0, x, 0.1 * x))


def smooth(x: "n"):
    return cr.sum(cr.abs(x) ** 3 + x * cr.abs(x))


def vanishing(x: "n"):
    return cr.sum(x + cr.abs(0 * x))


def threshold(x: "n", c: ""):
    return cr.sum(cr.where(cr.abs(x) < c, x * x / 2, c * cr.abs(x) - c * c / 2))


KINKS: list[tuple[Any, list[str]]] = [
    (huber, []),
    (misjoined, [
        "kink: at rᵢ = 1: left 2, right 1, convention 1 (where takes the second branch)",
        "kink: at rᵢ = −1: left −1, right −2, convention −1 (where takes the second branch)",
    ]),
    (elu, []),
    (selu, ["kink: at xᵢ = 0: left 2, right 1, convention 2 (where takes the second branch)"]),
    (leaky, [
        "kink: at xᵢ = 0: left 1/10, right 1, convention 1/10 (where takes the second branch)",
    ]),
    (smooth, []),
    (vanishing, []),
    (threshold, [
        "kink: at xᵢ = 0: abs has left −1, right 1, convention 0",
        "kink: at |x|ᵢ = c: where takes the second branch",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("f", "wanted"), KINKS)
def test_kinks_are_named_where_the_slope_jumps(f: Any, wanted: list[str]) -> None:
    notes = explain(f, next(iter(f.__annotations__))).notes
    assert [n for n in notes if n.startswith("kink")] == wanted


def test_a_place_where_a_slope_jumps_is_named_once() -> None:
    """The mask of a mask chooses there, too, and says no more."""

    def f(x: "n"):
        return cr.linalg.norm(cr.where(x > 0, x, 0.0))

    assert [n for n in explain(f, "x").notes if "kink" in n] == [
        "kink: at xᵢ = 0: left 0, right 1, convention 0 (where takes the second branch)"
    ]
