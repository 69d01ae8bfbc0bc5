"""Several steps as one program: the bits of single steps, and who is told of them when."""

import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import augmentation, digits
from chainrule.data.rows import Rows
from chainrule.data.whole import whole
from chainrule.runtime import engine, translation
from chainrule.train import ahead, checkpoint
from chainrule.train.loop import steps
from chainrule.train.pace import Pace
from chainrule.train.progress import Progress, cells, pack, unpack
from chainrule.train.step import Stride
from chainrule.train.task import Task, begin
from tests.train.test_resume import OPTIMIZERS, everything, network, records


def images(count: int = 556) -> cr.data.Dataset:
    """Digits as bytes, channels first: 17 full batches of 32 and one of 12."""
    return digits()[0].take(np.arange(count)).as_images("CHW")


def task(optimizer: Any = None, **changes: Any) -> Task:
    settings: dict[str, Any] = {
        "epochs": 2,
        "batch": 32,
        "seed": 5,
        "l2": 1e-4,
        "augment": augmentation.parse("flip,crop:1,cutout:2"),
    }
    data = changes.pop("data", None)
    return Task(
        images() if data is None else data,
        changes.pop("loss", cr.loss.cross_entropy),
        optimizer or cr.optim.Adam(0.01),
        **{**settings, **changes},
    )


def willing(given: Task, most: int = 4) -> Pace:
    """Strides as soon as enough single steps were taken."""
    return Pace(given, aim=1e9, saved=(1e9, 0.0), most=most, waits=True)


def taken(make: Callable[[], Task], model: Callable[[], Any], most: int) -> list[Progress]:
    given = make()
    return list(steps(given, begin(given, model()), willing(given, most) if most else None))


@cache
def usual() -> list[Progress]:
    """The single steps of the task as it is."""
    return taken(task, network, 0)


def check(make: Callable[[], Task], model: Callable[[], Any] = network, most: int = 4) -> None:
    """Strides give the bits of single steps."""
    single = usual() if make is task else taken(make, model, 0)
    strides = taken(make, model, most)
    assert len(strides) < len(single)
    assert everything(strides[-1]) == everything(single[-1])
    assert records(strides) == records(single)
    of_step = {progress.step: progress for progress in single}
    for progress in strides:
        then = of_step[progress.step]
        assert (progress.epoch, progress.batch) == (then.epoch, then.batch)
        assert progress.loss == then.loss
        assert progress.tally.loss == then.tally.loss
        assert progress.tally.correct == then.tally.correct
        assert progress.tally.seen == then.tally.seen
        assert progress.tally.examples == then.tally.examples


def perceptron() -> cr.nn.Sequential:
    with cr.nn.seed(2):
        return cr.nn.mlp((64, 16, 10))


def perceptron_of_images() -> cr.nn.Sequential:
    with cr.nn.seed(2):
        return cr.nn.Sequential(cr.nn.Flatten(), *cr.nn.mlp((64, 16, 10)))


def rows(dtype: Any, count: int = 556) -> cr.data.Dataset:
    generator = np.random.default_rng(0)
    inputs = generator.integers(0, 100, (count, 64)).astype(dtype)
    return cr.data.from_arrays(inputs, generator.integers(0, 10, count))


@pytest.mark.parametrize("optimizer", ["nesterov", "muon", "all around"])
def test_strides_give_the_bits_of_single_steps(optimizer: str) -> None:
    data = images(544)  # no smaller batch, which would be one more program
    check(lambda: task(OPTIMIZERS[optimizer](), data=data))


def test_examples_that_are_chosen_from_an_array() -> None:
    data = rows(np.uint8)
    chosen = replace(data, inputs=Rows((data.inputs,))).take(np.arange(547, 3, -1))
    copied = replace(chosen, inputs=chosen.inputs[:])
    check(lambda: task(data=chosen, augment=()), perceptron)
    found = [
        taken(lambda d=d: task(data=d, augment=()), perceptron, 4)[-1] for d in (chosen, copied)
    ]
    assert everything(found[0]) == everything(found[1])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.int16, ">f4"])
def test_whatever_the_inputs_are_stored_as(dtype: Any) -> None:
    for data in (rows(dtype), rows(dtype).standardize()):
        check(lambda data=data: task(data=data, augment=()), perceptron)


def test_an_epoch_may_be_more_or_less_than_a_turn() -> None:
    for count, epochs in ((9, 3), (33, 1)):
        make = {"data": rows(np.uint8), "augment": (), "steps_per_epoch": count, "epochs": epochs}
        check(lambda make=make: task(**make), perceptron)


