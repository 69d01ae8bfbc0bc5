"""A race: what is recorded of each method, how each ends, and the figure."""

import itertools
import sys
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import optim

START = cr.tensor([-1.2, 1.0])


def rosenbrock(x: Any) -> Any:
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


METHODS = {
    "SGD": optim.SGD(0.001, momentum=0.9),
    "Adam": optim.Adam(0.05),
    "L-BFGS": optim.lbfgs,
    "CG": optim.conjugate_gradient,
    "Newton": optim.newton,
    "CMA-ES": partial(optim.cma_es, spread=0.5, target=1e-10),
    "genetic": partial(optim.genetic_algorithm, batched=True),
    "random": optim.random_search,
}


@pytest.fixture(scope="module")
def run() -> optim.Race:
    return optim.race(rosenbrock, START, METHODS, evaluations=800)


@pytest.mark.parametrize("name", METHODS)
def test_every_evaluation_is_recorded_with_its_time(run, name):
    runner = run[name]
    assert 0 < len(runner.values) == len(runner.seconds) <= 800
    assert (np.diff(runner.seconds) >= 0).all()
    assert runner.values[0] == rosenbrock(START).item()
    assert runner.best == runner.values.min()
    if runner.minimum is not None:
        assert runner.minimum.evaluations == len(runner.values)
        assert runner.best <= runner.minimum.value * (1 + 1e-12)


@pytest.mark.parametrize("name", METHODS)
def test_a_path_leads_from_the_start_through_points_with_their_values(run, name):
    runner = run[name]
    np.testing.assert_array_equal(runner.path[0], START.numpy())
    assert len(runner.path) == len(runner.path_values) == len(runner.path_counts)
    assert (np.diff(runner.path_counts) >= 0).all()
    assert runner.path_counts[-1] <= len(runner.values)
    again = [rosenbrock(cr.tensor(point)).item() for point in runner.path]
    np.testing.assert_allclose(runner.path_values, again, rtol=1e-9, atol=1e-25)


def test_a_race_gives_what_each_method_gives_alone(run):
    for name in ("L-BFGS", "CG", "Newton", "CMA-ES"):
        alone = METHODS[name](rosenbrock, START)
        assert run[name].minimum.history == pytest.approx(alone.history, rel=1e-12)
        assert run[name].minimum.evaluations == alone.evaluations


def test_a_budget_stops_a_method_and_the_others_go_on():
    methods = {"random": optim.random_search, "L-BFGS": optim.lbfgs, "SGD": optim.SGD(1e-4)}
    run = optim.race(rosenbrock, START, methods, evaluations=20)
    assert [len(runner.values) for runner in run.runners] == [20, 20, 20]
    assert [runner.outcome for runner in run.runners] == [
        "stopped after 20 evaluations",
        "stopped after 20 evaluations",
        "not converged",
    ]


def test_time_stops_a_method(monkeypatch):
    clock = itertools.count(0.0, 2.0**-10)
    ticking = SimpleNamespace(perf_counter=lambda: next(clock))
    monkeypatch.setattr(sys.modules["chainrule.optim.race"], "time", ticking)
    methods = {"random": partial(optim.random_search, evaluations=10**7)}
    runner = optim.race(rosenbrock, START, methods, evaluations=10**7, seconds=0.05)["random"]
    assert runner.outcome == "stopped after 0.05 seconds"
    np.testing.assert_array_equal(runner.seconds, np.arange(1, 52) / 1024)


def test_a_method_that_runs_away_is_told_and_keeps_its_record():
    runner = optim.race(rosenbrock, START, {"SGD": optim.SGD(0.1)})["SGD"]
    assert runner.minimum is None
    assert runner.outcome.startswith("NonFiniteError: descend: after ")
    assert runner.best == rosenbrock(START).item()


def test_a_method_of_ones_own_is_recorded_too():
    def gradient_descent(loss, start):
        x, slope = start, cr.value_and_grad(loss)
        for _ in range(5):
            x = x - 1e-3 * slope(x)[1]
        value = loss(x).item()
        return optim.Minimum(x, value, float("nan"), 5, False, (value,), 6)

    runner = optim.race(rosenbrock, START, {"own": gradient_descent})["own"]
    assert len(runner.values) == 6
    np.testing.assert_array_equal(runner.path[-1], runner.minimum.parameters.numpy())


