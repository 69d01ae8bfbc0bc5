"""``chainrule train``: start a training."""

import gc
from collections.abc import Mapping
from typing import Any

import click

from chainrule.cli.choices import callback, place
from chainrule.cli.given import given_settings
from chainrule.cli.settings import (
    config_option,
    data_argument,
    debug_option,
    setting_options,
)

__all__ = ["train"]

_WITH_RESUME = {"folder", "resume", "threads", "debug"}
_HELP = """Train a model on DATA and leave a run folder.

DATA is the name of a set (digits, mnist, fashion-mnist, cifar10, cifar100) or the path of your
own: a folder with a sub-folder of images or sounds, or a file of lines, for each class; a table
(.csv, .parquet, with --label); arrays (.npz); a text. Without DATA, the set that lies in the folder
of --data, else digits. What is not said is chosen for the data; RUN/config.json has every choice.
"""
_OUT = "The folder to make. Default: runs/DATA-MODEL, with a number if it is there."


@click.command(help=_HELP)
@data_argument
@config_option
@setting_options
@click.option("--out", metavar="RUN", callback=callback(place), help=_OUT)
@click.option(
    *("--resume", "resume"),
    metavar="RUN",
    callback=callback(place),
    help="Go on with this run, as chainrule resume does.",
)
@debug_option
@click.pass_context
def train(context: click.Context, /, config: str | None, resume: str | None, **options: Any) -> int:
    """Start a training, or go on with one."""
    if resume is not None:
        _check_alone(context, {**options, "config": config})
        from chainrule.cli.resume import go_on

        return go_on(resume, options["folder"], options["threads"])
    given = given_settings(config, options)

    from chainrule.cli.threads import use_threads

    use_threads(given.get("threads"))

    from chainrule.unpacking import unpack_ahead

    unpack_ahead(given.get("folder"))  # it needs nothing of what is imported now

    from chainrule.cli.meanwhile import begin

    begun = begin(given)

    from chainrule.cli import session

    if not gc.get_freeze_count():  # a program may train twice
        gc.freeze()  # what was imported stays: nobody has to look for garbage in it
    return session.start(given, begun)


def _check_alone(context: click.Context, options: Mapping[str, Any]) -> None:
    others = [
        parameter.opts[0] if isinstance(parameter, click.Option) else "DATA"
        for parameter in context.command.params
        if parameter.name not in _WITH_RESUME and options.get(str(parameter.name)) is not None
    ]
    if others:
        raise click.UsageError(
            f"--resume goes on by the run's own configuration, so it cannot be combined with "
            f"{', '.join(others)}\n\n  Beside it there may be --data, --threads and --debug.",
            context,
        )
