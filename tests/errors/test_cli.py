"""The messages of the command line, whole, with their exit codes."""

import os
import re
from pathlib import Path

import pytest

from chainrule.cli.commands import chainrule, run
from chainrule.cli.config import resolve
from chainrule.train.encoding import seal
from chainrule.train.run import create
from tests.data.samples import write_mnist

MISUSED = [
    (
        ["trian", "digits"],
        "chainrule: there is no command 'trian'\n\n  Did you mean train?\n",
    ),
    (
        ["x"],
        (
            "chainrule: there is no command 'x'\n\n"
            "  There are: check, compare, describe, evaluate, explain, find-rate, pca, predict, "
            "report, resume, runs, sweep, train.\n"
        ),
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
        (
            "chainrule train: --loss: there is no 'x'\n\n"
            "  There are: cross-entropy, logistic, hinge, squared-hinge, squared, absolute, "
            "huber.\n"
        ),
    ),
    (
        ["train", "digits", "--model", "lineer"],
        "chainrule train: --model: there is no model 'lineer'\n\n  Did you mean linear?\n",
    ),
    (
        ["train", "digits", "--model", "mlp"],
        (
            "chainrule train: --model: mlp needs sizes\n\n"
            "  It is mlp:512,512, the sizes of its hidden layers.\n"
        ),
    ),
    (
        ["train", "digits", "--model", "mlp:64;64"],
        (
            "chainrule train: --model: there is no model 'mlp:64;64'\n\n"
            "  It is mlp:512,512, the sizes of its hidden layers.\n"
        ),
    ),
    (
        ["train", "digits", "--model", "cnn"],
        (
            "chainrule train: --model: there is no model 'cnn'\n\n"
            "  There are: linear, mlp, lenet, resnet, transformer, bag, naive-bayes, logistic, "
            "ridge.\n"
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
        "chainrule train: --batch: 0 is not 1 or more\n",
    ),
    (
        ["train", "digits", "--threads", "257"],
        "chainrule train: --threads: 257 is not from 1 to 256\n",
    ),
    (
        ["train", "digits", "--epochs", "1.5"],
        "chainrule train: --epochs: '1.5' is not a whole number\n",
    ),
    (
        ["train", "digits", "--seed", "-1"],
        "chainrule train: --seed: -1 is not from 0 to 9223372036854775807\n",
    ),
    (
        ["train", "digits", "--lr", "inf"],
        "chainrule train: --lr: inf is not a finite number\n",
    ),
    (
        ["train", "digits", "--l2", "nan"],
        "chainrule train: --l2: nan is not a finite number\n",
    ),
    (
        ["train", "digits", "--validation", "0.9999"],
        ("chainrule train: --validation: 0.9999 of 1,437 examples leaves a part without any\n"),
    ),
    (
        ["train", "digits", "--out"],
        "chainrule train: --out: requires an argument\n",
    ),
    (
        ["train", "digits", "--out", ""],
        "chainrule train: --out: nothing is given\n",
    ),
    (
        ["train", "--data", ""],
        "chainrule train: --data: nothing is given\n",
    ),
    (
        ["evaluate", ""],
        "chainrule evaluate: RUN: nothing is given\n",
    ),
    (
        ["train", "digist"],
        (
            "chainrule train: load: 'digist' is neither a data set nor a file nor a folder\n\n"
            "    data sets  cifar10, cifar100, digits, fashion-mnist, mnist\n\n"
            '  Did you mean "digits"?\n'
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
    (
        ["predict", "run"],
        "chainrule predict: FILE... is missing\n",
    ),
    (
        ["predict", "run", "a.png", "--top", "0"],
        "chainrule predict: --top: 0 is not 1 or more\n",
    ),
    (
        ["runs", "--sort", "tets"],
        "chainrule runs: --sort: there is no 'tets'\n\n  Did you mean test?\n",
    ),
    (
        ["sweep", "--seed", "0,1"],
        "chainrule sweep: --out is missing\n",
    ),
    (
        ["sweep", "--out", "x", "--lr", "0.1,fast"],
        "chainrule sweep: --lr: 'fast' is not a number\n",
    ),
    (
        ["find-rate", "--steps", "3"],
        "chainrule find-rate: --steps: 3 is not 10 or more\n",
    ),
    (
        ["resume", "run", "--epochs", "3"],
        (
            "chainrule resume: there is no option --epochs\n\n"
            "  chainrule resume --help lists the options.\n"
        ),
    ),
    (
        ["train", "digits", "--augment", "flip", "--size", "8"],
        "chainrule train: --size: digits is read without it\n",
    ),
    (
        ["train", "digits", "--size", "8*8"],
        (
            "chainrule train: --size: '8*8' is not a size\n\n"
            "  It is 64, or 48x64 for 48 rows of 64 pixels.\n"
        ),
    ),
    (
        ["train", "digits", "--test", "0.1"],
        "chainrule train: --test: digits has a part to test on\n",
    ),
    (
        ["train", "digits", "--early-stopping", "2", "--validation", "0"],
        (
            "chainrule train: --early-stopping: there is no validation part to go by\n\n"
            "  Give --validation.\n"
        ),
    ),
    (
        ["train", "digits", "--loss", "hinge", "--label-smoothing", "0.1"],
        "chainrule train: --label-smoothing: hinge has none; cross-entropy has\n",
    ),
    (
        ["train", "digits", "--model", "linear", "--dropout", "0.1"],
        "chainrule train: --dropout: linear has no hidden features to drop\n",
    ),
    (
        ["train", "digits", "--model", "transformer"],
        (
            "chainrule train: --model: transformer predicts the next token of a text, and digits "
            "is none\n"
        ),
    ),
    (
        ["train", "digits", "--model", "bag"],
        "chainrule train: --model: bag gives a class to a row of tokens, and digits has none\n",
    ),
]

SETTINGS = [
    (
        "lr = 0.1\n\nlearning-rat = 0.2\n",
        "x.toml:3: there is no setting 'learning-rat'\n\n  Did you mean learning-rate?",
    ),
    ("epochs = '3'\n", "x.toml:1: epochs is '3'; it must be a number, without quotes"),
    ("model = 'lineer'\n", "x.toml:1: model: there is no model 'lineer'\n\n  Did you mean linear?"),
    ("epochs = 2.5\n", "x.toml:1: epochs: '2.5' is not a whole number"),
    ("optimizer = 'adamm'\n", "x.toml:1: optimizer: there is no 'adamm'\n\n  Did you mean adam?"),
    ("lr = [0.1]\n", "x.toml:1: lr is a list; it must be a number or a text"),
    ("[lr]\nx = 1\n", "x.toml:1: lr is a table; it must be a number or a text"),
    ("l2 = true\n", "x.toml:1: l2 is true or false; it must be a number or a text"),
    ("lr = 1\nlearning_rate = 2\n", "x.toml:2: learning_rate is there under another spelling too"),
    ("lr = = 1\n", "x.toml is not TOML: invalid value (at line 1, column 6)"),
    ("lr = 1 # \xff", "x.toml is not UTF-8: byte 9 is 0xff"),
    (None, "x.toml cannot be read: No such file or directory"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), SETTINGS)
def test_a_file_of_settings_is_explained_by_line(
    text: str | None, message: str, tmp_path: Path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / "x.toml").write_bytes(text.encode("latin-1"))
    assert run(["train", "digits", "--config", "x.toml"]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"chainrule train: --config: {message}\n")
    assert not (tmp_path / "runs").exists()


def test_a_folder_of_settings_that_is_no_run(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["train", "digits", "--config", "."]) == 2
    assert capsys.readouterr().err == (
        "chainrule train: --config: . is a folder without a config.json; it must be a TOML file or "
        "a run folder\n"
    )


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
    (tmp_path / "old" / "config.json").write_text('{"data": "digits", "model": "linear"}')
    assert run(["evaluate", "old"]) == 1
    assert capsys.readouterr().err == (
        "CheckpointError: old/config.json has no digest: chainrule 0.1.0 made it, or it was "
        "changed\n\n"
        "  Run folders of 0.1.0 are not read by this version. Train anew, or go on with 0.1.0.\n"
    )
    (tmp_path / "old" / "config.json").write_bytes(seal({"epochs": 3}))
    assert run(["resume", "old"]) == 1
    assert capsys.readouterr().err == (
        "CheckpointError: old/config.json is not the configuration of a training by the command "
        "line\n\n  A run of fit is gone on with by fit.\n"
    )
    (tmp_path / "old" / "config.json").write_bytes(seal({"format": 3}))
    assert run(["resume", "old"]) == 1
    assert capsys.readouterr().err == (
        "CheckpointError: old/config.json has format 3; this version reads 2\n\n"
        "  A newer chainrule may have made it.\n"
    )
    whole = resolve("digits", {"data": "digits"}).stored()
    del whole["loss"], whole["l2"]
    wrong = {**whole, "speed": 3, "model": "x", "batch": True, "label": 4}
    (tmp_path / "old" / "config.json").write_bytes(seal(wrong))
    assert run(["evaluate", "old"]) == 1
    assert capsys.readouterr().err == (
        "CheckpointError: old/config.json is not the configuration of a training\n\n"
        "    loss is missing\n    l2 is missing\n    speed is unknown\n    label is 4\n"
        "    model is 'x'\n    batch is True\n"
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
        "DataError: mnist does not fit the model, which was trained on digits\n\n"
        "    model     8 × 8 × 1 (height, width, channels)\n"
        "    mnist     3 × 2 × 1 (height, width, channels)\n"
    )


def test_a_run_without_a_checkpoint_has_no_model_to_test(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    create("run", resolve("digits", {"data": "digits"}).stored()).close()
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
    told = capsys.readouterr().err
    rows = re.search(r"rows           (.*)\n", told)
    assert rows is not None
    assert told == (
        "NonFiniteError: the step is not finite in epoch 1, step 1\n\n"
        "    loss           1.0\n"
        "    learning rate  1e+38\n"
        "    gradients      not finite, or the weights after the step: weight (1 of 2)\n"
        f"    rows           {rows[1]}\n\n"
        "  The step was not taken; step 0 is kept in run.\n"
        "  To go on from there ends here again, since the same numbers give the same bits:\n"
        "  start anew with a smaller --lr.\n"
    )
    assert not (tmp_path / "run" / "model.safetensors").exists()
    assert run(["evaluate", "run"]) == 0
    assert capsys.readouterr().out.startswith("run, unfinished, after step 0, on digits")


def test_without_a_command_the_commands_are_listed(capsys):
    assert run([]) == 2
    assert capsys.readouterr().err.startswith("Usage: chainrule [OPTIONS] COMMAND [ARGS]...\n")


def test_a_model_that_does_not_fit_into_memory_leaves_no_folder(
    tmp_path: Path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert run(["train", "digits", "--model", "mlp:9999999,9999999"]) == 2
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    assert capsys.readouterr().err == (
        "chainrule train: --model: mlp:9999999,9999999 has 100,000,739,999,935 parameters\n\n"
        f"  Weights and gradients alone take 800,006 GB; this machine has {there:,.0f} GB.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_too_little_memory_is_no_mistake_of_ours(monkeypatch, capsys):
    def fail(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 364. TiB")

    monkeypatch.setattr(chainrule, "main", fail)
    assert run(["train"]) == 1
    assert capsys.readouterr().err == (
        "chainrule: there is not enough memory: unable to allocate 364. TiB\n"
    )


def test_a_configuration_that_cannot_be_meant_is_refused(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    wrong = {"batch": 0, "threads": 0, "validation": 1.5, "learning_rate": 0.0}
    create("run", {**resolve("digits", {"data": "digits"}).stored(), **wrong}).close()
    assert run(["train", "--resume", "run"]) == 1
    assert capsys.readouterr().err == (
        "CheckpointError: run/config.json is not the configuration of a training\n\n"
        "    validation is 1.5\n    learning_rate is 0.0\n    batch is 0\n    threads is 0\n"
    )
