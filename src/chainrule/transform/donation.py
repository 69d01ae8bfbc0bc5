"""Donation: Tensors that the caller of a jitted function gives away.

Results may be written into the memory of what was given away, if nobody else sees it. Such a Tensor
has no numbers any more: whoever asks for them is told where it was given away.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from chainrule import tree
from chainrule.errors import ArgumentError, DonatedError
from chainrule.ir.dtype import DType, from_numpy
from chainrule.locking import lock_between_forks
from chainrule.recording import Place, place_text, users_place
from chainrule.runtime.native import NativeProgram
from chainrule.tensors import Tensor
from chainrule.transform.scope import INPUTS
from chainrule.transform.watching import held

__all__ = ["Donate", "Donation", "Gift", "GivenAway", "taking"]

Donate = str | int | Sequence[str | int]
"""Parameters, by name or by position."""

Program = Callable[..., list[Any]]


# ---------------------------------------------------------------- what is given


class Donation:
    """Which parameters of a function are given away.

    name     what messages call the function
    donate   what was given to jit: one parameter or several, by name or position

    Raises:  ArgumentError: the function has no such parameter.
    """

    def __init__(self, function: Callable[..., Any], name: str, donate: Donate) -> None:
        self.chosen = tuple(donate) if isinstance(donate, list | tuple) else (donate,)
        try:
            self.signature = inspect.signature(function) if self.chosen else None
        except ValueError:  # some functions that are written in C do not say
            self.signature = None
        self.names = list(self.signature.parameters) if self.signature else []
        for one in self.chosen:
            self._require(one, name, donate)

    def _require(self, one: object, name: str, donate: Donate) -> None:
        if not isinstance(one, str | int) or isinstance(one, bool):
            raise ArgumentError(
                f"jit: donate={donate!r} is neither the name or the position of a parameter nor a "
                "tuple of them"
            )
        if one in self.names if isinstance(one, str) else 0 <= one < self._positions():
            return
        raise ArgumentError(
            f"jit: donate={donate!r}, but {name} has no parameter {one!r}\n\n"
            f"    {name}({', '.join(self.names) if self.signature else '…'})"
        )

    def _positions(self) -> float:
        """How many arguments can be given by position."""
        if self.signature is None:
            return float("inf")
        kinds = [p.kind for p in self.signature.parameters.values()]
        if inspect.Parameter.VAR_POSITIONAL in kinds:
            return float("inf")
        named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
        return sum(kind not in named for kind in kinds)

    def inputs(self, structure: Any, leaves: Sequence[Any]) -> dict[int, str]:
        """The inputs that are given away by a call of (args, kwargs), by number, with their names.

        Numbers are those of the Tensors, arrays and floats among the leaves.
        """
        found: dict[int, str] = {}
        for name, part in self._parts(*tree.unflatten(structure, range(len(leaves)))):
            for path, leaf in tree.paths(part):
                if isinstance(leaves[leaf], Tensor | np.ndarray):
                    number = sum(isinstance(x, INPUTS) for x in leaves[:leaf])
                    found.setdefault(number, f"{name}.{path}" if path else name)
        return dict(sorted(found.items()))

    def _parts(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for one in self.chosen:
            name = one if isinstance(one, str) else (self.names[one : one + 1] or [""])[0]
            if isinstance(one, int) and one < len(args):
                yield name or f"argument {one}", args[one]
            elif self.signature is not None:
                given = self.signature.bind(*args, **kwargs).arguments
                if name in given:
                    yield name, given[name]


# ---------------------------------------------------------------- what was given


class Gift(NamedTuple):
    """What is left of a Tensor that is given away at each call of a kind."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    name: str
    function: str


Left = tuple[Gift, Place]
"""What such a Tensor holds after a call: this, and where that was."""


class GivenAway(Tensor):
    """A Tensor that was given away. A Tensor is turned into one in place, and back."""

    __slots__ = ()

    @property
    def _value(self) -> np.ndarray | None:  # type: ignore[override]
        found = _read(self)
        if not isinstance(found, tuple):  # and was given back
            return found
        gift, _ = found
        raise DonatedError(
            f"this {self.dtype.short}{list(self.shape)} Tensor was given away: {_told(found)}\n\n"
            f"  jit(…, donate=…) lets {gift.function} write results into its memory. Go on with "
            f"what {gift.function}\n  gives, or keep a .copy() from before the call."
        )

    @property
    def shape(self) -> tuple[int, ...]:
        return _kind(self).shape

    @property
    def dtype(self) -> DType:
        return from_numpy(_kind(self).dtype)

    def __repr__(self) -> str:
        found = _read(self)
        if not isinstance(found, tuple):
            return Tensor.__repr__(self)
        return f"Tensor({self.dtype.short}{list(self.shape)}, given away: {_told(found)})"


def _told(left: Left) -> str:
    gift, place = left
    return f"{gift.name} of {gift.function}, at {place_text(place)}"


_put: Final[Callable[[Tensor, Any], None]] = Tensor.__dict__["_value"].__set__
# A signal's handler may look at a Tensor in the middle of that, and a child may be forked.
_giving: Final = lock_between_forks()


def _read(given: Tensor) -> np.ndarray | Left:
    """What a Tensor holds, when nobody is about to change it."""
    with _giving:
        return held(given)


def _kind(given: Tensor) -> np.ndarray | Gift:
    """What has the shape and the dtype of a Tensor that was given away."""
    found = _read(given)
    return found[0] if isinstance(found, tuple) else found


def taking(
    program: Program, arrays: list[Any], given: Sequence[Tensor], gifts: Mapping[int, Gift]
) -> list[Any]:
    """Run a program on arrays, of which those of some Tensors are given away.

    They are given back if something fails, or is interrupted, before any is written over.

    gifts   what is left of them, by the numbers of the inputs
    """
    try:
        _mark(given, gifts.values(), users_place(2))
        if isinstance(program, NativeProgram):
            return program.taking(arrays)
        return program(*arrays)
    except BaseException:
        if arrays:  # else some may have been written over
            _give_back(arrays, given, gifts)
        raise


def _mark(given: Sequence[Tensor], gifts: Iterable[Gift], place: Place) -> None:
    """Turn Tensors into such that were given away at a place."""
    with _giving:
        for tensor, gift in zip(given, gifts, strict=True):
            tensor.__class__ = GivenAway
            _put(tensor, (gift, place))


def _give_back(arrays: Sequence[Any], given: Sequence[Tensor], numbers: Iterable[int]) -> None:
    with _giving:
        for tensor, number in zip(given, numbers, strict=True):
            _put(tensor, arrays[number])
            tensor.__class__ = Tensor
