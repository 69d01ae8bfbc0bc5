"""``chainrule compare``: four ways to one derivative, side by side."""

import click

from chainrule.cli.choices import callback, place
from chainrule.cli.formula_options import axes_option, facts_option, wrt_option
from chainrule.cli.settings import debug_option

__all__ = ["compare"]

_HELP = """Compare the printed formula, differences, forward and reverse mode in one table.

PROGRAM is FILE.py:function. For each way: the value, the error, operations, memory and time; then
the error of a central difference against its step. The exit code is 1 if they disagree.
"""


@click.command(help=_HELP)
@click.argument("program", metavar="PROGRAM", callback=callback(place))
@wrt_option
@click.option("--rule", metavar="FORMULA", help="Your own formula, as a way of its own.")
@facts_option
@axes_option
@debug_option
def compare(
    program: str,
    wrt: str | None,
    rule: str | None,
    fact: tuple[str, ...],
    axes: tuple[str, ...],
    debug: bool,
) -> int:
    """Print a table."""
    del debug  # is looked for by whoever runs the command
    from chainrule.cli import explaining

    return explaining.table(program, wrt, rule, fact, axes)
