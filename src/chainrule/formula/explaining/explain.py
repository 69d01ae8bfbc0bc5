"""explain: the formula of a function's derivative, checked against automatic differentiation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from chainrule.algebra.index import Atom, Poly
from chainrule.errors import FormulaError
from chainrule.formula.derivation.by_gradient import GRADIENT, by_gradient
from chainrule.formula.derivation.derive import Derivation
from chainrule.formula.derivation.question import (
    Order,
    Question,
    ask,
    derivative,
    derive,
    name_of,
    require_number,
    settled,
)
from chainrule.formula.derivation.samples import Signature
from chainrule.formula.explaining.explanation import Explanation
from chainrule.formula.explaining.kinks import kinks
from chainrule.formula.explaining.naming import (
    definitions,
    generated,
    nested,
    sorted_by,
    symbols,
)
from chainrule.formula.explaining.steps import Board, board, cut
from chainrule.formula.explaining.verify import sizes_of, verified
from chainrule.formula.matrix.columns import formula_by_columns, turned
from chainrule.formula.matrix.structure import formula
from chainrule.formula.matrix.sums import averaged
from chainrule.formula.printing.notation import UNICODE, spelled
from chainrule.formula.printing.windows import is_window
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import flat_transpose
from chainrule.formula.typeset.evaluate import Evaluator
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import walk

__all__ = ["explain", "left_side", "readable"]

Layout = Literal["gradient", "numerator", "denominator"]
Vec = Literal["C", "F"]
_CLOSE = 1e-6


def explain(
    f: Callable[..., Any],
    wrt: str | tuple[str, str],
    *examples: Any,
    axes: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
    order: Order = 1,
    steps: bool = False,
    layout: Layout = "gradient",
    vec: Vec = "C",
    expand: bool = False,
) -> Explanation:
    """Give the formula of a derivative of an ordinary function, with the user's own names.

    The function's parameters say the names of their axes: annotations such as ``X: "n d"`` or
    jaxtyping's ``X: Float[Tensor, "n d"]``, ``axes={"X": "n d"}``, or example arguments, whose
    sizes are then numbers. The formula is compared with automatic differentiation at random points
    and random sizes before it is shown.

    wrt      the parameter; a pair of them with order=2 for a block of the Hessian
    facts    what is known of parameters: {"A": "symmetric", "Y": "simplex", "i": "integer<k"}
    order    1 the gradient, 2 the Hessian, "jacobian"
    steps    write the derivation of a gradient too, block by block
    layout   "gradient": in the shape of the parameter; "numerator": the gradient as a row;
             "denominator": the Jacobian transposed
    vec      how the Hessian or the Jacobian by a matrix stacks it: "C" by rows, "F" by columns
    expand   write out the intermediate values instead of naming them

    Raises:  FormulaError: no such parameter, an unknown shape, or a function that cannot be
             evaluated at random points.

    >>> def loss(w: "d", X: "n d", y: "n"):
    ...     r = X @ w - y
    ...     return cr.sum(r**2)
    >>> print(explain(loss, "w").unicode.splitlines()[0])
    ∂L/∂w = 2Xᵀr          d
    """
    question = replace(
        ask("explain", f, wrt, examples, axes, facts, order), vec=_stacking(vec, order)
    )
    names, given = question.names, question.given
    derivation = derive(question, expand)
    require_number("explain", question, derivation)
    question = settled(question, derivation)
    main, known = readable(question, derivation, expand)
    error, points = verified(question, main, known, derivation)
    if not error < _CLOSE:
        raise FormulaError(f"explain: the formula {UNICODE(main)} is off by {error:.1e}")
    notes = _notes(question, derivation, main, known)
    notes += [f"{spelled(n)} sorts: {spelled(n)}v is v in the order of {UNICODE(v)}"
              for n, v in sorted_by(definitions(main, known))]  # fmt: skip
    if question.order == 1 and not isinstance(main, ts.Zero):
        notes += [f"kink: {told}" for told in kinks(derivation, names[0])]
    if (layout, question.order == "jacobian") in (("numerator", False), ("denominator", True)):
        main = flat_transpose(main)
        notes.append(f"{layout} layout: the transpose of the usual one")
    return Explanation(
        left_side(question, known),
        main,
        tuple(definitions(main, known)),
        main.dims,
        tuple(_assumptions(given, main)),
        tuple(notes),
        error,
        points,
        given.axes,
        _board(question, derivation, main) if steps else None,
    )


def _board(question: Question, derivation: Derivation, main: Tree) -> Board | None:
    """The derivation block by block, checked like the formula."""
    if question.order != 1 or len(question.names) != 1:
        raise FormulaError("explain: steps are those of a gradient: order=1 and one variable")
    if isinstance(main, ts.Zero):
        return None
    subject = _subject(question, derivation.names.values())
    told = board(derivation, question.names[0], subject, cut(derivation, subject))
    error, _ = verified(question, told.result, told.definitions, derivation)
    generator = np.random.default_rng(2000)
    sizes = sizes_of(question, derivation, generator)
    arguments = question.given.draw(sizes, generator, question.usual)
    evaluator = Evaluator({**derivation.lowering.constants, **arguments}, sizes)
    error = max(error, told.disagreement(evaluator))
    if not error < _CLOSE:
        raise FormulaError(f"explain: the derivation is off by {error:.1e}")
    return told


_DEEP = 12  # a program with more values than this is told block by block,
_WIDE = 160  # and so is one whose formula would have more signs than this


def readable(
    question: Question, derivation: Derivation, expand: bool = False
) -> tuple[Tree, dict[str, Tree]]:
    """The formula and the definitions; gradients are named where products would nest.

    A deep program has the gradient at every value by name, so that its formula stays as long as
    the program.
    """
    if question.order == 1 and not expand:
        is_long = derivation.is_long(question.names[0])
        told = _blocks(question, derivation, 2 if is_long else _DEEP)
        if told is not None:
            return told.result, told.definitions
    main, known = _formula(question, derivation)
    if question.order == 1:
        main, known = _with_deltas(question, derivation, main, known)
    wide = len(UNICODE(main)) > _WIDE or _is_spread(main, known)
    if question.order == 1 and not expand and wide:
        told = _blocks(question, derivation, 0)
        return (main, known) if told is None else (told.result, told.definitions)
    return main, known


def _is_spread(main: Tree, known: Mapping[str, Tree]) -> bool:
    """Whether a gradient goes through windows twice, or is several sums, of P and of Y."""
    terms = main.parts if isinstance(main, ts.Plus) else (main,)
    sums = [t for t in terms if isinstance(t, ts.Indexed) and t.summed]
    parts = [p for tree in (main, *known.values()) for p in walk(tree)]
    return (
        (len(sums) > 1 and any(isinstance(p, ts.Read) for p in parts))
        or any(sum(is_window(p) for p in walk(t)) > 1 for t in sums)
        or any(is_window(p) and not isinstance(p, ts.Read) for p in walk(main))
    )


def _with_deltas(
    question: Question, derivation: Derivation, main: Tree, known: dict[str, Tree]
) -> tuple[Tree, dict[str, Tree]]:
    """The formula with gradients as names: where products nest, and through attention."""
    deltas = derivation.deltas()
    attention = deltas[-2:] if deltas[-1:] and deltas[-1][1] == "δS" else []
    if attention:
        derivation.name_deltas(attention)
        named = _formula(question, derivation)
        if "δS" in symbols(named[0]):
            main, known = named
    if nested(main):
        derivation.name_deltas(deltas)
        main, known = _formula(question, derivation)
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
    poly = derivative(derivation, question.names, question.order)
    found = _written(question, poly, derivation.lowering.definitions)
    named = _by_gradient(question, derivation, poly)
    if named is None:
        return found
    shorter = _written(question, *named)
    return shorter if 3 * len(UNICODE(shorter[0])) <= 2 * len(UNICODE(found[0])) else found


def _by_gradient(
    question: Question, derivation: Derivation, poly: Poly
) -> tuple[Poly, Mapping[Atom, Poly]] | None:
    """The Hessian by a vector with the gradient in it, and the definitions that it needs."""
    name, known = question.names[0], derivation.lowering.definitions
    taken = {*question.given.axes, *derivation.names.values()}
    names = _subject(question, taken), GRADIENT
    if question.order != 2 or {name} != set(question.names) or poly.rank != 2:
        return None
    if taken.intersection(names):
        return None
    return by_gradient(poly, derivation.gradient(name), derivation.value(), names, known)


def _written(
    question: Question, poly: Poly, definitions: Mapping[Atom, Poly]
) -> tuple[Tree, dict[str, Tree]]:
    """The formula of a poly, and those of the definitions."""
    known = {}
    for atom, definition in definitions.items():
        known[str(atom.params[0])] = averaged(formula(definition))
    columns = len(question.given.axes[question.names[-1]])
    rows = None if question.order == 1 else poly.rank - columns
    if rows is None or question.vec == "C":
        return generated(formula(poly, rows), known, question.given.axes)
    known = {name: turned(tree) for name, tree in known.items()}
    return generated(formula_by_columns(poly, rows), known, question.given.axes)


# ---------------------------------------------------------------- words

_SUBJECTS = {"loss": "L"}
_MEANINGS = {
    "symmetric": "{0} = {0}ᵀ",
    "simplex": "{0}𝟏 = 𝟏",
    "spd": "{0} symmetric positive definite",
}


def _subject(question: Question, taken: Iterable[str]) -> str:
    """What the function's value is called: L for a loss, unless that name is taken."""
    name = name_of(question.f)
    letter = _SUBJECTS.get(name, name)
    return name if letter in taken or letter in question.given.axes else letter


