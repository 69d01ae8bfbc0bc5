"""Verification: a formula is evaluated at random points and sizes before it is shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError, FormulaError
from chainrule.formula.derivation.derive import Derivation
from chainrule.formula.derivation.question import Question, name_of, tensors
from chainrule.formula.explaining.naming import definitions
from chainrule.formula.explaining.room import with_room
from chainrule.formula.printing.notation import UNICODE
from chainrule.formula.typeset.evaluate import Array, Evaluator
from chainrule.formula.typeset.tree import Symbol, Tree
from chainrule.formula.typeset.walk import walk
from chainrule.tensors import Tensor
from chainrule.transform import grad, jacobian

__all__ = [
    "automatic",
    "difference",
    "is_float",
    "is_hole",
    "nudged",
    "sizes_of",
    "value_of",
    "verified",
]

_POINTS = 5
_NUDGE, _STABLE = 1e-12, 1e-8
_DIGITS = 100  # what rounding may add up to, in changes of the formula by a nudge
_SMALL = 1e-8  # derivatives below are compared absolutely: what is left of a zero is rounding


def verified(
    question: Question, main: Tree, known: Mapping[str, Tree], derivation: Derivation
) -> tuple[float, int]:
    """The largest relative error at random points of random sizes.

    A formula that has no value at other sizes, as one with places of elements that the program
    counts from the end, is compared at those of the recording.
    """
    _refuse_two_meanings(question, derivation, (main, *known.values()))
    lowering = derivation.lowering
    for _ in range(1 if lowering.sized or lowering.fixed else 2):
        try:
            return _compared(question, main, known, derivation)
        except ChainruleError:
            raise
        except (IndexError, ValueError) as error:
            lowering.fixed.add("an index")
            problem = error
    raise FormulaError(
        f"explain: the formula {UNICODE(main)} has no value at some sizes: {problem}"
    ) from None


def _compared(
    question: Question, main: Tree, known: Mapping[str, Tree], derivation: Derivation
) -> tuple[float, int]:
    worst, points = 0.0, 0
    for point in range(4 * _POINTS):
        generator = np.random.default_rng(1000 + point)
        sizes = sizes_of(question, derivation, generator)
        if not (derivation.lowering.sized or derivation.lowering.fixed):
            sizes = with_room(sizes, (main, *known.values()))
        arguments = question.given.draw(sizes, generator, question.usual)
        truth = automatic(question, arguments)
        moved = nudged(question, arguments)
        if not difference(automatic(question, moved), truth) < _STABLE:
            continue  # infinite, undefined, or so ill-conditioned that no digits could agree
        constants = derivation.lowering.constants
        found = value_of(main, known, arguments, sizes, constants)
        if is_hole(found, truth):
            continue
        error = difference(found, truth)
        if error > _STABLE:
            near = [nudged(question, arguments, generator) for _ in range(3)]
            values = [value_of(main, known, a, sizes, constants) for a in near]
            noise = max(float(np.max(np.abs(v - found), initial=0.0)) for v in values)
            if error * max(_SMALL, float(np.max(np.abs(truth), initial=0.0))) < _DIGITS * noise:
                continue  # terms cancel, as in the derivative of a mean of one number
        worst, points = max(worst, error), points + 1
        if points == _POINTS:
            break
    if not points:
        raise FormulaError(
            f"explain: no formula of {name_of(question.f)} could be checked: its derivative is "
            f"undefined or ill-conditioned at all of {4 * _POINTS} random points\n\n"
            '  Say what is known of its parameters, as in facts={"A": "spd", "x": "positive"}.'
        )
    return worst, points


def is_hole(found: Array, truth: Array) -> bool:
    """Whether a formula is undefined just where a derivative is 0 by convention, as x/‖x‖ at 0."""
    undefined = ~np.isfinite(_shaped(found, truth))
    return bool(undefined.any()) and not truth[undefined].any()


def _refuse_two_meanings(question: Question, derivation: Derivation, trees: Sequence[Tree]) -> None:
    """Refuse 1/(hw) where w is an axis and a parameter too: nobody could say which is meant."""
    both = set(derivation.sizes.named) & set(question.given.axes)
    numbers = (p for tree in trees for p in walk(tree) if isinstance(p, Symbol) and not p.dims)
    name = next((number.name for number in numbers if number.name in both), None)
    if name is not None:
        raise FormulaError(
            f"explain: {name} is a parameter of {name_of(question.f)} and the name of an axis, and "
            f"the formula has it as a number\n\n  Give one of them another name."
        )


def sizes_of(
    question: Question, derivation: Derivation, generator: np.random.Generator
) -> dict[str, int]:
    """Random sizes; those of the recording if the program has arrays that depend on them."""
    if derivation.lowering.sized or derivation.lowering.fixed:
        return {name: values[0] for name, values in derivation.sizes.named.items()}
    return question.given.points(generator)


def nudged(
    question: Question, arguments: Mapping[str, Any], generator: np.random.Generator | None = None
) -> dict[str, Any]:
    """The arguments with every number moved a little; counts cannot be.

    With a generator, each number is moved by another part of itself.
    """
    facts = question.given.facts
    moved = dict(arguments)
    for n, v in arguments.items():
        if is_float(v) and facts.get(n, question.usual) != "counts":
            part = 1.0 if generator is None else generator.standard_normal(v.shape)
            moved[n] = v * (1 + _NUDGE * part)
    return moved


def is_float(value: Any) -> bool:
    """Whether an argument is an array of floating-point numbers."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def value_of(
    main: Tree, known: Mapping[str, Tree], arguments: Mapping[str, Any], sizes: Mapping[str, int],
    constants: Mapping[str, Array],
) -> Array:  # fmt: skip
    """The value of a formula, its definitions first."""
    evaluator = Evaluator({**constants, **arguments}, sizes)
    with np.errstate(all="ignore"):
        for name, tree in definitions(main, known):
            evaluator.values[name] = evaluator(tree)
        return evaluator(main)


def automatic(question: Question, arguments: Mapping[str, Any]) -> Array:
    """The derivative that the transforms give."""
    held = tensors(arguments)
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
    found = np.asarray((made if isinstance(made, Tensor) else made.dense()).numpy())
    if question.vec == "C":
        return found
    rows = found.ndim - len(question.given.axes[last])
    return found.transpose(*range(rows)[::-1], *range(rows, found.ndim)[::-1])


def difference(found: Array, truth: Array) -> float:
    """The largest difference relative to the truth; infinite where one is undefined."""
    scale = max(_SMALL, float(np.max(np.abs(truth), initial=0.0)))
    error = float(np.max(np.abs(_shaped(found, truth) - truth), initial=0.0)) / scale
    return math.inf if math.isnan(error) else error


def _shaped(found: Array, truth: Array) -> Array:
    """A value in the shape of the derivative; a number stands for one with equal elements."""
    if found.size == truth.size:
        return found.reshape(truth.shape)
    return np.broadcast_to(found, truth.shape)
