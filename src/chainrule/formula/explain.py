"""explain: the formula of a function's derivative, checked against automatic differentiation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from chainrule.algebra.index import Poly
from chainrule.errors import ChainruleError, FormulaError
from chainrule.formula import typeset as ts
from chainrule.formula.derive import Derivation
from chainrule.formula.evaluate import Array, Evaluator
from chainrule.formula.naming import Definition, definitions, generated, nested
from chainrule.formula.notation import ASCII, LATEX, UNICODE, spelled
from chainrule.formula.recognize import factored_matrices
from chainrule.formula.samples import Signature, guesses, signature
from chainrule.formula.structure import formula
from chainrule.formula.typeset import Tree
from chainrule.formula.walk import walk
from chainrule.tensors import Tensor, tensor
from chainrule.transform import grad, jacobian, trace

__all__ = ["Explanation", "explain"]

Order = Literal[1, 2, "jacobian"]
_POINTS = 5
_CLOSE = 1e-6
_NUDGE, _STABLE = 1e-12, 1e-8


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
    """

    left: str
    tree: Tree
    where: tuple[Definition, ...]
    dims: tuple[str, ...]
    assumptions: tuple[str, ...]
    notes: tuple[str, ...]
    error: float
    points: int

    @property
    def unicode(self) -> str:
        """The formula in Unicode: the equation, "where" lines, assumptions and the agreement."""
        lines = [f"{self.left} = {UNICODE(self.tree)}          {_shape(self.dims)}"]
        if self.where:
            told = [f"{spelled(n)} = {UNICODE(t)} ({_shape(t.dims)})" for n, t in self.where]
            told += [f"{UNICODE(r)} = row {r.label} of {UNICODE(r.body)}" for r in _rows(self.tree)]
            lines.append("   where  " + "   ".join(told))
        if self.assumptions:
            lines.append("   assuming " + ", ".join(self.assumptions))
        lines += [f"   {note}" for note in self.notes]
        lines.append(
            f"   agrees with automatic differentiation to {self.error:.0e} "
            f"at {self.points} random points"
        )
        return "\n".join(lines)

    @property
    def latex(self) -> str:
        """The formula in LaTeX."""
        return LATEX(self.tree)

    @property
    def ascii(self) -> str:
        """The formula in plain ASCII."""
        return ASCII(self.tree)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    def __str__(self) -> str:
        return self.unicode

    __repr__ = __str__


def _shape(dims: tuple[str, ...]) -> str:
    return "×".join(f"({d})" if "·" in d else d for d in dims) if dims else "scalar"


def _rows(tree: Tree) -> list[ts.Row]:
    """The named rows in a formula, each once, in the order of their names."""
    found = {UNICODE(part): part for part in walk(tree) if isinstance(part, ts.Row)}
    return [found[name] for name in sorted(found)]


def explain(
    f: Callable[..., Any],
    wrt: str | tuple[str, str],
    *examples: Any,
    axes: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
    order: Order = 1,
) -> Explanation:
    """Give the formula of a derivative of an ordinary function, with the user's own names.

    The function's parameters say the names of their axes: annotations such as ``X: "n d"``, or
    ``axes={"X": "n d"}``. The formula is compared with automatic differentiation at random points
    and random sizes before it is shown.

    Raises:  FormulaError: no such parameter, an unknown shape, or a function that cannot be
             evaluated at random points.

    >>> def loss(w: "d", X: "n d", y: "n"):
    ...     r = X @ w - y
    ...     return cr.sum(r**2)
    >>> print(explain(loss, "w").unicode.splitlines()[0])
    ∂L/∂w = 2Xᵀr          d
    """
    given = signature(f, examples, axes, facts)
    names = (wrt,) if isinstance(wrt, str) else wrt
    for name in names:
        if name not in given.axes:
            raise FormulaError(
                f"explain: {f.__name__} has no parameter {name!r} with axes; it has "
                + ", ".join(given.axes)
            )
    given, usual = _usable(f, _with_implied_facts(f, given))
    derivation = _derive(f, given, usual, named=order == "jacobian")
    question = Question(f, names, order, given, usual)
    main, known = _readable(question, derivation)
    error, points = _verified(question, main, known, derivation)
    if not error < _CLOSE:
        raise FormulaError(f"explain: the formula {UNICODE(main)} is off by {error:.1e}")
    return Explanation(
        _left(question, known),
        main,
        tuple(definitions(main, known)),
        main.dims,
        tuple(_assumptions(given)),
        tuple(_notes(question, main)),
        error,
        points,
    )


