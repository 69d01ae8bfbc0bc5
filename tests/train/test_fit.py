"""fit, its loop, and the Progress that a training goes on from."""

import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import digits
from chainrule.errors import CheckpointError
from chainrule.train import checkpoint, run
from chainrule.train.callbacks import Callback
from chainrule.train.early_stopping import EarlyStopping
from chainrule.train.fit import fit
from chainrule.train.progress import cells, pack, unpack
from chainrule.train.task import Task, begin

CLOCK = {"seconds", "samples_per_second"}


class Counted(cr.nn.Module):
    """A network with dropout that counts its calls, and whose result depends on the count."""

    inner: cr.nn.Sequential
    calls: cr.State

    def __call__(self, x):
        self.calls.value = self.calls.value + 1.0
        return self.inner(x) * (1.0 + 0.01 * self.calls.value.astype("float32"))


def counted() -> Counted:
    with cr.nn.seed(1):
        layers = cr.nn.Linear(64, 16), cr.relu, cr.nn.Dropout(0.3), cr.nn.Linear(16, 10)
        return Counted(cr.nn.Sequential(*layers), cr.State(0.0))


def mlp(seed: int = 0):
    with cr.nn.seed(seed):
        return cr.nn.mlp((64, 32, 10))


def small():
    return digits()[0].take(np.arange(300))


def bits(values) -> dict[str, bytes]:
    return {path: leaf.numpy().tobytes() for path, leaf in cr.tree.paths(values)}


def without_clock(records):
    return [{k: v for k, v in record.items() if k not in CLOCK} for record in records]


def task(**changes) -> Task:
    settings = {"epochs": 2, "batch": 64, "seed": 5, "l2": 1e-4, "validation": small()}
    return Task(small(), cr.loss.cross_entropy, cr.optim.Adam(0.01), **{**settings, **changes})


def test_digits_are_learned():
    train, test = digits()
    fitted = fit(mlp(), train, epochs=15, batch=32, validation=test)
    assert fitted.history[-1]["validation_accuracy"] >= 0.95
    assert len(fitted.history) == 15
    assert list(fitted.history[0]) == [
        *("epoch", "step", "loss", "accuracy", "validation_loss", "validation_accuracy"),
        *("learning_rate", "weight_norms", "gradient_norms", "seconds", "samples_per_second"),
    ]


def test_the_same_seed_gives_the_same_bits():
    first, second = (fit(mlp(), small(), epochs=2, seed=3) for _ in range(2))
    assert bits(first.model) == bits(second.model)
    assert without_clock(first.history) == without_clock(second.history)
    assert bits(fit(mlp(), small(), epochs=2, seed=4).model) != bits(first.model)


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path):
    found = pack(begin(task(), counted()))
    other = begin(task(), mlp())
    with pytest.raises(cr.errors.CheckpointError, match="has other names than this one"):
        unpack(found, other)


def test_quantities_have_no_accuracy():
    x = np.linspace(-1, 1, 40)[:, None]
    with cr.nn.seed(0):
        line = cr.nn.Linear(1, 1)
    fitted = fit(
        line,
        (x, 3 * x),
        loss=cr.loss.squared,
        optimizer=cr.optim.SGD(0.1),
        epochs=40,
        batch=10,
        validation=0.25,
    )
    assert "accuracy" not in fitted.history[-1]
    assert fitted.history[-1]["validation_loss"] < 1e-3
    assert abs(float(fitted.model.weight[0, 0]) - 3) < 0.05


def test_a_share_is_set_aside_for_validation():
    fitted = fit(mlp(), small(), epochs=1, validation=0.2)
    assert fitted.history[0]["step"] == 2  # 240 of 300 examples in batches of 128
    assert 0 <= fitted.history[0]["validation_accuracy"] <= 1


def test_no_epoch_changes_nothing():
    model = mlp()
    assert bits(fit(model, small(), epochs=0).model) == bits(model)


def test_the_penalty_moves_the_weights_and_is_not_in_the_figures():
    plain, shrunk = (
        fit(mlp(), small(), optimizer=cr.optim.SGD(0.1), epochs=3, l2=strength)
        for strength in (0.0, 0.1)
    )
    norms = [float((fitted.model.layers[0].weight ** 2).sum()) for fitted in (plain, shrunk)]
    assert norms[1] < norms[0]
    assert shrunk.history[0]["loss"] < 3.5


