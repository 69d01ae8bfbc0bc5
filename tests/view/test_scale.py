"""Axes hold their values and mark few, distinct, ordered places."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.view.scale import LARGEST, fitting, linear, whole_numbers

VALUES = st.lists(st.floats(-LARGEST, LARGEST), min_size=1, max_size=6)


@given(VALUES)
def test_any_values_lie_on_their_axis(values):
    scale = fitting(values)
    assert all(-1e-9 <= scale.fraction(value) <= 1 + 1e-9 for value in values)
    assert 2 <= len(scale.ticks) <= 8
    assert list(scale.ticks) == sorted(set(scale.ticks))
    assert all(math.isfinite(tick) for tick in scale.ticks)


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=6))
def test_labels_are_distinct_at_ordinary_sizes(values):
    low, high = min(values), max(values)
    spread = [low, max(high, low * 1.001)]
    scale = linear(spread)
    assert len(set(scale.labels)) == len(scale.labels)


@given(st.lists(st.integers(0, 10**7).map(float), min_size=1, max_size=6))
def test_epochs_are_marked_by_whole_numbers(epochs):
    scale = whole_numbers(epochs)
    assert all(tick == int(tick) and scale.low <= tick <= scale.high for tick in scale.ticks)
    assert 1 <= len(scale.ticks) <= 10


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0.0, 1.0], ("0.00", "0.25", "0.50", "0.75", "1.00")),
        ([118_000.0, 126_000.0], ("118k", "120k", "122k", "124k", "126k")),
        ([7e6, 9e6], ("7.0M", "7.5M", "8.0M", "8.5M", "9.0M")),
        ([0.0, 0.0005], ("0", "0.0002", "0.0004", "0.0006")),
        ([0.0, 2.0], ("0.0", "0.5", "1.0", "1.5", "2.0")),
    ],
)
def test_labels_are_short_and_even(values, labels):
    assert linear(values).labels == labels