def test_many_parameters_have_no_points_but_all_else():
    loss = lambda p: cr.sum(p["w"] ** 2)  # noqa: E731
    run = optim.race(loss, {"w": cr.ones((11, 10))}, {"L-BFGS": optim.lbfgs})
    assert run["L-BFGS"].path.shape == (0, 110)
    assert run["L-BFGS"].path_values[-1] < 1e-12


def test_the_table_has_a_row_for_each_method():
    methods = {"L-BFGS": optim.lbfgs, "one step": partial(optim.lbfgs, steps=1)}
    lines = str(optim.race(rosenbrock, START, methods)).splitlines()
    assert [line.split("   ")[0].strip() for line in lines] == ["method", "L-BFGS", "one step"]
    assert [line.rsplit("   ", 1)[1] for line in lines] == ["end", "converged", "not converged"]
    with pytest.raises(KeyError, match="no runner 'Adam'"):
        optim.race(rosenbrock, START, methods)["Adam"]


def test_the_figure_has_curves_and_for_two_parameters_paths_over_contours(run):
    pytest.importorskip("matplotlib")
    figure = run.plot()
    evaluations, seconds, paths = figure.axes
    assert [axis.get_xlabel() for axis in (evaluations, seconds)] == ["evaluations", "seconds"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(METHODS)
    assert evaluations.get_yscale() == "log"
    assert len(paths.lines) == len(METHODS) + 1  # the start
    assert len(paths.collections) == 1  # the contours


def test_the_figure_of_more_parameters_and_of_negative_values_has_no_contours():
    pytest.importorskip("matplotlib")
    run = optim.race(lambda x: cr.sum(x * x) - 1, cr.ones(3), {"a": optim.lbfgs})
    figure = run.plot()
    assert len(figure.axes) == 2
    assert figure.axes[0].get_yscale() == "linear"


def test_the_figure_of_a_race_with_one_that_ran_away_is_not_pressed_flat(tmp_path):
    pytest.importorskip("matplotlib")
    methods = {"L-BFGS": optim.lbfgs, "SGD": optim.SGD(0.1)}
    figure = optim.race(rosenbrock, START, methods).plot()
    assert figure.axes[0].get_ylim()[1] < 1e3
    figure.savefig(tmp_path / "race.png", dpi=40)


def test_a_method_that_raises_or_gives_something_else_does_not_end_the_race():
    def raising(loss, start):
        loss(start)
        raise ValueError("this one\nfails")

    methods = {
        "raising": raising,
        "no minimum": lambda loss, start: loss(start),
        "nothing": lambda loss, start: None,
        "L-BFGS": optim.lbfgs,
    }
    run = optim.race(rosenbrock, START, methods)
    assert [runner.outcome for runner in run.runners] == [
        "ValueError: this one",
        "TypeError: it gave a Tensor, not a Minimum",
        "TypeError: it gave a NoneType, not a Minimum",
        "converged",
    ]
    assert [len(runner.values) for runner in run.runners[:3]] == [1, 1, 0]
    assert len(str(run).splitlines()) == 5
    named: dict[Any, Any] = {3: optim.lbfgs}
    with pytest.raises(cr.errors.ArgumentError, match="the name 3 of a method is no text"):
        optim.race(rosenbrock, START, named)


def test_the_figure_of_a_function_that_is_finite_at_the_start_only(tmp_path):
    pytest.importorskip("matplotlib")
    only = lambda x: 1.0 if bool((x.numpy() == 1).all()) else float("nan")  # noqa: E731
    figure = optim.race(only, cr.ones(2), {"random": optim.random_search}).plot()
    assert not figure.axes[2].collections


def test_an_optimizer_that_averages_has_an_evaluation_left_for_what_it_gives():
    methods = {"averaged": optim.Averaged(optim.SGD(1e-4)), "SGD": optim.SGD(1e-4)}
    run = optim.race(rosenbrock, START, methods, evaluations=20)
    assert [len(runner.values) for runner in run.runners] == [20, 20]
    assert [runner.outcome for runner in run.runners] == ["not converged"] * 2
    found = run["averaged"].minimum
    assert found.value == rosenbrock(found.parameters).item() == run["averaged"].values[-1]
