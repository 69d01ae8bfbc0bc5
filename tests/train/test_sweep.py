"""A sweep over settings and seeds."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import NonFiniteError
from chainrule.train.fit import fit
from chainrule.train.sweep import sweep

GRID = {"rate": [0.1, 0.01], "width": [2, 3]}


def figure(rate: float, width: int, seed: int) -> dict[str, float]:
    return {"loss": rate * width + seed, "accuracy": 1.0 - rate}


def test_every_combination_is_run_with_every_seed() -> None:
    found = sweep(figure, GRID, seeds=(0, 2))
    assert [dict(trial.settings) for trial in found.trials] == [
        {"rate": r, "width": w} for r in (0.1, 0.01) for w in (2, 3)
    ]
    assert [trial.mean("loss") for trial in found.trials] == pytest.approx([1.2, 1.3, 1.02, 1.03])
    assert found.trials[0].std("loss") == pytest.approx(np.std([0.2, 2.2], ddof=1))
    assert found.best("loss").settings == {"rate": 0.01, "width": 2}
    assert found.best("accuracy").settings["rate"] == 0.01


def test_the_table() -> None:
    assert sweep(figure, GRID, seeds=(0, 2)).table("loss") == (
        "rate  width  loss   mean ± std of 2 seeds\n"
        "0.1   2      1.2 ± 1.41\n"
        "0.1   3      1.3 ± 1.41\n"
        "0.01  2      1.02 ± 1.41\n"
        "0.01  3      1.03 ± 1.41"
    )
    assert str(sweep(figure, {"rate": [0.1], "width": [2]})) == (
        "rate  width  loss  accuracy\n0.1   2      0.2   0.9"
    )


def test_what_is_finished_is_not_done_again(tmp_path: Path) -> None:
    done = []

    def run(rate: float, seed: int, folder: Path) -> dict[str, float]:
        done.append((rate, seed))
        if len(done) == 3:
            raise RuntimeError("the power went")
        return {"loss": rate if seed else float("nan")}

    with pytest.raises(RuntimeError):
        sweep(run, {"rate": [1.0, 2.0]}, seeds=(0, 1), folder=tmp_path)
    found = sweep(run, {"rate": [1.0, 2.0]}, seeds=(0, 1), folder=tmp_path)
    assert done == [(1.0, 0), (1.0, 1), (2.0, 0), (2.0, 0), (2.0, 1)]
    assert np.isnan(found.trials[0].figures[0]["loss"])
    assert found.trials[1].figures[1] == {"loss": 2.0}
    assert min(path.name for path in tmp_path.iterdir()) == "rate=1.0,seed=0"


def test_ctrl_c_ends_it_and_the_run_is_gone_on_with(tmp_path: Path) -> None:
    data = np.ones((8, 3), np.float32), np.arange(8) % 2
    started = []

    def run(rate: float, seed: int, folder: Path) -> Any:
        started.append(rate)

        def press(record: Any, progress: Any) -> None:
            if len(started) == 2:
                os.kill(os.getpid(), signal.SIGINT)

        with cr.nn.seed(seed):
            model = cr.nn.Linear(3, 2)
        optimizer = cr.optim.SGD(rate)
        return fit(model, data, optimizer=optimizer, epochs=3, folder=folder, callbacks=[press])

    settings = {"rate": [0.1, 0.2]}
    stopped = sweep(run, settings, folder=tmp_path)
    assert (len(stopped.trials), stopped.interrupted) == (1, True)
    found = sweep(run, settings, folder=tmp_path)
    assert started == [0.1, 0.2, 0.2]
    assert (len(found.trials), found.interrupted) == (2, False)
    assert set(found.trials[0].figures[0]) == {"loss", "accuracy"}


def test_a_run_that_diverges_does_not_end_the_sweep(tmp_path: Path):
    calls = []

    def run(rate, seed, folder):
        calls.append((rate, seed))
        if rate > 1:
            raise NonFiniteError("the loss is inf")
        return {"loss": rate + seed}

    for _ in range(2):  # what diverged is not tried again either
        found = sweep(run, {"rate": [2.0, 0.5]}, seeds=(0, 1), folder=tmp_path)
    assert len(calls) == 4
    assert [trial.figures for trial in found.trials] == [({}, {}), ({"loss": 0.5}, {"loss": 1.5})]
    assert found.best("loss").settings == {"rate": 0.5}
    assert str(found).splitlines()[1].split() == ["2.0", "nan", "±", "nan"]
