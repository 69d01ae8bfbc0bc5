"""What the commands about formulas do with a user's function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from chainrule.cli.layers import show_run
from chainrule.cli.program import axes_of, blamed, facts_of, function, given_axes, variable
from chainrule.formula.comparing.compare import compare
from chainrule.formula.explaining.explain import explain
from chainrule.formula.grading.check import check

__all__ = ["grade", "show", "table"]

_ORDERS: Mapping[str, Literal[1, 2, "jacobian"]] = {"1": 1, "2": 2, "jacobian": "jacobian"}


@dataclass(frozen=True)
class Asked:
    """A function, its variable, and what is known of its parameters."""

    f: Callable[..., Any]
    wrt: str
    axes: Mapping[str, str]
    facts: Mapping[str, str]

    @property
    def by(self) -> Any:
        """The variable, or a pair of them."""
        names = tuple(self.wrt.split(","))
        return names if len(names) > 1 else names[0]


def _asked(program: str, wrt: str | None, facts: Sequence[str], axes: Sequence[str]) -> Asked:
    f = function(program)
    names = list(inspect.signature(f).parameters)
    given = axes_of(f, given_axes(axes, names))
    return Asked(f, variable(f, wrt), given, facts_of(facts, names))


def show(
    program: str, wrt: str | None, order: str, steps: bool, latex: bool, facts: Sequence[str],
    axes: Sequence[str],
) -> int:  # fmt: skip
    """Print the formula of a derivative, or those of a run."""
    if Path(program).is_dir():
        return show_run(program, wrt, latex)
    asked = _asked(program, wrt, facts, axes)
    more: dict[str, Any] = {"steps": True} if steps else {}
    with blamed(asked.f):
        found = explain(
            asked.f, asked.by, axes=asked.axes, facts=asked.facts, order=_ORDERS[order], **more
        )
    click.echo(found.latex if latex else str(found))
    return 0


def grade(
    program: str, derivation: str, wrt: str | None, order: str, facts: Sequence[str],
    axes: Sequence[str],
) -> int:  # fmt: skip
    """Print what is right or wrong about a derivation; 1 if it is wrong."""
    asked = _asked(program, wrt, facts, axes)
    with blamed(asked.f):
        found = check(
            asked.f, asked.by, derivation, axes=asked.axes, facts=asked.facts, order=_ORDERS[order]
        )
    click.echo(str(found))
    return 0 if found else 1


def table(
    program: str, wrt: str | None, rule: str | None, facts: Sequence[str], axes: Sequence[str]
) -> int:
    """Print a comparison; 1 if the ways disagree."""
    asked = _asked(program, wrt, facts, axes)
    with blamed(asked.f):
        found = compare(asked.f, asked.wrt, rule=rule, axes=asked.axes, facts=asked.facts)
    click.echo(str(found))
    return 0 if found.agrees else 1
