"""Reverse mode: grad, value_and_grad, vjp."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import Any

from chainrule import tree
from chainrule.autodiff.linearize import linearize
from chainrule.autodiff.transpose import transpose
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.recording import recording
from chainrule.tensors import tensor
from chainrule.transform.scope import (
    Argnums,
    Function,
    Residuals,
    Variables,
    close,
    outputs,
    positions,
    require_function,
    scalar_result,
)  # fmt: skip


def pullback(
    results: Sequence[Node], cotangents: Sequence[Node | None], variables: Sequence[Node]
) -> list[Node]:
    """The cotangents of the variables, zeros included: x̄ = (∂y/∂x)ᵀ ȳ."""
    directions = [build.parameter(n.shape, n.dtype) for n in variables]
    tangents = linearize(results, dict(zip(variables, directions, strict=True)))
    pairs = [(t, c) for t, c in zip(tangents, cotangents, strict=True) if t is not None]
    made = transpose([t for t, _ in pairs], [c for _, c in pairs], directions)
    return [m or build.zeros_like(v) for m, v in zip(made, variables, strict=True)]


def value_and_grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Make a function that gives (f(…), ∇f(…)); see :func:`grad`.

    With ``has_aux`` the function returns (loss, anything) and the result is
    ((loss, anything), gradient).

    >>> cr.value_and_grad(lambda x: x**3)(2.0)
    (Tensor(8.), Tensor(12.))
    """
    require_function("value_and_grad", f)

    @wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        places = positions("grad", argnums, len(args))
        with recording("grad", opaque=False) as opened:
            variables = Variables("grad", opened, args, places)
            result = f(*variables.args, **kwargs)
            loss, aux = _with_aux(result) if has_aux else (result, None)
            node = scalar_result("grad", opened, loss)
            seed = build.fill(1, (), node.dtype)
            gradients = pullback([node], [seed], variables.nodes)
            (value, *leaves), aux = close(opened, [node, *gradients], aux)
        trees = variables.rebuild(leaves)
        gradient = trees[0] if isinstance(argnums, int) else tuple(trees)
        return ((value, aux) if has_aux else value), gradient

    return value_and_gradient


def _with_aux(result: Any) -> tuple[Any, Any]:
    if not (isinstance(result, tuple) and len(result) == 2):
        raise ArgumentError("has_aux=True: the function must return a pair (loss, anything)")
    return result


def grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Make a function that gives the gradient of f: the number's derivative by each element.

    (∇f)(x)ᵢ = ∂f/∂xᵢ

    ``argnums`` picks the positional arguments to differentiate by; each may be a Tensor, a float or
    a tree of them, and the gradient has its structure. With ``has_aux`` the function returns
    (loss, anything) and the result is (gradient, anything).

    Raises:  ShapeError: f gives more than one number.
             DTypeError: an argument or the result is not floating-point.
    Cost:    a small constant times that of f, whatever the number of elements; memory for the
             intermediate values of f.
    Source:  griewank2008evaluating, ch. 3

    >>> cr.grad(lambda w: (w * w).sum())(cr.tensor([1.0, -2.0]))
    Tensor([ 2., -4.])
    """
    require_function("grad", f)
    both = value_and_grad(f, argnums, has_aux)

    @wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, found = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def vjp(f: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Give f(*primals) and the linear function that pulls cotangents back through f.

    ȳ ↦ (∂f/∂x)ᵀ ȳ, a tuple with one entry for each primal.

    >>> y, pull = cr.vjp(lambda x: x * x, cr.tensor([1.0, 2.0]))
    >>> pull(cr.tensor([1.0, 1.0]))
    (Tensor([2., 4.]),)
    """
    with recording("vjp", opaque=False) as opened:
        variables = Variables("vjp", opened, primals, range(len(primals)))
        result = f(*variables.args)
        result, aux = _with_aux(result) if has_aux else (result, None)
        nodes, structure = outputs("vjp", opened, result)
        residuals = Residuals(opened, nodes)
        leaves, aux = close(opened, nodes, aux)

    def pull(cotangent: Any) -> tuple[Any, ...]:
        given, shape = tree.flatten(cotangent)
        if shape != structure:
            raise ArgumentError(
                f"vjp: the cotangent has the structure {shape}, the result {structure}"
            )
        tensors = [tensor(g) for g in given]
        for got, node in zip(tensors, nodes, strict=True):
            if got.shape != node.shape:
                raise ShapeError(
                    f"vjp: a cotangent of shape {list(got.shape)} for a result of shape "
                    f"{list(node.shape)}"
                )
        seeds = [
            t if t.dtype is n.dtype else t.astype(n.dtype)
            for t, n in zip(tensors, nodes, strict=True)
        ]
        made = residuals.apply(lambda cts: pullback(nodes, cts, variables.nodes), seeds)
        return tuple(variables.rebuild(made))

    out = tree.unflatten(structure, leaves)
    return (out, pull, aux) if has_aux else (out, pull)
