"""Carries of loops that are changed in place, and those that must not be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.layout import items_of
from chainrule.codegen.nested import with_own_outputs
from chainrule.codegen.statements.carries import overwritten
from chainrule.errors import IndexingError
from chainrule.ir.primitives import Loop
from chainrule.runtime.engine import host_target
from tests.codegen.guarded import by_numpy, natively, optimized, shared_at_once

SIDE = 37  # no multiple of any vector
Step = Callable[..., Any]


def matrices(count: int, dtype: str = "float32", rows: int = SIDE) -> list[np.ndarray]:
    """Small integers, so that sums in any order have the same bits."""
    generator = np.random.default_rng(3)
    return [generator.integers(-3, 4, (rows, SIDE)).astype(dtype) for _ in range(count)]


def in_place(f: Any, *inputs: Any) -> list[set[int]]:
    """Of each outer loop, the carries that are written over what they were."""
    graph, _ = optimized(f, *inputs)
    found = []
    for node in graph.nodes():
        if isinstance(node.op, Loop):
            body = with_own_outputs(node.op.body)
            found.append(set(overwritten(node.op, body, items_of(body, host_target()))))
    return found


def looped(step: Step, length: int = 3) -> Callable[..., Any]:
    """The function of carries that runs a step of (carries, row) so many times."""

    def run(*carries: cr.Tensor) -> Any:
        rows = cr.arange(length, dtype=carries[0].dtype)
        return cr.scan(lambda c, a: step(*c, a), carries, rows)

    return run


def check(f: Any, *inputs: np.ndarray) -> None:
    """The program does what NumPy does, with the same bits, and leaves its inputs alone."""
    before = [a.copy() for a in inputs]
    graph, arrays = optimized(f, *inputs)
    for found, expected in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        np.testing.assert_array_equal(found, expected)
    for a, b in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(a, b)


def update(w: Any, x: Any, d: Any, _: Any) -> Any:
    return (w - 2 * (x.T @ d), x, d), cr.sum(w)


def momentum(w: Any, m: Any, x: Any, _: Any) -> Any:
    m = m + x.T @ x
    return (w - m, m, x), None


SAFE: dict[str, tuple[Step, int, set[int]]] = {
    "a function of each element": (lambda w, a: ((w * 2 - a,), None), 1, {0}),
    "an update in a product": (update, 3, {0}),
    "two updates in a product": (momentum, 3, {0, 1}),
    "a factor of an earlier product": (
        lambda w, x, a: ((cr.clip(w - x.T @ (x @ w), -9, 9), x), None), 2, {0},
    ),
    "what is not read at all": (lambda w, v, a: ((v * 2, v + a), None), 2, {0, 1}),
}  # fmt: skip


@pytest.mark.parametrize("name", SAFE)
def test_a_carry_that_is_read_at_its_own_element_is_changed_in_place(name: str) -> None:
    step, count, expected = SAFE[name]
    (found,) = in_place(looped(step), *matrices(count))
    assert expected <= found
    for length in (0, 1, 2, 5):
        check(looped(step, length), *matrices(count))


FORBIDDEN: dict[str, tuple[Step, int]] = {
    "shifted": (lambda w, a: ((w - cr.roll(w, 1, axis=0),), None), 1),
    "shifted within a row": (lambda w, a: ((w - cr.roll(w, 1, axis=1),), None), 1),
    "flipped": (lambda w, a: ((w + w[::-1],), None), 1),
    "transposed": (lambda w, a: ((w + w.T,), None), 1),
    "repeated": (lambda w, a: ((w + w[0],), None), 1),
    "gathered": (lambda w, a: ((w + cr.take(w, cr.arange(SIDE)[::-1], axis=0),), None), 1),
    "a factor of its own product": (lambda w, a: ((cr.clip(w @ w - 3 * w, -9, 9),), None), 1),
    "a factor beside the epilogue": (lambda w, v, a: ((cr.clip(w - v.T @ w, -9, 9), v), None), 2),
    "transposed in the epilogue": (lambda w, v, a: ((v.T @ v - w.T, v), None), 2),
    "padded": (lambda w, a: ((w + cr.pad(w[1:], ((1, 0), (0, 0))),), None), 1),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_carry_that_is_read_at_other_elements_is_not(name: str) -> None:
    step, count = FORBIDDEN[name]
    (found,) = in_place(looped(step), *matrices(count))
    assert 0 not in found
    for length in (0, 1, 2, 3):
        check(looped(step, length), *matrices(count))


def test_a_carry_that_is_read_after_it_is_written_is_not_changed_in_place() -> None:
    def step(w: Any, v: Any, a: Any) -> Any:
        grown = w * 2 - a
        return (grown, v - cr.flip(grown, 0) * w), None

    (found,) = in_place(looped(step), *matrices(2))
    assert 0 not in found
    check(looped(step), *matrices(2))


MIXED: dict[str, tuple[Step, int]] = {
    "exchanged": (lambda a, b, _: ((b, a), None), 2),
    "exchanged and changed": (lambda a, b, _: ((b - 1, a + b), None), 2),
    "turned around": (lambda a, b, c, _: ((b, c, a), None), 3),
    "turned around and changed": (lambda a, b, c, _: ((b - a, c - b, a - c), None), 3),
    "made equal": (lambda a, b, _: ((a - b, a - b), None), 2),
    "one over the other": (lambda a, b, _: ((b, b + 1), None), 2),
    "kept": (lambda a, b, _: ((a, b + a), None), 2),
    "transposed into each other": (lambda a, b, _: ((b.T, a.T - b), None), 2),
    "with its old value as a slice": (lambda a, _: ((a * 2,), a), 1),
    "with its new value as a slice": (lambda a, _: ((a * 2,), a * 2), 1),
    "with both as slices": (lambda a, b, _: ((b * 2 - a, b - a), (a, b, b * 2 - a)), 2),
    "normed by rows": (lambda a, _: ((a - cr.sum(a, axis=1, keepdims=True),), None), 1),
    "normed by columns": (lambda a, _: ((a - cr.sum(a, axis=0),), None), 1),
    "normed as a whole": (lambda a, _: ((a - cr.max(a),), cr.sum(a)), 1),
    "two products": (lambda a, b, _: ((a - cr.sign(b.T @ b), b - cr.sign(a @ a)), None), 2),
}


@pytest.mark.parametrize("dtype", ["float32", "int64"])
@pytest.mark.parametrize("name", MIXED)
def test_carries_that_go_through_each_other_come_out_right(name: str, dtype: str) -> None:
    step, count = MIXED[name]
    if dtype == "int64" and "products" in name:
        pytest.skip("products of integers are loops")
    for length in (1, 2, 3):
        check(looped(step, length), *matrices(count, dtype))


def test_masks_are_changed_in_place() -> None:
    masks = [a > 0 for a in matrices(2)]

    def run(a: Any, b: Any) -> Any:
        step = lambda c, _: ((c[0] ^ c[1], c[1] | c[0]), cr.sum(c[0]))  # noqa: E731
        return cr.scan(step, (a, b), cr.arange(3))

    check(run, *masks)


def test_one_array_may_begin_several_carries() -> None:
    def run(a: Any) -> Any:
        step = lambda c, r: ((c[0] + r, c[1] - c[0], c[2] * 2), a[0] + c[0][1])  # noqa: E731
        return cr.scan(step, (a, a, a), cr.arange(4, dtype=a.dtype)), a + 1

    check(run, *matrices(1))


def test_only_some_of_the_results_are_read() -> None:
    run = looped(lambda a, b, c, _: ((a * 2 - b, b + 1, c - a), None))
    for kept in range(3):
        check(lambda *carries, k=kept: run(*carries)[0][k], *matrices(3))


def test_the_history_of_a_carry_is_what_it_was() -> None:
    def loss(w: Any, x: Any) -> Any:
        step = lambda c, _: (c * x - cr.sin(c), None)  # noqa: E731
        return cr.sum(cr.scan(step, w, cr.arange(4))[0] ** 2)

    graph, arrays = optimized(cr.grad(loss, argnums=(0, 1)), *matrices(2, "float64"))
    for found, expected in zip(natively(graph, arrays), by_numpy(graph, arrays), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_loops_within_loops() -> None:
    def outer(w: Any, v: Any, a: Any) -> Any:
        inner = lambda c, r: (c * 2 - w + r, cr.sum(w * c))  # noqa: E731
        deep, sums = cr.scan(inner, w, cr.arange(3, dtype=w.dtype))
        return (deep - cr.roll(v, 1, axis=0), v + 1), (cr.sum(sums), cr.sum(w))

    check(looped(outer, 2), *matrices(2))


def test_an_error_in_a_later_turn_leaves_what_was_given_alone() -> None:
    (w,) = matrices(1)
    before = w.copy()

    @cr.jit
    def run(w: Any, places: Any) -> Any:
        return cr.scan(lambda c, k: (c * 2, cr.take(c, k, axis=0)), w, places)

    with pytest.raises(IndexingError):
        run(cr.tensor(w), cr.tensor(np.array([1, 2, SIDE])))
    np.testing.assert_array_equal(w, before)


CHANGES: tuple[Callable[[Any, Any], Any], ...] = (
    lambda a, b: a,
    lambda a, b: a + b,
    lambda a, b: b - 2 * a,
    lambda a, b: cr.maximum(a, b),
    lambda a, b: cr.roll(a, 1, axis=0) + b,
    lambda a, b: a - b.T,
    lambda a, b: a - cr.sum(b, axis=1, keepdims=True),
    lambda a, b: cr.sign(a.T @ b),
    lambda a, b: a + cr.sign(b.T @ b),
    lambda a, b: cr.where(a > b, a, 1),
    lambda a, b: a + b[:1],
)


@pytest.mark.parametrize("seed", range(24))
def test_random_bodies(seed: int) -> None:
    generator = np.random.default_rng(seed)
    plan = [(int(generator.integers(len(CHANGES))), *generator.integers(9, size=2))
            for _ in range(7)]  # fmt: skip
    chosen = generator.integers(10, size=4)

    def step(a: Any, b: Any, c: Any, _: Any) -> Any:
        known = [a, b, c]
        for change, first, second in plan:
            x, y = known[first % len(known)], known[second % len(known)]
            known.append(cr.clip(CHANGES[change](x, y), -50, 50))
        return tuple(known[k] for k in chosen[:3]), known[chosen[3]]

    check(looped(step), *matrices(3))


@pytest.mark.parametrize("name", [*SAFE, *FORBIDDEN])
def test_carries_have_the_same_bits_for_any_number_of_threads(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, count, *_ = SAFE.get(name) or FORBIDDEN[name]
    graph, arrays = optimized(looped(step), *matrices(count))
    shared_at_once(monkeypatch)
    made = []
    for threads in (1, 3):
        monkeypatch.setenv("CHAINRULE_THREADS", str(threads))
        made.append([a.tobytes() for a in natively(graph, arrays)])
    assert made[0] == made[1]
