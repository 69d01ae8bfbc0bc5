"""What a run's report shows follows from its model, its data and its test."""

from functools import partial

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, optim, schedule
from chainrule.cli import reporting
from chainrule.cli.config import Config
from chainrule.cli.parts import Parts
from chainrule.data import Dataset
from chainrule.train import pictures
from chainrule.train.evaluation import evaluate
from chainrule.train.reporting import _formulas, figures
from chainrule.train.task import Task
from chainrule.view import render

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 12), dtype=np.uint8)
LABELS = np.arange(40) % 3


def images(layout="CHW", channels=3, **fields) -> Dataset:
    shape = (2, 2, channels) if channels == 3 else (3, 4, 1)
    data = Dataset(PIXELS, LABELS, ("a", "b", "c"), image_shape=shape, layout=layout, **fields)
    return data


def network(*sizes: int):
    with nn.seed(1):
        return nn.mlp(sizes) if len(sizes) > 2 else nn.linear(*sizes)


def report(data: Dataset, model, **given):
    config = Config(data="some/images", **given)
    tested = evaluate(model, data)
    return reporting.report_of(config, Parts(data, None, data), model, tested, [], {})


def test_a_whole_report_is_made():
    model = network(12, 3)
    made = report(images(), model)
    page = render(made)
    assert made.title == "images · linear"
    assert made.confusion is not None
    assert made.confusion.sum() == 40
    assert made.calibration is not None
    assert [label for label, _ in made.templates] == ["a", "b", "c"]
    assert not made.filters
    assert "<h2>Surest mistakes</h2>" in page


def test_the_surest_mistakes_come_first_and_show_what_was_seen():
    data, model = images("HWC"), network(12, 3)
    tested = evaluate(model, data)
    mistakes = report(data, model).mistakes
    probabilities = [mistake.probability for mistake in mistakes]
    assert probabilities == sorted(probabilities, reverse=True)
    assert len(mistakes) == min(24, np.count_nonzero(tested.predictions != LABELS))
    first = mistakes[0]
    assert first.truth == "abc"[LABELS[first.row]]
    assert first.predicted == "abc"[tested.predictions[first.row]] != first.truth
    np.testing.assert_array_equal(first.image, PIXELS[first.row].reshape(2, 2, 3))


def test_a_loss_without_probabilities_has_no_calibration():
    assert report(images(), network(12, 3), loss="hinge").calibration is None


def test_quantities_have_predictions_and_no_classes():
    data = Dataset(PIXELS.astype(np.float32), np.arange(40, dtype=np.float32)[:, None])
    model = network(12, 1)
    tested = evaluate(model, data, cr.loss.squared)
    config = Config(data="table.csv", loss="squared")
    made = reporting.report_of(config, Parts(data, None, data), model, tested, [], {})
    assert made.regression is not None
    assert made.confusion is None
    assert list(made.final) == [
        *("test_r_squared", "test_root_mean_squared_error", "test_mean_absolute_error"),
        "test_loss",
    ]
    assert "<h2>Predictions</h2>" in render(made)


def test_a_text_has_a_perplexity():
    tokens = np.arange(40).reshape(10, 4) % 3
    data = Dataset(tokens, tokens, ("\n", " ", "x"))
    with nn.seed(0):
        tested = evaluate(nn.Embedding(3, 3), data)
    found = figures(tested)
    assert list(found) == ["perplexity", "accuracy", "loss"]
    assert found["perplexity"] == pytest.approx(np.exp(found["loss"]))


@pytest.mark.parametrize("layout", ["CHW", "HWC"])
def test_a_template_shows_how_much_a_pixel_as_stored_raises_the_score(layout):
    data = images(layout).standardize()
    model = network(12, 3)
    image = dict(pictures.templates(model, data))["b"]
    row, column, channel = 1, 0, 2
    place = 4 * channel + 2 * row + column if layout == "CHW" else 6 * row + 3 * column + channel
    brighter = PIXELS.astype(float)
    brighter[:, place] += 1
    by = data.standardization
    assert by is not None
    raised = model((brighter - by.mean) / by.std)[:, 1] - model((PIXELS - by.mean) / by.std)[:, 1]
    np.testing.assert_allclose(raised.numpy(), image[row, column, channel], atol=1e-6)


def test_units_are_those_of_the_first_layer_and_the_largest_of_many():
    made = pictures.units(network(12, 80, 3), images(channels=1))
    assert len(made) == 60
    assert all(image.shape == (3, 4) for _, image in made)
    places = [int(label.removeprefix("unit ")) for label, _ in made]
    assert places == sorted(places)


def test_kernels_are_the_units_of_a_convolutional_network():
    with nn.seed(0):
        model = nn.Sequential(nn.Conv2d(3, 4, 2), cr.relu, nn.Flatten(), nn.Linear(4, 3))
    made = pictures.units(model, images().as_images("CHW"))
    assert [image.shape for _, image in made] == [(2, 2, 3)] * 4
    kernel = model[0].weight.numpy()[1]
    np.testing.assert_allclose(made[1][1][0, 1], kernel[:, 0, 1])


def test_no_picture_is_made_of_what_is_no_image():
    data = Dataset(PIXELS, LABELS, ("a", "b", "c"))
    assert pictures.templates(network(12, 3), data) == []
    assert pictures.units(network(12, 4, 3), data) == []
    assert pictures.pixels(data, np.arange(3)) is None


def test_pixels_of_another_range_are_spread_over_the_bytes():
    faint = Dataset(
        PIXELS % 17, LABELS, image_shape=(3, 4, 1), preparation={"kind": "image", "largest": 16}
    )
    shown = pictures.pixels(faint, np.arange(40))
    assert shown is not None
    np.testing.assert_array_equal(shown.reshape(40, 12), np.rint(PIXELS % 17 * (255 / 16)))


def test_formulas_are_those_of_what_was_computed():
    model = network(12, 4, 3)
    rule = optim.Clipped(optim.SGD(schedule.constant(0.1), momentum=0.9), norm=1.0)
    task = Task(images(), partial(cr.loss.cross_entropy), rule, 1, 8, l2=0.1)
    found = [(entry.part, entry.name) for entry in _formulas(model, task)]
    assert found == [
        *(("Score", name) for name in ("Sequential", "Linear", "relu")),
        *(("Loss", name) for name in ("cross_entropy", "l2")),
        *(("Update", name) for name in ("SGD", "constant", "Clipped")),
    ]