def test_a_number_that_is_not_finite_stops_before_the_update():
    x = np.ones((8, 64), np.float32)
    x[5, 0] = np.finfo(np.float32).max
    data = (x, np.zeros(8, int) + np.arange(8) % 2)
    model = counted()
    with pytest.raises(cr.errors.NonFiniteError) as caught:
        fit(model, data, optimizer=cr.optim.SGD(1e30), batch=4, epochs=5, seed=0)
    error = caught.value
    assert all(np.isfinite(leaf.numpy()).all() for _, leaf in cr.tree.paths(error.model))
    assert len(error.rows) == 4
    assert float(model.calls.value) == float(error.model.calls.value)


def test_cells_are_found_by_path_and_once():
    cell = cr.State(2.0)
    assert cells((cell, {"a": [cr.State(1.0), cell]})).keys() == {"0", "1.a.0"}
    assert list(cells(counted())) == ["inner.layers.2.state", "calls"]


# ---------------------------------------------------------------- what may be trained on what


def test_a_sequence_has_a_label_for_each_position():
    generator = np.random.default_rng(0)
    tokens = generator.integers(0, 5, (60, 8))
    with cr.nn.seed(0):
        model = cr.nn.Sequential(cr.nn.Embedding(5, 16), cr.nn.Linear(16, 5))
    targets = (tokens + 1) % 5
    data = cr.data.Dataset(tokens, targets, tuple("abcde"))
    fitted = fit(model, data, optimizer=cr.optim.Adam(0.05), epochs=10, batch=16, validation=data)
    assert fitted.history[-1]["accuracy"] == 1.0
    assert fitted.history[-1]["validation_accuracy"] == 1.0
    assert fitted.progress.step == 40
    first = fitted.history[0]
    assert first["loss"] == pytest.approx(np.log(5), rel=0.5)  # a mean over positions


def test_a_single_score_is_the_logit_of_the_second_class():
    x = np.linspace(-1, 1, 80)[:, None]
    with cr.nn.seed(0):
        layers = cr.nn.Linear(1, 1), lambda y: y[..., 0]
        model = cr.nn.Sequential(*layers)
    data = (x, (x[:, 0] > 0.2).astype(int))
    fitted = fit(
        model,
        data,
        loss=cr.loss.binary_logistic,
        optimizer=cr.optim.Adam(0.1),
        epochs=60,
        validation=data,
    )
    assert fitted.history[-1]["validation_accuracy"] >= 0.97


def test_the_data_may_be_larger_than_an_epoch():
    fitted = fit(mlp(), small(), epochs=4, batch=32, steps_per_epoch=3)
    assert [record["step"] for record in fitted.history] == [3, 6, 9, 12]


def test_further_figures_of_the_validation_data():
    top = {"top3": lambda targets, scores: cr.train.top_k_accuracy(targets, scores, 3)}
    fitted = fit(mlp(), small(), epochs=2, validation=small(), metrics=top)
    last = fitted.history[-1]
    assert last["validation_accuracy"] <= last["validation_top3"] <= 1


def test_a_penalty_by_path_acts_there_only():
    def penalty(model):
        return cr.loss.l2(model, 10.0, "layers.0.*")

    plain, shrunk = (
        fit(mlp(), small(), optimizer=cr.optim.SGD(0.01), epochs=5, penalty=p, batch=32)
        for p in (None, penalty)
    )
    norms = [fitted.history[-1]["weight_norms"] for fitted in (plain, shrunk)]
    assert norms[1]["layers.0.weight"] < 0.1 * norms[0]["layers.0.weight"]
    assert norms[1]["layers.2.weight"] > 0.5 * norms[0]["layers.2.weight"]


def test_the_norms_in_the_records_are_those_of_weights_and_of_the_last_gradient():
    data, model = small().take(np.arange(64)), mlp()
    sgd = cr.optim.SGD(0.1)
    record = fit(model, data, optimizer=sgd, epochs=1, batch=64).history[0]
    inputs, targets = next(data.batches(64, seed=0))
    gradient = cr.grad(lambda m: cr.loss.cross_entropy(m(inputs), targets))(model)
    for path, g in cr.tree.paths(gradient):
        expected = float(np.linalg.norm(g.numpy()))
        assert record["gradient_norms"][path] == pytest.approx(expected, rel=1e-5)
    stepped, _ = sgd.update(gradient, sgd.init(model), model)
    for path, w in cr.tree.paths(stepped):
        expected = float(np.linalg.norm(w.numpy()))
        assert record["weight_norms"][path] == pytest.approx(expected, rel=1e-5)


