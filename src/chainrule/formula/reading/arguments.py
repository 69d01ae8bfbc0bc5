"""What a call in a derivation may be given: what a function does not read is refused, not ignored.

An axis that nobody reads would let a wrong derivation pass as a right one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chainrule.formula.reading.operators import MisfitError, Term
from chainrule.formula.reading.reductions import Options
from chainrule.formula.typeset.walk import REDUCTIONS

__all__ = ["check_arguments"]

_ANY: Final = 99
_ALONG: Final = frozenset({"axis", "keepdims", "over"})
_KIND: Final = frozenset({"dtype"})
_REDUCED: Final = ("sum", "mean", "logsumexp", *sorted(REDUCTIONS))
_MOST: Final[dict[str, int]] = {
    **dict.fromkeys(_REDUCED, 2),
    "softmax": 2, "log_softmax": 2, "norm": 2, "solve": 2, "onehot": 2, "outer": 2, "inner": 2,
    "dot": 2, "vdot": 2, "kron": 2, "maximum": 2, "minimum": 2, "where": 3, "clip": 3,
    "logaddexp": 2, "floor_divide": 2, "astype": 2,
    "multiply": 2, "divide": 2, "add": 2, "subtract": 2, "pow": 2, "tril": 2, "triu": 2, "place": 2,
    "stack": 2, "commutation": 2, "transpose": _ANY, "reshape": _ANY, "einsum": _ANY, "pad": _ANY,
}  # fmt: skip
"""How many arguments a function takes, where that is not one."""
_OPTIONS: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(_REDUCED, _ALONG),
    **dict.fromkeys(("softmax", "log_softmax"), frozenset({"axis", "over"})),
    **dict.fromkeys(("ones", "zeros", "ones_like", "zeros_like", "eye"), _KIND),
    "norm": frozenset({"axis", "keepdims", "ord"}),
    "stack": frozenset({"axis"}),
}
_OF_SIZES: Final = frozenset({"ones", "zeros", "eye", "commutation", "stack", "einsum"})
"""Functions whose first argument may be a tuple, a list or a text."""
_THEN_SIZES: Final = frozenset(
    {
        "astype",
        "reshape",
        "transpose",
        "pad",
        "place",
        "softmax",
        "log_softmax",
        "norm",
        "onehot",
        *_REDUCED,
    }
)
"""Functions whose first argument is an array, followed by sizes or axes."""


def check_arguments(name: str, parts: Sequence[Term], options: Options) -> None:
    """Refuse arguments that a function does not take.

    Raises:  MisfitError: none, too many arguments, an unknown name, a tuple instead of an array.
    """
    if not parts:
        raise MisfitError(f"{name} takes an argument, and there is none")
    most = _MOST.get(name, 1)
    if len(parts) > most:
        raise MisfitError(f"{name} takes {_counted(most)}, and there are {len(parts)}")
    if len(parts) > 1 and "axis" in options and name != "norm":
        raise MisfitError(f"{name} has an axis by its place and by its name")
    known = _OPTIONS.get(name, frozenset())
    for option in options:
        if option not in known:
            raise MisfitError(f"{name} has no argument {option!r} in a derivation")
    first = 1 if name in _THEN_SIZES else len(parts)
    arrays = parts[1:] if name == "einsum" else () if name in _OF_SIZES else parts[:first]
    if not all(p.is_array for p in arrays):
        raise MisfitError(f"{name} is of arrays, and this is none")


def _counted(most: int) -> str:
    return "one argument" if most == 1 else f"{most} arguments at most"
