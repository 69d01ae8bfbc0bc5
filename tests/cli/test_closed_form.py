"""``chainrule train --model naive-bayes|logistic|ridge``: the numbers of the estimators, in a run.

Every other command takes such a run folder.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from chainrule.classical import GaussianNaiveBayes, LogisticRegression, RidgeRegression
from chainrule.cli.commands import run
from chainrule.cli.parts import split
from chainrule.cli.sources import load_source
from chainrule.cli.trained import open_config
from chainrule.data import digits
from chainrule.train.run import open as open_run
from tests.cli.command import told

pytestmark = pytest.mark.usefixtures("here")


def numbers(count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(0)
    x = dice.standard_normal((count, 4))
    return x, x @ [1.0, -2.0, 0.5, 0.0] + 3.0 + 0.1 * dice.standard_normal(count)


def lines() -> None:
    dice = np.random.default_rng(0)
    words = {"good": "fine great warm lovely plot", "bad": "dull cold slow awful plot"}
    Path("said").mkdir()
    for name, known in words.items():
        rows = [" ".join(dice.choice(known.split(), 6)) for _ in range(80)]
        Path("said", f"{name}.txt").write_text("\n".join(dict.fromkeys(rows)))


# ---------------------------------------------------------------- the same numbers


def test_ridge_is_the_regression_in_closed_form(capsys):
    x, y = numbers()
    np.savez("n.npz", inputs=x, targets=y)
    told(
        capsys, "train", "n.npz", "--model", "ridge", "--l2", 0.01, "--standardize", "range",
        "--validation", 0, "--out", "r",
    )  # fmt: skip
    arrays, description = open_run("r").load_model()
    assert (description["model"], description["test_r_squared"]) == (
        "ridge",
        pytest.approx(0.99, abs=0.01),
    )
    weight = next(value for name, value in arrays.items() if name.endswith("weight"))
    wanted = RidgeRegression(160 * 0.01).fit(*(part[_training()] for part in (x, y)))
    np.testing.assert_allclose(weight[0], wanted.coef_, rtol=1e-4, atol=1e-5)


def _training() -> np.ndarray:
    """The rows that the command trains on: those that it does not set aside."""
    config = open_config("r")[1]
    part = split(config, load_source(config.stored())).training
    x = numbers()[0].astype(np.float32)
    mine = np.concatenate([np.asarray(inputs) for inputs, _ in part.batches(64)])
    return np.array([int(np.abs(x - row).sum(axis=1).argmin()) for row in mine])


@pytest.mark.parametrize("model", ["logistic", "naive-bayes"])
def test_classes_get_the_chances_of_the_estimator(model, capsys):
    told(capsys, "train", "digits", "--model", model, "--validation", 0, "--out", "r")
    found = json.loads(told(capsys, "evaluate", "r", "--json"))
    train, test = digits()
    x, z = (np.asarray(part.inputs, np.float64).reshape(len(part), -1) for part in (train, test))
    mean, deviation = x.mean(), x.std()
    x, z = (x - mean) / deviation, (z - mean) / deviation
    estimator = (
        LogisticRegression(2 * len(x) * 1e-4) if model == "logistic"
        else GaussianNaiveBayes(var_smoothing="cv")
    )  # fmt: skip
    chances = estimator.fit(x, train.targets).predict_log_proba(z)
    targets = np.asarray(test.targets)
    assert found["test_accuracy"] == pytest.approx(
        (chances.argmax(axis=1) == targets).mean(), abs=0.003
    )
    loss = -chances[np.arange(len(targets)), targets].mean()
    assert found["test_loss"] == pytest.approx(loss, rel=5e-3)


def test_naive_bayes_of_lines_counts_their_words(capsys):
    lines()
    told(capsys, "train", "said", "--model", "naive-bayes", "--out", "r")
    assert json.loads(told(capsys, "evaluate", "r", "--json"))["test_accuracy"] > 0.9
    Path("new.txt").write_text("a lovely warm plot\nslow and dull\nplot\n")
    found = json.loads(told(capsys, "predict", "r", "new.txt", "--json"))
    assert [one["class"] for one in found[:2]] == ["good", "bad"]
    assert 0.2 < found[2]["top"][0]["probability"] < 0.8


def test_two_classes_of_a_table_with_texts_and_gaps(capsys):
    dice = np.random.default_rng(0)
    rows = ["size,color,kind"]
    for _ in range(120):
        kind = dice.integers(2)
        size = "" if dice.random() < 0.1 else f"{dice.normal(3 * kind, 0.5):.3f}"
        rows.append(f"{size},{dice.choice(['red', 'blue'])},{'ab'[kind]}")
    Path("t.csv").write_text("\n".join(rows))
    for model in ("logistic", "naive-bayes"):
        told(
            capsys, "train", "t.csv", "--label", "kind", "--missing", "mean", "--model", model,
            "--out", model,
        )  # fmt: skip
        found = json.loads(told(capsys, "evaluate", model, "--json"))
        assert found["test_accuracy"] > 0.85


# ---------------------------------------------------------------- the run folder


@pytest.mark.parametrize("model", ["logistic", "naive-bayes"])
def test_a_run_is_one_record_a_model_and_a_report(model, capsys):
    told(capsys, "train", "digits", "--model", model, "--out", "r")
    opened = open_run("r")
    assert opened.finished
    (record,) = opened.metrics()
    assert (record["epoch"], record["step"]) == (1, 1)
    assert {"loss", "accuracy", "validation_loss", "validation_accuracy"} <= record.keys()
    page = Path("r/report.html").read_text()
    assert "<h3>Fit</h3>" in page
    assert "<h3>Update</h3>" not in page
    assert "learning rate" not in page.partition("<h2>Run</h2>")[2]
    listed = json.loads(told(capsys, "runs", ".", "--json"))
    assert [(entry["model"], entry["state"], entry["epochs"]) for entry in listed] == [
        (model, "finished", 1)
    ]
    told(capsys, "report", "r")


def test_the_same_command_again_gives_the_same_bytes_and_so_does_resume(capsys):
    for name in ("a", "b"):
        told(capsys, "train", "digits", "--model", "logistic", "--out", name)
    first = Path("a/model.safetensors").read_bytes()
    assert Path("b/model.safetensors").read_bytes() == first
    told(capsys, "resume", "b")
    assert Path("b/model.safetensors").read_bytes() == first
    assert len(open_run("b").metrics()) == 1


def test_a_sweep_takes_such_models_too(capsys):
    out = told(
        capsys, "sweep", "digits", "--model", "logistic", "--model", "naive-bayes", "--out", "s"
    )
    assert "logistic" in out
    assert "naive-bayes" in out


def test_whole_numbers_may_be_quantities_for_ridge(capsys):
    rows = [f"{k / 2},{k % 3}" for k in range(40)]
    Path("whole.csv").write_text("\n".join(["a,y", *rows]) + "\n")
    arguments = ["train", "whole.csv", "--label", "y", "--model", "ridge"]
    assert run(arguments) == 2
    assert capsys.readouterr().err == (
        "chainrule train: --model: ridge predicts quantities, and whole has classes\n\n"
        "  --target number says that they are quantities.\n"
        "  logistic and naive-bayes predict classes.\n"
    )
    assert run([*arguments, "--target", "number"]) == 0
