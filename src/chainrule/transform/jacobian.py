"""jacobian and hessian: the whole derivative, as labelled blocks."""

from __future__ import annotations

import inspect
import math
from collections.abc import Collection, Sequence
from functools import wraps
from typing import Any, Literal, NamedTuple

import numpy as np

from chainrule import tree
from chainrule.autodiff.batch import batch
from chainrule.errors import ArgumentError, DTypeError
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.recording import recording
from chainrule.tensors import Tensor
from chainrule.transform.dense import Part
from chainrule.transform.derivative import Derivative
from chainrule.transform.forward import push
from chainrule.transform.reverse import grad, pullback
from chainrule.transform.scope import (
    Argnums,
    Function,
    Residuals,
    Variables,
    close,
    outputs,
    positions,
    require_function,
)
from chainrule.transform.search import Search, value_names

Mode = Literal["forward", "reverse"]


def jacobian(f: Function, argnums: Argnums = 0, mode: Mode | None = None) -> Function:
    """Make a function that gives the derivative of every result by every argument.

    J[i…, j…] = ∂f(x)[i…] / ∂x[j…]

    The result is a :class:`Derivative`: used as an array it is the dense tensor with the axes of
    the result before those of the argument; ``block`` picks a part where there are several.
    ``mode`` is chosen by size: reverse mode where f gives fewer numbers than it takes.

    Cost:    min(number of inputs, number of outputs) times that of a jvp or vjp, done as one batch.

    >>> cr.jacobian(lambda x: x * x)(cr.tensor([1.0, 2.0])).dense()
    Tensor([[2., 0.],
            [0., 4.]])
    """
    require_function("jacobian", f)

    @wraps(f)
    def derivative(*args: Any, **kwargs: Any) -> Derivative:
        return _jacobian("jacobian", f, argnums, mode, args, kwargs)

    return derivative


def hessian(f: Function, argnums: Argnums = 0) -> Function:
    """Make a function that gives all second derivatives of a number.

    H[i…, j…] = ∂²f / ∂x[i…] ∂x[j…]

    The result is a :class:`Derivative` that knows its structure and keeps it: factors of Kronecker
    products, blocks, low rank. Products, traces, eigenvalues and solutions come from those.

    Cost:    that of the factors for what the structure is enough for; dense, where it shows none,
             number of inputs times that of a gradient (forward over reverse), done as one batch.
    Source:  griewank2008evaluating, ch. 5

    >>> cr.hessian(lambda x: (x * x * x).sum())(cr.tensor([1.0, 2.0])).dense()
    Tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    require_function("hessian", f)

    @wraps(f)
    def second(*args: Any, **kwargs: Any) -> Derivative:
        return _jacobian("hessian", f, argnums, None, args, kwargs)

    return second


def _jacobian(
    transform: Literal["jacobian", "hessian"], f: Function, argnums: Argnums, mode: Mode | None,
    args: Any, kwargs: Any,
) -> Derivative:  # fmt: skip
    places = positions(transform, argnums, len(args))
    if mode not in (None, "forward", "reverse"):
        raise ArgumentError(f'{transform}: mode={mode!r} is neither "forward" nor "reverse"')
    second = transform == "hessian"
    with recording(transform, opaque=False) as opened:
        variables = Variables(transform, opened, args, places)
        result = (grad(f, argnums) if second else f)(*variables.args, **kwargs)
        nodes, _ = outputs(transform, opened, result)
        if not all(n.dtype.is_float for n in nodes):
            raise DTypeError(f"{transform}: the function returned a result without a derivative")
        found = Search(nodes, variables.nodes, opened.since, second)
        if mode is None:
            found.lower()
        (leaves,) = close(opened, [*found.atoms.values()], commit=False)
        residuals = Residuals(opened, ())
    way = "forward" if second else mode
    inputs = _parts(_names(f, args, places), variables.nodes)
    paths = [path or "result" for path, _ in tree.paths(result)]
    results = inputs if second else _parts(paths, nodes)
    tensors = {p.name: t for p, t in zip(inputs, variables.tensors, strict=True)}
    names = value_names(f, _bound(f, args, kwargs), tensors, found.atoms)
    linear = found.map(residuals, lambda: _blocks(nodes, variables.nodes, way), _block_at_places)
    return Derivative(
        tuple(results),
        tuple(inputs),
        found.parts(dict(zip(found.atoms, leaves, strict=True)), names, linear),
        nodes[0].dtype,
        linear,
        second,
        Origin(f, args, kwargs, places, transform),
    )


class Origin(NamedTuple):
    """What was differentiated."""

    function: Function
    args: Any
    kwargs: Any
    places: tuple[int, ...]
    transform: Literal["jacobian", "hessian"]

    def leaves(self) -> list[tuple[str, Any]]:
        """The arguments and what is inside of them, by name."""
        found = []
        for name, value in _bound(self.function, self.args, self.kwargs).items():
            found += [
                (f"{name}.{path}" if path else name, leaf)
                for path, leaf in tree.paths(value)
                if isinstance(leaf, Tensor | np.ndarray | float)
            ]
        return found


def _bound(f: Function, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by the names of their parameters."""
    try:
        return dict(inspect.signature(f).bind(*args, **kwargs).arguments)
    except (TypeError, ValueError):
        return dict(kwargs)


