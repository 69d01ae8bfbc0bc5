"""Derivatives to order: stop_gradient, checkpoint, custom_derivative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from chainrule import tree
from chainrule.autodiff.linearity import obstacle
from chainrule.errors import ArgumentError, GradientError, ShapeError
from chainrule.functions.block import record_block
from chainrule.functions.lift import Lifted, as_tensor
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.recording import Recording, recording
from chainrule.tensors import Tensor, node_of, of_node, tensor
from chainrule.transform.scope import Function
from chainrule.wording import plural

_detach = Lifted(lambda node: build.apply("detach", node))


def stop_gradient(x: Any) -> Any:
    """Give the same value through which no derivative flows, for a Tensor or a tree of them.

    >>> cr.grad(lambda x: x * cr.stop_gradient(x))(3.0)
    Tensor(3.)
    """
    return tree.map_(lambda leaf: _detach([as_tensor(leaf, "stop_gradient")]), x)


def checkpoint(f: Function) -> Function:
    """Make a function whose intermediate values are computed again in reverse mode, not kept.

    Memory falls from all intermediate values of f to its arguments; its time in reverse mode grows
    by one more forward pass.

    Source:  griewank2008evaluating, ch. 12

    >>> cr.grad(cr.checkpoint(lambda x: cr.sin(cr.sin(x))))(0.0)
    Tensor(1.)
    """

    @wraps(f)
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = tree.flatten((args, kwargs))
        places = [k for k, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]

        def flat(*tensors: Tensor) -> Any:
            inner = list(leaves)
            for k, t in zip(places, tensors, strict=True):
                inner[k] = t
            own_args, own_kwargs = tree.unflatten(structure, inner)
            return f(*own_args, **own_kwargs)

        name = getattr(f, "__name__", "checkpoint")
        return record_block(name, flat, [leaves[k] for k in places], barrier=True)

    return recomputed


def custom_derivative(rule: Callable[..., Any]) -> Callable[[Function], Function]:
    """Give a function its own tangent rule, used in every mode and order.

    ``rule(inputs, output, tangents)`` gives the tangent of the output: a function of Tensors,
    linear in the tangents (a tuple, with zeros for arguments that are not differentiated). Reverse
    mode is its transpose. Check it with :func:`chainrule.testing.check_gradients`.

    >>> @cr.custom_derivative(lambda inputs, y, tangents: y * tangents[0])
    ... def exponential(x):
    ...     return cr.exp(x)
    >>> cr.grad(exponential)(0.0)
    Tensor(1.)
    """

    def decorate(f: Function) -> Function:
        @wraps(f)
        def with_rule(*args: Any) -> Any:
            tensors = [as_tensor(a, f.__name__) for a in args]
            return record_block(f.__name__, f, tensors, tangent=_as_nodes(f.__name__, rule))

        return with_rule

    return decorate


def _as_nodes(name: str, rule: Callable[..., Any]) -> Callable[..., list[Node | None]]:
    """A rule of Tensors as a rule of nodes."""

    def apply(
        inputs: list[Node], results: list[Node], tangents: list[Node | None]
    ) -> list[Node | None]:
        if all(t is None for t in tangents):
            return [None] * len(results)
        with recording(f"the derivative rule of {name}", opaque=True) as opened:
            known = [of_node(n, opened) for n in inputs]
            values = [of_node(n, opened) for n in results]
            directions = [
                of_node(build.zeros_like(n) if t is None else build.alias(t), opened)
                for n, t in zip(inputs, tangents, strict=True)
            ]
            made = rule(
                tuple(known), values[0] if len(values) == 1 else tuple(values), tuple(directions)
            )
            if made is None:
                return [None] * len(results)
            leaves = [tensor(leaf) for leaf in tree.flatten(made)[0]]
            _check_types(name, leaves, results)
            nodes = [
                node_of(t.astype(n.dtype), opened) for t, n in zip(leaves, results, strict=True)
            ]
            _check_linear(name, opened, nodes, [node_of(t, opened) for t in directions])
            return list(nodes)

    return apply


def _check_types(name: str, tangents: Sequence[Tensor], results: Sequence[Node]) -> None:
    if len(tangents) != len(results):
        raise ArgumentError(
            f"the derivative rule of {name} gave {plural(len(tangents), 'tangent')} for "
            f"{plural(len(results), 'result')}"
        )
    for tangent, result in zip(tangents, results, strict=True):
        if tangent.shape != result.shape:
            raise ShapeError(
                f"the derivative rule of {name} gave a tangent of shape {list(tangent.shape)} for "
                f"a result of shape {list(result.shape)}"
            )


def _check_linear(
    name: str, opened: Recording, tangents: Sequence[Node], directions: Sequence[Node]
) -> None:
    wrong = obstacle(tangents, directions)
    if wrong is not None:
        place = opened.where(wrong)
        raise GradientError(
            f"the derivative rule of {name} is not linear in the tangents"
            f"{f' at {place}' if place else ''}\n\n"
            "  A tangent may be summed, moved, multiplied and divided by what is no tangent; no "
            "constant is\n  added to it, and two of them are not multiplied."
        )
