"""What is shown while a training runs."""

import sys
import types
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.train.display import Bar, Lines, NotebookBar, Silence, display
from chainrule.train.fit import fit

DATA = np.ones((8, 3), np.float32), np.arange(8) % 2


def linear() -> cr.nn.Linear:
    with cr.nn.seed(0):
        return cr.nn.Linear(3, 2)


def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = type("ZMQInteractiveShell", (), {})()
    fake: Any = types.ModuleType("IPython")
    fake.get_ipython = lambda: shell
    monkeypatch.setitem(sys.modules, "IPython", fake)


def test_elsewhere_than_on_a_terminal_there_is_a_line_an_epoch(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fit(linear(), DATA, epochs=2, progress=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    fit(linear(), DATA, epochs=2, progress=False)
    fit(linear(), DATA, epochs=2)
    assert capsys.readouterr().out == ""


def test_what_is_shown_fits_where_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(display(1, 1, None), Silence)
    assert isinstance(display(1, 1, True), Lines)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    for progress in (None, True):
        with display(1, 1, progress) as shown:
            assert isinstance(shown, Bar)
    assert isinstance(display(1, 1, False), Silence)


def test_a_bar_leaves_a_line_for_each_epoch(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    fit(linear(), DATA, epochs=2)
    out = capsys.readouterr().out
    assert "epoch 1/2  loss" in out
    assert "epoch 2/2  loss" in out


def test_in_a_notebook_tqdm_draws_the_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tqdm")
    notebook(monkeypatch)
    with display(1, 1, None) as shown:
        assert isinstance(shown, NotebookBar)
    fit(linear(), DATA, epochs=2)
    assert "epoch 2/2  loss" in capsys.readouterr().out


def test_in_a_notebook_without_tqdm_there_are_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook(monkeypatch)
    monkeypatch.setattr("chainrule.train.display.find_spec", lambda name: None)
    assert isinstance(display(1, 1, None), Lines)