def _parts(names: Sequence[str], nodes: Sequence[Node]) -> list[Part]:
    return [Part(name, n.shape) for name, n in zip(names, nodes, strict=True)]


def _names(f: Function, args: Sequence[Any], places: Sequence[int]) -> list[str]:
    """The name of every differentiated leaf: the parameter's, and the path inside it."""
    try:
        parameters = list(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        parameters = []
    names = []
    for place in places:
        base = parameters[place] if place < len(parameters) else f"argument {place}"
        names += [f"{base}.{path}" if path else base for path, _ in tree.paths(args[place])]
    return names


def _blocks(results: Sequence[Node], variables: Sequence[Node], mode: Mode | None) -> list[Node]:
    """∂result/∂variable for each pair, results first, as nodes of shape result + variable."""
    count_in = sum(math.prod(v.shape) for v in variables)
    count_out = sum(math.prod(r.shape) for r in results)
    if (mode or ("reverse" if count_out < count_in else "forward")) == "reverse":
        return [block for r in results for block in _rows(r, variables)]
    columns = [_columns(results, v) for v in variables]
    return [column[k] for k in range(len(results)) for column in columns]


def _seeds(node: Node, tied: Collection[int] = ()) -> tuple[Node, int]:
    """A stack of basis vectors along the axes that are not tied, each at all places of the others.

    Samples that do not depend on each other share one vector.
    """
    free = [k for k in range(node.ndim) if k not in tied]
    shape = tuple(node.shape[k] for k in free)
    size = math.prod(shape)
    basis = build.reshape(build.delta(size, node.dtype), (size, *shape))
    return build.expand(basis, (size, *node.shape), (0, *(k + 1 for k in free))), size


def _rows(result: Node, variables: Sequence[Node]) -> list[Node]:
    stacks, _ = _pulled(result, variables)
    return [
        build.reshape(s, (*result.shape, *v.shape)) for s, v in zip(stacks, variables, strict=True)
    ]


def _pulled(
    result: Node, variables: Sequence[Node], tied: Collection[int] = ()
) -> tuple[list[Node], int]:
    cotangent = build.parameter(result.shape, result.dtype)
    pulled = pullback([result], [cotangent], variables)
    seeds, size = _seeds(result, tied)
    return batch(pulled, {cotangent: seeds}, size), size


def _columns(results: Sequence[Node], variable: Node, tied: Collection[int] = ()) -> list[Node]:
    tangent = build.parameter(variable.shape, variable.dtype)
    pushed = push(results, {variable: tangent})
    seeds, size = _seeds(variable, tied)
    stacks = batch(pushed, {tangent: seeds}, size)
    free = tuple(n for k, n in enumerate(variable.shape) if k not in tied)
    made = []
    for stack, result in zip(stacks, results, strict=True):
        last = build.transpose(stack, (*range(1, stack.ndim), 0))
        made.append(build.reshape(last, (*result.shape, *free)))
    return made


def _block_at_places(result: Node, variable: Node, ties: Sequence[tuple[int, int]]) -> Node:
    """∂result/∂variable without the axes of the variable that are tied to axes of the result."""
    rows, columns = ([pair[side] for pair in ties] for side in (0, 1))
    free = [
        [k for k in range(n.ndim) if k not in tied]
        for n, tied in ((result, rows), (variable, columns))
    ]
    sides = [
        math.prod(n.shape[k] for k in ks) for n, ks in zip((result, variable), free, strict=True)
    ]
    if sides[1] <= sides[0]:
        return _columns([result], variable, columns)[0]
    (stack,), _ = _pulled(result, [variable], rows)
    spread = build.reshape(stack, (*(result.shape[k] for k in free[0]), *variable.shape))
    first = len(free[0])
    column_of = dict(ties)
    order = [
        first + column_of[k] if k in column_of else free[0].index(k) for k in range(result.ndim)
    ]
    return build.transpose(spread, [*order, *(first + k for k in free[1])])