def test_blocks_of_rows_are_visited_in_their_order() -> None:
    data = cr.data.Dataset(rows(np.uint8).inputs, rows(np.uint8).targets, shuffle="blocks")
    check(lambda: task(data=data, augment=()), perceptron)


def test_targets_without_a_label_are_not_counted() -> None:
    tokens = np.random.default_rng(0).integers(0, 10, (556, 6))
    targets = np.where(tokens > 6, -1, tokens)
    data = cr.data.Dataset(tokens, targets, tuple("abcdefghij"))

    def model() -> cr.nn.Sequential:
        with cr.nn.seed(0):
            return cr.nn.Sequential(cr.nn.Embedding(10, 8), cr.nn.Linear(8, 10))

    def loss(scores: Any, labels: Any) -> Any:
        return cr.loss.cross_entropy(scores, labels, ignore_index=-1)

    check(lambda: task(data=data, augment=(), loss=loss), model)


def test_a_training_goes_on_from_the_end_of_a_stride(tmp_path: Path) -> None:
    whole = usual()
    given = task()
    with closing(steps(given, begin(given, network()), willing(given))) as going:
        stopped = next(progress for progress in going if progress.step == 10)
        checkpoint.save(tmp_path, pack(stopped))
    again = unpack(checkpoint.load(tmp_path).checkpoint, begin(task(), network()))
    for pace in (None, willing(given)):
        rest = list(steps(given, again, pace))
        assert everything(rest[-1]) == everything(whole[-1])
        assert records(rest) == records(whole)
        again = unpack(checkpoint.load(tmp_path).checkpoint, begin(task(), network()))


def test_steps_that_are_too_slow_for_strides_go_on_by_their_own_program() -> None:
    given = task()
    slow = Pace(given, aim=1e-9)
    found = list(steps(given, begin(given, network()), slow))
    assert slow.is_slow
    assert [progress.step for progress in found] == [*range(1, 37)]
    assert everything(found[-1]) == everything(usual()[-1])
    assert records(found) == records(usual())


