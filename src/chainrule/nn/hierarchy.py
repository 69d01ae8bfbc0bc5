"""Layers as Blocks: to formulas and pictures, a network is a block of blocks.

Programs that only run have no use for them, and a Block's derivative computes its body again until
the passes merge the two; so calls are recorded as Blocks under ``trace`` only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from chainrule import tree
from chainrule.functions.block import keeps_blocks, record_block
from chainrule.recording import current
from chainrule.tensors import Tensor
from chainrule.transform.state import State

__all__: list[str] = []


def as_block(call: Callable[..., Any]) -> Callable[..., Any]:
    """A module's call that is recorded as a Block of the module's kind where Blocks are kept.

    What the module writes into State cells leaves the Block as further results.
    """

    @wraps(call)
    def apply(module: Any, /, *args: Any, **kwargs: Any) -> Any:
        host = current()
        if host is None or not keeps_blocks():
            return call(module, *args, **kwargs)
        leaves, structure = tree.flatten((module, args, kwargs))
        places = [k for k, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
        before = dict(host.writes)
        written: list[State] = []

        def body(*tensors: Tensor) -> tuple[Any, list[Tensor]]:
            given = list(leaves)
            for k, tensor in zip(places, tensors, strict=True):
                given[k] = tensor
            inner, inner_args, inner_kwargs = tree.unflatten(structure, given)
            made = call(inner, *inner_args, **inner_kwargs)
            written.extend(c for c, v in host.writes.items() if before.get(c) is not v)
            return made, [host.writes[c] for c in written]

        made, values = record_block(type(module).__name__, body, [leaves[k] for k in places])
        for cell, value in zip(written, values, strict=True):
            cell.commit(value, host)
        return made

    return apply
