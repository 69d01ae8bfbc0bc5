"""``chainrule report``: write the report of a run anew."""

import click

from chainrule.cli.settings import debug_option, run_argument, threads_option

__all__ = ["report"]

_HELP = """Write RUN/report.html anew.

The model is tested once more. An unfinished run gets the report of its last checkpoint.
"""


@click.command(help=_HELP)
@run_argument
@threads_option
@debug_option
def report(run: str, threads: int | None, debug: bool) -> int:
    """Write the report and say where it lies."""
    del debug  # is looked for by whoever runs the command
    from chainrule.cli.threads import use_threads

    use_threads(threads)

    from chainrule.cli import finish

    click.echo(f"report: {finish.rebuild(run)}")
    return 0
