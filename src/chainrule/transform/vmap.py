"""vmap: a function of one example becomes a function of a stack of examples."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.autodiff.batch import batch
from chainrule.errors import ArgumentError, RecordingError, ShapeError
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.recording import Recording, recording
from chainrule.tensors import Tensor, node_of, of_node, tensor
from chainrule.transform.debug import tie_effects
from chainrule.transform.scope import Function, close, outputs, require_function
from chainrule.wording import plural

Axes = int | None | Sequence[Any] | dict[str, Any]


def vmap(f: Function, in_axes: Axes = 0, out_axes: int = 0) -> Function:
    """Make a function that applies f to every example of a stack at once.

    vmap(f)(x)[n] = f(x[n])

    ``in_axes`` says along which axis the examples of each argument lie (``None``: the argument is
    the same for all); it may be one number for all, or a tuple with an entry for each argument.
    Results have the examples along ``out_axes``.

    Raises:  ShapeError: the arguments have different numbers of examples.

    >>> cr.vmap(lambda x, y: (x * y).sum())(cr.ones((3, 2)), cr.ones((3, 2)))
    Tensor([2., 2., 2.])
    """
    require_function("vmap", f)
    if not isinstance(out_axes, int):
        raise ArgumentError(f"vmap: out_axes={out_axes!r} is not the number of one axis")

    @wraps(f)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        with recording("vmap", opaque=True) as opened:
            examples, stacks, size = _examples(opened, args, in_axes)
            result = f(*examples, **kwargs)
            nodes, structure = outputs("vmap", opened, result)
            nodes = tie_effects(opened, nodes)
            written = list(opened.writes.items())
            cells = [node_of(t, opened) for _, t in written]
            made = batch([*nodes, *cells], stacks, size)
            moved = [_placed(n, out_axes) for n in made[: len(nodes)]]
            opened.writes = {
                cell: of_node(_reduced(cell.across, n), opened)
                for (cell, _), n in zip(written, made[len(nodes) :], strict=True)
            }
            (leaves,) = close(opened, moved)
        return tree.unflatten(structure, leaves)

    return mapped


def _examples(
    opened: Recording, args: Sequence[Any], in_axes: Axes
) -> tuple[list[Any], dict[Node, Node], int]:
    """The arguments for one example, the stack behind each, and the number of examples."""
    per_argument = in_axes if isinstance(in_axes, list | tuple) else [in_axes] * len(args)
    if len(per_argument) != len(args):
        raise ArgumentError(
            f"vmap: in_axes has {plural(len(per_argument), 'entry')} for "
            f"{plural(len(args), 'argument')}"
        )
    stacks: dict[Node, Node] = {}
    sizes: dict[str, int] = {}
    examples = []
    for place, (arg, axes) in enumerate(zip(args, per_argument, strict=True)):
        leaves, structure = tree.flatten(arg)
        which = _spread_axes(axes, arg, len(leaves))
        ones = []
        for leaf, axis in zip(leaves, which, strict=True):
            if axis is None or not isinstance(leaf, Tensor | np.ndarray):
                ones.append(leaf)
                continue
            stack = _leading(node_of(tensor(leaf), opened), axis, place)
            sizes.setdefault(f"argument {place}", stack.shape[0])
            if len({*sizes.values(), stack.shape[0]}) > 1:
                raise ShapeError(_different(sizes, place, stack.shape[0]))
            one = build.parameter(stack.shape[1:], stack.dtype)
            stacks[one] = stack
            ones.append(of_node(one, opened))
        examples.append(tree.unflatten(structure, ones))
    if not sizes:
        raise ArgumentError("vmap: no argument has an axis of examples; give in_axes")
    return examples, stacks, next(iter(sizes.values()))


def _different(sizes: dict[str, int], place: int, last: int) -> str:
    seen = [f"    {name}: {n}" for name, n in {**sizes, f"argument {place}": last}.items()]
    return "vmap: the arguments have different numbers of examples\n\n" + "\n".join(seen)


def _spread_axes(axes: Any, arg: Any, count: int) -> list[int | None]:
    if axes is None or isinstance(axes, int):
        return [axes] * count
    if not isinstance(axes, dict | list | tuple) or not _fits(axes, arg):
        raise ArgumentError(
            f"vmap: in_axes has {axes!r} for {_shape_of(arg)}\n\n"
            "  An entry is the number of an axis, None, or a dictionary, list or tuple of entries "
            "with the\n  keys or the length of the argument."
        )
    found: list[int | None] = []
    keys = tree.flatten({k: k for k in arg})[0] if isinstance(arg, dict) else range(len(arg))
    for key in keys:
        child = arg[key]
        found += _spread_axes(axes[key], child, len(tree.flatten(child)[0]))
    return found


def _fits(axes: Any, arg: Any) -> bool:
    """Whether the entries of in_axes are those of a branch of an argument."""
    if isinstance(axes, dict) or isinstance(arg, dict):
        return isinstance(axes, dict) and isinstance(arg, dict) and axes.keys() == arg.keys()
    return isinstance(arg, list | tuple) and len(axes) == len(arg)


def _shape_of(arg: Any) -> str:
    """A branch of an argument, in a message."""
    if isinstance(arg, dict):
        return f"a dict with the keys {', '.join(map(repr, arg))}"
    size = f" of length {len(arg)}" if isinstance(arg, list | tuple) else ""
    return f"a {type(arg).__name__}{size}"


def _leading(node: Node, axis: int, place: int) -> Node:
    if not -node.ndim <= axis < node.ndim:
        raise ShapeError(
            f"vmap: argument {place} has shape {list(node.shape)}, so it has no axis {axis}"
        )
    axis %= node.ndim
    return build.transpose(node, (axis, *(a for a in range(node.ndim) if a != axis)))


def _placed(node: Node, axis: int) -> Node:
    if not -node.ndim <= axis < node.ndim:
        raise ShapeError(f"vmap: out_axes={axis} for a result of shape {list(node.shape)}")
    axis %= node.ndim
    order = [*range(1, node.ndim)]
    order.insert(axis, 0)
    return build.transpose(node, order)


def _reduced(across: str | None, stack: Node) -> Node:
    """Combine what the examples wrote into one State."""
    if across is None:
        raise RecordingError(
            "vmap: every example writes the same State\n\n"
            '  Say how the writes combine: State(value, across="mean"), "sum" or "first".'
        )
    if across == "first":
        return build.reshape(build.slice_axis(stack, 0, 0, 1), stack.shape[1:])
    total = build.sum_(stack, (0,))
    return build.scale(total, 1 / stack.shape[0]) if across == "mean" else total
