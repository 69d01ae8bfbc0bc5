"""Second-order methods on real problems: certified regressions, and handwritten digits."""

import gzip

import numpy as np
import pytest

import chainrule as cr
from chainrule.optim import gauss_newton, levenberg_marquardt, newton
from tests.data.samples import real
from tests.optim.nist import PROBLEMS


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("name", PROBLEMS)
def test_levenberg_marquardt_finds_the_certified_parameters(name, start):
    problem = PROBLEMS[name]
    first = cr.tensor([float(v) for v in problem.starts[start]])
    found = levenberg_marquardt(problem.residuals, first, steps=300, tolerance=1e-11)
    assert problem.digits(found.parameters) > 7
    assert 2 * found.value == pytest.approx(problem.squares, rel=1e-10)


@pytest.mark.parametrize("name", PROBLEMS)
def test_gauss_newton_finds_the_certified_parameters_from_near(name):
    problem = PROBLEMS[name]
    first = cr.tensor([float(v) for v in problem.starts[1]])
    found = gauss_newton(problem.residuals, first, steps=50, tolerance=1e-11)
    assert problem.digits(found.parameters) > 7
    assert 2 * found.value == pytest.approx(problem.squares, rel=1e-10)


@pytest.mark.parametrize("name", PROBLEMS)
def test_newton_finds_the_certified_parameters_in_units_of_the_start(name):
    problem = PROBLEMS[name]
    unit = cr.tensor([float(v) for v in problem.starts[1]])
    loss = lambda b: cr.sum(problem.residuals(b * unit) ** 2) / problem.squares  # noqa: E731
    found = newton(loss, cr.ones(unit.shape), steps=100, tolerance=1e-9)
    assert problem.digits(found.parameters * unit) > 7


def digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Some images of handwritten digits, as 7 × 7 means, and what they show."""
    read = lambda name: gzip.decompress(real("mnist", name).read_bytes())  # noqa: E731
    pixels = np.frombuffer(read("train-images-idx3-ubyte.gz"), np.uint8, count * 784, 16)
    labels = np.frombuffer(read("train-labels-idx1-ubyte.gz"), np.uint8, count, 8)
    small = pixels.reshape(count, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(count, 49) / 255
    return small, np.eye(10)[labels]


def test_newton_fits_a_logistic_regression_to_digits():
    images, truth = digits(1500)
    X, Y = cr.tensor(images), cr.tensor(truth)
    loss = lambda W: (  # noqa: E731
        -cr.mean(cr.sum(cr.log_softmax(X @ W) * Y, axis=1)) + 0.00005 * cr.sum(W**2)
    )
    found = newton(loss, cr.zeros((49, 10)), tolerance=1e-10)
    assert found.converged
    assert found.steps <= 20
    W = found.parameters.numpy()
    scores = images @ W
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    slope = images.T @ (odds - truth) / len(images) + 0.0001 * W
    assert np.abs(slope).max() < 1e-10
    assert (scores.argmax(axis=1) == truth.argmax(axis=1)).mean() > 0.85
