"""``chainrule train`` that is killed, interrupted or run twice: nothing is lost, not one bit."""

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from chainrule.cli import commands
from chainrule.train import run
from tests.cli.command import start
from tests.patience import LIMIT, wait_until
from tests.reliability.effort import THOROUGH, many
from tests.reliability.training import CLOCK

COURSE = ("digits", "--batch", 128, "--epochs", 8, "--out", "run")
RANDOM = ("--dropout", 0.2, "--augment", "crop:1", "--average", 0.99)
WRAPPED = ("--accumulate", 2, "--clip-norm", 0.5, "--schedule", "plateau", "--label-smoothing", 0.1)
MODEL = ("--model", "mlp:256,256")
EACH = ("adam", "sgd", "momentum", "nesterov", "adamw", "adagrad", "lion", "muon", "rmsprop")


def command(optimizer: str = "adamw") -> tuple[object, ...]:
    rest = ("--optimizer", optimizer, "--lr", 0.001)
    return ("train", *COURSE, *MODEL, *RANDOM, *WRAPPED, *rest)


def outcome(folder: Path) -> tuple[str, list[dict[str, Any]]]:
    """The digest of the final weights, and the records without the clock."""
    opened = run.open(folder)
    opened.load_model()
    weights = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    return weights, [{k: v for k, v in r.items() if k not in CLOCK} for r in opened.metrics()]


@cache
def undisturbed(arguments: tuple[object, ...]) -> object:
    """What nobody disturbs ends with; trained once for all tests that disturb it."""
    with TemporaryDirectory() as folder:
        process = start(*arguments, cwd=Path(folder))
        _, err = process.communicate(timeout=LIMIT)
        assert (process.returncode, err) == (0, "")
        return outcome(Path(folder, "run"))


def begun(folder: Path) -> Callable[[], bool]:
    return (folder / "run" / "config.json").exists


def epochs(folder: Path) -> int:
    path = folder / "run" / "metrics.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.parametrize("optimizer", EACH if THOROUGH else ["adamw"])
def test_killed_at_random_moments_it_ends_with_the_same_bits(
    optimizer: str, tmp_path: Path
) -> None:
    arguments = command(optimizer)
    meant = undisturbed(arguments)
    hunted, moments = tmp_path, random.Random(optimizer)
    process, kills = start(*arguments, cwd=hunted), 0
    for _ in range(many(2, 5)):
        wait_until(begun(hunted), process)
        before = epochs(hunted)
        wait_until(lambda before=before: epochs(hunted) > before, process)  # type: ignore[misc]
        time.sleep(moments.uniform(0.0, 0.2))
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        process = start("resume", "run", cwd=hunted)
    _, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, err) == (0, "")
    assert kills or not THOROUGH  # a process that is quick may have ended before
    assert outcome(hunted / "run") == meant


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_at_random_moments_lose_nothing(number: signal.Signals, tmp_path: Path) -> None:
    arguments, moments = command(), random.Random(number)
    meant, stopped = undisturbed(arguments), 0
    process = start(*arguments, cwd=tmp_path)
    for _ in range(many(2, 20)):
        wait_until(begun(tmp_path), process)
        time.sleep(moments.uniform(0.0, 0.8))
        process.send_signal(number)
        _, err = process.communicate(timeout=LIMIT)
        # Before there is a step to finish, a signal may end the process as it ends any other; for
        # a shell that is 128 + number too.
        assert process.returncode in (0, 128 + number, -number), err
        if process.returncode > 0:
            stopped += 1
            assert_says_where(err, tmp_path)
        process = start("resume", "run", cwd=tmp_path)
    _, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, err) == (0, "")
    assert outcome(tmp_path / "run") == meant
    assert stopped or not THOROUGH


def assert_says_where(err: str, folder: Path) -> None:
    """It says after which step it stopped, and that step is saved; or it had not begun."""
    if err.endswith("interrupted\n"):
        return
    found = re.search(r"after step ([\d,]+) of ", err)
    assert found is not None, err
    latest = json.loads((folder / "run" / "checkpoints" / "latest.json").read_text())
    assert int(latest["checkpoint"].split("-")[1].split(".")[0]) == int(found[1].replace(",", ""))


SLOW = """
import sys, time
import chainrule as cr
from tests.reliability.training import train
from pathlib import Path

def stay(*_):
    print("in", flush=True)
    while True:
        time.sleep(0.01)  # Python sees a signal that comes right before a sleep after it

train(Path(sys.argv[1]), epochs=1, callbacks=[stay])
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_leaves_at_once(number: signal.Signals, tmp_path: Path) -> None:
    folders = [str(folder) for folder in (Path(__file__).parents[2], *sys.path)]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(tmp_path / "run")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    process.send_signal(number)
    time.sleep(0.5)
    assert process.poll() is None  # the step, with all who are told of it, is let finish
    process.send_signal(number)
    process.communicate(timeout=LIMIT)  # which is sooner than the step would end
    assert process.returncode in (-signal.SIGINT, 130, 143)
    assert run.open(tmp_path / "run").metrics() != []


def test_a_second_process_is_turned_away_and_the_first_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    long = ("train", *COURSE[:-4], "--epochs", 100_000, "--out", "run")
    first = start(*long, cwd=tmp_path)
    wait_until(lambda: epochs(tmp_path) > 0, first)
    for arguments in (("resume", "run"), long):
        code = commands.run([*map(str, arguments)])
        out, err = capsys.readouterr()
        assert (code, out) == (1, "")
        assert err.startswith("CheckpointError: ")
        assert "run is in use by process " in err or "already holds an unfinished run" in err
    assert first.poll() is None
    first.send_signal(signal.SIGTERM)
    _, err = first.communicate(timeout=LIMIT)
    assert (first.returncode, "nothing is lost" in err) == (143, True)
