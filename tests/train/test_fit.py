"""fit, its loop, and the Progress that a training goes on from."""

from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import digits
from chainrule.train import checkpoint
from chainrule.train.evaluation import confusion_matrix, evaluate
from chainrule.train.fit import fit
from chainrule.train.loop import Task, begin, steps
from chainrule.train.progress import cells, pack, unpack

CLOCK = {"seconds", "samples_per_second"}
OPTIMIZERS = {
    "sgd": lambda: cr.optim.SGD(0.1),
    "momentum": lambda: cr.optim.SGD(0.05, momentum=0.9, weight_decay=1e-4),
    "nesterov": lambda: cr.optim.SGD(cr.schedule.cosine(0.05, 12), momentum=0.9, nesterov=True),
    "adam": lambda: cr.optim.Adam(cr.schedule.one_cycle(0.01, 12)),
    "adamw": lambda: cr.optim.AdamW(0.01, weight_decay=0.1),
}


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


def held(model) -> dict[str, bytes]:
    return {path: cell.value.numpy().tobytes() for path, cell in cells(model).items()}


def without_clock(records):
    return [{k: v for k, v in record.items() if k not in CLOCK} for record in records]


def task(optimizer: str = "adam", **changes) -> Task:
    settings = {"epochs": 2, "batch": 64, "seed": 5, "l2": 1e-4, "validation": small()}
    return Task(small(), cr.loss.cross_entropy, OPTIMIZERS[optimizer](), **{**settings, **changes})


def test_digits_are_learned():
    train, test = digits()
    fitted = fit(mlp(), train, epochs=15, batch=32, validation=test)
    assert fitted.history[-1]["validation_accuracy"] >= 0.95
    assert len(fitted.history) == 15
    assert list(fitted.history[0]) == [
        *("epoch", "step", "loss", "accuracy", "validation_loss", "validation_accuracy"),
        *("learning_rate", "seconds", "samples_per_second"),
    ]


def test_the_same_seed_gives_the_same_bits():
    first, second = (fit(mlp(), small(), epochs=2, seed=3) for _ in range(2))
    assert bits(first.model) == bits(second.model)
    assert without_clock(first.history) == without_clock(second.history)
    assert bits(fit(mlp(), small(), epochs=2, seed=4).model) != bits(first.model)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_resumed_training_is_bit_equal_to_one_that_was_never_stopped(
    optimizer: str, tmp_path: Path
):
    whole = list(steps(task(optimizer), begin(task(optimizer), model := counted())))
    assert [p.step for p in whole] == list(range(1, 11))
    for k in (3, 5, 9):  # inside the first epoch, at its end, inside the second
        part = steps(task(optimizer), begin(task(optimizer), counted()))
        records = [progress.record for _, progress in zip(range(k - 1), part, strict=False)]
        here = next(part)
        records.append(here.record)
        checkpoint.save(tmp_path / str(k), pack(here))

        fresh = task(optimizer)
        found = checkpoint.load(tmp_path / str(k)).checkpoint
        again = unpack(found, begin(fresh, counted()))
        rest = list(steps(fresh, again))
        records += [progress.record for progress in rest]
        assert bits(rest[-1].model) == bits(whole[-1].model)
        assert bits(rest[-1].slots) == bits(whole[-1].slots)
        assert held(rest[-1].model) == held(model)
        assert without_clock(filter(None, records)) == without_clock(
            filter(None, [progress.record for progress in whole])
        )


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


def test_both_hooks_are_called():
    epochs, taken = [], []
    fit(mlp(), small(), epochs=2, on_epoch=epochs.append, on_step=lambda p: taken.append(p.step))
    assert [record["epoch"] for record in epochs] == [1, 2]
    assert taken == [1, 2, 3, 4, 5, 6]


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


def test_evaluation_counts_what_is_right():
    _, test = digits()
    fitted = fit(mlp(), digits()[0], epochs=3)
    found = evaluate(fitted.model, test)
    counts = confusion_matrix(test.targets, found.predictions, 10)
    assert counts.sum() == len(test)
    assert counts.trace() / len(test) == pytest.approx(found.accuracy)


def test_cells_are_found_by_path_and_once():
    cell = cr.State(2.0)
    assert cells((cell, {"a": [cr.State(1.0), cell]})).keys() == {"0", "1.a.0"}
    assert list(cells(counted())) == ["inner.layers.2.state", "calls"]