def left_side(question: Question, taken: Iterable[str]) -> str:
    """What a formula is of, such as ∂L/∂W."""
    names, subject = question.names, spelled(_subject(question, taken))
    first, last = spelled(names[0]), spelled(names[-1])
    if question.order != 2:
        return f"∂{subject}/∂{first}"
    if len(names) == 2:
        return f"∂²{subject}/∂{first}∂{last}"
    vector = len(question.given.axes[names[0]]) == 1
    return f"∂²{subject}/∂{first}∂{first}ᵀ" if vector else f"∂²{subject}/∂{first}²"


def _notes(
    question: Question, derivation: Derivation, main: Tree, known: Mapping[str, Tree]
) -> list[str]:
    notes, taken = [], derivation.names.values()
    if any(isinstance(p, ts.Kron | ts.Vec | ts.Blocks | ts.Commutation) for p in walk(main)) or (
        question.order != 1 and any(len(question.given.axes[n]) == 2 for n in question.names)
    ):
        notes.append(_STACKING[question.vec])
    sizes = ", ".join(f"{n} = {v[0]}" for n, v in derivation.sizes.named.items())
    notes += [f"{name} is an array of the program, for {sizes}"
              for name in sorted(symbols(main) & derivation.lowering.sized)]  # fmt: skip
    notes += [f"for {sizes} only: {what} of the program is another at other sizes"
              for what in sorted(derivation.lowering.fixed)]  # fmt: skip
    if question.order == 2 and GRADIENT in symbols(main) - {*derivation.names.values()}:
        notes.append(f"{GRADIENT} is the gradient {left_side(replace(question, order=1), taken)}")
    known = dict(definitions(main, known))
    outside = {
        UNICODE(p.body)
        for tree in (main, *known.values())
        for p in walk(tree)
        if isinstance(p, ts.Read) and p.outside and not isinstance(p.body, ts.Eye)
    }
    notes += [f"zero outside of {', '.join(sorted(outside))}"] * bool(outside)
    if isinstance(main, ts.Zero):
        notes.append(f"{name_of(question.f)} does not depend on {' and '.join(question.names)}")
    return notes