def test_averaged_weights_are_those_that_are_validated_and_given():
    averaged = cr.optim.Averaged(cr.optim.SGD(0.1), decay=0.9)
    fitted = fit(mlp(), small(), optimizer=averaged, epochs=2, validation=small())
    found = cr.train.evaluate(fitted.model, small())
    assert found.loss == fitted.history[-1]["validation_loss"]
    assert bits(fitted.model) != bits(fitted.progress.model)


def test_the_learning_rate_falls_on_a_plateau():
    optimizer = cr.optim.ReduceOnPlateau(cr.optim.SGD(0.1), factor=0.5, patience=0, threshold=10.0)
    fitted = fit(mlp(), small(), optimizer=optimizer, epochs=4)
    assert [record["learning_rate"] for record in fitted.history] == [0.1, 0.1, 0.05, 0.025]


# ---------------------------------------------------------------- callbacks and how it ends


def test_a_function_is_called_after_each_epoch_and_may_end_it():
    seen = []

    def second(record, progress):
        seen.append((record["epoch"], progress.step))
        return record["epoch"] == 2

    fitted = fit(mlp(), small(), epochs=5, callbacks=[second])
    assert seen == [(1, 3), (2, 6)]
    assert fitted.ended_by == "second"
    assert len(fitted.history) == 2
    assert repr(fitted).startswith("Fitted(2 epochs, ended by second: loss ")


def test_only_true_ends_a_training():
    fitted = fit(mlp(), small(), epochs=3, callbacks=[lambda record, _: record["step"]])
    assert len(fitted.history) == 3


def test_a_callback_is_told_of_every_step():
    class Told(Callback):
        def __init__(self):
            self.calls = []

        def on_start(self, progress, history, saved):
            self.calls.append(("start", progress.step, len(history)))

        def on_step(self, progress):
            self.calls.append(("step", progress.step))
            return progress.step == 4

        def on_epoch(self, record, progress):
            self.calls.append(("epoch", record["epoch"]))

        def on_end(self, progress):
            self.calls.append(("end", progress.step))

    told = Told()
    fitted = fit(mlp(), small(), epochs=3, callbacks=[told])
    steps_of_epoch = [("step", 1), ("step", 2), ("step", 3), ("epoch", 1)]
    assert told.calls == [("start", 0, 0), *steps_of_epoch, ("step", 4), ("end", 4)]
    assert (fitted.ended_by, fitted.progress.step) == ("Told", 4)


def test_ctrl_c_gives_what_was_learned():
    def press(record, progress):
        if progress.epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)

    fitted = fit(mlp(), small(), epochs=50, callbacks=[press])
    assert fitted.interrupted
    assert fitted.ended_by == "Ctrl-C"
    assert len(fitted.history) == 2


def test_pressing_twice_leaves_at_once():
    def press(record, progress):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(mlp(), small(), epochs=50, callbacks=[press])


def test_sigterm_saves_and_ends_the_process(tmp_path: Path):
    def end(record, progress):
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(SystemExit) as caught:
        in_folder(tmp_path / "run", [end])
    assert caught.value.code == 143
    opened = run.open(tmp_path / "run")
    assert checkpoint.load(opened.checkpoints).step == opened.metrics()[-1]["step"]
    assert not opened.finished


def test_no_thread_is_left_behind():
    before = threading.active_count()
    fit(mlp(), small(), epochs=2, prefetch=2, callbacks=[lambda *_: True])
    assert threading.active_count() == before


# ---------------------------------------------------------------- a folder


def in_folder(folder: Path, callbacks=(), **changes):
    settings = {"epochs": 4, "batch": 64, "validation": small(), "seed": 2}
    return fit(counted(), small(), folder=folder, callbacks=callbacks, **{**settings, **changes})


