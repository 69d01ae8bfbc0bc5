"""Settings from a file: what ``--config FILE.toml`` says, checked as the options are.

Or those of a run, for another one that differs in a few of them: ``--config RUN``.

::

    data = "cifar10"        # DATA
    folder = "data/cifar10" # --data
    model = "mlp:1024,512"
    lr = 0.001              # the name of an option, without the dashes in front
"""

import re
import tomllib
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from chainrule.cli.choices import Check, place
from chainrule.cli.config import from_stored
from chainrule.cli.settings import SETTINGS
from chainrule.train.run import read_config

__all__ = ["read_settings"]

_MOST = 1 << 20  # bytes: no file of settings is larger
_MOST_DOTS = 100


def read_settings(path: str, several: bool = False) -> dict[str, Any]:
    """Read the settings in a TOML file or of a run folder, by the names of the configuration.

    With ``several``, a value may be a list, and each becomes a tuple of values.

    Raises:  UsageError: it cannot be read, is not TOML, or has a key or a value that cannot be
             meant. The message names the file and the line. CheckpointError: the configuration
             of the run is broken.
    """
    stored = Path(path, "config.json") if Path(path).is_dir() else Path(path)
    if stored.name == "config.json":
        return _of_run(stored, several)
    text = _read(path)
    _check_dots(text, path)
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a ValueError
        raise click.UsageError(f"--config: {path} is not TOML: {_small(str(error))}") from error
    found: dict[str, Any] = {}
    for key, value in table.items():
        where = f"{path}:{_line(text, key)}"
        name, check = _meant(key, where)
        values = value if several and isinstance(value, list) else [value]
        checked = tuple(_checked(one, check, f"{where}: {key}") for one in values)
        if name in found:
            raise click.UsageError(f"--config: {where}: {key} is there under another spelling too")
        found[name] = checked if several else checked[0]
    return found


def _of_run(path: Path, several: bool) -> dict[str, Any]:
    """The settings of a run, without those that it left open."""
    if not path.exists():
        raise click.UsageError(
            f"--config: {path.parent} is a folder without a config.json; it must be a TOML file "
            "or a run folder"
        )
    stored = asdict(from_stored(read_config(path), str(path)))
    said = {name: value for name, value in stored.items() if value is not None}
    return {name: (value,) for name, value in said.items()} if several else said


def _read(path: str) -> str:
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(_MOST + 1)
        if len(data) > _MOST:
            raise click.UsageError(f"--config: {path} is larger than 1 MiB; it holds no settings")
        return data.decode().replace("\r\n", "\n")
    except OSError as error:
        raise click.UsageError(f"--config: {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise click.UsageError(
            f"--config: {path} is not UTF-8: byte {error.start} is {data[error.start]:#04x}"
        ) from error


def _check_dots(text: str, path: str) -> None:
    """Refuse keys of very many parts, on which the parser of TOML would spend hours."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > _MOST_DOTS:
            raise click.UsageError(
                f"--config: {path}:{number}: there are more than {_MOST_DOTS} dots in a line; "
                "it holds no settings"
            )


def _line(text: str, key: str) -> int:
    """The line on which a key stands; tomllib does not tell."""
    form = re.compile(rf"""\s*\[*\s*["']?{re.escape(key)}["']?\s*[]=.]""")
    lines = text.split("\n")
    return next((number for number, line in enumerate(lines, 1) if form.match(line)), 1)


def _meant(key: str, where: str) -> tuple[str, Check]:
    spellings: dict[str, tuple[str, Check]] = {"data": ("data", place)}
    for setting in SETTINGS:
        for spelling in {setting.name, setting.option} - {"data"}:  # --data is called folder here
            spellings[spelling.replace("_", "-")] = (setting.name, setting.check)
    wanted = key.replace("_", "-")
    if wanted in spellings:
        return spellings[wanted]
    near = get_close_matches(wanted.lower(), spellings, n=1)
    remedy = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(sorted(spellings))}."
    raise click.UsageError(f"--config: {where}: there is no setting {key!r}\n\n  {remedy}")


def _checked(value: object, check: Check, where: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        kind = {bool: "true or false", dict: "a table", list: "a list"}.get(type(value), "a date")
        raise click.UsageError(f"--config: {where} is {kind}; it must be a number or a text")
    try:
        found = check(str(value))
    except ValueError as error:
        raise click.UsageError(f"--config: {where}: {error}") from None
    if isinstance(found, str) is not isinstance(value, str):
        other = "a text" if isinstance(found, str) else "a number, without quotes"
        raise click.UsageError(f"--config: {where} is {value!r}; it must be {other}")
    return found


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]