@dataclass(frozen=True)
class Question:
    """What is asked: the derivative of f with respect to names, of this order."""

    f: Callable[..., Any]
    names: tuple[str, ...]
    order: Order
    given: Signature
    usual: str


def _readable(question: Question, derivation: Derivation) -> tuple[Tree, dict[str, Tree]]:
    """The formula and the definitions; gradients are named where products would nest."""
    main, known = _formula(question, derivation)
    if question.order == 1 and nested(main):
        deltas = derivation.deltas()
        last = deltas[-2:] if deltas[-1:] and deltas[-1][1] == "δS" else deltas[-1:]
        for chosen in (last, deltas):
            derivation.name_deltas(chosen)
            main, known = _formula(question, derivation)
            if not nested(main):
                break
    return main, known


def _formula(question: Question, derivation: Derivation) -> tuple[Tree, dict[str, Tree]]:
    poly = _derivative(derivation, question.names, question.order)
    known = {}
    for atom, definition in derivation.lowering.definitions.items():
        known[str(atom.params[0])] = formula(definition)
    columns = len(question.given.axes[question.names[-1]])
    rows = None if question.order == 1 else poly.rank - columns
    return generated(formula(poly, rows), known, question.given.axes)


def _derivative(derivation: Derivation, names: tuple[str, ...], order: Order) -> Poly:
    if order == 1:
        return derivation.gradient(names[0])
    if order == 2:
        return derivation.hessian(names[0], names[-1])
    return derivation.jacobian(names[0])


# ---------------------------------------------------------------- recording


def _usable(f: Callable[..., Any], given: Signature) -> tuple[Signature, str]:
    """The kind of random values at which the function is finite, and the sizes that it allows."""
    problem: Exception | None = None
    for tied in (False, True) if given.examples else (False,):
        tried = replace(given, tied=tied)
        sizes = {name: values[0] for name, values in tried.sizes().named.items()}
        for kind in guesses():
            try:
                value = f(**_tensors(tried.draw(sizes, np.random.default_rng(0), kind)))
            except ChainruleError as error:
                problem = error
                continue
            if isinstance(value, Tensor) and np.isfinite(value.numpy()).all():
                return tried, kind
    if problem is not None:
        raise problem
    return given, guesses()[0]


def _with_implied_facts(f: Callable[..., Any], given: Signature) -> Signature:
    """The signature with matrices that are factored by Cholesky as positive definite."""
    sizes = {name: values[0] for name, values in given.sizes().named.items()}
    try:
        found = trace(f)(**_tensors(given.draw(sizes, np.random.default_rng(0))))
    except ChainruleError:
        return given
    names = [found.names.get(n) for n in factored_matrices(found.graph)]
    implied = {n: "spd" for n in names if n is not None and n in given.axes}
    return replace(given, facts={**implied, **given.facts})


