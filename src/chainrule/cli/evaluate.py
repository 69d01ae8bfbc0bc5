"""``chainrule evaluate``: how good the model of a run is on test data."""

import click

from chainrule.cli.choices import count, place

__all__ = ["evaluate"]

_HELP = """Test the model of a run folder.

On the test part of DATA (digits, mnist, cifar10), or of the set that it was trained on. The final
model is taken, or that of the last checkpoint while the run is unfinished.
"""
_DATA = "Where the files of DATA lie. Default: where they lay in training."
_THREADS = "Threads of the linear algebra. Default: 1."


@click.command(help=_HELP)
@click.argument("run", metavar="RUN", callback=place)
@click.argument("name", metavar="[DATA]", required=False, callback=place)
@click.option("--data", metavar="FOLDER", callback=place, help=_DATA)
@click.option("--threads", metavar="N", callback=count(1), help=_THREADS)
@click.option("--debug", is_flag=True, help="Show where in the program an error happened.")
def evaluate(run: str, name: str | None, data: str | None, threads: int | None, debug: bool) -> int:
    """Print accuracy and loss."""
    del debug  # is looked for by whoever runs the command
    from chainrule.cli.threads import use_threads

    use_threads(threads or 1)

    from chainrule.cli import testing

    click.echo(testing.summary(run, name, data))
    return 0
