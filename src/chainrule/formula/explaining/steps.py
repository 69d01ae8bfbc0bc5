"""Steps: the chain rule block by block, as on a teacher's board.

From the result back to the variable, each value tells what uses it, the local derivative of that
use with its shape, the incoming gradient δ, what the chain rule makes of the two, and what that
simplifies to when the incoming gradient is written out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from chainrule.algebra import combine, matrices
from chainrule.algebra.index import Atom, Poly, Term, fresh_labels, normal
from chainrule.algebra.lower import Lowering, Twins
from chainrule.algebra.reshapes import squeezed
from chainrule.algebra.rules import tidy
from chainrule.formula.derivation.derive import Derivation
from chainrule.formula.derivation.direction import read_off
from chainrule.formula.explaining.naming import nested
from chainrule.formula.explaining.pieces import DIRECTION, Piece, pieces
from chainrule.formula.matrix.structure import formula
from chainrule.formula.printing.arrange import shape_of
from chainrule.formula.printing.latex import latex, latex_element, latex_name
from chainrule.formula.printing.layout import wrapped
from chainrule.formula.printing.notation import UNICODE, at_labels, element_of, spelled
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import flat_transpose
from chainrule.formula.typeset.evaluate import Evaluator
from chainrule.formula.typeset.roots import rooted
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import labels_of
from chainrule.ir.graph import ancestors

__all__ = ["Board", "Local", "Step", "board", "cut"]

_LONGER = 12


@dataclass(frozen=True)
class Local:
    """One use of a value: in what, the derivative of that, and the gradient that comes in there.

    Used by the result itself there is no gradient to come in: the derivative is the gradient.
    """

    used: str
    derivative: Tree
    rank: int = 0
    incoming: Tree | None = None


@dataclass(frozen=True)
class Step:
    """The gradient at one value.

    name        the value
    dims        its shape
    locals      the local derivatives of what uses it
    chained     its gradient by the chain rule, in terms of the incoming ones
    simplified  the same with incoming gradients written out, where that is short
    """

    name: str
    dims: tuple[str, ...]
    locals: tuple[Local, ...]
    chained: Tree
    simplified: Tree | None


@dataclass(frozen=True)
class Board:
    """The whole derivation: the values forward, and the gradients backward."""

    subject: str
    values: tuple[tuple[str, Tree], ...]
    steps: tuple[Step, ...]

    @property
    def result(self) -> Tree:
        """The gradient, in terms of the gradient at what uses the variable."""
        return self.steps[-1].chained

    @property
    def definitions(self) -> dict[str, Tree]:
        """What every name stands for: the values, then the gradients at them."""
        forward = {name: tree for name, tree in self.values if name != self.subject}
        return forward | {_gradient(s.name): s.simplified or s.chained for s in self.steps[:-1]}

    def disagreement(self, evaluator: Evaluator) -> float:
        """How far what is simplified is from what was before, relative to it."""
        worst = 0.0
        for name, tree in self.definitions.items():
            evaluator.values[name] = evaluator(tree)
        for step in self.steps:
            if step.simplified is not None:
                before, after = evaluator(step.chained), evaluator(step.simplified)
                scale = max(1e-12, float(np.max(np.abs(before), initial=0.0)))
                worst = max(worst, float(np.max(np.abs(before - after), initial=0.0)) / scale)
        return worst

    @property
    def lines(self) -> list[tuple[str, str, Tree]]:
        """The derivation as lines: a word, the left side and the right one."""
        told = [("forward" if k == 0 else "", *pair) for k, pair in enumerate(self.values)]
        for number, step in enumerate(self.steps, 1):
            head, gradient = f"{number}  by {spelled(step.name)}", _gradient(step.name)
            inner = [local for local in step.locals if local.used != self.subject]
            made = [("local", f"∂{u.used}/∂{step.name}", u.derivative) for u in inner]
            made += [("incoming", _gradient(u.used), u.incoming) for u in inner if u.incoming]
            made.append(("chain" if inner else "gradient", gradient, step.chained))
            if step.simplified is not None:
                made.append(("simplify", gradient, step.simplified))
            told += [(f"{head}: {made[0][0]}", *made[0][1:]), *made[1:]]
        return told

    def unicode(self, width: int = 80) -> str:
        """The derivation as text."""
        return "\n".join(_text(self, width))

    @property
    def latex(self) -> str:
        """The derivation in LaTeX."""
        return _latex(self)


def cut(derivation: Derivation, subject: str) -> list[Piece]:
    """The program of a derivation in pieces; its result is called ``subject``."""
    first = derivation.traces[0]
    return pieces([t.graph for t in derivation.traces], first.names, subject)


def board(
    derivation: Derivation, wrt: str, subject: str, found: Sequence[Piece], local: bool = True
) -> Board:
    """Write the derivation of ∂subject/∂wrt; with ``local``, the derivative of every piece."""
    moving = _depending(found, wrt)
    work = Work(derivation.lowering, frozenset(p.name for p in found), local)
    forward = [(p.name, work.written(work.define(p, named=p.name != subject))) for p in found]
    kept = [p for p in found if p.name in moving]
    steps: list[Step] = []
    for name in reversed([wrt, *(p.name for p in kept)][:-1]):
        users = [p for p in kept if name in p.uses]
        if users:
            steps.append(work.step(name, users, subject))
    needed = {p.name for p in kept}
    for p in reversed(found):
        needed |= set(p.uses) if p.name in needed else set()
    values = tuple((n, t) for n, t in forward if n in needed)
    return Board(subject, values, tuple(steps))


def _depending(found: Sequence[Piece], wrt: str) -> set[str]:
    """The values on a path from the variable to the result."""
    after = {wrt}
    for p in found:
        if after & set(p.uses):
            after.add(p.name)
    needed = {found[-1].name}
    for p in reversed(found):
        if p.name in needed:
            needed |= set(p.uses)
    return after & needed


@dataclass
class Work:
    """What is known so far: the meaning of every name, forward and backward."""

    base: Lowering
    values: frozenset[str]
    local: bool = True
    definitions: dict[Atom, Poly] = field(default_factory=dict)
    inferred: dict[str, frozenset[str]] = field(default_factory=dict)
    uses: dict[str, frozenset[str]] = field(default_factory=dict)
    gradients: dict[str, Poly] = field(default_factory=dict)
    shown: dict[str, Tree] = field(default_factory=dict)

    def written(self, poly: Poly, rows: int | None = None) -> Tree:
        """The formula of a poly, with the roots and π of numbers unless π is a name."""
        return rooted(formula(poly, rows), set(map(spelled, self.base.names.values())))

    def _lowered(self, twins: Twins, piece: Piece, of: str) -> Poly:
        """The poly of nodes of a piece, in the shape or the direction of a value.

        Its sums stay together, and names near it are recognized.
        """
        groups = frozenset(ancestors(piece.outputs[:1]))
        values = self.values | set(map(_gradient, self.values))
        if of in self.values:
            values |= {DIRECTION}
        near = self._near([piece])
        lowering = replace(self.base, names={}, groups=groups, values=values, definitions=near,
                           inferred=self.inferred, known={})  # fmt: skip
        return tidy(lowering.lower(twins), near)

    def _short(self, poly: Poly, name: str) -> Poly:
        """A poly in the shape of what has this name."""
        if name not in self.values or "1" not in poly.dims:
            return poly
        return tidy(squeezed(poly), self.definitions)

    def _near(self, found: Sequence[Piece]) -> dict[Atom, Poly]:
        """The definitions of what pieces read, and of what is made of nothing else."""
        seen = {name for p in found for name in (p.name, *p.uses)}
        return {
            atom: poly
            for atom, poly in self.definitions.items()
            if atom.params[0] in seen or self.uses[str(atom.params[0])] <= seen
        }

    def define(self, piece: Piece, named: bool) -> Poly:
        """The value of a piece in terms of the names that it uses; later ones may use its name."""
        made = self._short(self._lowered(piece.outputs, piece, piece.name), piece.name)
        if not named:
            return made
        self.uses[piece.name] = frozenset(piece.uses)
        if made.rank == 2 and made.dims[0] == made.dims[1] and matrices.transposed(made) == made:
            self.inferred[piece.name] = frozenset({"symmetric"})
        self.definitions.setdefault(self._atom(piece.name, made.dims), made)
        return made

    def _atom(self, name: str, dims: tuple[str, ...]) -> Atom:
        known = self.base.facts.get(name, frozenset()) | self.inferred.get(name, frozenset())
        return Atom("name", (name,), (), dims, "symmetric" in known, known)

    def step(self, name: str, users: Sequence[Piece], subject: str) -> Step:
        """The gradient at a value from the gradients at what uses it."""
        local, flows = [], []
        for piece in users:
            incoming = None if piece.name == subject else _gradient(piece.name)
            nodes = piece.cotangents([name], incoming)
            if name not in nodes:
                continue
            flows.append(self._short(self._lowered(nodes[name], piece, name), name))
            if incoming is None:
                local.append(Local(subject, self.written(flows[-1])))
            elif self.local:
                rank = len(self._dims(piece.name, piece.outputs))
                shown = self.shown.get(piece.name)
                derivative = self._local(piece, name)
                if derivative is not None:
                    local.append(Local(piece.name, derivative, rank, shown))
        near = self._near(users)
        made = tidy(combine.add([(Fraction(1), p) for p in flows]), near)
        chained = self.written(made)
        simple, short = self._simplified(made, chained, users, near)
        self.gradients[_gradient(name)] = simple
        self.shown[name] = short or chained
        return Step(name, made.dims, tuple(local), chained, short)

    def _dims(self, name: str, twins: Twins) -> tuple[str, ...]:
        dims = self.base.dims(twins)
        return tuple(d for d in dims if d != "1") if name in self.values else dims

    def _local(self, piece: Piece, name: str) -> Tree | None:
        """∂piece/∂name, with the labels of the piece first; None if it is no formula."""
        tangent = self._short(self._lowered(piece.tangent(name), piece, name), piece.name)
        if not is_linear(tangent):
            return None
        output = self._dims(piece.name, piece.outputs)
        dims = output + self._dims(name, piece.inputs[name])
        near = self._near([piece])
        poly = tidy(read_off(tangent, dims, near), near)
        rank = len(output)
        if rank and poly.rank > rank:
            return self.written(poly, rank)
        tree = self.written(poly)  # of a number or by a number: a row or a column
        return tree if rank or poly.rank != 1 else flat_transpose(tree)

    def _simplified(
        self, made: Poly, chained: Tree, users: Sequence[Piece], near: Mapping[Atom, Poly]
    ) -> tuple[Poly, Tree | None]:
        """Write the incoming gradients out, if that is short and without nested products."""
        incoming = [_gradient(p.name) for p in users]
        known = {name: self.gradients[name] for name in incoming if name in self.gradients}
        opened = tidy(_written_out(made, known), near)
        if opened == made:
            return made, None
        tree = self.written(opened)
        most = len(UNICODE(chained)) + _LONGER
        if isinstance(tree, ts.Indexed) or nested(tree) or len(UNICODE(tree)) > most:
            return made, None
        return opened, tree


def _written_out(poly: Poly, known: Mapping[str, Poly]) -> Poly:
    """Put definitions in the place of names; their sums stay together."""
    terms: list[Term] = []
    for term in poly.terms:
        fresh = fresh_labels(term, poly.rank)
        made = [Term(term.coefficient)]
        for f in term.factors:
            name = str(f.atom.params[0]) if f.atom.head == "name" else ""
            if name in known and f.power == 1:
                inside = combine.grouped(known[name])
                made = [t.times(u) for t in made for u in inside.at(f.labels, fresh)]
            else:
                made = [t.times(Term(Fraction(1), (f,))) for t in made]
        terms += made
    return normal(terms, range(poly.rank), poly.dims)


def is_linear(tangent: Poly) -> bool:
    """Whether the direction is a factor of every term, not hidden in a view or a function."""
    return all(
        any(f.atom.head == "name" and f.atom.params[0] == DIRECTION for f in t.factors)
        or any(f.atom.head == "group" and is_linear(f.atom.args[0]) for f in t.factors)
        for t in tangent.terms
    )


def _gradient(name: str) -> str:
    return f"δ{name}"


# ---------------------------------------------------------------- prints


def _text(told: Board, width: int) -> list[str]:
    lines = ["forward"]
    forward = [(element_of(spelled(name), tree), tree) for name, tree in told.values]
    longest = max(len(name) for name, _ in forward)
    for name, tree in forward:
        head = f"    {name.ljust(longest)} = "
        lines += wrapped(head + UNICODE(tree), width, len(head), shape_of(tree) or "scalar")
    lines += ["", f"backward, with δv for ∂{told.subject}/∂v in the shape of v"]
    meaning = dict(told.values)
    for number, step in enumerate(told.steps, 1):
        lines += _step_text(f"{number:2}", step, told.subject, meaning, width)
    return lines


def _step_text(
    number: str, step: Step, subject: str, meaning: Mapping[str, Tree], width: int
) -> list[str]:
    """A title, and what the teacher writes below it, with a word before each line."""
    name = spelled(step.name)
    users = ", ".join(
        f"{element_of(spelled(local.used), meaning[local.used])} = {UNICODE(meaning[local.used])}"
        for local in step.locals
    )
    title = f"{name} in {users}" if users else name  # whose local derivative has no formula
    lines = wrapped(f"{number}  {title}", width, 8)
    for label, left, right, shape in _written(step, subject):
        head = f"      {label.ljust(9)} {left} = "
        lines += wrapped(head + right, width, len(head), shape)
    return lines


def _written(step: Step, subject: str) -> list[tuple[str, str, str, str]]:
    """The lines of a step: a word, the two sides, and the shape."""
    name, shape = spelled(step.name), "×".join(step.dims) or "scalar"
    gradient = _gradient(name)
    inner = [local for local in step.locals if local.used != subject]
    lines = [
        ("local", _ratio(u, name), UNICODE(u.derivative), shape_of(u.derivative)) for u in inner
    ]
    lines += [("incoming", element_of(_gradient(spelled(u.used)), u.incoming),
               UNICODE(u.incoming), shape_of(u.incoming) or "scalar")
              for u in inner if u.incoming]  # fmt: skip
    direct = [local.derivative for local in step.locals if local.used == subject]
    if inner:
        lines += [("direct", f"∂{subject}/∂{name}", UNICODE(d), shape) for d in direct]
        sides = [f"(∂{spelled(u.used)}/∂{name})ᵀ {_column(_gradient(spelled(u.used)), u.rank)}"
                 for u in inner]  # fmt: skip
        rule = " + ".join([*sides, *("direct" for _ in direct)])
        lines.append(("chain", _column(gradient, len(step.dims)), rule, ""))
    word = "" if inner else "gradient"
    lines.append((word, element_of(gradient, step.chained), UNICODE(step.chained), shape))
    if (simple := step.simplified) is not None:
        lines.append(("simplify", element_of(gradient, simple), UNICODE(simple), shape))
    return lines


def _ratio(local: Local, name: str) -> str:
    """∂u/∂v; with the labels of both where the derivative is in index notation."""
    labels = labels_of(local.derivative)
    above, below = labels[: local.rank], labels[local.rank :]
    return f"∂{at_labels(spelled(local.used), above)}/∂{at_labels(name, below)}"


def _column(name: str, rank: int) -> str:
    return f"vec({name})" if rank > 1 else name


def _latex(told: Board) -> str:
    rows = [f"{latex_element(latex_name(n), tree)} &= {latex(tree)}" for n, tree in told.values]
    for step in told.steps:
        letter, gradient = latex_name(step.name), latex_name(_gradient(step.name))
        for local in step.locals:
            fraction = f"\\frac{{\\partial {latex_name(local.used)}}}{{\\partial {letter}}}"
            rows.append(f"{fraction} &= {latex(local.derivative)}")
        rows.append(f"{latex_element(gradient, step.chained)} &= {latex(step.chained)}")
        if step.simplified is not None:
            rows.append(f"&= {latex(step.simplified)}")
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"
