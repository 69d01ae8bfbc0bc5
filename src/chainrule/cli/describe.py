"""``chainrule describe``: the statistics of a table, of images or of other data."""

from typing import Any

import click

from chainrule.cli.settings import data_argument, data_options, debug_option, json_option

__all__ = ["describe"]

_HELP = """Describe DATA: how many examples of which class, and the statistics of their values.

DATA is as for train, or numbers in an .npy file; a table needs no label. Of a table each column is
described, of images each color, of other examples each number, or all together where they are many.
Data may be larger than memory: they are read once, some rows at a time.
"""


@click.command(help=_HELP)
@data_argument
@data_options("folder", "ignore", "size", "sound", "tokens")
@json_option
@debug_option
def describe(as_json: bool, debug: bool, **options: Any) -> int:
    """Print counts, missing values, mean, deviation, quartiles and a small histogram."""
    del debug  # is looked for by whoever runs the command
    from chainrule.cli.given import given_settings

    given = given_settings(None, options)

    from chainrule.cli import describing

    return describing.show(given, as_json)
