"""check: grade a derivation against automatic differentiation, and say what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from chainrule.errors import FormulaError
from chainrule.formula.derivation.question import Order, tensors
from chainrule.formula.explaining.explain import left_side
from chainrule.formula.grading.assumptions import assuming, nearly_assuming
from chainrule.formula.grading.edits import repaired
from chainrule.formula.grading.finding import Finding
from chainrule.formula.grading.grade import (
    by_whole,
    on_a_diagonal,
    scalar_finding,
    shape_finding,
)
from chainrule.formula.grading.lines import Claim, Lines, lines
from chainrule.formula.grading.paths import by_paths
from chainrule.formula.grading.program import Point, Program, program
from chainrule.formula.grading.terms import by_terms
from chainrule.formula.grading.thresholds import misplaced
from chainrule.formula.grading.ties import at_ties
from chainrule.formula.printing.notation import UNICODE, spelled
from chainrule.formula.reading.numeric import natural
from chainrule.formula.reading.operators import Term
from chainrule.formula.reading.parse import Reader
from chainrule.formula.reading.shapes import Shape
from chainrule.formula.reading.syntax import Syntax
from chainrule.formula.typeset.evaluate import Array
from chainrule.tensors import Tensor

__all__ = ["Check", "check"]

Verdict = Literal["right", "right up to", "wrong"]
_UP_TO = frozenset(
    {
        "sign",
        "factor",
        "transpose",
        "missing mean",
        "factor of a size",
        "sign and factor",
        "missing regulariser",
        "missing activation derivative",
        "scalar factor",
    }
)


@dataclass(frozen=True)
class Check:
    """What a teacher says about a derivation.

    verdict  "right", "right up to" or "wrong"
    kind     what is wrong: "sign", "transpose", "missing mean", "missing term", …; "" if nothing
    message  the same in a sentence
    line     the line that first goes wrong; None if none does
    """

    verdict: Verdict
    kind: str
    message: str
    line: int | None
    left: str
    formula: str | None

    def __bool__(self) -> bool:
        return self.verdict == "right"

    def __str__(self) -> str:
        if self.verdict == "right":
            return f"Right: {self.message}"
        place = "" if self.line is None else f"Line {self.line}: "
        shown = [f"{place}{self.message if place else _sentence(self.message)}."]
        if self.formula is not None:
            shown.append(f"   {self.left} = {self.formula}")
        return "\n".join(shown)

    __repr__ = __str__


def check(
    f: Callable[..., Any],
    wrt: str | tuple[str, str],
    derivation: str | Sequence[str] | Callable[..., Any],
    *,
    examples: Sequence[Any] = (),
    axes: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
    order: Order = 1,
) -> Check:
    """Grade a derivation: right, right up to something, or which line first goes wrong and how.

    A derivation is one expression or several lines, in NumPy-like form (``X.T @ (P - Y) / n``), in
    Unicode mathematics (``1/n · Xᵀ(P − Y)``), in LaTeX, or with indices (``Σᵢ Xᵢⱼ (Pᵢₖ − Yᵢₖ)/n``),
    with the names of the function's parameters and locals; lines ``name = …`` define further names.
    Or it is a function of f's parameters. Every form that agrees at random points and sizes is
    right. Text is never evaluated as Python; errors quote LaTeX as it was read.

    Raises:  FormulaError: a derivation that does not parse or uses an unknown name, with a caret
             under the place; no such parameter; an unknown shape.

    >>> def loss(w: "d", X: "n d", y: "n"):
    ...     return cr.sum((X @ w - y) ** 2)
    >>> print(check(loss, "w", "X.T @ (X @ w - y)"))
    Right up to the factor 2.
       ∂L/∂w = 2Xᵀ(Xw − y)
    """
    prog = program(f, wrt, axes, facts, order, examples)
    if callable(derivation):
        return _graded_callable(prog, derivation)
    try:
        return _graded_text(prog, derivation)
    except RecursionError:
        raise FormulaError("check: the derivation is nested too deeply to be read") from None


def _graded_text(prog: Program, text: str | Sequence[str]) -> Check:
    """Grade a text with the shapes of the program, or of prints, where n×1 and 1×n are columns."""
    short = {
        name: tree.dims
        for name, tree in prog.known.items()
        if len(tree.dims) < len(prog.names.shapes.get(name, ()))
    }
    if short:
        for one in (prog, replace(prog, names=prog.names.also(short))):
            read = _agreeing(one, text)
            if read is not None:
                return _graded(one, read)
    return _graded(prog, lines(prog, text))


def _agreeing(prog: Program, text: str | Sequence[str]) -> Lines | None:
    """A text as it is read with these shapes, if all that it claims is right."""
    try:
        read = lines(prog, text)
        if any(d.known and _misnamed(prog, d.name, d.syntax) for d in read.definitions):
            return None
        for claim in read.claims:
            if not _matches(prog, _values(prog, claim.syntax, prog.points)):
                return None
    except (FormulaError, np.linalg.LinAlgError):
        return None
    return read


def _graded(prog: Program, read: Lines) -> Check:
    """Grade the claims in their order; the first wrong one is what is told."""
    several = len({c.line for c in read.claims} | {d.line for d in read.definitions}) > 1
    for definition in read.definitions:
        finding = _misnamed(prog, definition.name, definition.syntax) if definition.known else None
        if finding is not None:
            return _wrong(prog, finding, definition.line)
    for place, claim in enumerate(read.claims):
        finding = _finding(prog, claim, read.claims[:place])
        if finding is not None:
            return _wrong(prog, finding, claim.line if several else None)
    return _right(prog, _evaluated(prog, read.claims[-1].syntax))


def _right(prog: Program, derivation: Callable[[Point], Array]) -> Check:
    message = "it agrees with automatic differentiation at all points and sizes"
    return Check("right", "", message + at_ties(prog, derivation), None, *_formula(prog))


def _wrong(prog: Program, finding: Finding, line: int | None) -> Check:
    verdict: Verdict = "right up to" if finding.kind in _UP_TO else "wrong"
    return Check(verdict, finding.kind, finding.message, line, *_formula(prog))


def _formula(prog: Program) -> tuple[str, str | None]:
    left = left_side(prog.question, prog.known)
    return left, None if prog.main is None else UNICODE(prog.main)


def _sentence(message: str) -> str:
    """A message with a capital letter, unless it begins with a name or a size, such as n×d."""
    first = message.split(" ", 1)[0]
    is_word = first == "a" or (len(first) > 1 and first.isalpha())
    return message[:1].upper() + message[1:] if is_word else message


def _misnamed(prog: Program, name: str, syntax: Syntax) -> Finding | None:
    """A definition that disagrees with the value that the program has under this name."""
    try:
        values = _values(prog, syntax, prog.points, prog.names.shapes.get(name, prog.dims))
    except (FormulaError, np.linalg.LinAlgError) as error:
        return Finding("shape", str(error).splitlines()[0])
    if any(
        v.size != np.size(p.values[name])
        or not np.allclose(v.reshape(-1), np.reshape(p.values[name], -1))
        for v, p in zip(values, prog.points, strict=True)
        if name in p.values
    ):
        return Finding("wrong definition", f"{spelled(name)} is something else in the program")
    return None


def _finding(prog: Program, claim: Claim, before: Sequence[Claim]) -> Finding | None:
    """What is wrong with a claim; None if it is right."""
    try:
        values = _values(prog, claim.syntax, prog.points)
    except (FormulaError, np.linalg.LinAlgError) as error:
        found = repaired(prog, claim.syntax)
        if found is not None:
            return Finding(found.kind, f"{str(error).splitlines()[0]}; {found.message}")
        return Finding("shape", str(error).splitlines()[0])
    if _matches(prog, values):
        return misplaced(prog, _evaluated(prog, claim.syntax), _read(prog, claim.syntax).tree)
    if before:
        step = len({c.line for c in before}) + 1
        what = _diagnosed(prog, values, claim.syntax)
        return Finding(
            f"wrong from step {step}", f"the steps before are right, this is not: {what.message}"
        )
    return _diagnosed(prog, values, claim.syntax)


def _matches(prog: Program, values: Sequence[Array]) -> bool:
    return all(prog.matches(v, p.truth) for v, p in zip(values, prog.points, strict=True))


def _diagnosed(prog: Program, values: list[Array], syntax: Syntax) -> Finding:
    """The first explanation: the whole value, its terms, one edit, a shape."""
    if not any(p.truth.any() for p in prog.points):
        return Finding("value", "the derivative is 0")
    evaluated = _evaluated(prog, syntax)
    tests: Sequence[Callable[[], Finding | None]] = (
        lambda: by_whole(prog, values),
        lambda: repaired(prog, syntax, quick=True),
        lambda: assuming(prog, evaluated, weak=False),
        lambda: by_terms(prog, values),
        lambda: on_a_diagonal(prog, values),
        lambda: by_paths(prog, values),
        lambda: repaired(prog, syntax),
        lambda: by_terms(prog, values, most=1.0),
        lambda: nearly_assuming(prog, evaluated),
        lambda: assuming(prog, evaluated, weak=True),
        lambda: scalar_finding(prog, values),
        lambda: shape_finding(prog, values, _read(prog, syntax).shape),
    )
    for test in tests:
        finding = test()
        if finding is not None:
            return finding
    return Finding("value", f"the values differ{_how(prog, values)}")


def _how(prog: Program, values: Sequence[Array]) -> str:
    """By how much, at the first point where they do."""
    pairs = list(zip(values, prog.points, strict=True))
    value, point = next(((v, p) for v, p in pairs if not prog.matches(v, p.truth)), pairs[0])
    sizes = ", ".join(f"{n} = {v}" for n, v in point.sizes.items())
    error = np.max(np.abs(value.reshape(-1) - point.truth.reshape(-1)), initial=0.0)
    largest = np.max(np.abs(point.truth), initial=0.0)
    return f" by up to {error:.2g} where the largest is {largest:.2g} (at {sizes})"


def _values(
    prog: Program, syntax: Syntax, points: Sequence[Point], dims: Shape | None = None
) -> list[Array]:
    """What a text is at each point; sizes that it leaves open fit these, or the derivative."""
    return _valued(prog, _read(prog, syntax, dims), points)


def _evaluated(prog: Program, syntax: Syntax) -> Callable[[Point], Array]:
    """What a text is at a point; it is read once."""
    term = _read(prog, syntax)
    return lambda point: _valued(prog, term, [point])[0]


def _valued(prog: Program, term: Term, points: Sequence[Point]) -> list[Array]:
    """The value of a text that was read, at each point."""
    try:
        with np.errstate(all="ignore"):
            found = [prog.evaluator(p)(term.tree) for p in points]
    except (FormulaError, np.linalg.LinAlgError):
        raise
    except (IndexError, ValueError, OverflowError, MemoryError):  # 𝟎 below [M; I] is too long
        raise FormulaError("the parts have sizes that do not fit one another") from None
    return [natural(v, term.rank) if term.rank < 2 else v for v in found]


def _read(prog: Program, syntax: Syntax, dims: Shape | None = None) -> Term:
    """What a text says; sizes that it leaves open fit these, or the derivative."""
    return Reader("", prog.names).whole(syntax, prog.dims if dims is None else dims)


def _graded_callable(prog: Program, derivation: Callable[..., Any]) -> Check:
    """Grade a function that computes the derivative."""

    def evaluated(point: Point) -> Array:
        result = derivation(**tensors(point.arguments))
        return np.asarray(result.numpy() if isinstance(result, Tensor) else result)

    values = [evaluated(p) for p in prog.points]
    if _matches(prog, values):
        finding = misplaced(prog, evaluated, None)
        return _right(prog, evaluated) if finding is None else _wrong(prog, finding, None)
    finding = (
        by_whole(prog, values)
        or assuming(prog, evaluated, weak=False)
        or nearly_assuming(prog, evaluated)
        or by_terms(prog, values)
        or by_paths(prog, values)
        or scalar_finding(prog, values)
        or shape_finding(prog, values)
        or Finding("value", f"the values differ{_how(prog, values)}")
    )
    return _wrong(prog, finding, None)
