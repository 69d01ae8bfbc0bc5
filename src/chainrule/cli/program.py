"""The user's own program: a function in a Python file, imported like any script."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from chainrule.errors import FormulaError
from chainrule.formula.derivation.samples import FACTS

__all__ = ["axes_of", "blamed", "facts_of", "function", "given_axes", "variable"]


def function(place: str) -> Callable[..., Any]:
    """Give the function that ``FILE.py:function`` names; a file's only function needs no name.

    Raises:  UsageError: there is no such file or no such function. FormulaError: the program
             cannot be imported.
    """
    path, _, name = place.rpartition(":") if ".py:" in place else (place, "", "")
    module = _imported(Path(path))
    own = {
        n: f
        for n, f in vars(module).items()
        if inspect.isfunction(f) and f.__module__ == module.__name__
    }
    if not name:
        if len(own) != 1:
            raise click.UsageError(f"{path} has {_count(own)}; say which, as in {path}:loss")
        return next(iter(own.values()))
    found: Callable[..., Any] | None = getattr(module, name, None)
    if not callable(found):
        raise click.UsageError(f"{path} has no function {name!r}\n\n  {_nearest(name, list(own))}")
    return found


def _count(own: Mapping[str, Any]) -> str:
    return f"the functions {', '.join(own)}" if own else "no functions"


def _nearest(name: str, names: Sequence[str]) -> str:
    near = get_close_matches(name, names, n=1)
    near = near or [other for other in names if other.lower() == name.lower()]
    if near:
        return f"Did you mean {near[0]}?"
    return f"There are: {', '.join(names)}." if names else "It defines no function."


def _imported(path: Path) -> ModuleType:
    """Run a file as a module, with its folder on the path and no bytecode left behind."""
    if not path.is_file():
        raise click.UsageError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
    if spec is None or spec.loader is None:
        raise click.UsageError(f"{path} is no Python program: its name does not end in .py")
    module = importlib.util.module_from_spec(spec)
    folder, before = str(path.resolve().parent), sys.dont_write_bytecode
    sys.path.insert(0, folder)
    sys.modules[path.stem] = module
    sys.dont_write_bytecode = True
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise FormulaError(_told(error, path)) from error
    finally:
        sys.dont_write_bytecode = before
    return module


def _told(error: BaseException, path: Path) -> str:
    """What went wrong in a program, with its own file, line and text."""
    line, text = _place(error, path)
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    place = f"{path}:{line}" if line else str(path)
    shown = f"\n\n    {text}" if text else ""
    return f"{place}: {type(error).__name__}: {reason}{shown}"


def _place(error: BaseException, path: Path) -> tuple[int | None, str]:
    """The last line of the user's own file on the way to an error; None if it is not on it."""
    if isinstance(error, SyntaxError) and error.filename == str(path.resolve()):
        return error.lineno, (error.text or "").strip()
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename == str(path.resolve())]
    return (own[-1].lineno, own[-1].line or "") if own else (None, "")


@contextmanager
def blamed(f: Callable[..., Any]) -> Iterator[None]:
    """Tell an error from inside the user's function with its own file and line.

    Raises:  FormulaError: such an error. Any other passes as it is.
    """
    path = Path(inspect.getsourcefile(inspect.unwrap(f)) or "")
    try:
        yield
    except click.ClickException:
        raise
    except Exception as error:
        line, text = _place(error, path)
        if line is None:
            raise
        kind = type(error).__name__
        raise FormulaError(f"{path.name}:{line}: {kind}: {error}\n\n    {text}") from error


# ---------------------------------------------------------------- what a command line says of it


def variable(f: Callable[..., Any], wrt: str | None) -> str:
    """The variable that was asked for, or the function's first parameter.

    Raises:  UsageError: the function has no such parameter.
    """
    names = list(inspect.signature(f).parameters)
    if wrt is None:
        if not names:
            raise click.UsageError(f"{f.__name__} has no parameters")
        return names[0]
    for name in wrt.split(","):
        if name not in names:
            near = _nearest(name, names).replace("There are", "It has")
            raise click.UsageError(f"--wrt: {f.__name__} has no parameter {name!r}\n\n  {near}")
    return wrt


def axes_of(f: Callable[..., Any], given: Mapping[str, str]) -> dict[str, str]:
    """The axes that were given, and those of defaults that are arrays."""
    held = {
        name: " ".join(map(str, p.default.shape))
        for name, p in inspect.signature(f).parameters.items()
        if hasattr(p.default, "shape") and p.annotation is p.empty
    }
    return {**held, **given}


def facts_of(texts: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Read ``W=symmetric``.

    Raises:  UsageError: no such parameter, or no such fact.
    """
    found = dict(_pair("--fact", text, "W=symmetric") for text in texts)
    for name, fact in found.items():
        _known("--fact", name, names)
        if fact not in FACTS and not fact.startswith("integer<"):
            known = [f for f in FACTS if f]
            near = get_close_matches(fact, known, n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
            raise click.UsageError(f"--fact: there is no fact {fact!r}\n\n  {remedy}")
    return found


def given_axes(texts: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Read ``W=d k``.

    Raises:  UsageError: no such parameter.
    """
    found = dict(_pair("--axes", text, 'W="d k"') for text in texts)
    for name in found:
        _known("--axes", name, names)
    return found


def _pair(option: str, text: str, example: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise click.UsageError(f"{option}: {text!r} is not of the form {example}")
    return name.strip(), value.strip().strip("\"'")


def _known(option: str, name: str, names: Sequence[str]) -> None:
    if name not in names:
        remedy = _nearest(name, names).replace("There are", "It has")
        raise click.UsageError(f"{option}: there is no parameter {name!r}\n\n  {remedy}")
