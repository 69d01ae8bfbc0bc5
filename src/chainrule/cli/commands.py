"""The list of commands, and how a failure is told and becomes an exit code."""

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import click
from click.exceptions import NoArgsIsHelpError

from chainrule.cli.version import VERSION
from chainrule.errors import ChainruleError

__all__ = ["run"]

NAMES = (
    "check", "compare", "describe", "evaluate", "explain", "find-rate", "pca", "predict", "report",
    "resume", "runs", "sweep", "train",
)  # fmt: skip
FAILED, MISUSED, INTERRUPTED = 1, 2, 130


class Commands(click.Group):
    """The commands, each loaded when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names of all commands."""
        return list(NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command, or give None if there is no such one."""
        if cmd_name not in NAMES:
            return None
        name = cmd_name.replace("-", "_")
        command = getattr(importlib.import_module(f"chainrule.cli.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a command line; for a misspelt one, say which it may be."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            near = get_close_matches(name, NAMES, n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(NAMES)}."
            raise click.UsageError(f"there is no command {name!r}\n\n  {remedy}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="chainrule", message="%(prog)s %(version)s")
def chainrule() -> None:
    """Train models whose mathematics you can see."""


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; what fails is told on stderr."""
    debug = "--debug" in arguments
    try:
        result: Any = chainrule.main(list(arguments), "chainrule", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except NoArgsIsHelpError as error:
        return _complain(error.format_message(), MISUSED)
    except click.ClickException as error:
        return _complain(_usage(error, arguments), MISUSED)
    except (click.Abort, KeyboardInterrupt):
        return _complain("chainrule: interrupted", INTERRUPTED)
    except ChainruleError as error:
        if debug:
            traceback.print_exc()
        return _complain(f"{type(error).__name__}: {error}", FAILED)
    except BrokenPipeError:  # whoever read our output has gone, as in `chainrule … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        if debug:
            traceback.print_exc()
        return _complain(_unexpected(error), FAILED)


def _complain(text: str, code: int) -> int:
    click.echo(text, err=True)
    return code


def _unexpected(error: Exception) -> str:
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, MemoryError):
        told = f": {error}" if str(error) else ""
        return f"chainrule: there is not enough memory{told[:2]}{told[2:3].lower()}{told[3:]}"
    if isinstance(error, OSError):
        return f"chainrule: {reason}"
    return (
        f"chainrule: {reason}\n\n"
        "  This is a mistake in chainrule. The same command with --debug shows where it happened."
    )


def _usage(error: click.ClickException, arguments: Sequence[str]) -> str:
    context = getattr(error, "ctx", None)
    place = context.command_path if context is not None else "chainrule"
    if context is None and arguments and arguments[0] in NAMES:
        place = f"chainrule {arguments[0]}"
    match error:
        case click.NoSuchOption(option_name=name):
            return f"{place}: there is no option {name}\n\n  {_nearest(name, context)}"
        case click.BadOptionUsage(option_name=name):
            return f"{place}: {name}: {_sentence(error.message.removeprefix(f'Option {name!r} '))}"
        case click.MissingParameter(param=click.Parameter() as parameter):
            return f"{place}: {_title(parameter)} is missing"
        case click.BadParameter(param=click.Parameter() as parameter, message=message):
            return f"{place}: {_title(parameter)}: {_sentence(message)}"
        case _:
            return f"{place}: {_sentence(error.format_message())}"


def _title(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Option):
        return parameter.opts[0]
    return parameter.metavar or parameter.human_readable_name


def _nearest(name: str, context: click.Context | None) -> str:
    command = f"{context.command_path} --help" if context is not None else "chainrule --help"
    parameters = context.command.params if context is not None else []
    options = [o[2:] for parameter in parameters for o in parameter.opts if o.startswith("--")]
    near = get_close_matches(name.lstrip("-"), [*options, "help"], n=1)
    return f"Did you mean --{near[0]}?" if near else f"{command} lists the options."


def _sentence(message: str) -> str:
    """Bring a sentence of click's into our form: a small letter first, no full stop."""
    text = message[:1].lower() + message[1:] if message[1:2].islower() else message
    return text.removesuffix(".") if "\n" not in text else text
