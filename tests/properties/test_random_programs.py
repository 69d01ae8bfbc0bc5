"""Random programs have the value of NumPy and derivatives that agree in every way to take them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.testing import assert_close, check_gradients
from tests.properties.programs import ChainruleSide, NumpySide, Program, programs

SIDE = ChainruleSide()
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def examples(count: int) -> Any:
    return settings(
        max_examples=count, derandomize=True, suppress_health_check=SLOW,
        database=None,
    )  # fmt: skip


seeds = st.integers(0, 2**32 - 1)


def draw(program: Program, seed: int) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.uniform(-1.5, 1.5, shape) for shape in program.shapes]


def function(program: Program) -> Any:
    return lambda *inputs: program.number(SIDE, inputs)


def away_from_kinks(program: Program, inputs: Sequence[np.ndarray], distance: float) -> None:
    """Differences would reach over a kink that is nearer."""
    numpy = NumpySide()
    program.number(numpy, inputs)
    assume(numpy.nearest_kink > distance)


def size(value: Any) -> float:
    return float(np.abs(np.asarray(value)).max(initial=1.0))


@examples(80)
@given(program=programs(), seed=seeds)
def test_the_value_of_every_step_is_that_of_numpy(program: Program, seed: int) -> None:
    inputs = draw(program, seed)
    expected = program.values(NumpySide(), inputs)
    actual = program.values(SIDE, [cr.tensor(x) for x in inputs])
    for left, right in zip(actual, expected, strict=True):
        assert_close(left, right, rtol=1e-12, atol=1e-12 * size(right))


@examples(60)
@given(program=programs(), seed=seeds)
def test_forward_and_reverse_mode_and_differences_agree(program: Program, seed: int) -> None:
    inputs = draw(program, seed)
    away_from_kinks(program, inputs, 1e-3)
    check_gradients(function(program), *inputs, orders=2, tolerance=1e-5)


@examples(60)
@given(program=programs(), seed=seeds)
def test_vmap_is_a_loop(program: Program, seed: int) -> None:
    f = function(program)
    places = tuple(range(len(program.shapes)))
    one, two = draw(program, seed), draw(program, seed + 1)
    stacks = [cr.tensor(np.stack(pair)) for pair in zip(one, two, strict=True)]
    rows = [[cr.tensor(x) for x in inputs] for inputs in (one, two)]
    both = cr.value_and_grad(f, argnums=places)
    value, gradients = cr.vmap(both)(*stacks)
    looped = [both(*row) for row in rows]
    assert_close(value, np.stack([v.numpy() for v, _ in looped]), rtol=1e-9)
    for k, gradient in enumerate(gradients):
        expected = np.stack([g[k].numpy() for _, g in looped])
        assert_close(gradient, expected, rtol=1e-9, atol=1e-10 * size(expected))
    axes = (0, *(None for _ in places[1:]))
    part = cr.vmap(f, in_axes=axes)(stacks[0], *rows[0][1:])
    alone = [f(cr.tensor(first[0]), *rows[0][1:]).numpy() for first in (one, two)]
    assert_close(part, np.stack(alone), rtol=1e-9)


@examples(60)
@given(program=programs(), seed=seeds)
def test_jit_is_eager(program: Program, seed: int) -> None:
    f = function(program)
    places = tuple(range(len(program.shapes)))
    inputs = [cr.tensor(x) for x in draw(program, seed)]
    value, gradients = cr.value_and_grad(f, argnums=places)(*inputs)
    assert_close(cr.jit(f)(*inputs), value, rtol=1e-10)
    compiled, inside = cr.jit(cr.grad(f, argnums=places)), cr.grad(cr.jit(f), argnums=places)
    for found in (compiled(*inputs), inside(*inputs)):
        for left, right in zip(found, gradients, strict=True):
            assert_close(left, right, rtol=1e-9, atol=1e-10 * size(right))


@examples(60)
@given(program=programs(), seed=seeds)
def test_the_hessian_is_symmetric_in_all_modes(program: Program, seed: int) -> None:
    """uᵀ H v = vᵀ H u, with H v forward over reverse, and reverse over forward."""
    inputs = [cr.tensor(x) for x in draw(program, seed)]
    u, v = ([cr.tensor(x) for x in draw(program, seed + k)] for k in (1, 2))
    gradient = cr.grad(function(program), argnums=tuple(range(len(inputs))))

    def along(direction: list[Any]) -> list[np.ndarray]:
        return [t.numpy() for t in cr.jvp(gradient, inputs, direction)[1]]

    def reverse_over_forward(direction: list[Any]) -> list[np.ndarray]:
        def slope(*point: Any) -> Any:
            return cr.jvp(function(program), point, direction)[1]

        return [g.numpy() for g in cr.grad(slope, argnums=tuple(range(len(inputs))))(*inputs)]

    hv, hu = along(v), along(u)
    scale = max(map(size, (*hv, *hu)))
    left, right = (
        sum(float(np.vdot(a.numpy(), b)) for a, b in zip(d, h, strict=True))
        for d, h in ((u, hv), (v, hu))
    )
    assert abs(left - right) <= 1e-9 * scale
    for a, b in zip(reverse_over_forward(v), hv, strict=True):
        assert_close(a, b, rtol=1e-9, atol=1e-10 * scale)
