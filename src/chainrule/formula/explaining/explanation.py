"""Explanation: a formula, what its names mean, how well it was checked, and all its prints."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field

from chainrule.formula.explaining.naming import Definition
from chainrule.formula.explaining.steps import Board
from chainrule.formula.printing.arrange import lengths_of
from chainrule.formula.printing.code import CHAINRULE, NUMPY, identifier, program
from chainrule.formula.printing.dialect import Dialect
from chainrule.formula.printing.html import fragment
from chainrule.formula.printing.latex import display
from chainrule.formula.printing.layout import equation, lines_of, listing, wrapped
from chainrule.formula.printing.mathml import equation as mathml_equation
from chainrule.formula.printing.notation import ASCII, UNICODE, element_of, sides_at, spelled
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import labels_of, walk
from chainrule.wording import plural

__all__ = ["Explanation"]

_COLUMNS = 80


@dataclass(frozen=True)
class Explanation:
    """A formula with its shapes, its definitions, and how well it agrees with the program.

    left         what the formula is of, such as ∂L/∂W
    tree         the formula
    where        the definitions of the names in it, in the program's order
    dims         the sizes of the result's axes
    assumptions  what it takes for granted
    notes        conventions that the reader needs
    error        the largest relative difference to automatic differentiation
    points       at how many random points the two were compared
    axes         the axes of the function's parameters
    board        the derivation step by step, if it was asked for
    """

    left: str
    tree: Tree
    where: tuple[Definition, ...]
    dims: tuple[str, ...]
    assumptions: tuple[str, ...]
    notes: tuple[str, ...]
    error: float
    points: int
    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    board: Board | None = None

    @property
    def unicode(self) -> str:
        """The formula in Unicode: the equation, "where" lines, assumptions and the agreement."""
        lines = [f"{self._head} = {UNICODE(self.tree)}          {_shape(self.dims)}"]
        if self.where:
            told = [
                f"{element_of(spelled(n), t)} = {UNICODE(t)} ({_shape(t.dims)})"
                for n, t in self.where
            ]
            lines.append("   where  " + "   ".join([*told, *self._rows()]))
        return "\n".join([*lines, *self._told()])

    def pretty(self, width: int = _COLUMNS, shapes: bool = True) -> str:
        """The formula in two dimensions: stacked fractions, shapes under every factor.

        Shapes are left out where they would not fit, and sums that are wider than ``width``
        columns go on below.
        """
        lines = equation(self._head, self.tree, width, shapes, _shape(self.dims))
        return "\n".join([*lines, *self._below(width)])

    @property
    def ascii(self) -> str:
        """The formula in plain ASCII."""
        return ASCII(self.tree)

    @property
    def latex(self) -> str:
        """The formula in LaTeX: a display with its "where" lines, aligned at =."""
        return self.to_latex()

    def to_latex(self, shapes: bool = False) -> str:
        r"""The formula in LaTeX, with ``shapes`` by \underset below every factor."""
        shown = display(self.left, self.tree, self.where, self._assuming(), shapes)
        return shown if self.board is None else f"{self.board.latex}\n\n{shown}"

    @property
    def mathml(self) -> str:
        """The equation as one MathML element, with shapes below the factors."""
        return mathml_equation(self.left, self.tree, shapes=True)

    @property
    def html(self) -> str:
        """The formula, its definitions and what is told of it, as a fragment of HTML."""
        derived = () if self.board is None else self.board.lines
        told = [t.strip() for t in self._told()]
        return fragment(self.left, self.tree, self.where, told, derived)

    @property
    def python(self) -> str:
        """The formula as NumPy text: sizes and definitions first, the derivative last."""
        return self._code(NUMPY)

    @property
    def chainrule(self) -> str:
        """The formula as text for this library."""
        return self._code(CHAINRULE)

    def _code(self, dialect: Dialect) -> str:
        subject, name = self.left.partition("/")[0], self._variable
        kind = "hessian" if subject.startswith("∂²") else f"d{name}"
        return program(identifier(kind), self.tree, self.where, self.axes, dialect)

    @property
    def _variable(self) -> str:
        """The parameter of a gradient or a Jacobian."""
        shown = self.left.partition("/")[2].removeprefix("∂")
        return next((n for n in self.axes if spelled(n) == shown), shown)

    @property
    def _head(self) -> str:
        """The left side; with labels for a gradient in index notation."""
        gradient = self.axes.get(self._variable) == self.dims
        if not gradient and any(isinstance(part, ts.Read) for part in walk(self.tree)):
            columns = len(self.axes.get(self._variable, ())) or len(self.dims) // 2
            return sides_at(self.left, labels_of(self.tree), columns)
        return element_of(self.left, self.tree) if gradient else self.left

    def _repr_latex_(self) -> str:
        return "\n\n".join(f"$\\displaystyle {part}$" for part in self.latex.split("\n\n"))

    def _repr_html_(self) -> str:
        return self.html

    def __str__(self) -> str:
        head = f"{self._head} = "
        lines = wrapped(head + UNICODE(self.tree), _COLUMNS, len(head), _shape(self.dims))
        derived = [] if self.board is None else [self.board.unicode(_COLUMNS), ""]
        return "\n".join([*derived, *lines, *self._below(_COLUMNS)])

    __repr__ = __str__

    def _below(self, width: int) -> list[str]:
        """What stands below the equation."""
        lines = listing(self.where, width) if self.where else []
        lines += lines_of("          " if lines else "   where  ", self._rows(), width)
        return [*lines, *(line for told in self._told() for line in _wrapped(told, width))]

    def _rows(self) -> list[str]:
        """The named rows in the formula, each once, in the order of their names."""
        found = {UNICODE(part): part for part in walk(self.tree) if isinstance(part, ts.Row)}
        return [f"{name} = row {found[name].label} of {UNICODE(found[name].body)}"
                for name in sorted(found)]  # fmt: skip

    def _assuming(self) -> list[str]:
        return ["assuming " + ", ".join(self.assumptions)] if self.assumptions else []

    def _told(self) -> list[str]:
        """Assumptions, notes and the agreement."""
        agreement = (
            f"agrees with automatic differentiation to {self.error:.0e} "
            f"at {plural(self.points, 'random point')}"
        )
        return [f"   {line}" for line in (*self._assuming(), *self.notes, agreement)]


def _wrapped(line: str, width: int) -> list[str]:
    """A line of prose, broken at spaces and indented from the second line on."""
    return textwrap.wrap(
        line, width, subsequent_indent="      ", break_long_words=False, break_on_hyphens=False
    )


def _shape(dims: tuple[str, ...]) -> str:
    return lengths_of(dims) if dims else "scalar"
