"""``chainrule evaluate``: how good the model of a run is on test data."""

import click

from chainrule.cli.settings import (
    data_argument,
    debug_option,
    folder_option,
    json_option,
    run_argument,
    threads_option,
)

__all__ = ["evaluate"]

_HELP = """Test the model of a run folder.

On the test part of DATA, or of the set that it was trained on. The final model is taken, or that
of the last checkpoint while the run is unfinished.
"""


@click.command(help=_HELP)
@run_argument
@data_argument
@folder_option
@json_option
@threads_option
@debug_option
def evaluate(
    run: str, data: str | None, folder: str | None, as_json: bool, threads: int | None, debug: bool
) -> int:
    """Print accuracy and loss, and the figures of each class."""
    del debug  # is looked for by whoever runs the command
    from chainrule.cli.threads import use_threads

    use_threads(threads)

    from chainrule.cli import testing

    click.echo(testing.report(testing.test(run, data, folder), as_json))
    return 0
