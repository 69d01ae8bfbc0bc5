"""Results that are written over inputs which the caller gave away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

import chainrule as cr
from chainrule.errors import IndexingError
from chainrule.runtime.native import NativeProgram
from tests.codegen.graphs import LARGE, Drawn, graphs
from tests.codegen.guarded import giving_away, natively, optimized, own, shared_at_once
from tests.codegen.test_carries import FORBIDDEN, MIXED, SAFE, matrices
from tests.codegen.test_program import examples

STEPS = {
    name: (lambda *given, step=step: step(*given, 2.0), count)
    for name, (step, count, *_) in (SAFE | FORBIDDEN | MIXED).items()
}


def check(f: Any, *inputs: np.ndarray) -> int:
    """Nobody sees but in the addresses that inputs were given away; how many were written over."""
    graph, arrays = optimized(f, *inputs)
    wanted = natively(graph, arrays)
    found, count = giving_away(graph, arrays, range(len(arrays)))
    for a, b in zip(found, wanted, strict=True):
        assert a.tobytes() == b.tobytes()
    return count


@pytest.mark.parametrize("name", STEPS)
def test_a_step_gives_the_same_bits(name: str) -> None:
    f, count = STEPS[name]
    check(f, *matrices(count))


@pytest.mark.parametrize("name", SAFE)
def test_what_is_read_at_its_own_element_is_written_over(name: str) -> None:
    f, count = STEPS[name]
    assert check(f, *matrices(count)) >= len(SAFE[name][2])


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_is_read_at_other_elements_is_not(name: str) -> None:
    f, count = STEPS[name]
    assert check(f, *matrices(count)) < count


@examples(60)
@given(graphs())
def test_a_random_graph_gives_the_same_bits(drawn: Drawn) -> None:
    check(drawn, *drawn.inputs)


@examples(15)
@given(graphs(5, sizes=LARGE, elements=20_000))
def test_a_large_random_graph_gives_the_same_bits(drawn: Drawn) -> None:
    check(drawn, *drawn.inputs)


def test_each_slot_of_an_optimizer_takes_over_its_own() -> None:
    adam = cr.optim.Adam(0.1)
    w, g, *_ = matrices(2)
    step = cr.jit(adam.update, donate=("state", "model"))
    text = step.loops(g, adam.init(cr.tensor(w)), cr.tensor(w))
    first, place, *_ = text.splitlines()
    assert first.startswith("arena")
    old = [pair.split(" over ")[1] for pair in place.removeprefix("in place  ").split(", ")]
    assert sorted(old) == ["%1", "%2", "%4"]


def test_what_nobody_reads_any_more_is_written_over_as_well() -> None:
    """The result of a kernel after the last that reads an input, though not of its elements."""
    f = lambda a, b: cr.roll(cr.cumulative_sum(a @ b, axis=0), 1, axis=0) + 1.0  # noqa: E731
    assert check(f, *matrices(2)) == 1


def test_an_index_that_does_not_fit_leaves_all_as_it_was() -> None:
    a = np.ones((600, 3), np.float32)
    place = np.array([0, len(a)])

    def f(a: Any, place: Any) -> Any:
        return a * 2, cr.take(a + 1, place, axis=0)

    graph, arrays = optimized(f, a, place)
    program = NativeProgram(graph, 0, (0,))
    with pytest.raises(IndexingError):
        program.taking(given := [own(x) for x in arrays])
    np.testing.assert_array_equal(given[0], a)


@pytest.mark.parametrize("name", [*SAFE, *FORBIDDEN])
def test_the_number_of_threads_changes_no_bit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    f, count = STEPS[name]
    graph, arrays = optimized(f, *matrices(count))
    shared_at_once(monkeypatch)
    made = []
    for threads in (1, 3):
        monkeypatch.setenv("CHAINRULE_THREADS", str(threads))
        made.append([a.tobytes() for a in giving_away(graph, arrays, range(len(arrays)))[0]])
    assert made[0] == made[1]
