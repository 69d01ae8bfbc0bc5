"""``chainrule explain``: the formula of a function's derivative, or those of a trained run."""

import click

from chainrule.cli.choices import callback, place
from chainrule.cli.formula_options import axes_option, facts_option, order_option, wrt_option
from chainrule.cli.settings import debug_option

__all__ = ["explain"]

_HELP = """Print the formula of a derivative, checked against automatic differentiation.

PROGRAM is FILE.py:function, a function of your own whose parameters say the names of their axes,
as in def loss(W: "d k", X: "n d"); or the folder of a run, whose score, loss, gradients and update
are printed. The file is imported like any script.
"""


@click.command(help=_HELP)
@click.argument("program", metavar="PROGRAM", callback=callback(place))
@wrt_option
@order_option
@click.option("--steps", is_flag=True, help="Write the derivation block by block.")
@click.option("--latex", is_flag=True, help="Print LaTeX.")
@facts_option
@axes_option
@debug_option
def explain(
    program: str,
    wrt: str | None,
    order: str,
    steps: bool,
    latex: bool,
    fact: tuple[str, ...],
    axes: tuple[str, ...],
    debug: bool,
) -> int:
    """Print formulas."""
    del debug  # is looked for by whoever runs the command
    from chainrule.cli import explaining

    return explaining.show(program, wrt, order, steps, latex, fact, axes)
