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
from chainrule.formula.build import flat_transpose
from chainrule.formula.derive import Derivation
from chainrule.formula.evaluate import Array, Evaluator
from chainrule.formula.explanation import Explanation
from chainrule.formula.kinks import kinks
from chainrule.formula.naming import definitions, generated, nested
from chainrule.formula.notation import UNICODE, spelled
from chainrule.formula.recognize import factored_matrices
from chainrule.formula.samples import Signature, guesses, signature
from chainrule.formula.steps import Board, board, cut
from chainrule.formula.structure import formula
from chainrule.formula.typeset import Tree
from chainrule.formula.walk import walk
from chainrule.tensors import Tensor, tensor
from chainrule.transform import grad, jacobian, trace

__all__ = ["Explanation", "explain"]

Order = Literal[1, 2, "jacobian"]
Layout = Literal["gradient", "numerator", "denominator"]
_POINTS = 5
_CLOSE = 1e-6
_NUDGE, _STABLE = 1e-12, 1e-8
_SMALL = 1e-8  # derivatives below are compared absolutely: what is left of a zero is rounding


def explain(
    f: Callable[..., Any],
    wrt: str | tuple[str, str],
    *examples: Any,
    axes: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
    order: Order = 1,
    steps: bool = False,
    layout: Layout = "gradient",
    expand: bool = False,
) -> Explanation:
    """Give the formula of a derivative of an ordinary function, with the user's own names.

    The function's parameters say the names of their axes: annotations such as ``X: "n d"``,
    ``axes={"X": "n d"}``, or example arguments, whose sizes are then numbers. The formula is
    compared with automatic differentiation at random points and random sizes before it is shown.

    wrt      the parameter; a pair of them with order=2 for a block of the Hessian
    facts    what is known of parameters: {"A": "symmetric", "Y": "simplex", "i": "integer<k"}
    order    1 the gradient, 2 the Hessian (of a matrix: for row-major vec), "jacobian"
    steps    write the derivation of a gradient too, block by block
    layout   "gradient": in the shape of the parameter; "numerator": the gradient as a row;
             "denominator": the Jacobian transposed
    expand   write out the intermediate values instead of naming them

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
                f"explain: {_name(f)} has no parameter {name!r} with axes; it has "
                + ", ".join(given.axes)
            )
    given, usual = _usable(f, _with_implied_facts(f, given))
    question = Question(f, names, order, given, usual)
    derivation = _derive(f, given, usual, named=order == "jacobian", expand=expand)
    _check_scalar(question, derivation)
    main, known = _readable(question, derivation, expand)
    error, points = _verified(question, main, known, derivation)
    if not error < _CLOSE:
        raise FormulaError(f"explain: the formula {UNICODE(main)} is off by {error:.1e}")
    notes = _notes(question, main)
    if order == 1 and not isinstance(main, ts.Zero):
        notes += [f"kink: {told}" for told in kinks(derivation, names[0])]
    if (layout, order == "jacobian") in (("numerator", False), ("denominator", True)):
        main = flat_transpose(main)
        notes.append(f"{layout} layout: the transpose of the usual one")
    return Explanation(
        _left(question, known),
        main,
        tuple(definitions(main, known)),
        main.dims,
        tuple(_assumptions(given)),
        tuple(notes),
        error,
        points,
        given.axes,
        _board(question, derivation, main) if steps else None,
    )


def _check_scalar(question: Question, derivation: Derivation) -> None:
    """A gradient or a Hessian is that of one number."""
    (result,) = derivation.traces[0].graph.outputs[:1]
    if question.order != "jacobian" and result.shape:
        raise FormulaError(
            f"explain: {_name(question.f)} gives {result.ndim} axes of numbers, and a gradient is "
            'that of one number\n\n  order="jacobian" gives the derivative of every element; or '
            "sum it up."
        )


def _board(question: Question, derivation: Derivation, main: Tree) -> Board | None:
    """The derivation block by block, checked like the formula."""
    if question.order != 1 or len(question.names) != 1:
        raise FormulaError("explain: steps are those of a gradient: order=1 and one variable")
    if isinstance(main, ts.Zero):
        return None
    subject = _subject(question, derivation.names.values())
    told = board(derivation, question.names[0], subject, cut(derivation, subject))
    error, _ = _verified(question, told.result, told.definitions, derivation)
    generator = np.random.default_rng(2000)
    sizes = question.given.points(generator)
    arguments = question.given.draw(sizes, generator, question.usual)
    evaluator = Evaluator({**derivation.lowering.constants, **arguments}, sizes)
    error = max(error, told.disagreement(evaluator))
    if not error < _CLOSE:
        raise FormulaError(f"explain: the derivation is off by {error:.1e}")
    return told


_DEEP = 12  # a program with more values than this is told block by block,
_WIDE = 160  # and so is one whose formula would have more signs than this


@dataclass(frozen=True)
class Question:
    """What is asked: the derivative of f with respect to names, of this order."""

    f: Callable[..., Any]
    names: tuple[str, ...]
    order: Order
    given: Signature
    usual: str


def _readable(
    question: Question, derivation: Derivation, expand: bool
) -> tuple[Tree, dict[str, Tree]]:
    """The formula and the definitions; gradients are named where products would nest.

    A deep program has the gradient at every value by name, so that its formula stays as long as
    the program.
    """
    if question.order == 1 and not expand and (told := _blocks(question, derivation, _DEEP)):
        return told.result, told.definitions
    main, known = _formula(question, derivation)
    if question.order == 1 and nested(main):
        deltas = derivation.deltas()
        last = deltas[-2:] if deltas[-1:] and deltas[-1][1] == "δS" else deltas[-1:]
        for chosen in (last, deltas):
            derivation.name_deltas(chosen)
            main, known = _formula(question, derivation)
            if not nested(main):
                break
    if question.order == 1 and not expand and len(UNICODE(main)) > _WIDE:
        told = _blocks(question, derivation, 0)
        return (main, known) if told is None else (told.result, told.definitions)
    return main, known


def _blocks(question: Question, derivation: Derivation, more: int) -> Board | None:
    """The gradient block by block, in a program that has more values than this."""
    subject = _subject(question, derivation.names.values())
    found = cut(derivation, subject)
    if len(found) <= more:
        return None
    told = board(derivation, question.names[0], subject, found, local=False)
    return told if told.steps else None


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
    return {
        n: tensor(v) if isinstance(v, np.ndarray | np.generic) else v for n, v in arguments.items()
    }


def _derive(
    f: Callable[..., Any], given: Signature, usual: str, named: bool, expand: bool = False
) -> Derivation:
    sizes = given.sizes()
    traces = []
    for k in range(max(1, sizes.recordings)):
        numbers = {name: values[k] for name, values in sizes.named.items()}
        arguments = given.draw(numbers, np.random.default_rng(k), usual)
        traces.append(trace(f)(**_tensors(arguments)))
    facts = {name: _implied(fact) for name, fact in given.facts.items()}
    own = _name(f) if named and _name(f) not in given.axes else None
    return Derivation(traces, sizes, facts, own, expand)


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
    scale = max(_SMALL, float(np.max(np.abs(truth), initial=0.0)))
    error = float(np.max(np.abs(found - truth), initial=0.0)) / scale
    return math.inf if math.isnan(error) else error


# ---------------------------------------------------------------- words

_SUBJECTS = {"loss": "L"}
_MEANINGS = {
    "symmetric": "{0} = {0}ᵀ",
    "simplex": "{0}𝟏 = 𝟏",
    "spd": "{0} symmetric positive definite",
}


def _name(f: Callable[..., Any]) -> str:
    """What a function is called in formulas."""
    return str(getattr(f, "__name__", "f")).replace("<lambda>", "f")


def _subject(question: Question, taken: Iterable[str]) -> str:
    """What the function's value is called: L for a loss, unless that name is taken."""
    name = _name(question.f)
    letter = _SUBJECTS.get(name, name)
    return name if letter in taken or letter in question.given.axes else letter


def _left(question: Question, taken: Iterable[str]) -> str:
    names, subject = question.names, spelled(_subject(question, taken))
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
        notes.append(f"{_name(question.f)} does not depend on {' and '.join(question.names)}")
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
