"""``chainrule find-rate``: which learning rate is worth a try."""

from typing import Any

import click

from chainrule.cli.choices import callback, count
from chainrule.cli.given import given_settings
from chainrule.cli.settings import (
    config_option,
    data_argument,
    debug_option,
    json_option,
    setting_options,
)

__all__ = ["find_rate"]

_HELP = """Try rising learning rates on DATA and suggest one. Nothing is written.

Each step is taken with a larger rate than the one before, until the loss explodes. Options are
those of train; --lr and --schedule do not matter here.
"""


@click.command("find-rate", help=_HELP)
@data_argument
@config_option
@click.option(
    "--steps", metavar="N", callback=callback(count(10)), help="Steps to take. Default: 100."
)
@setting_options
@json_option
@debug_option
def find_rate(config: str | None, steps: int | None, as_json: bool, **options: Any) -> int:
    """Print a curve and a suggestion."""
    given = given_settings(config, options)

    from chainrule.cli.threads import use_threads

    use_threads(given.get("threads"))

    from chainrule.cli import finding

    click.echo(finding.tell(given, steps, as_json))
    return 0
