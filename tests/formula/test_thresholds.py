"""Thresholds of a derivation are those of the derivative, however close a wrong one is."""
# ruff: noqa: F722, F821, ANN — the annotations are names of axes

import pytest

import chainrule as cr
from chainrule.formula import check
from chainrule.formula.grading import thresholds


def relu(x: "n"):
    return cr.sum(cr.relu(x))


def absolute(x: "n"):
    return cr.sum(cr.abs(x))


def narrow(x: "n"):
    return cr.sum(cr.clip(x, -1.0, 1.0))


def wide(x: "n"):
    return cr.sum(cr.clip(x, -50.0, 50.0))


def leaky(x: "n"):
    return cr.sum(cr.where(x > 0, x, 0.01 * x))


def huber(x: "n"):
    return cr.sum(cr.where(cr.abs(x) <= 1.0, 0.5 * x * x, cr.abs(x) - 0.5))


def hinge(w: "d", X: "n d", y: "n"):
    return cr.sum(cr.relu(1 - y * (X @ w)))


def slope(margin):
    return lambda w, X, y: -X.T @ cr.where(y * (X @ w) < margin, y, 0.0 * y)


@pytest.mark.parametrize(
    ("f", "right", "wrong"),
    [
        (relu, "x > 0", "x > 0.001"),
        (relu, "x >= 0", "x >= -0.01"),
        (relu, "x >= 0", "x > 1e-5"),
        (relu, "where(x > 0, 1, 0)", "where(x > 0.001, 1, 0)"),
        (absolute, "sign(x)", "sign(x - 0.001)"),
        (absolute, "x / abs(x)", "where(x > 0.0001, 1, -1)"),
        (narrow, "(x > -1) * (x < 1)", "(x > -1.001) * (x < 1)"),
        (narrow, "(x > -1) * (x < 1)", "(x > -1) * (x < 0.999)"),
        (wide, "(x > -50) * (x < 50)", "(x > -50) * (x < 51)"),
        (wide, "(x > -50) * (x < 50)", "ones(n)"),
        (leaky, "where(x > 0, 1, 0.01)", "where(x > 0.001, 1, 0.01)"),
        (leaky, "0.01 + 0.99 * (x > 0)", "0.01 + 0.99 * (x > -0.001)"),
        (huber, "clip(x, -1, 1)", "clip(x, -1.001, 1.001)"),
        (huber, "where(abs(x) <= 1, x, sign(x))", "where(abs(x) <= 1.001, x, sign(x))"),
        (hinge, "-X.T @ (y * (1 - y*(X@w) > 0))", "-X.T @ (y * (0.99 - y*(X@w) > 0))"),
        (hinge, "-X.T @ (y * (y*(X@w) < 1))", "-X.T @ (y * (y*(X@w) < 0.99))"),
        (hinge, slope(1.0), slope(0.99)),
    ],
)
def test_a_threshold_that_is_a_little_off_is_refused(f, right, wrong) -> None:
    wrt = "w" if f is hinge else "x"
    assert check(f, wrt, right).verdict == "right"
    assert check(f, wrt, wrong).verdict == "wrong"


def squares(w: "d", X: "n d", y: "n"):
    return cr.sum((X @ w - y) ** 2)


@pytest.mark.parametrize(
    "more",
    [
        "(w > 50)", "maximum(w - 1e5, 0)", "abs(w - 70) - 70 + w", "(sum(w) > 1000) * w",
        "ceil(abs(w) / 100) - 1", "minimum(floor(abs(w) / 40), 1)", "(w > 30) * (X[0, 0] > 9) * w",
        "(n // 20) * w", "floor(n / 33) * w", "(w == 5)", "(w == 0)",
        "(n > 9) * w", "max(n - 100, 0) * w", "(minimum(n, 10) - n) * w", "(d > 1000) * w",
    ],
)  # fmt: skip
def test_what_begins_far_away_is_refused(more) -> None:
    right = "2 * X.T @ (X @ w - y)"
    assert check(squares, "w", right).verdict == "right"
    assert check(squares, "w", f"{right} + {more}").kind == "threshold"


@pytest.mark.parametrize(
    "more",
    [
        "np.all(w > 5) * w", "(w > 5).all() * w", "np.prod(w > 9) * w", "np.all(w < -5) * w",
        "np.min(w > 5) * w", "(np.min(w) > 5) * w", "(np.sum(w > 5) == d) * w",
        "(np.mean(w > 5) > 0.9) * w", "np.all(w > 5) * np.all(w < 7) * w",
        "np.any(w > 50) * np.all(w > 4) * w", "np.where(np.all(w > 5), w, 0)",
        "np.all(X > 5) * w", "np.all(X @ w > 500) * w", "np.all(w > 5) * np.all(y > 5) * w",
    ],
)  # fmt: skip
def test_thresholds_that_are_joined_are_crossed_together(more) -> None:
    found = check(squares, "w", f"2 * X.T @ (X @ w - y) + {more}")
    assert (found.verdict, found.kind) == ("wrong", "threshold")


def test_what_holds_at_single_points_is_refused_where_the_derivative_is_known_there() -> None:
    assert check(huber, "x", "where(abs(x) <= 1, x, sign(x)) + (x == 0.5)").kind == "threshold"
    assert check(absolute, "x", "sign(x) + (x == 0)").verdict == "right"


def halves(x: "n"):
    return cr.stats.median(x)


