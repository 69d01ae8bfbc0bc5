"""Trainings whose products are in bfloat16 learn as those in float32; their folders say it."""

import json
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli.config import Config, from_stored
from chainrule.data import digits
from chainrule.train import evaluation
from chainrule.train.display import Lines
from chainrule.train.fit import fit
from chainrule.train.task import Task, begin
from chainrule.train.training import train
from tests.cli.command import chainrule
from tests.data.samples import real


@pytest.fixture(autouse=True)
def emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_RUNTIME", "native")
    monkeypatch.setenv("CHAINRULE_BF16", "emulated")


def network(*sizes: int) -> cr.nn.Module:
    return cr.nn.mlp(sizes, key=cr.random.key(2))


def accuracy(model: cr.nn.Module, data: cr.data.Dataset) -> float:
    found = evaluation.evaluate(model, data, cr.loss.cross_entropy).accuracy
    assert found is not None
    return found


def test_digits_are_learned_as_well_as_in_float32() -> None:
    """Ten epochs: all numbers differ, and the accuracies by a few of 360 examples at most."""
    training, test = digits()
    exact, found = (
        fit(network(64, 128, 64, 10), training, epochs=10, batch=64, precision=precision)
        for precision in ("float32", "bf16")
    )
    assert exact.history[0]["loss"] != found.history[0]["loss"]
    assert abs(exact.history[-1]["loss"] - found.history[-1]["loss"]) < 0.005
    assert accuracy(exact.model, test) > 0.96
    assert accuracy(found.model, test) >= accuracy(exact.model, test) - 0.01
    for leaf in cr.tree.flatten(found.model)[0]:
        assert leaf.dtype is cr.float32
        # Master weights have all their bits: few of them end in sixteen zeros.
        ends = leaf.numpy().view(np.uint32) & 0xFFFF
        assert leaf.ndim < 2 or (ends == 0).mean() < 0.01


def test_the_same_seed_gives_the_same_bits_with_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv("CHAINRULE_THREADS", threads)
        fitted = fit(network(64, 256, 10), digits()[0], epochs=1, precision="bf16")
        found.append([leaf.numpy().tobytes() for leaf in cr.tree.flatten(fitted.model)[0]])
    assert found[0] == found[1]


def test_what_the_processor_does_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    def shown(precision: str) -> list[str]:
        task = Task(
            digits()[0].take(np.arange(64)), cr.loss.cross_entropy, cr.optim.SGD(0.1), 2, 64,
            precision=precision,
        )  # fmt: skip
        train(task, begin(task, network(64, 10)), (), Lines(2))
        return capsys.readouterr().out.splitlines()

    assert [row[:5] for row in shown("float32")] == ["epoch", "epoch"]
    told, *epochs = shown("bf16")
    assert told == "products in bf16 are emulated, which is slower than float32"
    assert [row[:5] for row in epochs] == ["epoch", "epoch"]


def test_the_command_line_stores_the_precision(tmp_path: Path) -> None:
    command = ("train", "digits", "--model", "mlp:64", "--epochs", 1)
    code, out, err = chainrule(*command, "--precision", "bf16", "--out", "run", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert "products in bf16 are emulated, which is slower than float32" in out.splitlines()
    stored = json.loads((tmp_path / "run" / "config.json").read_text())
    assert stored["precision"] == "bf16"
    code, out, err = chainrule(*command, "--config", "run", "--out", "again", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert json.loads((tmp_path / "again" / "config.json").read_text())["precision"] == "bf16"
    weights = [(tmp_path / n / "model.safetensors").read_bytes() for n in ("run", "again")]
    assert weights[0] == weights[1]


def test_runs_of_before_have_products_in_float32() -> None:
    stored = Config(data="digits").stored()
    del stored["precision"]
    assert from_stored(stored, "config.json").precision is None


def test_mnist_is_learned_as_well_as_in_float32() -> None:
    """Four thousand images: the same accuracy on a thousand others, up to a few of them."""
    training, test = cr.data.load("mnist", real("mnist"))
    some, others = training.take(np.arange(4000)), test.take(np.arange(1000))
    found = {
        precision: accuracy(
            fit(network(784, 256, 10), some, epochs=4, seed=1, precision=precision).model, others
        )
        for precision in ("float32", "bf16")
    }
    assert found["float32"] > 0.9
    assert abs(found["bf16"] - found["float32"]) <= 0.01
