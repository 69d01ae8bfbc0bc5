"""``chainrule check``: grade a derivation."""

import click

from chainrule.cli.choices import callback, place
from chainrule.cli.formula_options import axes_option, facts_option, order_option, wrt_option
from chainrule.cli.settings import debug_option

__all__ = ["check"]

_HELP = """Say whether a derivation is right, and if not, what is wrong with it.

PROGRAM is FILE.py:function. DERIVATION is your formula for the derivative, in Python,
in mathematics or in LaTeX: "X.T @ (P - Y)", "Xᵀ(P − Y)" or "X^\\top (P - Y)"; of several lines,
name the values in between. The exit code is 1 if it is wrong.
"""


@click.command(help=_HELP)
@click.argument("program", metavar="PROGRAM", callback=callback(place))
@click.argument("derivation", metavar="DERIVATION")
@wrt_option
@order_option
@facts_option
@axes_option
@debug_option
def check(
    program: str,
    derivation: str,
    wrt: str | None,
    order: str,
    fact: tuple[str, ...],
    axes: tuple[str, ...],
    debug: bool,
) -> int:
    """Print a grade."""
    del debug  # is looked for by whoever runs the command
    from chainrule.cli import explaining

    return explaining.grade(program, derivation, wrt, order, fact, axes)
