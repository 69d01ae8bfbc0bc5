"""The question: which derivative of which function, and arguments at which it is finite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from chainrule.algebra.index import Poly
from chainrule.errors import ChainruleError, FormulaError
from chainrule.formula.derivation.derive import Derivation
from chainrule.formula.derivation.recognize import factored_matrices
from chainrule.formula.derivation.samples import Signature, guesses, signature
from chainrule.tensors import Tensor, tensor
from chainrule.transform import trace

__all__ = ["Order", "Question", "ask", "derivative", "derive", "name_of", "tensors"]

Order = Literal[1, 2, "jacobian"]


@dataclass(frozen=True)
class Question:
    """What is asked: the derivative of f with respect to names, of this order.

    vec  how matrices are stacked in a Hessian or a Jacobian: "C" by rows, "F" by columns
    """

    f: Callable[..., Any]
    names: tuple[str, ...]
    order: Order
    given: Signature
    usual: str
    vec: Literal["C", "F"] = "C"


def ask(
    verb: str,
    f: Callable[..., Any],
    wrt: str | tuple[str, str],
    examples: Sequence[Any] = (),
    axes: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
    order: Order = 1,
) -> Question:
    """Make a question of what a user said; ``verb`` is the function that was called.

    Raises:  FormulaError: no such parameter, or an unknown shape.
    """
    given = signature(f, examples, axes, facts)
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    for name in names:
        if name not in given.axes:
            raise FormulaError(
                f"{verb}: {name_of(f)} has no parameter {name!r} with axes; it has "
                + ", ".join(given.axes)
            )
    given, usual = _usable(f, _with_implied_facts(f, given))
    return Question(f, names, order, given, usual)


def name_of(f: Callable[..., Any]) -> str:
    """What a function is called in formulas."""
    return str(getattr(f, "__name__", "f")).replace("<lambda>", "f")


def derivative(derivation: Derivation, names: tuple[str, ...], order: Order) -> Poly:
    """The derivative of this order as a poly."""
    if order == 1:
        return derivation.gradient(names[0])
    if order == 2:
        return derivation.hessian(names[0], names[-1])
    return derivation.jacobian(names[0])


def _usable(f: Callable[..., Any], given: Signature) -> tuple[Signature, str]:
    """The kind of random values at which the function is finite, and the sizes that it allows."""
    problem: Exception | None = None
    for tied in (False, True) if given.examples else (False,):
        tried = replace(given, tied=tied)
        sizes = {name: values[0] for name, values in tried.sizes().named.items()}
        for kind in guesses():
            try:
                value = f(**tensors(tried.draw(sizes, np.random.default_rng(0), kind)))
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
        found = trace(f)(**tensors(given.draw(sizes, np.random.default_rng(0))))
    except ChainruleError:
        return given
    names = [found.names.get(n) for n in factored_matrices(found.graph)]
    implied = {n: "spd" for n in names if n is not None and n in given.axes}
    return replace(given, facts={**implied, **given.facts})


def tensors(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with their arrays as Tensors."""
    return {
        n: tensor(v) if isinstance(v, np.ndarray | np.generic) else v for n, v in arguments.items()
    }


def derive(question: Question, expand: bool = False) -> Derivation:
    """Record the function at several sizes, and make its derivatives."""
    f, given = question.f, question.given
    sizes = given.sizes()
    traces = []
    for k in range(max(1, sizes.recordings)):
        numbers = {name: values[k] for name, values in sizes.named.items()}
        arguments = given.draw(numbers, np.random.default_rng(k), question.usual)
        traces.append(trace(f)(**tensors(arguments)))
    facts = {name: _implied(fact) for name, fact in given.facts.items()}
    own = name_of(f) if question.order == "jacobian" and name_of(f) not in given.axes else None
    return Derivation(traces, sizes, facts, own, expand)


def _implied(fact: str) -> frozenset[str]:
    implied = {"spd": {"spd", "symmetric"}, "onehot": {"onehot", "simplex"}}
    return frozenset(implied.get(fact, {fact}))
