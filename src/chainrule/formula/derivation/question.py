"""The question: which derivative of which function, and arguments at which it is finite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from chainrule.algebra.index import Poly
from chainrule.errors import ChainruleError, FormulaError, ShapeError
from chainrule.formula.derivation.derive import Derivation
from chainrule.formula.derivation.recognize import factored_matrices
from chainrule.formula.derivation.samples import Signature, guesses, mixtures, signature
from chainrule.formula.derivation.support import inside
from chainrule.ir.primitives import Select, View
from chainrule.tensors import Tensor, tensor
from chainrule.transform import trace
from chainrule.transform.trace import Trace
from chainrule.wording import plural

__all__ = [
    "Order",
    "Question",
    "ask",
    "derivative",
    "derive",
    "name_of",
    "require_number",
    "settled",
    "tensors",
]

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


def require_number(verb: str, question: Question, derivation: Derivation) -> None:
    """Refuse the gradient or the Hessian of more than one number."""
    if question.order != "jacobian" and derivation.traces[0].graph.outputs[0].shape:
        shape = "×".join(derivation.value().dims)
        raise FormulaError(
            f"{verb}: {name_of(question.f)} gives an array of shape {shape}, and a gradient is "
            'that of one number\n\n  order="jacobian" gives the derivative of every element; or '
            "sum it up."
        )


def settled(question: Question, derivation: Derivation) -> Question:
    """The question; that for the Jacobian of one number is for its gradient."""
    is_number = not derivation.traces[0].graph.outputs[0].shape
    of_number = question.order == "jacobian" and is_number
    return replace(question, order=1) if of_number else question


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
        for kind in guesses():
            found = _is_finite(f, tried, kind)
            if found is True:
                return _with_room(f, tried), kind
            problem = found or problem
    if isinstance(problem, ShapeError) and (longer := _longer(f, given)) is not None:
        return longer, guesses()[0]
    for facts in mixtures([n for n in given.axes if n not in given.facts]):
        tried = replace(given, facts={**given.facts, **facts})
        if _is_finite(f, tried, guesses()[0]) is True:
            return tried, guesses()[0]
    if problem is not None:
        raise problem
    return given, guesses()[0]


_TRIES = 6  # draws of single numbers, which may have a sign by chance,
_MIXED_TRIES = 3  # and of values whose order may be as it has to be by chance


def _is_finite(f: Callable[..., Any], given: Signature, kind: str) -> bool | ChainruleError:
    """Whether a function is finite at values of this kind; the error, if it raises one."""
    sizes = {name: values[0] for name, values in given.sizes().named.items()}
    mixed = _MIXED_TRIES if len(set(given.facts.values())) > 1 else 1
    for seed in range(mixed if all(given.axes.values()) else _TRIES):
        try:
            value = f(**tensors(given.draw(sizes, np.random.default_rng(seed), kind)))
        except ChainruleError as error:
            return error
        if not isinstance(value, Tensor) or not np.isfinite(value.numpy()).all():
            return False
    return True


def _with_room(f: Callable[..., Any], given: Signature) -> Signature:
    """The signature with axes so long that windows lie in them, at all sizes that are drawn."""
    if given.tied or not _has_windows(f, given) or _runs_at_points(f, given):
        return given
    return _longer(f, given) or given


def _has_windows(f: Callable[..., Any], given: Signature) -> bool:
    nodes = _recorded(f, given).graph.nodes()
    views = [n.op for n in nodes if isinstance(n.op, View)]
    return any(len(axis.terms) > 1 for view in views for axis in view.axes)


def _longer(f: Callable[..., Any], given: Signature) -> Signature | None:
    """The signature with axes that are longer than the others, at which a function runs."""
    return next((s for s in given.longer() if _runs_at_points(f, s)), None)


def _runs_at_points(f: Callable[..., Any], given: Signature) -> bool:
    """Whether a function runs at the sizes at which formulas are compared, and is recorded."""
    generator = np.random.default_rng(0)
    drawn = [given.points(generator) for _ in range(_TRIES)]
    least = {name: 1 + given.long.get(name, 0) for name in given.names}
    named = given.sizes().named
    try:
        for sizes in (least, *drawn):
            f(**tensors(given.draw(sizes, generator)))
        for recorded in zip(*named.values(), strict=True):
            trace(f)(**tensors(given.draw(dict(zip(named, recorded, strict=True)), generator)))
    except ChainruleError:
        return False
    return True


def _recorded(f: Callable[..., Any], given: Signature) -> Trace:
    sizes = {name: values[0] for name, values in given.sizes().named.items()}
    return trace(f)(**tensors(given.draw(sizes, np.random.default_rng(0))))


def _with_implied_facts(f: Callable[..., Any], given: Signature) -> Signature:
    """The signature with matrices that are factored by Cholesky as positive definite."""
    try:
        found = _recorded(f, given)
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
        found = _where_finite(f, tensors(arguments))
        _require_one(f, len(found.graph.outputs))
        traces.append(found)
    facts = {name: _implied(fact) for name, fact in given.facts.items()}
    own = name_of(f) if question.order == "jacobian" and name_of(f) not in given.axes else None
    return Derivation(traces, sizes, facts, own, expand)


def _require_one(f: Callable[..., Any], outputs: int) -> None:
    if outputs == 1:
        return
    given = plural(outputs, "Tensor") if outputs else "no Tensor"
    remedy = "lambda x: f(x)[0] gives the first one." if outputs else "Does it lack a return?"
    raise FormulaError(f"{name_of(f)} gives {given}, and a formula is that of one\n\n  {remedy}")


def _where_finite(f: Callable[..., Any], arguments: Mapping[str, Any]) -> Trace:
    """The program of f; if it is finite here, without the branches that are not."""
    found = trace(f)(**arguments)
    if not any(isinstance(n.op, Select) for n in found.graph.nodes()):
        return found
    with np.errstate(all="ignore"):
        value = f(**arguments)
    if not isinstance(value, Tensor) or not np.isfinite(value.numpy()).all():
        return found
    graph, done = inside(found.graph)
    names = {done.get(n, n): name for n, name in reversed(found.names.items())}
    names |= {n: name for n, name in found.names.items() if n in found.graph.inputs}
    earlier = {done.get(n, n): name for n, name in found.earlier.items()}
    return Trace(graph, names, found.lines, found.axes, earlier)


def _implied(fact: str) -> frozenset[str]:
    implied = {"spd": {"spd", "symmetric"}, "onehot": {"onehot", "simplex"}}
    return frozenset(implied.get(fact, {fact}))
