"""``chainrule resume``: go on with a training."""

import click

from chainrule.cli.settings import debug_option, folder_option, run_argument, threads_option

__all__ = ["go_on", "resume"]

_HELP = """Go on with the training of a run folder, after its last checkpoint.

By its own configuration, so that the end has the same bits as if nobody had stopped it.
"""


@click.command(help=_HELP)
@run_argument
@folder_option
@threads_option
@debug_option
def resume(run: str, folder: str | None, threads: int | None, debug: bool) -> int:
    """Go on with a training."""
    del debug  # is looked for by whoever runs the command
    return go_on(run, folder, threads)


def go_on(run: str, folder: str | None, threads: int | None) -> int:
    """Go on with a training, and give the exit code."""
    from chainrule.cli.threads import use_threads

    use_threads(threads)  # before NumPy is loaded; the run's own number is told later

    from chainrule.cli import session

    return session.resume(run, folder, threads)
