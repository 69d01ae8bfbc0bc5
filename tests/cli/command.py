"""Run the command line as a user does: in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from tests.patience import LIMIT

SOURCE = str(Path(__file__).parents[2] / "src")


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": SOURCE, "COLUMNS": "100"}


def start(*arguments: object, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "chainrule", *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def chainrule(*arguments: object, cwd: Path) -> tuple[int, str, str]:
    """Give the exit code, and what was written to stdout and stderr."""
    process = start(*arguments, cwd=cwd)
    out, err = process.communicate(timeout=LIMIT)
    return process.returncode, out, err
