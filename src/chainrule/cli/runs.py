"""``chainrule runs``: list and compare run folders."""

import click

from chainrule.cli.choices import callback, one_of, place
from chainrule.cli.settings import debug_option, json_option

__all__ = ["SORTS", "runs"]

SORTS = ("name", "data", "model", "state", "epochs", "validation", "test", "time", "changed")

_HELP = """List the run folders in FOLDER…, and the settings in which they differ.

FOLDER may be a run folder itself. Without one: runs.
"""


@click.command(help=_HELP)
@click.argument(
    "folders",
    metavar="[FOLDER]...",
    nargs=-1,
    callback=lambda context, parameter, values: [
        callback(place)(context, parameter, value) for value in values
    ],
)
@click.option(
    "--sort",
    metavar="|".join(SORTS),
    callback=callback(one_of(SORTS)),
    help="The column to sort by, the best or the newest first. Default: name.",
)
@json_option
@debug_option
def runs(folders: list[str], sort: str | None, as_json: bool, debug: bool) -> int:
    """Print a table."""
    del debug  # is looked for by whoever runs the command
    from chainrule.cli import listing

    return listing.show(folders or ["runs"], sort or "name", as_json)
