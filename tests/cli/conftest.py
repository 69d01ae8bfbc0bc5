"""What tests of the command line share."""

from pathlib import Path

import pytest


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands read and write in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
