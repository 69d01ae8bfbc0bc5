"""``chainrule sweep``: the same training with several seeds and settings."""

from typing import Any

import click

from chainrule.cli.choices import callback, place
from chainrule.cli.settings import (
    config_option,
    data_argument,
    debug_option,
    json_option,
    sweep_options,
)

__all__ = ["sweep"]

_HELP = """Train on DATA with each combination of settings, and compare.

An option takes several values: --seed 0,1,2 --lr 0.1,0.01, or the option again. Each combination
gets a run folder below that of --out. The same command again goes on where it was stopped, and
passes over runs that another process is at, so two of them share the work.
"""


@click.command(help=_HELP)
@data_argument
@config_option
@sweep_options
@click.option(
    "--out",
    metavar="FOLDER",
    required=True,
    callback=callback(place),
    help="The folder of the run folders.",
)
@json_option
@debug_option
def sweep(
    data: str | None, config: str | None, out: str, as_json: bool, debug: bool, **options: Any
) -> int:
    """Train, and print a table."""
    del debug  # is looked for by whoever runs the command
    values: dict[str, tuple[Any, ...]] = {}
    if config is not None:
        from chainrule.cli.config_file import read_settings

        values = read_settings(config, several=True)
    values |= {name: given for name, given in options.items() if given}
    if data is not None:
        values["data"] = (data,)
    if "data" not in values and "folder" not in values:
        values["data"] = ("digits",)

    from chainrule.cli.threads import use_threads

    use_threads(None)  # before NumPy is loaded; each run's own number is told later

    from chainrule.cli import sweeping

    return sweeping.train_all(values, out, as_json)
