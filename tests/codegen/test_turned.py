"""What lies across the rest of a sum is copied once, turned over, and read from there by all."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.statements.loops import Statement, loads
from chainrule.codegen.statements.steps import steps_of
from chainrule.codegen.statements.turned import with_turned_copies
from tests.codegen.guarded import by_numpy, natively, optimized

F = Callable[..., Any]


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def copies(f: F, *inputs: np.ndarray) -> list[tuple[int, ...]]:
    """The shapes of the copies that are made."""
    steps = steps_of(optimized(f, *inputs)[0])
    made = [s for s in with_turned_copies(steps) if isinstance(s, Statement)]
    known = {s.target for s in steps if isinstance(s, Statement)}
    assert len(made) >= len(known)
    return [s.target.shape for s in made if s.target not in known]


def assert_close(f: F, *inputs: np.ndarray) -> None:
    graph, arrays = optimized(f, *inputs)
    for ours, expected in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-11, atol=1e-11)


SUMS: dict[str, F] = {
    "a trace of a product": lambda a, b: cr.sum(a * b.T),
    "columns": lambda a, b: cr.einsum("jk,kj->j", a, b),
    "rows": lambda a, b: cr.einsum("jk,kj->k", a, b),
    "of functions": lambda a, b: cr.sum(cr.exp(a) * cr.tanh(b.T), axis=0),
    "with itself": lambda a, b: cr.sum(a * a.T) if a.shape[0] == a.shape[1] else cr.sum(a * b.T),
}


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("shape", [(128, 128), (130, 257), (700, 24), (8, 4000)])
def test_sums_of_what_lies_across_are_those_of_numpy(name: str, shape: tuple[int, int]) -> None:
    a, b = drawn(*shape), drawn(*shape[::-1], seed=1)
    (made,) = copies(SUMS[name], a, b)
    assert sorted(made) == sorted(shape)
    assert_close(SUMS[name], a, b)


def test_images_are_turned_over_as_they_are() -> None:
    f = lambda x, c: cr.sum(cr.permute_dims(x, (0, 2, 3, 1)) * c, axis=(0, 1, 2))  # noqa: E731
    x, c = drawn(3, 40, 13, 17), drawn(3, 13, 17, 40)
    assert len(copies(f, x, c)) == 1
    assert_close(f, x, c)


def test_who_else_reads_an_array_in_that_order_reads_the_copy() -> None:
    def f(x: Any, c: Any) -> Any:
        return cr.sum(x.T * c, axis=0), cr.exp(x.T), cr.sum(x.T * cr.sin(c), axis=1)

    x, c = drawn(150, 200), drawn(200, 150, seed=1)
    assert copies(f, x, c) == [(200, 150)]
    graph, _ = optimized(f, x, c)
    steps = list(with_turned_copies(steps_of(graph)))
    read = [n for s in steps if isinstance(s, Statement) for n in loads(s.value)]
    assert sum(n.source.shape == x.shape for n in read) == 1
    assert_close(f, x, c)


@pytest.mark.parametrize(
    ("f", "shapes"),
    [
        (lambda a, b: cr.sum(a * b.T), [(100, 100), (100, 100)]),
        (lambda a, b: cr.sum(a * b), [(200, 300), (200, 300)]),
        (lambda a, b: a @ b, [(200, 300), (300, 200)]),
        (lambda a, b: a + b.T, [(200, 300), (300, 200)]),
        (lambda a, b: cr.sum(a[:, 1:] * b.T), [(200, 301), (300, 200)]),
        (lambda a, b: cr.sum(a * b.T), [(4, 30_000), (30_000, 4)]),
    ],
    ids=["small", "alike", "product", "elements", "part", "few rows"],
)
def test_nothing_else_is_copied(f: F, shapes: list[tuple[int, ...]]) -> None:
    inputs = [drawn(*shape, seed=k) for k, shape in enumerate(shapes)]
    assert copies(f, *inputs) == []
    assert_close(f, *inputs)
