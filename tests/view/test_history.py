"""From the records of epochs to charts: nothing that a reader would miss is left out."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.view.chart import Curves, Series
from chainrule.view.history import MOST_LAYERS, by_layer, figure_charts, norm_charts, thinned


@given(st.integers(1, 3000), st.integers(0, 2999), st.sampled_from([math.nan, 9.0, -9.0]))
def test_a_peak_a_dip_and_a_gap_survive_thinning(count, place, strange):
    values = [float(epoch % 7) / 7 for epoch in range(count)]
    values[place % count] = strange
    curves = Curves("Loss", tuple(map(float, range(count))), (Series("", tuple(values)),))
    found = thinned(curves)
    assert len(found.epochs) <= 1001
    assert found.epochs[0] == 0
    assert found.epochs[-1] == count - 1
    assert found.epochs == tuple(sorted(set(found.epochs)))
    kept = found.series[0].values
    assert any(v == strange or (math.isnan(v) and math.isnan(strange)) for v in kept)


def test_figures_come_in_an_order_and_each_with_its_twin():
    record = {
        "samples_per_second": 1.0,
        "validation_top_5_accuracy": 0.5,
        "learning_rate": 0.1,
        "validation_loss": 2.0,
        "perplexity": 7.0,
        "loss": 1.0,
        "epoch": 1,
        "step": 4,
        "seconds": 1.0,
        "note": "x",
        "weight_norms": {"w": 1.0},
    }
    charts = figure_charts([record])
    assert [(c.title, [s.name for s in c.series], c.axis) for c in charts] == [
        ("Loss", ["training", "validation"], "fitting"),
        ("Top 5 accuracy", ["validation"], "percentages"),
        ("Perplexity", ["training"], "fitting"),
        ("Learning rate", [""], "from zero"),
        ("Samples per second", [""], "from zero"),
    ]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["weight", "bias"], ["weight", "bias"]),
        (["a.weight", "a.bias", "head"], ["a", "head"]),
        (
            [f"layers.{i}.{part}" for i in range(30) for part in ("weight", "bias")],
            [f"layers.{i}" for i in range(30)],
        ),
        (
            [f"stages.{s}.{b}.conv.weight" for s in range(3) for b in range(5)] + ["head.weight"],
            ["stages.0", "stages.1", "stages.2", "head"],
        ),
        ([], []),
    ],
)
def test_layers_are_put_together_until_a_reader_can_follow(paths, names):
    groups = by_layer(paths)
    assert list(groups) == names
    assert [path for group in groups.values() for path in group] == paths
    assert MOST_LAYERS >= 4


def test_an_epoch_without_norms_is_a_gap():
    records = [{"weight_norms": {"a.w": 3.0, "a.b": 4.0}}, {"weight_norms": None}, {}]
    (chart,) = norm_charts(records)
    assert chart.series[0].values[0] == 5.0
    assert all(math.isnan(value) for value in chart.series[0].values[1:])
