"""``chainrule predict``: what the model of a run says of new files."""

import click

from chainrule.cli.choices import callback, count, place
from chainrule.cli.settings import debug_option, json_option, run_argument, threads_option

__all__ = ["predict"]

_HELP = """Predict the class of new examples by the model of a run folder.

FILE is an image, for a model of images; a table, for one of tables: each row is an example; a
text, for one of texts: each line is one. They are prepared exactly as in training. A file that
cannot be read is named, and the others are predicted; the exit code is 1 then.
"""


@click.command(help=_HELP)
@run_argument
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    callback=lambda context, parameter, values: [
        callback(place)(context, parameter, value) for value in values
    ],
)
@click.option(
    "--top", metavar="K", callback=callback(count(1)), help="Classes to list. Default: 3."
)
@json_option
@threads_option
@debug_option
def predict(
    run: str, files: list[str], top: int | None, as_json: bool, threads: int | None, debug: bool
) -> int:
    """Print the classes and their probabilities."""
    del debug  # is looked for by whoever runs the command
    from chainrule.cli.threads import use_threads

    use_threads(threads)

    from chainrule.cli import prediction

    return prediction.show(run, files, top or 3, as_json)
