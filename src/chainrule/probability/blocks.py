"""Densities and draws of many numbers, by machine code that goes from block to block.

Where nothing is recorded, a density of thousands of numbers is one program, compiled once for each
kind of distribution, whose parameters are its arguments. So is what makes draws of uniform numbers.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import numpy as np

from chainrule import tree
from chainrule.functions.blockwise import Program, along, numbered
from chainrule.functions.elementwise import where
from chainrule.functions.lift import Operand, as_tensor, known_array
from chainrule.functions.manipulation import reshape
from chainrule.functions.random_blocks import uniform_block, uniform_rows
from chainrule.functions.random_keys import split
from chainrule.functions.slots import tensor_slots
from chainrule.ir.dtype import DType, from_numpy, uint64
from chainrule.ir.primitives import Shape
from chainrule.probability.parameters import kept
from chainrule.recording import modes
from chainrule.runtime.filling import filling
from chainrule.runtime.programs import is_native, ready
from chainrule.runtime.rows import rows_of
from chainrule.tensors import Tensor, of_value
from chainrule.transform.jit import jit

__all__: list[str] = []

_MANY: Final = 2**13  # numbers from which on it pays to run a program for their densities
_SHORTENED: Final = 16  # calls of a distribution from which on a shorter way to a program pays
_BLOCK: Final = 2**11  # numbers of a block
_WIDEST: Final = 2**13  # numbers of a draw above which there are no blocks
_SIDE_BY_SIDE: Final = 16  # draws whose densities fill 64 bytes: then blocks lie side by side
_MANY_DRAWS: Final = 2**12
_DRAWN: Final = 2**13  # uniform numbers of a block; draws are what they are for this number
_PROGRAMS: Final = 256  # that are kept

Owner = TypeVar("Owner")
Density = Callable[[Owner, Any], Tensor]
Kind = tuple[Shape, DType]


def in_blocks(log_density: Density[Owner]) -> Density[Owner]:
    """Let a distribution compute many densities block by block.

    Its ``_draw_shape()`` is the shape of a draw from all places, of which the last ``event_axes``
    belong to one draw. Where it has ``_prepared()``, that has the ``log_density`` of blocks.
    """

    @functools.wraps(log_density)
    def method(self: Owner, x: Operand) -> Tensor:
        value = x if isinstance(x, np.ndarray) else known_array(x)
        if value is None or value.size < _MANY:
            return log_density(self, x)
        along_blocks: _Blocks = kept(self, "_blocks", make, self)
        found = along_blocks(value, x)
        return log_density(self, x) if found is None else found

    def make(owner: Any) -> _Blocks:
        prepare = getattr(owner, "_prepared", None)
        made = owner if prepare is None else prepare()
        density = log_density if prepare is None else type(made).log_density
        return _Blocks(density, made, owner._draw_shape(), owner.event_axes)

    return method


class _Blocks:
    """A density of known parameters, and the programs that compute it block by block.

    calls   how often it went the long way
    direct  programs as functions of a Tensor, for arrays that are not very long, by modes
    """

    __slots__ = (
        "calls", "density", "direct", "draw", "event", "fixed", "programs", "rows", "structure",
    )  # fmt: skip

    def __init__(self, density: Density[Any], owner: Any, draw: Shape, event: int) -> None:
        self.density, self.draw, self.event = density, draw, event
        self.rows = _rows(math.prod(draw))
        leaves, self.structure = tree.flatten(owner)
        fixed = [_lying_flat(known_array(leaf)) for leaf in leaves]
        self.fixed = None if any(v is None for v in fixed) else fixed
        self.programs: dict[Any, Program] = {}
        self.direct: dict[frozenset[str], Callable[[object], Any]] = {}
        self.calls = 0

    def __call__(self, x: np.ndarray, given: object) -> Tensor | None:
        """A number for each draw in x, along whose first axes a program goes.

        It is None where parameters are not known or the last axes of x are not those of a draw.

        given   x, or the Tensor that holds it
        """
        direct = self.direct.get(modes())
        if direct is not None:
            found = direct(given)
            if found is not NotImplemented:
                return found  # type: ignore[no-any-return]
        shape = x.shape
        last = len(shape) - len(self.draw)
        if not self.rows or self.fixed is None or shape[last:] != self.draw:
            return None
        if not x.dtype.isnative:
            return None
        key = x.dtype.num, modes()
        program = self.programs.get(key) or self._program(key, x.dtype)
        self.calls += 1
        if self.calls >= _SHORTENED and key[1] not in self.direct:
            self.direct[key[1]] = self._direct(program, x.dtype)
        made = along(program, self.fixed, x.reshape(-1, *self.draw), self.rows)
        return of_value(made.reshape(shape[: len(shape) - self.event]))

    def _program(self, key: tuple[int, frozenset[str]], dtype: np.dtype[Any]) -> Program:
        assert self.fixed is not None
        block, kinds = ((self.rows, *self.draw), from_numpy(dtype)), _kinds(self.fixed)
        made = _program(self.density, self.structure, kinds, block, key[1], is_native())
        self.programs[key] = made
        return made

    def _direct(self, program: Program, dtype: np.dtype[Any]) -> Callable[[object], Any]:
        """A program as a function of a Tensor. It may give NotImplemented, for some always."""
        fill, slots, like = filling(program, 1), tensor_slots(), np.empty((1, *self.draw), dtype)
        made = rows_of(fill, self.fixed or (), like, slots) if fill and slots else None
        return made or (lambda _: NotImplemented)


def _rows(width: int) -> int:
    """How many draws of so many numbers a block has; 0 if these are too many, or none."""
    if not 0 < width <= _WIDEST:
        return 0
    rows = max(1, _BLOCK // width)
    return rows if rows < _SIDE_BY_SIDE else rows - rows % _SIDE_BY_SIDE


def draws(
    function: Callable[..., Tensor],
    operands: Any,
    key: Operand,
    count: int,
    shape: Shape,
    draw: Shape,
    dtype: DType,
) -> Tensor:
    """What a function makes of operands and so many arrays of independent uniform numbers.

    shape   how many draws there are
    draw    the shape of a draw from all places of a distribution; the function goes along others
    """
    keys = split(key, count)
    size, rows = math.prod(shape), max(1, _DRAWN // max(1, math.prod(draw)))
    leaves, structure = tree.flatten(operands)
    fixed = [_known(leaf) for leaf in (*leaves, keys)]
    if size * math.prod(draw) < _MANY_DRAWS or any(v is None for v in fixed):
        units = [uniform_rows(keys[k], size, rows, draw, dtype) for k in range(count)]
        units = [reshape(unit, (*shape, *draw)) for unit in units]
        return function(operands, *units)
    form = (structure, _kinds(fixed[:-1]), (rows, *draw), dtype)
    program = _drawing(function, count, *form, modes(), is_native())
    made = numbered(program, fixed, size, rows)
    return of_value(made.reshape(*shape, *made.shape[1:]))


@functools.lru_cache(_PROGRAMS)
def _program(
    function: Callable[..., Tensor],
    structure: Any,
    kinds: tuple[Kind, ...],
    block: Kind,
    _modes: frozenset[str],
    _native: bool,
) -> Program:
    """The program of a function of operands and of a block, of these shapes and dtypes."""
    *leaves, x = [_blank(*kind) for kind in (*kinds, block)]
    return ready(jit(function).graph(tree.unflatten(structure, leaves), x))


@functools.lru_cache(_PROGRAMS)
def _drawing(
    function: Callable[..., Tensor],
    count: int,
    structure: Any,
    kinds: tuple[Kind, ...],
    shape: Shape,
    dtype: DType,
    _modes: frozenset[str],
    _native: bool,
) -> Program:
    """The program that makes a block of draws, of operands, keys and the number of the block."""

    def block(operands: Any, keys: Tensor, number: Tensor) -> Tensor:
        units = [uniform_block(keys[k], number, shape, dtype) for k in range(count)]
        return function(operands, *units)

    operands = tree.unflatten(structure, [_blank(*kind) for kind in kinds])
    return ready(jit(block).graph(operands, _blank((count, 2), uint64), _blank((), uint64)))


def _blank(shape: Shape, dtype: DType) -> Tensor:
    return of_value(np.ones(shape, dtype.numpy))


def _kinds(arrays: Sequence[Any]) -> tuple[Kind, ...]:
    return tuple([(a.shape, from_numpy(a.dtype)) for a in arrays])


def _known(value: Any) -> Any:
    """The array of a Tensor that is not recorded, or an array itself."""
    if isinstance(value, Tensor):
        return value._value if value._recording is None else None
    return value if isinstance(value, np.ndarray) else None


def _lying_flat(value: Any) -> Any:
    """The array as every block's program reads it: else it would be copied for each block."""
    return value if value is None or value.flags.c_contiguous else value.copy()


def known_alike(x: Operand, *parameters: Tensor) -> list[Any] | None:
    """The arrays of Tensors of one dtype that nothing records or watches: for a short way."""
    arrays: list[Any] = [known_array(t) for t in (x, *parameters)]
    fits = all(a is not None and a.dtype is arrays[0].dtype for a in arrays)
    return arrays if fits else None


def chance(name: str, p: Operand) -> Tensor:
    """Probabilities, with NaN in place of what is none."""
    given = as_tensor(p, name)
    outside = (given < 0) | (given > 1)
    return given if surely_none(outside) else where(outside, float("nan"), given)


def surely_none(condition: Tensor) -> bool:
    """Whether it is known that a condition holds nowhere, which spares its case."""
    value = _known(condition)
    return value is not None and not value.any()