def test_what_is_large_takes_single_steps_first(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("_QUICK", "_SMALL"):
        with monkeypatch.context() as patch:
            patch.setattr(ahead, limit, 0)
            check(task)


def test_a_short_batch_whose_step_is_translated_plainly_has_the_same_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    levels: list[int] = []
    plain = engine.object_codes

    def noted(texts: Any, target: Any, level: int | Sequence[int]) -> list[bytes]:
        levels.append(level if isinstance(level, int) else level[0])
        return plain(texts, target, level)

    monkeypatch.setattr(engine, "object_codes", noted)
    monkeypatch.setenv("CHAINRULE_CACHE_SIZE", "0")
    ends = []
    for few in (0, 20):
        levels.clear()
        monkeypatch.setattr(ahead, "_FEW", few)
        ends.append(taken(task, network, 4)[-1])
        assert (0 in levels) == (few > 0)
    assert everything(ends[0]) == everything(ends[1])


def test_strides_of_any_length_have_the_same_kernels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("chainrule.codegen.assembly.texts._LINES", 100)
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    translated: list[str] = []
    plain = translation._object_code

    def noted(text: str, *others: Any) -> bytes:
        translated.append(text)
        return plain(text, *others)

    monkeypatch.setattr(translation, "_object_code", noted)
    given, counts = task(), []
    start, examples = begin(given, perceptron_of_images()), whole(given.data)
    assert examples is not None
    taken = ahead.Ahead(given, examples, Pace(given))
    for count in (1, 4, 7):
        translated.clear()
        taken.stride.prepare(start.model, start.slots, *taken.rows(start, count))
        counts.append(len(translated))
    assert counts[0] > 2
    assert counts[1:] == [1, 1]  # the program, which says how many steps there are


# ---------------------------------------------------------------- when something goes wrong


def broken() -> cr.data.Dataset:
    """Rows of which one, in the tenth batch, is infinite."""
    data = rows(np.float32)
    inputs = data.inputs.copy()
    inputs[int(data.order(5, 0)[9 * 32 + 3])] = np.inf
    return cr.data.Dataset(inputs, data.targets, data.classes)


def test_a_step_of_a_stride_that_is_not_finite_is_named_as_a_single_one_is() -> None:
    told = []
    for most in (0, 4):
        given = task(cr.optim.SGD(0.1), data=broken(), augment=())
        model = perceptron()
        with pytest.raises(cr.errors.NonFiniteError) as caught:
            list(steps(given, begin(given, model), willing(given, most) if most else None))
        error: Any = caught.value
        weights = {p: leaf.numpy().tobytes() for p, leaf in cr.tree.paths(error.model)}
        told.append((str(error), error.rows.tolist(), weights))
    assert told[0] == told[1]
    assert "in epoch 1, step 10" in told[0][0]


def test_state_cells_are_put_back_before_the_single_steps() -> None:
    ends = []
    for most in (0, 4):
        data = broken()
        given = task(cr.optim.SGD(0.1), data=data, augment=())
        with cr.nn.seed(0):
            layers = cr.nn.Linear(64, 8), cr.nn.Dropout(0.5), cr.nn.Linear(8, 10)
            model = cr.nn.Sequential(*layers)
        with pytest.raises(cr.errors.NonFiniteError):
            list(steps(given, begin(given, model), willing(given, most) if most else None))
        ends.append({path: cell.value.numpy().tobytes() for path, cell in cells(model).items()})
    assert ends[0] == ends[1]


def test_an_index_outside_is_told_as_of_a_single_step() -> None:
    tokens = np.random.default_rng(0).integers(0, 10, (556, 6))
    tokens[int(rows(np.uint8).order(5, 0)[9 * 32 + 3]), 2] = 10
    data = cr.data.Dataset(tokens, tokens % 10, tuple("abcdefghij"))
    told = []
    for most in (0, 4):
        given = task(data=data, augment=())
        with cr.nn.seed(0):
            model = cr.nn.Sequential(cr.nn.Embedding(10, 8), cr.nn.Linear(8, 10))
        going = steps(given, begin(given, model), willing(given, most) if most else None)
        seen: list[int] = []
        with pytest.raises(cr.errors.IndexingError) as caught:
            seen.extend(progress.step for progress in going)
        told.append(str(caught.value))
        assert seen[-1] == 9
    assert told[0] == told[1]


def test_what_numpy_computes_in_a_step_it_computes_in_a_stride() -> None:
    def model() -> cr.nn.Sequential:
        with cr.nn.seed(2):
            return cr.nn.Sequential(cr.nn.Linear(64, 8), cr.sort, cr.nn.Linear(8, 10))

    check(lambda: task(data=rows(np.float32), augment=()), model)


def test_single_steps_go_on_while_the_stride_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread begins after step 6 and is held until step 11: then come the strides."""
    go, done = threading.Event(), threading.Event()

    class Held(Stride):  # type: ignore[misc]
        def prepare(self, *given: Any) -> None:
            assert go.wait(60)
            super().prepare(*given)
            done.set()

    single = usual()
    monkeypatch.setattr(ahead, "Stride", Held)
    given, seen = task(), []
    for progress in steps(given, begin(given, network()), Pace(given, saved=(1e9, 0.0), most=4)):
        seen.append(progress)
        if progress.step == 11:
            go.set()
            for thread in threading.enumerate():
                if thread.name == "chainrule-stride":
                    thread.join()
    assert done.is_set()
    assert [progress.step for progress in seen[:14]] == [*range(1, 12), 15, 16, 17]
    assert everything(seen[-1]) == everything(single[-1])
    assert records(seen) == records(single)


def test_without_a_thread_the_first_stride_is_compiled_as_it_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    check(task)


def test_what_fails_on_the_thread_is_told_by_the_first_stride_alone(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Broken(Stride):  # type: ignore[misc]
        def prepare(self, *_: Any) -> None:
            raise ValueError("on the thread")

        def __call__(self, *_: Any) -> Any:
            raise ValueError("in the stride")

    monkeypatch.setattr(ahead, "Stride", Broken)
    with pytest.raises(ValueError, match="in the stride"):
        taken(task, network, 4)
    assert "on the thread" not in capfd.readouterr().err


def test_what_cannot_be_a_stride_is_done_in_single_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refused:
        def __init__(self, *_: Any) -> None: ...

        def __call__(self, *_: Any) -> Any:
            raise cr.errors.CapacityError("the stride has no room")

        prepare = multiply_adds = __call__

    single = usual()
    monkeypatch.setattr(ahead, "Stride", Refused)
    again = taken(task, network, 4)
    assert len(again) == len(single)
    assert everything(again[-1]) == everything(single[-1])


# ---------------------------------------------------------------- how fit uses them


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let fit take strides whether or not they pay."""
    monkeypatch.setattr("chainrule.train.training.Pace", willing)


def fitted(callbacks: Any = (), **changes: Any) -> Any:
    given = {"epochs": 3, "batch": 32, "seed": 5, "optimizer": cr.optim.Adam(0.01), **changes}
    return cr.train.fit(perceptron(), rows(np.uint8), callbacks=callbacks, **given)


class EachStep(cr.train.Callback):
    def __init__(self) -> None:
        self.steps: list[int] = []

    def on_step(self, progress: Progress) -> None:
        self.steps.append(progress.step)


class Pauses(cr.train.Callback):
    def __init__(self, act: Callable[[Progress], object] = lambda _: None) -> None:
        self.steps: list[int] = []
        self.act = act

    def on_pause(self, progress: Progress) -> bool | None:
        self.steps.append(progress.step)
        return bool(self.act(progress))


def test_who_wants_each_step_is_told_of_each(eager: None) -> None:
    each, pauses = EachStep(), Pauses()
    fitted([each, pauses])
    assert each.steps == pauses.steps == list(range(1, 55))


def test_others_are_told_after_a_stride(eager: None) -> None:
    pauses = Pauses()
    fitted([pauses])
    # Each of the last two epochs: four strides of four, the one that is left, the last one.
    assert pauses.steps[-12:] == [22, 26, 30, 34, 35, 36, 40, 44, 48, 52, 53, 54]
    assert len(pauses.steps) < 54


def test_a_callback_ends_a_training_between_strides(eager: None) -> None:
    found = fitted([Pauses(lambda progress: progress.step == 22)])
    assert (found.ended_by, found.progress.step) == ("Pauses", 22)


def test_ctrl_c_lets_a_stride_finish_and_nothing_is_lost(eager: None, tmp_path: Path) -> None:
    def press(progress: Progress) -> None:
        if progress.step == 22:
            os.kill(os.getpid(), signal.SIGINT)

    whole = fitted(folder=tmp_path / "whole")
    stopped = fitted([Pauses(press)], folder=tmp_path / "part")
    assert stopped.interrupted
    assert stopped.progress.step == 22
    again = fitted(folder=tmp_path / "part")
    assert everything(again.progress) == everything(whole.progress)


# ---------------------------------------------------------------- when they pay


def pace(seconds: list[float], **changes: Any) -> tuple[Pace, Progress]:
    """A Pace that has seen single steps of these times, in a training with epochs of 100 steps."""
    given = task(data=rows(np.uint8, 3200), **{"epochs": 10, **changes})
    found = Pace(given)
    for each in seconds:
        found.stepped(each)
    return found, Progress(None, None, len(seconds), 0, len(seconds))


def test_strides_begin_when_enough_steps_are_left() -> None:
    usual = [0.6, *[0.01] * 5]  # the first one is compiled
    found, progress = pace(usual)
    assert found.strides_pay(progress)  # 990 steps save 1.2 ms each
    assert found.length == 24  # a fourth of 99 steps; 0.24 s each
    assert found.next(progress) == 24
    few, progress = pace(usual, epochs=4)
    assert not few.strides_pay(progress)
    assert few.next(progress) == 0
    warm, progress = pace([0.1, *[0.01] * 5], epochs=4)
    assert warm.strides_pay(progress)


def test_it_is_decided_once() -> None:
    found, progress = pace([0.5, *[0.01] * 4])
    assert not found.strides_pay(progress)
    found.stepped(0.01)
    assert found.strides_pay(progress)
    assert not found.strides_pay(progress)


def test_steps_that_others_make_slow_do_not_decide_for_the_whole_training() -> None:
    """While a thread compiles, a step may take twice the time of those that come later."""
    found, progress = pace([0.5, 0.06, 0.07, 0.06, 0.08, 0.07])
    assert not found.strides_pay(progress)
    found.stepped(0.03)
    assert found.strides_pay(progress)
    assert found.length == 6  # 0.18 s


def test_slow_steps_stay_single() -> None:
    found, progress = pace([0.5, *[0.1] * 5], epochs=10_000)
    assert not found.strides_pay(progress)


def test_a_stride_ends_before_the_end_of_an_epoch() -> None:
    found, progress = pace([0.5, *[1e-4] * 5], epochs=100)
    assert found.strides_pay(progress)
    assert found.length == 99
    assert found.next(progress) == 0
    assert found.next(Progress(None, None, 100, 1, 0)) == 99
    assert found.next(Progress(None, None, 199, 1, 99)) == 0


def test_strides_that_come_late_twice_are_halved_until_steps_are_single() -> None:
    found, progress = pace([0.5, *[0.01] * 5])
    assert found.strides_pay(progress)
    lengths = []
    for seconds in (0.9, 0.6, 0.1, *[0.6, 0.6, 0.9] * 3):
        found.strode(seconds)
        lengths.append(found.length)
    assert lengths == [24, 24, 24, 24, 12, 12, 12, 6, 6, 6, 0, 0]
    assert found.next(progress) == 0
