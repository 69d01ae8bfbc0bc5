"""Run the command line: in a process of its own, as a user does, or in this one."""

import os
import subprocess
import sys
from pathlib import Path

from chainrule.cli.commands import run
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


def told(capsys, *arguments: object, code: int = 0) -> str:
    """Run a command in this process, and give what it wrote to stdout."""
    capsys.readouterr()
    assert run([*map(str, arguments)]) == code
    return str(capsys.readouterr().out)
