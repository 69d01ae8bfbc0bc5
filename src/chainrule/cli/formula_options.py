"""The options that the commands about formulas share."""

from collections.abc import Callable
from typing import Any

import click

from chainrule.cli.choices import callback, one_of

__all__ = ["axes_option", "facts_option", "order_option", "wrt_option"]

Command = Callable[..., Any]


def wrt_option(command: Command) -> Command:
    """Give a command the option --wrt."""
    return click.option(
        "--wrt",
        metavar="NAME",
        help="The variable to differentiate by. Default: the first parameter.",
    )(command)


def order_option(command: Command) -> Command:
    """Give a command the option --order."""
    return click.option(
        "--order",
        metavar="1|2|jacobian",
        default="1",
        callback=callback(one_of(("1", "2", "jacobian"))),
        help="The gradient, the Hessian (--wrt U,V: a cross block), or the Jacobian. Default: 1.",
    )(command)


def facts_option(command: Command) -> Command:
    """Give a command the option --fact, which may be repeated."""
    return click.option(
        "--fact",
        metavar="NAME=FACT",
        multiple=True,
        help="What is known of a parameter, such as W=symmetric or Y=onehot; may be repeated.",
    )(command)


def axes_option(command: Command) -> Command:
    """Give a command the option --axes, which may be repeated."""
    return click.option(
        "--axes",
        metavar='NAME="AXES"',
        multiple=True,
        help='The axes of a parameter that the program does not annotate, as in W="d k".',
    )(command)