_STACKING = {
    "C": "vec is row-major, as reshape(-1)",
    "F": 'vec is column-major, as reshape(-1, order="F") of NumPy',
}


def _stacking(vec: Vec, order: Order) -> Vec:
    """How matrices are stacked, checked."""
    if vec not in _STACKING:
        raise FormulaError(f'explain: vec is "C", by rows, or "F", by columns, not {vec!r}')
    if vec == "F" and order == 1:
        raise FormulaError(
            "explain: a gradient has the shape of its variable\n\n"
            '  vec says how a matrix is stacked in a Hessian or a Jacobian: order=2 or "jacobian".'
        )
    return vec


def _assumptions(given: Signature, main: Tree) -> list[str]:
    """The facts about parameters that may have been used; for a clip, that its bounds are > 0."""
    clips = [p for p in walk(main) if isinstance(p, ts.Apply) and p.name == "clip"]
    bounds = {name for p in clips for b in p.parts[1:] for name in symbols(b)}
    shown = [f"{spelled(n)} > 0" for n, fact in given.facts.items()
             if fact == "positive" and n in bounds]  # fmt: skip
    for name, fact in given.facts.items():
        if fact in _MEANINGS:
            vector = len(given.axes[name]) == 1 and fact == "simplex"
            shown.append(
                f"𝟏ᵀ{spelled(name)} = 1" if vector else _MEANINGS[fact].format(spelled(name))
            )
    return shown
