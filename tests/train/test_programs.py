"""What an epoch needs besides the program of a step is compiled beside its first steps."""

import threading
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.runtime.native import NativeProgram
from chainrule.train.beside import Beside
from chainrule.train.loop import steps
from chainrule.train.progress import Progress
from chainrule.train.task import Task, begin

BESIDE = "chainrule-beside"
HIDDEN = 4


def task(count: int = 76, **changes: Any) -> Task:
    """Batches of 32: two of them full, and one of 12; 307 examples to try the model on."""
    generator = np.random.default_rng(0)
    x = generator.standard_normal((count + 307, 5)).astype(np.float32)
    y = generator.integers(0, 3, count + 307)
    data, validation = (cr.data.from_arrays(x[k], y[k]) for k in (slice(count), slice(count, None)))
    settings: dict[str, Any] = {"epochs": 2, "batch": 32, "validation": validation, **changes}
    return Task(data, cr.loss.cross_entropy, cr.optim.Adam(0.01), **settings)


def trained(given: Task) -> list[Progress]:
    with cr.nn.seed(0):
        return list(steps(given, begin(given, cr.nn.mlp((5, HIDDEN, 3)))))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The native programs: on which thread each was made, and for how many examples."""
    monkeypatch.setenv("CHAINRULE_RUNTIME", "native")
    found: list[tuple[str, int]] = []
    plain = NativeProgram.__init__

    def noted(self: NativeProgram, graph: Any, *others: Any) -> None:
        examples = next(
            n.shape[0] for n in graph.inputs if n.shape[1:] == (5,) and n.shape[0] > HIDDEN
        )
        main = threading.current_thread() is threading.main_thread()
        found.append(("main" if main else threading.current_thread().name, examples))
        plain(self, graph, *others)

    monkeypatch.setattr(NativeProgram, "__init__", noted)
    return found


def test_a_thread_compiles_the_short_batch_and_the_validation(made):
    ended = trained(task())
    assert [p.record is not None for p in ended] == [False, False, True] * 2
    assert made[0] == ("main", 32)
    assert made[1] == (BESIDE, 12)
    assert made[2:] == [(BESIDE, 307)]


def test_it_compiles_what_will_be_needed_and_no_more(made):
    trained(task(validation=None, count=64))  # full batches only
    assert made == [("main", 32)]
    made.clear()
    trained(task(validation=None, steps_per_epoch=2, epochs=1))  # it ends before the short batch
    assert made == [("main", 32)]
    made.clear()
    trained(task(validation=None, batch=100))  # one short batch is all there is
    assert made == [("main", 76)]


def test_the_figures_are_those_without_a_thread(made, monkeypatch):
    beside = trained(task())

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    made.clear()
    alone = trained(task())
    assert {thread for thread, _ in made} == {"main"}
    clocks = ("seconds", "samples_per_second")
    for one, other in zip(beside, alone, strict=True):
        assert one.loss == other.loss
        records = [{k: v for k, v in (p.record or {}).items() if k not in clocks}
                   for p in (one, other)]  # fmt: skip
        assert records[0] == records[1]


def test_what_fails_beside_is_waited_for_and_left_alone():
    begun = threading.Event()

    def fail() -> None:
        begun.set()
        raise ValueError("no")

    work = Beside({"first": fail, "second": lambda: None})
    work.wait("first")
    assert begun.is_set()
    work.wait("second")
    work.wait("nothing of that name")