def _tensors(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {n: tensor(v) if isinstance(v, np.ndarray) else v for n, v in arguments.items()}


def _derive(f: Callable[..., Any], given: Signature, usual: str, named: bool) -> Derivation:
    sizes = given.sizes()
    traces = []
    for k in range(max(1, sizes.recordings)):
        numbers = {name: values[k] for name, values in sizes.named.items()}
        arguments = given.draw(numbers, np.random.default_rng(k), usual)
        traces.append(trace(f)(**_tensors(arguments)))
    facts = {name: _implied(fact) for name, fact in given.facts.items()}
    own = f.__name__ if named and f.__name__ not in given.axes else None
    return Derivation(traces, sizes, facts, own)


def _implied(fact: str) -> frozenset[str]:
    implied = {"spd": {"spd", "symmetric"}, "onehot": {"onehot", "simplex"}}
    return frozenset(implied.get(fact, {fact}))


# ---------------------------------------------------------------- verification


def _verified(
    question: Question, main: Tree, known: Mapping[str, Tree], derivation: Derivation
) -> tuple[float, int]:
    """The largest relative error at random points of random sizes."""
    worst, points = 0.0, 0
    for point in range(4 * _POINTS):
        generator = np.random.default_rng(1000 + point)
        sizes = question.given.points(generator)
        arguments = question.given.draw(sizes, generator, question.usual)
        truth = _automatic(question, arguments)
        moved = {n: v * (1 + _NUDGE) if _is_float(v) else v for n, v in arguments.items()}
        if not _difference(_automatic(question, moved), truth) < _STABLE:
            continue  # infinite, undefined, or so ill-conditioned that no digits could agree
        found = value_of(main, known, arguments, sizes, derivation.lowering.constants)
        worst, points = max(worst, _difference(found, truth)), points + 1
        if points == _POINTS:
            break
    return worst, points


def _is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def value_of(
    main: Tree, known: Mapping[str, Tree], arguments: Mapping[str, Any], sizes: Mapping[str, int],
    constants: Mapping[str, Array],
) -> Array:  # fmt: skip
    """The value of a formula, its definitions first."""
    evaluator = Evaluator({**constants, **arguments}, sizes)
    for name, tree in definitions(main, known):
        evaluator.values[name] = evaluator(tree)
    return evaluator(main)


def _automatic(question: Question, arguments: Mapping[str, Any]) -> Array:
    """The derivative that the transforms give."""
    held = _tensors(arguments)
    first, last = question.names[0], question.names[-1]

    def of(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda value, **others: function(**{**held, **others, name: value})

    if question.order == 2:
        slope = grad(of(first, question.f))
        made = jacobian(lambda v: slope(v if first == last else held[first], **{last: v}))(
            held[last]
        )
    else:
        transform = grad if question.order == 1 else jacobian
        made = transform(of(first, question.f))(held[first])
    return np.asarray((made if isinstance(made, Tensor) else made.dense()).numpy())


def _difference(found: Array, truth: Array) -> float:
    if found.size == truth.size:
        found = found.reshape(truth.shape)
    else:
        found = np.broadcast_to(found, truth.shape)
    scale = max(1e-12, float(np.max(np.abs(truth), initial=0.0)))
    error = float(np.max(np.abs(found - truth), initial=0.0)) / scale
    return math.inf if math.isnan(error) else error


# ---------------------------------------------------------------- words

_SUBJECTS = {"loss": "L"}
_MEANINGS = {
    "symmetric": "{0} = {0}ᵀ",
    "simplex": "{0}𝟏 = 𝟏",
    "spd": "{0} symmetric positive definite",
}


def _left(question: Question, taken: Iterable[str]) -> str:
    name, names = question.f.__name__, question.names
    letter = _SUBJECTS.get(name, name)
    subject = spelled(name if letter in taken or letter in question.given.axes else letter)
    first, last = spelled(names[0]), spelled(names[-1])
    if question.order != 2:
        return f"∂{subject}/∂{first}"
    if len(names) == 2:
        return f"∂²{subject}/∂{first}∂{last}"
    vector = len(question.given.axes[names[0]]) == 1
    return f"∂²{subject}/∂{first}∂{first}ᵀ" if vector else f"∂²{subject}/∂{first}²"


def _notes(question: Question, main: Tree) -> list[str]:
    notes = []
    if any(isinstance(p, ts.Kron | ts.Vec | ts.Blocks | ts.Commutation) for p in walk(main)) or (
        question.order != 1 and any(len(question.given.axes[n]) == 2 for n in question.names)
    ):
        notes.append("vec is row-major, as reshape(-1)")
    if isinstance(main, ts.Zero):
        notes.append(f"{question.f.__name__} does not depend on {' and '.join(question.names)}")
    return notes


def _assumptions(given: Signature) -> list[str]:
    """The facts about parameters that may have been used."""
    shown = []
    for name, fact in given.facts.items():
        if fact in _MEANINGS:
            vector = len(given.axes[name]) == 1 and fact == "simplex"
            shown.append(
                f"𝟏ᵀ{spelled(name)} = 1" if vector else _MEANINGS[fact].format(spelled(name))
            )
    return shown
