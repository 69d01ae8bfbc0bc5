"""The commands that look at runs, and those that train many times, as a user runs them."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chainrule.cli.commands import NAMES, run
from chainrule.cli.config import resolve
from chainrule.train.run import create
from chainrule.train.run import open as open_run
from tests.cli.command import chainrule, environment, start, told
from tests.patience import LIMIT

pytestmark = pytest.mark.usefixtures("here")

SHORT = ["--model", "linear", "--epochs", "2"]


# ---------------------------------------------------------------- settings


def test_the_command_line_goes_before_the_file(tmp_path: Path, capsys):
    Path("x.toml").write_text(
        'data = "digits"\nmodel = "linear"\nlr = 0.25\nepochs = 1\nl2 = 0.5\n'
    )
    told(capsys, "train", "--config", "x.toml", "--l2", 0, "--out", "run")
    config = json.loads(Path("run/config.json").read_text())
    assert (config["learning_rate"], config["epochs"], config["l2"]) == (0.25, 1, 0.0)


@pytest.mark.parametrize("place", ["one", "one/config.json"])
def test_a_run_is_a_configuration_for_another_one(place: str, capsys):
    told(capsys, "train", "--model", "mlp:8", "--epochs", 1, "--out", "one")
    told(capsys, "train", "--config", place, "--l2", 0.5, "--out", "two")
    one, two = (json.loads(Path(run, "config.json").read_text()) for run in ("one", "two"))
    assert {name for name in one if one[name] != two[name]} == {"l2", "digest"}


def test_where_other_data_lie_is_not_taken_from_a_run(capsys):
    Path("mnist").mkdir()
    config = resolve("mnist", {"data": "mnist", "folder": "mnist", "epochs": 1})
    create("run", config.stored()).close()
    told(capsys, "train", "digits", "--config", "run", "--model", "linear", "--out", "two")
    assert json.loads(Path("two/config.json").read_text())["folder"] is None


def test_a_configuration_resolved_once_gives_the_same_run_again(tmp_path: Path, capsys):
    told(capsys, "train", *SHORT, "--seed", 3, "--out", "one")
    config = json.loads(Path("one/config.json").read_text())
    lines = [
        f"{name} = {json.dumps(value)}"
        for name, value in config.items()
        if value is not None and name not in ("format", "digest")
    ]
    Path("again.toml").write_text("\n".join(lines))
    told(capsys, "train", "--config", "again.toml", "--out", "two")
    assert json.loads(Path("two/config.json").read_text()) == config
    one, two = (Path(name, "model.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two


# ---------------------------------------------------------------- evaluate and report


def test_a_test_tells_the_figures_of_each_class(tmp_path: Path, capsys):
    told(capsys, "train", *SHORT, "--out", "run")
    lines = told(capsys, "evaluate", "run").splitlines()
    assert re.fullmatch(
        r"top-5 accuracy \d+\.\d\d %   mean F1 \d\d\.\d\d %   calibration error \d+\.\d\d %",
        lines[1],
    )
    assert lines[3].split() == ["class", "precision", "recall", "F1", "examples"]
    assert [line.split()[0] for line in lines[4:]] == list("0123456789")
    found = json.loads(told(capsys, "evaluate", "run", "digits", "--json"))
    assert (found["run"], found["step"], found["data"], found["examples"]) == (
        *("run", None, "digits"),
        360,
    )
    assert sum(entry["support"] for entry in found["classes"]) == 360
    recalled = sum(entry["recall"] * entry["support"] for entry in found["classes"]) / 360
    assert recalled == pytest.approx(found["test_accuracy"])


def test_a_report_is_made_again_as_it_was(tmp_path: Path, capsys):
    told(capsys, "train", *SHORT, "--out", "run")
    page = Path("run/report.html")
    before = page.read_bytes()
    page.unlink()
    assert told(capsys, "report", "run") == "report: run/report.html\n"
    assert page.read_bytes() == before


# ---------------------------------------------------------------- runs


def test_runs_are_listed_with_the_settings_in_which_they_differ(tmp_path: Path, capsys):
    told(capsys, "train", *SHORT, "--lr", 0.1, "--out", "runs/a")
    told(capsys, "train", *SHORT, "--lr", 0.001, "--validation", 0, "--out", "runs/b")
    Path("runs/note.txt").touch()
    lines = told(capsys, "runs").splitlines()
    heads = "run data model state validation learning_rate epochs validation test time"
    assert lines[0].split() == heads.split()
    assert [line.split()[:6] for line in lines[1:]] == [
        ["runs/a", "digits", "linear", "finished", "0.1", "0.1"],
        ["runs/b", "digits", "linear", "finished", "0", "0.001"],
    ]
    assert [entry["run"] for entry in json.loads(told(capsys, "runs", "--json", "runs/b"))] == [
        "runs/b"
    ]
    best = told(capsys, "runs", "--sort", "validation").splitlines()
    assert [line.split()[0] for line in best[1:]] == ["runs/a", "runs/b"]
    newest = told(capsys, "runs", "--sort", "changed").splitlines()
    assert [line.split()[0] for line in newest[1:]] == ["runs/b", "runs/a"]
    assert len(lines[1].split("%")) == 3


def test_many_settings_that_differ_become_words(tmp_path: Path, capsys):
    options = ("--l1", 1e-6, "--l2", 1e-6, "--seed", 2, "--batch", 64, "--clip-norm", 1)
    told(capsys, "train", *SHORT, "--out", "runs/a")
    told(capsys, "train", *SHORT, *options, "--out", "runs/b")
    first, *rows = told(capsys, "runs").splitlines()
    assert first.endswith("differs in")
    assert rows[1].endswith("l2 1e-06, l1 1e-06, clip_norm 1, batch 64, seed 2")


def test_a_run_is_unfinished_in_use_or_broken(tmp_path: Path, capsys):
    course = ("train", "digits", "--epochs", 100_000, "--out", "runs/going")
    process = start(*course, cwd=tmp_path)
    assert process.stdout is not None
    next(line for line in process.stdout if line.startswith("epoch"))
    code = run(["runs"])
    out, err = capsys.readouterr()
    assert (code, err, out.splitlines()[1].split()[3:5]) == (0, "", ["in", "use"])
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=LIMIT)
    Path("runs/broken").mkdir()
    Path("runs/broken/config.json").write_text("{")
    code = run(["runs", "--json"])
    out, err = capsys.readouterr()
    assert code == 1
    assert [entry["state"] for entry in json.loads(out)] == ["broken", "unfinished"]
    assert err.startswith("runs/broken/config.json is not JSON")


def test_looking_at_a_run_takes_no_lock(tmp_path: Path, capsys):
    told(capsys, "train", *SHORT, "--out", "runs/a")
    with open_run("runs/a", write=True):
        assert json.loads(told(capsys, "runs", "--json"))[0]["state"] == "in use"
    assert json.loads(told(capsys, "runs", "--json"))[0]["state"] == "finished"


def test_an_empty_folder_has_no_runs_and_a_missing_one_is_an_error(tmp_path: Path, capsys):
    Path("runs").mkdir()
    assert told(capsys, "runs") == "no run folders in runs\n"
    assert run(["runs", "nothing"]) == 1
    assert capsys.readouterr().err == "DataError: runs: there is no folder nothing\n"


# ---------------------------------------------------------------- find-rate


def test_a_learning_rate_is_found_that_trains_well(tmp_path: Path, capsys):
    found = json.loads(told(capsys, "find-rate", "digits", "--json", "--steps", 60))
    rates = [trial["rate"] for trial in found["trials"]]
    assert rates == sorted(rates)
    assert 1e-4 < found["suggestion"] < 0.1
    out = told(capsys, "find-rate", "digits")
    assert re.search(r"\nsuggestion: --lr 0\.\d+\n$", out)
    assert out.count("│") == 12
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- sweep


def test_a_sweep_trains_with_each_combination_and_sums_up(tmp_path: Path):
    command = ("sweep", *SHORT, "--seed", "0,1,2", "--lr", "0.1,0.001", "--out", "all")
    code, out, err = chainrule(*command, cwd=tmp_path)
    assert code == 0
    assert err.splitlines()[0] == "1/6: all/lr-0.1_seed-0"
    assert len(list((tmp_path / "all").iterdir())) == 6
    table = out.splitlines()[-3:]
    assert table[0].split() == ["lr", "runs", "validation", "test"]
    assert [line.split()[:2] for line in table[1:]] == [["0.1", "3"], ["0.001", "3"]]
    assert all(re.search(r"\d %+ ± \d+\.\d\d %", line) for line in table[1:])


def test_a_sweep_goes_on_where_it_was_stopped(tmp_path: Path, capsys):
    command = ["sweep", *SHORT, "--lr", "0.1,0.01", "--seed", "0,1", "--out", "all", "--json"]
    whole = told(capsys, *command)
    times = {path: path.stat().st_mtime_ns for path in Path("all").glob("*/model.json")}
    changed = Path("all/lr-0.1_seed-1/model.json")
    changed.unlink()
    Path("all/lr-0.01_seed-1/config.json").unlink()
    for path in sorted(Path("all/lr-0.01_seed-1").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert told(capsys, *command) == whole
    again = {path: path.stat().st_mtime_ns for path in Path("all").glob("*/model.json")}
    assert {path for path in again if again[path] == times[path]} == {
        Path("all/lr-0.1_seed-0/model.json"),
        Path("all/lr-0.01_seed-0/model.json"),
    }


def test_a_sweep_tells_settings_that_diverge_and_goes_on(tmp_path: Path, capsys):
    options = ["--optimizer", "sgd", "--loss", "squared", "--lr", "1e38,0.01"]
    assert run(["sweep", *SHORT, *options, "--out", "all", "--json"]) == 1
    captured = capsys.readouterr()
    assert "NonFiniteError: the " in captured.err
    outcomes = json.loads(captured.out)
    assert [(o["settings"]["learning_rate"], o["runs"]) for o in outcomes] == [(0.01, 1), (1e38, 0)]


def test_a_sweep_keeps_apart_from_runs_with_other_settings(tmp_path: Path, capsys):
    told(capsys, "sweep", *SHORT, "--seed", "0,1", "--out", "all")
    assert run(["sweep", *SHORT[:3], "3", "--seed", "0,1", "--out", "all"]) == 1
    assert capsys.readouterr().err == (
        "1/2: all/seed-0\n"
        "CheckpointError: all/seed-0 holds a run with other settings\n\n"
        "    epochs  2 there, 3 now\n\n"
        "  Give another folder.\n"
    )


def test_a_sweep_passes_over_a_run_that_another_process_is_at(tmp_path: Path, capsys):
    told(capsys, "sweep", *SHORT, "--seed", "0,1", "--out", "all")
    with open_run("all/seed-0", write=True):
        assert run(["sweep", *SHORT, "--seed", "0,1", "--out", "all"]) == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines()[0] == "1/2: another process is at all/seed-0"


# ---------------------------------------------------------------- all


def test_help_loads_neither_numpy_nor_a_command_s_work():
    code = (
        "import sys; from chainrule.cli.commands import run; run(['--help']); "
        "print(sorted({'numpy', 'rich', 'PIL', 'scipy', 'chainrule.nn'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert listed[-len(NAMES) :] == list(NAMES) == sorted(NAMES)


def test_output_into_a_closed_pipe_is_no_mistake_of_ours(tmp_path: Path):
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [sys.executable, "-m", "chainrule", "find-rate", "--steps", "10"],
        env=environment(),
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (process.returncode, process.stderr) == (1, "")
