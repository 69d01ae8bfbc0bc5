"""debug.print: see values, also where they are not known while recording."""

from __future__ import annotations

import builtins
from typing import Any

from chainrule.errors import ArgumentError
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.recording import Recording, current
from chainrule.tensors import Tensor, node_of
from chainrule.wording import plural

__all__ = ["print"]


def print(message: str, *values: Any) -> None:
    """Print a message with values, when they are computed.

    ``message`` has a ``{}`` for each value. Inside ``jit``, ``vmap``, ``scan`` and ``cond`` it is
    printed whenever the program passes there.

    >>> double = cr.jit(lambda x: (cr.debug.print("x is {}", x), 2 * x)[1])
    >>> double(cr.tensor(1.5))
    x is 1.5
    Tensor(3.)
    """
    recording = current()
    opaque = recording is not None and recording.unknown_under is not None
    recorded = [v for v in values if isinstance(v, Tensor) and v._node is not None]
    if not opaque or not recorded:
        builtins.print(  # noqa: T201 — printing is what it is for
            _filled(message, [v._known() if isinstance(v, Tensor) else v for v in values])
        )
        return
    assert recording is not None
    fixed = [v for v in values if not isinstance(v, Tensor)]
    if fixed:
        raise ArgumentError("debug.print: while values are unknown, every {} needs a Tensor")
    _filled(message, values)
    host = next(r for r in recording.chain() if r.opaque)
    host.effects.append((message, [node_of(v, recording) for v in values]))


def _filled(message: str, values: Any) -> str:
    try:
        return message.format(*values)
    except (IndexError, KeyError, ValueError) as error:
        raise ArgumentError(
            f"debug.print: the message {message!r} does not fit "
            f"{plural(len(values), 'value')} ({error})"
        ) from None


def tie_effects(recording: Recording, nodes: list[Node]) -> list[Node]:
    """Make the effects of a recording part of its first result, so that no pass loses them."""
    if recording.effects and not nodes:
        raise ArgumentError(
            f"debug.print: the function that {recording.kind} records returns nothing, so its "
            "messages would be lost\n\n  Return at least one Tensor."
        )
    for message, operands in recording.effects:
        nodes[0] = build.print_(message, nodes[0], operands)
    return nodes