def test_a_fit_in_a_folder_goes_on_where_it_was_stopped(tmp_path: Path):
    whole = in_folder(tmp_path / "whole")
    stopped = in_folder(tmp_path / "part", [lambda record, _: os.kill(os.getpid(), signal.SIGINT)])
    assert stopped.interrupted
    assert len(stopped.history) == 1
    again = in_folder(tmp_path / "part")
    assert bits(again.model) == bits(whole.model)
    assert without_clock(again.history) == without_clock(whole.history)
    third = in_folder(tmp_path / "part")  # nothing is left to do
    assert bits(third.model) == bits(whole.model)
    assert without_clock(third.history) == without_clock(whole.history)
    arrays, _ = run.open(tmp_path / "part").load_model()
    assert {n: a.tobytes() for n, a in arrays.items() if not n.startswith("state.")} == bits(
        whole.model
    )


def test_a_fit_in_a_folder_writes_a_report(tmp_path: Path):
    in_folder(tmp_path / "run")
    page = (tmp_path / "run" / "report.html").read_text()
    sections = ("Curves", "Confusion", "Calibration", "Norms by layer", "Model", "Formulas", "Run")
    assert all(f"<h2>{section}</h2>" in page for section in sections)
    assert "<span>validation accuracy</span>" in page
    in_folder(tmp_path / "alone", validation=None)
    assert "<h2>Confusion</h2>" not in (tmp_path / "alone" / "report.html").read_text()


def test_the_best_epoch_stays_in_the_folder(tmp_path: Path):
    fitted = in_folder(tmp_path / "run", epochs=4, keep=1, optimizer=cr.optim.Adam(0.3))
    losses = [record["validation_loss"] for record in fitted.history]
    assert losses.index(min(losses)) < 3
    opened = run.open(tmp_path / "run")
    best = checkpoint.load(opened.checkpoints, "best")
    assert best.step == fitted.history[losses.index(min(losses))]["step"]
    assert checkpoint.load(opened.checkpoints).step == fitted.progress.step


def test_early_stopping_ends_where_it_would_have_without_a_stop(tmp_path: Path):
    def stopping():
        return EarlyStopping(patience=2)

    changes = {"epochs": 30, "optimizer": cr.optim.Adam(0.3)}
    whole = in_folder(tmp_path / "whole", [stopping()], **changes)
    assert whole.ended_by == "EarlyStopping"
    count = len(whole.history)
    for pressed in (1, count - 1):

        def press(record, progress, pressed=pressed):
            if progress.epoch == pressed:
                os.kill(os.getpid(), signal.SIGINT)

        part = tmp_path / f"part{pressed}"
        in_folder(part, [stopping(), press], **changes)
        again = in_folder(part, [stopping()], **changes)
        assert bits(again.model) == bits(whole.model)
        assert again.ended_by == "EarlyStopping"
        assert without_clock(again.history) == without_clock(whole.history)
    finished = in_folder(tmp_path / "whole", [stopping()], **changes)
    assert bits(finished.model) == bits(whole.model)


def test_a_failed_step_leaves_the_last_good_one_in_the_folder(tmp_path: Path):
    with pytest.raises(cr.errors.NonFiniteError):
        in_folder(tmp_path / "run", optimizer=cr.optim.SGD(1e30))
    opened = run.open(tmp_path / "run")
    if checkpoint.steps(opened.checkpoints):
        loaded = checkpoint.load(opened.checkpoints).checkpoint
        assert all(np.isfinite(a).all() for a in loaded.model.values())
    assert not opened.finished


def test_the_final_model_is_read_back_with_its_state(tmp_path: Path):
    def model(number: int) -> cr.nn.Sequential:
        with cr.nn.seed(number):
            return cr.nn.Sequential(cr.nn.BatchNorm(4), cr.nn.Linear(4, 2))

    x = np.random.default_rng(0).normal(3, 2, (32, 4))
    fitted = fit(model(0), (x, np.arange(32) % 2), epochs=2, batch=8, folder=tmp_path / "run")
    again = cr.train.load_model(tmp_path / "run", model(1))
    with cr.nn.evaluation():
        assert np.array_equal(again(cr.tensor(x)).numpy(), fitted.model(cr.tensor(x)).numpy())
    with pytest.raises(CheckpointError, match="lacks state"):
        cr.train.load_model(tmp_path / "run", cr.nn.Sequential(*model(1), cr.nn.BatchNorm(2)))
