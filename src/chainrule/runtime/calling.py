"""Calling: from a function's arguments to the Tensors that a native program makes of them, at once.

What Python does around a program (flatten the arguments, look whether all is as before, make an
array and a Tensor of each result) takes it eight times as long as a training step of a small
network. Here machine code does that through the functions of Python and NumPy: it carries a *plan*
out (``matching.py``), takes memory for the results, lets the interpreter go while the program runs,
and makes the Tensors.

It gives NotImplemented, and has changed nothing, if anything differs from the plan or fails: then
the caller goes the long way, which knows the error. Small results share memory that a capsule owns;
when the last of them dies, the memory waits on a *shelf* for the next call. What is given away
(``giving.py``) is written over if nobody else sees it; else there is NotImplemented too.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from chainrule.codegen.assembly.table import FIRST
from chainrule.runtime.building import STEP, Build
from chainrule.runtime.call_code import FAST, maker
from chainrule.runtime.call_text import ARGUMENTS, FIELDS
from chainrule.runtime.giving import Handed
from chainrule.runtime.matching import PLACES, WORDS, Plan, words_of
from chainrule.runtime.memory import Owner, owned
from chainrule.runtime.native import NativeProgram
from chainrule.runtime.shelves import shelf

__all__ = ["Direct", "Given", "Holder", "direct"]

Direct = Callable[[tuple[Any, ...], dict[str, Any], list[Any] | None, object], Any]
"""Gives what is built of the results for (args, kwargs, hidden, told), or NotImplemented.

What is told goes with each Tensor that is given away.
"""

_SMALL: Final = 1 << 16  # bytes; larger results have memory of ``memory.owned``
_FLOAT: Final = np.dtype(np.float64)
_NEW: Final = object.__new__


class Holder(NamedTuple):
    """The class of what holds an array, and where it has its slots; all but ``value`` are None."""

    kind: type
    value: int
    node: int
    recording: int


class Given(NamedTuple):
    """Inputs, by number, that are not the arrays of Tensors; and Tensors that are given away.

    floats      Python's own; they become arrays with no axes
    arrays      those that others may write to
    gifts       the Tensors that are given away
    given_away  the class that they turn into; it has the slots of what holds an array
    """

    floats: list[int]
    arrays: list[int]
    gifts: list[Handed]
    given_away: type


def direct(
    plan: Plan, program: NativeProgram, holder: Holder, given: Given, build: Build
) -> Direct | None:
    """A program whose inputs are what a plan keeps, as a function of what the plan looks at.

    None where there can be no such function: the caller goes another way.

    build   how the Tensors of the results are put together; without a step, they are a list
    """
    shared = {FIRST + k for k in given.arrays} & set(program.outputs)
    ours = {gift.input for gift in given.gifts}
    if program.record is None or shared or not ours.issuperset(program.taken):
        return None
    first, count = program.first_made, len(program.inputs)
    assert plan.kept == count
    for value in program.constants:
        plan.keep(plan.outside(value))
    for gift in given.gifts:
        plan.keep(gift.place)
    found = plan.kept + len(program.parts) + len(given.gifts)
    fits = plan.fits() and build.fits() and max(found, 2 * len(program.blocks)) <= PLACES
    make = maker("call", FAST) if fits else None
    if make is None:
        return None
    outputs = [
        k - first + plan.kept if k >= first else
        k - FIRST if k < FIRST + count else count + program.constant_number(k)
        for k in program.outputs
    ]  # fmt: skip
    large = [block for block in program.blocks if block.size > _SMALL]
    layout = _laid_out(plan, program, holder, outputs, given, build)
    native = make(layout)
    frames, fresh = program.frames, program.frame

    def call(
        args: tuple[Any, ...], kwargs: dict[str, Any], hidden: list[Any] | None, told: object
    ) -> Any:
        try:
            frame = frames.pop()
        except IndexError:
            frame = fresh()
        if large:
            memory = [found for block in large for found in owned(*block)]
            made = native(args, kwargs, frame.place, hidden, told, *memory)
        else:
            made = native(args, kwargs, frame.place, hidden, told)
        frames.append(frame)
        return made

    return call


def _laid_out(
    plan: Plan,
    program: NativeProgram,
    holder: Holder,
    outputs: Sequence[int],
    inputs: Given,
    build: Build,
) -> tuple[Any, ...]:
    """The address of what ``call`` reads, and all that has to live as long."""
    assert program.record is not None
    blocks: list[int] = []
    given = ARGUMENTS
    for block in program.blocks:
        is_large = block.size > _SMALL
        blocks += [0, given] if is_large else [shelf(max(block.size, 1)), 0]
        given += 2 * is_large
    parts: list[int] = []
    alive: list[Any] = [plan.known, build.known, program, inputs]
    for block_number, offset, shape, dtype in program.parts:
        sizes = words_of(shape)
        alive += [sizes, dtype]
        parts += [block_number, offset, len(shape), ctypes.addressof(sizes), id(dtype)]
    gifts = [word for gift in inputs.gifts for word in (gift.input, id(gift.left))]
    own = instructions, blocks_, parts_, outputs_, floats_, steps, gifts_, taken = (
        plan.laid_out(),
        *map(words_of, (blocks, parts, outputs, inputs.floats, build.words, gifts, program.taken)),
    )
    fields = {
        "instructions": ctypes.addressof(instructions), "count": len(plan.words) // WORDS,
        "kept": plan.kept, "inputs": len(program.inputs),
        "record": ctypes.addressof(program.record),
        "blocks": ctypes.addressof(blocks_), "block_count": len(program.blocks),
        "parts": ctypes.addressof(parts_), "part_count": len(program.parts),
        "outputs": ctypes.addressof(outputs_), "output_count": len(outputs),
        "floats": ctypes.addressof(floats_), "float_count": len(floats_), "float": id(_FLOAT),
        "steps": ctypes.addressof(steps), "step_count": len(build.words) // STEP,
        "make": id(_NEW), "refused": id(NotImplemented),
        "first_made": program.first_made, "status": len(program.template),
        "array": id(np.ndarray), "holder": id(holder.kind), "value": holder.value,
        "node": holder.node, "recording": holder.recording, "none": id(None), "given": given,
        "gifts": ctypes.addressof(gifts_), "gift_count": len(inputs.gifts),
        "taken": ctypes.addressof(taken), "taken_count": len(program.taken),
        "given_away": id(inputs.given_away), "owner": id(Owner),
    }  # fmt: skip
    words = words_of([fields[name] for name in FIELDS])
    return ctypes.addressof(words), words, own, alive, holder