def test_what_is_rounded_is_compared_at_many_sizes() -> None:
    text = "½ Pᵀ(e_⌊(n−1)/2⌋ + e_⌊n/2⌋) where P = onehot(argsort(x))"
    assert check(halves, "x", text).verdict == "right"
    assert check(halves, "x", f"(n // 11) x + {text}").message == (
        "what is rounded is wrong where n = 11"
    )


def barrier(x: "n"):
    return cr.where(cr.min(x) > 5, cr.sum(x**2), cr.sum(x))


def test_thresholds_that_are_joined_in_the_program_too_are_right() -> None:
    assert check(barrier, "x", "where(min(x) > 5, 2 * x, 1)").verdict == "right"
    assert check(barrier, "x", "where(all(x > 5), 2 * x, 1)").verdict == "right"
    assert check(barrier, "x", "where(all(x > 6), 2 * x, 1)").verdict == "wrong"
    assert check(barrier, "x", "ones(n)").verdict == "wrong"


def regions(x: "n", y: "n"):
    return cr.where(cr.all(x > 2), cr.sum(x * y), cr.sum(y * x**2))


def test_a_region_that_needs_several_elements_is_not_overlooked() -> None:
    assert check(regions, "x", "where(all(x > 2), y, 2 * x * y)").verdict == "right"
    assert check(regions, "x", "where(min(x) > 2, y, 2 * x * y)").verdict == "right"
    assert check(regions, "x", "2 * x * y").kind == "threshold"
    assert check(regions, "x", lambda x, y: 2 * x * y).verdict == "wrong"


def first(x: "n"):
    return cr.maximum(x, 0.25)[0]


def last(X: "n d"):
    return cr.sum(cr.maximum(X, 0.25)[-1])


def test_a_threshold_of_a_single_row_is_refused() -> None:
    assert check(first, "x", "eye(n)[0] * (x > 0.25)").verdict == "right"
    assert check(first, "x", "eye(n)[0] * (x > 0.5)").verdict != "right"
    assert check(first, "x", "eye(n)[0] * (x > 0.2501)").verdict == "wrong"
    assert check(last, "X", "outer(eye(n)[-1], ones(d)) * (X > 0.25)").verdict == "right"
    assert check(last, "X", "outer(eye(n)[-1], ones(d)) * (X > 0.2501)").verdict == "wrong"


def leaky(x: "n", a: ""):
    return cr.sum(cr.where(x > 0, x, a * x))


def test_a_scalar_is_moved_as_arrays_are() -> None:
    assert check(leaky, "x", "where(x > 0, 1, a)").verdict == "right"
    assert check(leaky, "x", "where(x > 0, 1, a) + (a > 50)").kind == "threshold"
    assert check(leaky, "x", "where(x > 0, 1, a) + all(x > 50)").kind == "threshold"


def mean(w: "d", X: "n d", y: "n"):
    return cr.mean((X @ w - y) ** 2)


def test_a_bound_of_a_size_is_right_if_no_size_is_beyond_it() -> None:
    slope = "2 * X.T @ (X @ w - y)"
    assert check(mean, "w", f"{slope} / max(n, 1)").verdict == "right"
    assert check(mean, "w", f"{slope} / max(n, 2)").verdict != "right"
    assert str(check(mean, "w", f"{slope} / min(n, 100)")).startswith(
        "The derivative does not change where minimum(n, 100) does."
    )


def test_the_comparison_is_named() -> None:
    assert str(check(relu, "x", "x > 0.001")) == (
        "The derivative does not change where [x > 0.001] does.\n   ∂relu/∂x = [x > 0]"
    )
    assert check(wide, "x", "ones(n)").message == (
        "the derivative changes at a kink of clip, and this does not"
    )
    assert check(relu, "x", "where(x + maximum(x, -x) > 0.001, 1, 0)").kind == "threshold"


def test_of_several_lines_the_one_with_the_threshold_is_named() -> None:
    found = check(relu, "x", "(x > 0) * 1\n(x > 0.01) * 1")
    assert (found.kind, found.line) == ("threshold", 2)


def test_a_comparison_is_printed_only_where_it_is_told(monkeypatch) -> None:
    printed = []
    monkeypatch.setattr(thresholds, "said", lambda tree: printed.append(tree) or "told")
    assert check(huber, "x", "where(abs(x) <= 1, x, sign(x))").verdict == "right"
    assert printed == []
    assert check(relu, "x", "x > 0.001").message == "told"
    assert len(printed) == 1


def test_where_several_comparisons_turn_over_is_looked_at_once(monkeypatch) -> None:
    looked, at = [], thresholds.at_arguments
    monkeypatch.setattr(
        thresholds, "at_arguments", lambda *given: looked.append(given[2]) or at(*given)
    )
    check(narrow, "x", "(x > -1) * (x < 1)")
    once = len(looked)
    check(narrow, "x", "(x > -1) * (x < 1) * (2*x > -2) * (-x > -1)")
    assert len(looked) == 2 * once


def weighted(y: "d", x: "n", A: "n d"):
    return cr.sum(cr.relu(x) * (A @ y))


def test_a_threshold_inside_a_sum_over_places_is_crossed() -> None:
    assert check(weighted, "y", "Σₙ [xₙ > 0] xₙ aₙ").verdict == "right"
    assert check(weighted, "y", "Σₙ [xₙ > 0.001] xₙ aₙ").kind == "threshold"
    assert check(weighted, "y", "Σᵢ [xᵢ > 0.001] xᵢ Aᵢⱼ").kind == "threshold"
