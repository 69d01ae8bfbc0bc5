"""Penalties on the weights, to be added to a loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import reduce
from typing import Any

from chainrule import tree
from chainrule.errors import ArgumentError
from chainrule.functions.elementwise import abs, add, multiply
from chainrule.functions.lift import as_tensor
from chainrule.functions.reduction import sum
from chainrule.tensors import Tensor

__all__ = ["elastic", "l1", "l2"]

Where = str | Sequence[str] | Callable[[str, Tensor], bool] | None
_MOST = 6  # paths in a message


def l2(model: Any, strength: float, where: Where = None) -> Tensor:
    """Sum the squares of the weights.

    R = strength · Σ w²,   ∂R/∂w = 2 · strength · w

    where  the parameters that are meant: a pattern of their paths such as "layers.0.*", several
           of them, or a function of (path, parameter); without it, those with two or more axes

    Raises:  ArgumentError: a pattern fits no parameter.
    Source:  hoerl1970ridge, eq. 2.1

    >>> model = {"weight": tensor([[1.0, -2.0]]), "bias": tensor([5.0])}
    >>> l2(model, 0.1), l2(model, 0.1, where="*")
    (Tensor(0.5), Tensor(3.))
    """
    return _total("l2", model, where, lambda w: multiply(sum(multiply(w, w)), strength))


def l1(model: Any, strength: float, where: Where = None) -> Tensor:
    """Sum the magnitudes of the weights, which drives them to exactly 0.

    R = strength · Σ |w|,   ∂R/∂w = strength · sign w, which is 0 at 0

    where  the parameters that are meant, as in ``l2``

    Raises:  ArgumentError: a pattern fits no parameter.
    Source:  tibshirani1996regression

    >>> l1({"weight": tensor([[1.0, -2.0]]), "bias": tensor([5.0])}, 0.1, where=["w*", "b*"])
    Tensor(0.8)
    """
    return _total("l1", model, where, lambda w: multiply(sum(abs(w)), strength))


def elastic(model: Any, l1: float, l2: float, where: Where = None) -> Tensor:
    """Sum the magnitudes and the squares of the weights: the elastic net.

    R = l1 · Σ |w| + l2 · Σ w²,   ∂R/∂w = l1 · sign w + 2 · l2 · w

    Weights that go together fall to 0 together, where ``l1`` alone keeps one of them.

    where  the parameters that are meant, as in ``l2``

    Raises:  ArgumentError: a pattern fits no parameter.
    Source:  zou2005regularization, eq. 3

    >>> elastic({"weight": tensor([[1.0, -2.0]])}, l1=0.1, l2=0.01)
    Tensor(0.35)
    """

    def both(w: Tensor) -> Tensor:
        return add(multiply(sum(abs(w)), l1), multiply(sum(multiply(w, w)), l2))

    return _total("elastic", model, where, both)


def _total(name: str, model: Any, where: Where, penalty: Callable[[Tensor], Tensor]) -> Tensor:
    found = [(path, as_tensor(leaf, name)) for path, leaf in tree.paths(model)]
    chosen = _chosen(name, [(path, w) for path, w in found if w.dtype.is_float], where)
    terms = [penalty(w) for w in chosen]
    return reduce(add, terms) if terms else as_tensor(0.0, name)


def _chosen(name: str, found: list[tuple[str, Tensor]], where: Where) -> list[Tensor]:
    if where is None:
        return [w for _, w in found if w.ndim >= 2]
    if callable(where):
        return [w for path, w in found if where(path, w)]
    patterns = [where] if isinstance(where, str) else list(where)
    for pattern in patterns:
        if not any(fnmatchcase(path, pattern) for path, _ in found):
            paths = [path for path, _ in found]
            shown = ", ".join(paths[:_MOST] + ["…"] * (len(paths) > _MOST)) or "none"
            raise ArgumentError(
                f"{name}: no parameter has a path like {pattern!r}\n\n    parameters  {shown}"
            )
    return [w for path, w in found if any(fnmatchcase(path, p) for p in patterns)]
