"""The messages of the command line, whole, with their exit codes."""

from pathlib import Path

import pytest

from chainrule.cli.commands import run
from chainrule.cli.config import resolve
from chainrule.train.run import create
from tests.data.samples import write_mnist

MISUSED = [
    (
        ["trian", "digits"],
        "chainrule: there is no command 'trian'\n\n  Did you mean train?\n",
    ),
    (
        ["x"],
        "chainrule: there is no command 'x'\n\n  There are: evaluate, train.\n",
    ),
    (
        ["train", "digits", "--optimiser", "adam"],
        "chainrule train: there is no option --optimiser\n\n  Did you mean --optimizer?\n",
    ),
    (
        ["train", "digits", "--gpu"],
        (
            "chainrule train: there is no option --gpu\n\n"
            "  chainrule train --help lists the options.\n"
        ),
    ),
    (
        ["train", "digits", "--optimizer", "adamm"],
        "chainrule train: --optimizer: there is no 'adamm'\n\n  Did you mean adam?\n",
    ),
    (
        ["train", "digits", "--loss", "x"],
        "chainrule train: --loss: there is no 'x'\n\n  There are: cross-entropy, hinge, squared.\n",
    ),
    (
        ["train", "digits", "--model", "lineer"],
        "chainrule train: --model: there is no model 'lineer'\n\n  Did you mean linear?\n",
    ),
    (
        ["train", "digits", "--model", "mlp:64;64"],
        "chainrule train: --model: there is no model 'mlp:64;64'\n\n  Did you mean mlp:512,512?\n",
    ),
    (
        ["train", "digits", "--model", "cnn"],
        (
            "chainrule train: --model: there is no model 'cnn'\n\n"
            "  There are: linear, and mlp with the sizes of its hidden layers, mlp:512,512.\n"
        ),
    ),
    (
        ["train", "digits", "--lr", "fast"],
        "chainrule train: --lr: 'fast' is not a number\n",
    ),
    (
        ["train", "digits", "--lr", "0"],
        "chainrule train: --lr: 0 is not greater than 0\n",
    ),
    (
        ["train", "digits", "--validation", "1"],
        "chainrule train: --validation: 1 is not 0 or more and less than 1\n",
    ),
    (
        ["train", "digits", "--batch", "0"],
        "chainrule train: --batch: 0 is not in the range x>=1\n",
    ),
    (
        ["train", "digist"],
        (
            "chainrule train: load: 'digist' is neither a data set nor a folder\n\n"
            '    data sets  cifar10, digits, mnist\n\n  Did you mean "digits"?\n'
        ),
    ),
    (
        ["train", "digits", "--optimizer", "adam", "--weight-decay", "0.1"],
        (
            "chainrule train: adam has no weight decay\n\n"
            "  --optimizer adamw has; or --l2 adds the squares of the weights to the loss.\n"
        ),
    ),
    (
        ["train", "--resume", "run", "--epochs", "3", "digits"],
        (
            "chainrule train: --resume goes on by the run's own configuration, so it cannot be "
            "combined with DATA, --epochs\n\n"
            "  Beside it there may be --data, --threads and --debug.\n"
        ),
    ),
    (
        ["evaluate", "run", "--thread", "2"],
        "chainrule evaluate: there is no option --thread\n\n  Did you mean --threads?\n",
    ),
    (
        ["evaluate"],
        "chainrule evaluate: RUN is missing\n",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), MISUSED)
def test_misuse_is_explained_and_ends_with_2(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", message)
    assert list(tmp_path.iterdir()) == []


def test_failures_end_with_1(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["train", "--resume", "nothing"]) == 1
    assert capsys.readouterr().err == (
        "CheckpointError: nothing is not a run folder: it has no config.json\n"
    )
    assert run(["evaluate", "nothing"]) == 1
    assert capsys.readouterr().err == (
        "CheckpointError: nothing is not a run folder: it has no config.json\n"
    )
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "config.json").write_text('{"data": "digits", "speed": 3, "model": "x"}')
    assert run(["evaluate", "old"]) == 1
    assert capsys.readouterr().err == (
        "CheckpointError: old/config.json is not the configuration of a training\n\n"
        + "".join(
            f"    {name} is missing\n"
            for name in (
                *("folder", "loss", "l2", "l1", "optimizer", "learning_rate", "schedule"),
                *("weight_decay", "epochs", "batch", "seed", "validation", "standardize"),
                "threads",
            )
        )
        + "    speed is unknown\n    model is 'x'\n"
    )
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").touch()
    assert run(["train", "digits", "--out", "taken"]) == 1
    assert capsys.readouterr().err == (
        "CheckpointError: create: taken is not empty and not a run: it holds thesis.tex\n\n"
        "  Give a new folder, or an empty one.\n"
    )


def test_a_model_is_tested_only_on_data_that_fit(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist").mkdir()
    write_mnist(tmp_path / "mnist")
    assert run(["train", "digits", "--epochs", "0", "--model", "linear", "--out", "run"]) == 0
    capsys.readouterr()
    assert run(["evaluate", "run", "--data", "mnist"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "DataError: evaluate: mnist does not fit the model of run\n\n"
        "    model     64 features, 10 classes\n"
        "    mnist     6 features, 10 classes\n\n"
        "  It was trained on digits.\n"
    )


def test_a_run_without_a_checkpoint_has_no_model_to_test(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    create("run", resolve("digits", None, {}).stored()).close()
    assert run(["evaluate", "run"]) == 1
    assert capsys.readouterr().err == (
        "CheckpointError: run has neither a final model nor a checkpoint yet\n"
    )


def test_a_traceback_is_shown_only_to_who_asks(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["train", "--resume", "nothing", "--debug"]) == 1
    assert "Traceback (most recent call last):" in capsys.readouterr().err


def test_training_that_diverges_ends_with_1_and_names_the_rows(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = ["--model", "linear", "--optimizer", "sgd", "--lr", "1e38", "--loss", "squared"]
    assert run(["train", "digits", *options, "--out", "run"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "NonFiniteError: fit: the step is not finite in epoch 1, step 1"
    assert lines[-1] == "  row numbers of the batch."
    assert not (tmp_path / "run" / "model.safetensors").exists()
