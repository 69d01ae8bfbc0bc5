"""What searches, line searches and races say about settings and functions, word for word."""

import math
import sys
from collections.abc import Callable

import pytest

import chainrule as cr
from chainrule import optim
from chainrule.errors import ArgumentError, DTypeError, NonFiniteError, ShapeError

X = cr.ones(2)


def sphere(x: cr.Tensor) -> cr.Tensor:
    return cr.sum(x * x)


def only_at_one(x: cr.Tensor) -> float:
    return 0.0 if (x.numpy() == 1).all() else math.nan


MESSAGES: list[tuple[type[Exception], Callable[[], object], str]] = [
    (
        NonFiniteError,
        lambda: optim.lbfgs(lambda x: cr.sum(1 / x), cr.zeros(2)),
        "lbfgs: the function is inf at the start",
    ),
    (
        NonFiniteError,
        lambda: optim.conjugate_gradient(lambda x: cr.sum(cr.sqrt(x)), cr.zeros(2)),
        "conjugate_gradient: the gradient is not finite at the start",
    ),
    (
        NonFiniteError,
        lambda: optim.random_search(lambda x: math.nan, X),
        "random_search: the function is nan at the start",
    ),
    (
        NonFiniteError,
        lambda: optim.cma_es(only_at_one, X),
        (
            "cma_es: the function is not finite at any of 240 points around the start, down to "
            "10⁻¹² of the spread"
        ),
    ),
    (
        NonFiniteError,
        lambda: optim.descend(sphere, X, optim.SGD(1e200)),
        (
            "descend: after 1 step the function is inf or its gradient is not finite; before that "
            "step it was 2\n"
            "\n"
            "  A smaller learning rate may help."
        ),
    ),
    (
        ArgumentError,
        lambda: optim.genetic_algorithm(sphere, {}),
        "genetic_algorithm: the start has no parameters",
    ),
    (
        DTypeError,
        lambda: optim.lbfgs(lambda p: cr.sum(p["w"]), {"w": cr.tensor([1, 2])}),
        "lbfgs: w is i64[2]; what is searched must be floating",
    ),
    (
        ShapeError,
        lambda: optim.random_search(lambda x: x * x, X),
        "random_search: the function gives f64[2], not one number",
    ),
    (
        ShapeError,
        lambda: optim.cma_es(lambda x: x * x, X, batched=True),
        "cma_es: the function gives f64[2], not one number",
    ),
    (
        ArgumentError,
        lambda: optim.random_search(lambda x: None, X),
        "random_search: the function gives a NoneType, not one number",
    ),
    (
        ArgumentError,
        lambda: optim.lbfgs(sphere, X, steps=-1),
        "lbfgs: steps=-1, which must be a count from 0",
    ),
    (
        ArgumentError,
        lambda: optim.lbfgs(sphere, X, tolerance=math.nan),
        "lbfgs: tolerance=nan, which must not be negative",
    ),
    (
        ArgumentError,
        lambda: optim.lbfgs(sphere, X, memory=0),
        "lbfgs: memory=0, which must be a count from 1",
    ),
    (
        ArgumentError,
        lambda: optim.lbfgs(sphere, X, line_search=0.1),  # type: ignore[arg-type]
        "lbfgs: line_search=0.1, which must be a line search, as StrongWolfe() is",
    ),
    (
        ArgumentError,
        lambda: optim.conjugate_gradient(sphere, X, conjugacy="pr"),  # type: ignore[arg-type]
        'conjugate_gradient: conjugacy is "polak-ribiere" or "hager-zhang", not \'pr\'',
    ),
    (
        ArgumentError,
        lambda: optim.StrongWolfe(c1=0.5, c2=0.4),
        "StrongWolfe: c1=0.5 and c2=0.4; it must be 0 < c1 < c2 < 1",
    ),
    (
        ArgumentError,
        lambda: optim.Backtracking(shrink=1.0),
        "Backtracking: shrink=1.0, which must be between 0 and 1",
    ),
    (
        ArgumentError,
        lambda: optim.Backtracking(most=0),
        "Backtracking: most=0, which must be a count from 1",
    ),
    (
        ArgumentError,
        lambda: optim.StrongWolfe()(sphere, X, X),
        "StrongWolfe: the direction does not lead down; the slope along it is 4",
    ),
    (
        ArgumentError,
        lambda: optim.StrongWolfe()(sphere, X, {"w": X}),
        "StrongWolfe: the direction is not a tree like the parameters",
    ),
    (
        ArgumentError,
        lambda: optim.StrongWolfe()(sphere, X, -X, first=0.0),
        "StrongWolfe: first=0.0, which must be greater than 0",
    ),
    (
        ArgumentError,
        lambda: optim.descend(sphere, X, optim.SGD),  # type: ignore[arg-type]
        "descend: optimizer is SGD; it must be an optimizer, as SGD(0.1) is",
    ),
    (
        ArgumentError,
        lambda: optim.random_search(sphere, X, evaluations=0),
        "random_search: evaluations=0, which must be a count from 1",
    ),
    (
        ArgumentError,
        lambda: optim.random_search(sphere, X, spread=0.0),
        "random_search: spread=0, which must be greater than 0",
    ),
    (
        ArgumentError,
        lambda: optim.cma_es(sphere, X, spread={"w": 1.0}),
        "cma_es: spread is neither a number nor a tree like the parameters",
    ),
    (
        ShapeError,
        lambda: optim.cma_es(sphere, X, spread=cr.ones(3)),
        "cma_es: a spread f64[3] does not fit a parameter of shape [2]",
    ),
    (
        ArgumentError,
        lambda: optim.random_search(sphere, X, seed=-1),
        "random_search: seed=-1, which must be a count from 0",
    ),
    (
        ArgumentError,
        lambda: optim.random_search(sphere, X, target=math.nan),
        "random_search: target=nan, which is no number",
    ),
    (
        ArgumentError,
        lambda: optim.genetic_algorithm(sphere, X, population=3, elite=3),
        "genetic_algorithm: elite=3 leaves no room in a population of 3",
    ),
    (
        ArgumentError,
        lambda: optim.genetic_algorithm(sphere, X, crossover=1.5),
        "genetic_algorithm: crossover=1.5, which must be from 0 to 1",
    ),
    (
        ArgumentError,
        lambda: optim.genetic_algorithm(sphere, X, tournament=0),
        "genetic_algorithm: tournament=0, which must be a count from 1",
    ),
    (
        ArgumentError,
        lambda: optim.genetic_algorithm(sphere, X, blend=-0.5),
        "genetic_algorithm: blend=-0.5, which must not be negative",
    ),
    (
        ArgumentError,
        lambda: optim.cma_es(sphere, X, population=2),
        "cma_es: population=2, which must be a count from 3",
    ),
    (
        ArgumentError,
        lambda: optim.cma_es(lambda p: 0.0, cr.zeros(0)),
        "cma_es: the parameters have no elements",
    ),
    (
        ArgumentError,
        lambda: optim.race(sphere, X, {}),
        'race: methods has no method; give a dictionary, as {"L-BFGS": lbfgs}',
    ),
    (
        ArgumentError,
        lambda: optim.race(sphere, X, {"SGD": optim.SGD}),  # type: ignore[dict-item]
        (
            "race: methods['SGD'] is SGD; it must be a function of (loss, start) or an optimizer, "
            "as SGD(0.1) is"
        ),
    ),
    (
        ArgumentError,
        lambda: optim.race(sphere, X, {"L-BFGS": optim.lbfgs}, seconds=0),
        "race: seconds=0, which must be greater than 0",
    ),
]


@pytest.mark.parametrize(("kind", "call", "message"), MESSAGES)
def test_what_is_said(kind: type[Exception], call: Callable[[], object], message: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message


def test_a_missing_matplotlib_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    run = optim.race(sphere, X, {"L-BFGS": optim.lbfgs})
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError) as caught:
        run.plot()
    assert str(caught.value) == (
        'race.plot needs matplotlib: pip install "chainrule[plot]" installs it'
    )
