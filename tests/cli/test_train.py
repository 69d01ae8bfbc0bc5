"""chainrule train and evaluate, as a user runs them."""

import json
import os
import re
import signal
from itertools import zip_longest
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from chainrule.cli.commands import run
from chainrule.cli.settings import LOSSES, MOST_THREADS, OPTIMIZERS, PRECISIONS, SCHEDULES
from chainrule.cli.threads import _VARIABLES, use_threads
from chainrule.codegen.assembly import target
from chainrule.runtime.processors import thread_count
from chainrule.runtime.team_layout import CAPACITY
from chainrule.train import training
from tests.cli.command import chainrule, start
from tests.patience import LIMIT

CLOCK = {"seconds", "samples_per_second", "digest"}  # the digest is of the seconds too
SHORT = ("train", "digits", "--model", "linear", "--epochs", 3)
LONG = ("train", "digits", "--model", "mlp:48", "--epochs", 25, "--batch", 16, "--out", "run")


def weights(run: Path) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in load_file(run / "model.safetensors").items()}


def records(run: Path) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in CLOCK} for line in lines]


def test_a_training_leaves_a_whole_run_folder(tmp_path: Path, monkeypatch):
    code, out, err = chainrule(*SHORT, cwd=tmp_path)
    assert (code, err) == (0, "")
    folder = tmp_path / "runs" / "digits-linear"
    assert sorted(path.name for path in folder.iterdir()) == [
        *("checkpoints", "config.json", "lock", "metrics.jsonl"),
        *("model.json", "model.safetensors", "report.html"),
    ]
    config = json.loads((folder / "config.json").read_text())
    assert (config["data"], config["model"], config["epochs"]) == ("digits", "linear", 3)
    assert [record["epoch"] for record in records(folder)] == [1, 2, 3]
    lines = out.splitlines()
    assert lines[0] == "digits: 1,293 examples to train on, 144 to validate, 360 to test"
    assert len([line for line in lines if line.startswith("epoch ")]) == 3
    assert re.fullmatch(r"test accuracy \d\d\.\d\d %   test loss \d\.\d{4}", lines[-2])
    page = (folder / "report.html").read_text()
    assert page.count('class="pixels"') >= 10
    assert "http:" not in page.replace("http://www.w3.org", "")

    code, out, err = chainrule("evaluate", folder, cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out.startswith(f"{folder} on digits (360 examples): {lines[-2]}\ntop-5 accuracy ")

    monkeypatch.chdir(tmp_path)
    assert run(["train", *map(str, SHORT[1:]), "--seed", "1"]) == 0
    assert weights(tmp_path / "runs" / "digits-linear-2") != weights(folder)


def test_a_bare_training_learns_the_digits(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["train", "digits", "--out", "run"]) == 0
    description = json.loads((tmp_path / "run" / "model.json").read_text())["description"]
    assert description["test_accuracy"] >= 0.96


def test_any_number_of_threads_gives_the_same_bits(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_RUNTIME", "native")
    for number in (1, 3):
        code, _, err = chainrule(
            *("train", "digits", "--model", "mlp:256,128", "--epochs", 2),
            *("--threads", number, "--out", number),
            cwd=tmp_path,
        )
        assert (code, err) == (0, "")
        assert json.loads((tmp_path / str(number) / "config.json").read_text())["threads"] == number
    assert weights(tmp_path / "1") == weights(tmp_path / "3")


def test_threads_are_told_to_native_programs_and_blas_keeps_one(monkeypatch):
    # Set first, so that what the command writes is taken back.
    for name in ("CHAINRULE_THREADS", *_VARIABLES):
        monkeypatch.setenv(name, "")
    use_threads(3)
    assert thread_count() == 3
    assert {os.environ[name] for name in _VARIABLES} == {"1"}
    use_threads(None)
    assert thread_count() == 3  # as the user's own CHAINRULE_THREADS
    use_threads(2, linear_algebra=2)
    assert thread_count() == 2
    assert {os.environ[name] for name in _VARIABLES} == {"2"}
    use_threads(1)
    assert MOST_THREADS == CAPACITY


def test_the_command_line_has_the_precisions_of_programs():
    assert PRECISIONS == target.PRECISIONS


def stopped_by(number: signal.Signals, folder: Path, *command: object) -> tuple[int, str]:
    process = start(*(command or (*LONG, "--epochs", 100_000)), cwd=folder)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch"):
            break
    process.send_signal(number)
    _, err = process.communicate(timeout=LIMIT)
    return process.returncode, err


def test_the_first_interruption_saves_and_says_how_to_go_on(tmp_path: Path, monkeypatch, capsys):
    for number, code, name in (
        (signal.SIGINT, 130, "Ctrl-C"),
        (signal.SIGTERM, 143, "SIGTERM"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        found, err = stopped_by(number, folder)
        assert found == code
        message = re.fullmatch(
            rf"chainrule train: stopped by {name} after step ([\d,]+) of 8,100,000; "
            r"nothing is lost\n\n  Go on with: chainrule resume run\n",
            err,
        )
        assert message is not None, err
        step = int(message[1].replace(",", ""))
        latest = json.loads((folder / "run" / "checkpoints" / "latest.json").read_text())
        assert latest["checkpoint"].startswith(f"step-{step:08d}")
        monkeypatch.chdir(folder)
        assert run(["evaluate", "run"]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert out.startswith(f"run, unfinished, after step {step:,}, on digits (360 examples): ")
    _, err = stopped_by(signal.SIGINT, folder, "resume", "run")
    assert err.startswith("chainrule resume: stopped by Ctrl-C after step ")


def test_a_sweep_that_is_stopped_says_one_way_to_go_on(tmp_path: Path):
    settings = [word for word in LONG[1:] if word not in ("--out", "run", "--epochs", 25)]
    command = ("sweep", *settings, "--epochs", 100_000, "--seed", "0,1", "--out", "all")
    code, err = stopped_by(signal.SIGINT, tmp_path, *command)
    assert code == 130
    assert re.fullmatch(
        r"1/2: all/seed-0\nchainrule sweep: stopped by Ctrl-C after step [\d,]+ of 8,100,000; "
        r"nothing is lost\n\n  The same command goes on from here\.\n",
        err,
    ), err


def test_a_folder_may_have_a_name_that_the_output_cannot_write(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    code, out, err = chainrule(*SHORT, "--epochs", 0, "--out", "ü ✓", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == r"report: \xfc \u2713/report.html"


def test_a_finished_run_may_be_resumed_and_stays_as_it_is(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run([*map(str, SHORT), "--out", "run"]) == 0
    before = weights(tmp_path / "run"), records(tmp_path / "run")
    for command in (["resume", "run"], ["train", "--resume", "run"]):
        assert run(command) == 0
        assert (weights(tmp_path / "run"), records(tmp_path / "run")) == before


def test_a_zero_is_a_choice_like_any_other(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    zeros = ("--epochs", 0, "--validation", 0, "--l2", 0, "--weight-decay", 0)
    options = ("--model", "linear", "--optimizer", "adamw", *zeros)
    out = trained(capsys, "digits", *options, "--out", "run")
    assert out.splitlines()[0] == "digits: 1,437 examples to train on, 360 to test"
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert [config[k] for k in ("epochs", "validation", "l2", "weight_decay")] == [0, 0.0, 0.0, 0.0]
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def trained(capsys, *arguments: object) -> str:
    """Train in this process, and give what was written."""
    assert run(["train", *map(str, arguments)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return str(captured.out)


def test_every_loss_optimizer_and_schedule_can_be_chosen(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    longest = zip_longest(LOSSES, OPTIMIZERS, SCHEDULES, fillvalue=None)
    for loss, optimizer, schedule in longest:
        chosen = {"--loss": loss, "--optimizer": optimizer, "--schedule": schedule}
        options = [part for pair in chosen.items() if pair[1] is not None for part in pair]
        trained(capsys, *SHORT[1:], "--epochs", 1, *options, "--l1", 1e-5, "--lr", 0.001)
    made = sorted((tmp_path / "runs").iterdir())
    assert len(made) == max(len(LOSSES), len(OPTIMIZERS), len(SCHEDULES))
    for path in made:
        final = load_file(path / "model.safetensors")
        assert all(np.isfinite(array).all() for array in final.values())


def test_what_is_done_to_gradients_weights_and_labels_can_be_chosen(
    tmp_path: Path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    options = {
        "--clip-norm": 1.0,
        "--accumulate": 2,
        "--average": 0.9,
        "--label-smoothing": 0.1,
        "--dropout": 0.1,
        "--warmup": 0.1,
        "--steps-per-epoch": 10,
        "--augment": "crop:1",
    }
    given = [part for pair in options.items() for part in pair]
    out = trained(capsys, "digits", "--model", "mlp:16", "--epochs", 2, *given, "--out", "run")
    assert "20 steps to take in run" in out
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert {f"--{name.replace('_', '-')}": config[name] for name in config}.items() >= (
        options.items()
    )
    assert run(["evaluate", "run"]) == 0
    figures = out.splitlines()[-2]
    assert capsys.readouterr().out.startswith(f"run on digits (360 examples): {figures}\n")


def test_networks_for_images_can_be_trained_with_changed_images(
    tmp_path: Path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    course = ("--steps-per-epoch", 2, "--epochs", 1, "--batch", 16)
    trained(capsys, "digits", "--model", "resnet:4", "--augment", "flip,crop:1", *course)
    trained(capsys, "digits", "--model", "resnet:4", *course, "--standardize", "channel")
    trained(capsys, "digits", "--model", "resnet:4,2", *course)
    assert len(list((tmp_path / "runs").iterdir())) == 3


def test_a_run_says_the_sizes_that_its_model_has(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    course = ("--steps-per-epoch", 2, "--epochs", 1, "--batch", 16)
    trained(capsys, "digits", "--model", "resnet", *course, "--out", "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["model"] == "resnet:32,16"


def test_training_stops_early_and_keeps_the_best_weights(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = ("--lr", 0.05, "--schedule", "constant", "--epochs", 100, "--early-stopping", 2)
    out = trained(capsys, "digits", "--model", "mlp:16", *options, "--out", "run")
    history = records(tmp_path / "run")
    losses = [record["validation_loss"] for record in history]
    best = int(np.argmin(losses))
    assert len(losses) == best + 3 < 100
    assert f"the best weights are those after step {history[best]['step']:,}" in out
    before = weights(tmp_path / "run")
    assert run(["resume", "run"]) == 0
    assert weights(tmp_path / "run") == before
    assert records(tmp_path / "run") == history


def test_a_stopped_training_with_all_that_is_random_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    options = ("--dropout", 0.2, "--augment", "crop:1", "--average", 0.99, "--accumulate", 2)
    given = ("digits", "--model", "mlp:16", "--epochs", 4, *options)
    trained(capsys, *given, "--out", "calm")
    steps = training.steps

    def interrupted(*arguments):
        for progress in steps(*arguments):
            yield progress
            if progress.step == 60:
                signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(training, "steps", interrupted)
    assert run(["train", *map(str, given), "--out", "stopped"]) == 143
    monkeypatch.setattr(training, "steps", steps)
    capsys.readouterr()
    assert run(["resume", "stopped"]) == 0
    assert "going on after step" in capsys.readouterr().out
    assert weights(tmp_path / "stopped") == weights(tmp_path / "calm")
    assert records(tmp_path / "stopped") == records(tmp_path / "calm")
