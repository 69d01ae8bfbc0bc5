"""Forward mode: jvp and linearize."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule import tree
from chainrule.autodiff import linearize as forward
from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.recording import recording
from chainrule.tensors import Tensor, node_of, tensor
from chainrule.transform.scope import Function, Residuals, Variables, close, outputs


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Give f(*primals) and its derivative in a direction.

    (f(x), ∂f/∂x · ẋ)

    Raises:  ShapeError: a tangent has another shape than its primal.
    Cost:    a small constant times that of f; no memory for intermediate values.
    Source:  griewank2008evaluating, ch. 3

    >>> cr.jvp(lambda x: x * x, (cr.tensor([1.0, 2.0]),), (cr.tensor([1.0, 0.0]),))
    (Tensor([1., 4.]), Tensor([2., 0.]))
    """
    if not (isinstance(primals, list | tuple) and isinstance(tangents, list | tuple)):
        raise ArgumentError(
            "jvp: primals and tangents are tuples with an entry for each argument: "
            "jvp(f, (x,), (dx,))"
        )
    with recording("jvp", opaque=False) as opened:
        variables = Variables("jvp", opened, primals, range(len(primals)))
        given = _directions(variables, tangents)
        result = f(*variables.args)
        nodes, structure = outputs("jvp", opened, result)
        seeds = {v: node_of(t, opened) for v, t in zip(variables.nodes, given, strict=True)}
        pushed = push(nodes, seeds)
        (made,) = close(opened, [*nodes, *pushed], commit=False)
    count = len(nodes)
    return tree.unflatten(structure, made[:count]), tree.unflatten(structure, made[count:])


def push(results: Sequence[Node], seeds: dict[Node, Node]) -> list[Node]:
    """The tangents of the results, zeros included."""
    found = forward.linearize(results, seeds)
    return [t or build.zeros_like(n) for t, n in zip(found, results, strict=True)]


def _directions(variables: Variables, tangents: Sequence[Any]) -> list[Tensor]:
    given, structures = [], []
    for t in tangents:
        leaves, structure = tree.flatten(t)
        given += [tensor(leaf) for leaf in leaves]
        structures.append(structure)
    if structures != variables.structures:
        raise ArgumentError("jvp: the tangents have another structure than the primals")
    for tangent, primal in zip(given, variables.tensors, strict=True):
        if tangent.shape != primal.shape:
            raise ShapeError(
                f"jvp: a tangent of shape {list(tangent.shape)} for a primal of shape "
                f"{list(primal.shape)}"
            )
        if not tangent.dtype.is_float:
            raise DTypeError(
                f"jvp: a tangent has dtype {tangent.dtype}; tangents are floating-point"
            )
    return [
        t if t.dtype is p.dtype else t.astype(p.dtype)
        for t, p in zip(given, variables.tensors, strict=True)
    ]


def linearize(f: Function, *primals: Any) -> tuple[Any, Function]:
    """Give f(*primals) and the linear function ẋ ↦ ∂f/∂x · ẋ, ready to be applied many times.

    >>> y, push = cr.linearize(lambda x: x * x, cr.tensor([1.0, 2.0]))
    >>> push(cr.tensor([1.0, 1.0]))
    Tensor([2., 4.])
    """
    with recording("linearize", opaque=False) as opened:
        variables = Variables("linearize", opened, primals, range(len(primals)))
        nodes, structure = outputs("linearize", opened, f(*variables.args))
        residuals = Residuals(opened, nodes)
        (leaves,) = close(opened, nodes, commit=False)

    def apply(*tangents: Any) -> Any:
        given = _directions(variables, tangents)
        made = residuals.apply(
            lambda seeds: push(nodes, dict(zip(variables.nodes, seeds, strict=True))), given
        )
        return tree.unflatten(structure, made)

    return tree.unflatten(structure, leaves), apply
