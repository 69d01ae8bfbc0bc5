"""Recurrent layers, each one Loop over the positions of a sequence."""

from __future__ import annotations

from typing import Any, ClassVar, final

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions import creation, random
from chainrule.functions.activations import sigmoid
from chainrule.functions.elementary import tanh
from chainrule.functions.elementwise import add, multiply, subtract
from chainrule.functions.joining import concat, split
from chainrule.functions.lift import Operand, as_tensor, cast, describe
from chainrule.functions.linear import tensordot
from chainrule.functions.manipulation import moveaxis
from chainrule.nn.initialization import Initializer, glorot_uniform, orthogonal
from chainrule.nn.keys import key_for
from chainrule.nn.module import Module
from chainrule.tensors import Tensor
from chainrule.transform.control import scan
from chainrule.wording import plural

__all__ = ["GRU", "LSTM", "RNN"]


class Recurrent(Module):
    """What recurrent layers share: weights of the inputs and of the state, and the Loop."""

    gates: ClassVar[int]

    weight: Tensor
    recurrent: Tensor
    bias: Tensor
    reverse: bool

    def __init__(
        self,
        in_features: int,
        features: int,
        *,
        reverse: bool = False,
        weight_init: Initializer | None = None,
        recurrent_init: Initializer | None = None,
        key: Tensor | None = None,
        dtype: Any = "float32",
    ) -> None:
        name = type(self).__name__
        if in_features < 1 or features < 1:
            raise ArgumentError(f"{name}: {in_features} → {features} features; at least 1 each")
        keys = random.split(key_for(name, key), 2 * self.gates)
        given, own = weight_init or glorot_uniform(), recurrent_init or orthogonal()
        rows = range(self.gates)
        self.weight = concat([given(keys[2 * k], (features, in_features), dtype) for k in rows])
        self.recurrent = concat([own(keys[2 * k + 1], (features, features), dtype) for k in rows])
        self.bias = self._first_bias(features, dtype)
        self.reverse = reverse

    def _first_bias(self, features: int, dtype: Any) -> Tensor:
        return creation.zeros(self.gates * features, dtype=dtype)

    @property
    def features(self) -> int:
        """The number of features of the state."""
        return self.recurrent.shape[-1]

    def describe(self) -> str:
        """Give the kind of this layer with its sizes."""
        in_ = getattr(self.weight, "shape", ("?", "?"))[-1]
        out = getattr(self.recurrent, "shape", ("?", "?"))[-1]
        return f"{type(self).__name__}({in_} → {out}{', reverse' if self.reverse else ''})"

    def _prepared(self, x: Operand) -> Tensor:
        """What the inputs add to each step, computed for all positions at once, these first."""
        name = type(self).__name__
        given = as_tensor(x, name)
        wanted = self.weight.shape[-1]
        if given.ndim < 2 or given.shape[-1] != wanted:
            raise ShapeError(
                f"{name}: x has shape {list(given.shape)}, and the layer takes sequences of "
                f"{plural(wanted, 'feature')}\n\n    x   {describe(given)}\n\n"
                "  The last axis holds the features, the one before it the positions."
            )
        made = add(tensordot(given, self.weight, axes=((-1,), (1,))), self.bias)
        return moveaxis(made, -2, 0)

    def _start(self, state: Operand | None, inputs: Tensor, what: str = "state") -> Tensor:
        """The state before the first step: zeros unless it is given."""
        shape = (*inputs.shape[1:-1], self.features)
        if state is None:
            return creation.zeros(shape, dtype=inputs.dtype)
        given = as_tensor(state, type(self).__name__)
        if given.shape != shape:
            name = type(self).__name__
            raise ShapeError(
                f"{name}: {what} has shape {list(given.shape)}, and the sequences need "
                f"{list(shape)}\n\n    {what}   {describe(given)}"
            )
        return cast(given, inputs.dtype)

    def _own(self, h: Tensor) -> Tensor:
        return tensordot(h, self.recurrent, axes=((-1,), (1,)))


@final
class RNN(Recurrent, init=False):
    """Read a sequence with a state that each input changes (an Elman network).

    hₜ = tanh(W xₜ + U hₜ₋₁ + b)

    Gives all states and the last one. The state starts with zeros unless it is given; with
    ``reverse`` the sequence is read from its end. W (``weight``) starts by Glorot's uniform
    distribution, U (``recurrent``) orthogonal, the biases with zeros.

    Shapes:  x: ... t in   weight: out in   recurrent: out out   bias: out   →   ... t out, ... out
    Raises:  ShapeError: x or the state does not fit.
             ArgumentError: a size is less than 1, or there is no key.
    Source:  elman1990finding; saxe2014exact

    >>> outputs, last = RNN(3, 2, key=cr.random.key(0))(cr.ones((5, 7, 3), dtype="float32"))
    >>> outputs.shape, last.shape
    ((5, 7, 2), (5, 2))
    """

    gates: ClassVar[int] = 1

    def __call__(self, x: Operand, /, state: Operand | None = None) -> tuple[Tensor, Tensor]:
        """Give the state at each position, and the last."""
        inputs = self._prepared(x)

        def step(h: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
            new = tanh(add(given, self._own(h)))
            return new, new

        last, states = scan(step, self._start(state, inputs), inputs, reverse=self.reverse)
        return moveaxis(states, 0, -2), last


@final
class GRU(Recurrent):
    """Read a sequence with gates that say what of the state stays.

    r = σ(W_r xₜ + U_r h + b_r),   z = σ(W_z xₜ + U_z h + b_z)
    n = tanh(W_n xₜ + b_n + r ⊙ (U_n h + c)),   hₜ = (1 − z) ⊙ n + z ⊙ h,   h = hₜ₋₁

    Gives all states and the last one. ``weight`` is W_r, W_z, W_n below each other, ``recurrent``
    the U, ``bias`` the b, ``recurrent_bias`` c. The state starts with zeros unless it is given;
    with ``reverse`` the sequence is read from its end. W starts by Glorot's uniform distribution,
    U orthogonal, the biases with zeros.

    Shapes:  x: ... t in   weight: 3·out in   recurrent: 3·out out   →   ... t out, ... out
    Raises:  ShapeError: x or the state does not fit.
             ArgumentError: a size is less than 1, or there is no key.
    Source:  cho2014learning, eq. 5–8; saxe2014exact

    >>> outputs, last = GRU(3, 2, key=cr.random.key(0))(cr.ones((5, 7, 3), dtype="float32"))
    >>> outputs.shape, last.shape
    ((5, 7, 2), (5, 2))
    """

    gates: ClassVar[int] = 3

    recurrent_bias: Tensor

    def __init__(self, in_features: int, features: int, **settings: Any) -> None:
        super().__init__(in_features, features, **settings)
        self.recurrent_bias = creation.zeros(features, dtype=self.weight.dtype)

    def __call__(self, x: Operand, /, state: Operand | None = None) -> tuple[Tensor, Tensor]:
        """Give the state at each position, and the last."""
        inputs, size = self._prepared(x), self.features

        def step(h: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
            gates, new = split(given, [2 * size], axis=-1)
            own_gates, own_new = split(self._own(h), [2 * size], axis=-1)
            r, z = split(sigmoid(add(gates, own_gates)), 2, axis=-1)
            n = tanh(add(new, multiply(r, add(own_new, self.recurrent_bias))))
            made = add(n, multiply(z, subtract(h, n)))
            return made, made

        last, states = scan(step, self._start(state, inputs), inputs, reverse=self.reverse)
        return moveaxis(states, 0, -2), last


@final
class LSTM(Recurrent, init=False):
    """Read a sequence with a memory that gates write, forget and show.

    i, f, o = σ(W xₜ + U hₜ₋₁ + b) each,   g = tanh(W_g xₜ + U_g hₜ₋₁ + b_g)
    cₜ = f ⊙ cₜ₋₁ + i ⊙ g,   hₜ = o ⊙ tanh(cₜ)

    Gives all hₜ, and the last state (h, c). ``weight``, ``recurrent`` and ``bias`` hold the rows of
    i, f, g and o below each other. The state starts with zeros unless it is given; with ``reverse``
    the sequence is read from its end. W starts by Glorot's uniform distribution, U orthogonal, the
    biases with zeros but those of f, which are ones: what is remembered stays at first.

    Shapes:  x: ... t in   weight: 4·out in   recurrent: 4·out out   →   ... t out, ... out, ... out
    Raises:  ShapeError: x or the state does not fit.
             ArgumentError: a size is less than 1, or there is no key.
    Source:  hochreiter1997long; gers2000learning, eq. 2.1–2.5; jozefowicz2015empirical, sec. 3

    >>> outputs, (h, c) = LSTM(3, 2, key=cr.random.key(0))(cr.ones((5, 7, 3), dtype="float32"))
    >>> outputs.shape, h.shape, c.shape
    ((5, 7, 2), (5, 2), (5, 2))
    """

    gates: ClassVar[int] = 4

    def _first_bias(self, features: int, dtype: Any) -> Tensor:
        zero = creation.zeros(features, dtype=dtype)
        return concat([zero, creation.ones(features, dtype=dtype), zero, zero])

    def __call__(
        self, x: Operand, /, state: tuple[Operand, Operand] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Give h at each position, and the last h and c."""
        inputs = self._prepared(x)
        h, c = (None, None) if state is None else state
        start = (self._start(h, inputs, "h"), self._start(c, inputs, "c"))

        def step(carry: tuple[Tensor, Tensor], given: Tensor) -> tuple[Any, Tensor]:
            h, c = carry
            i, f, g, o = split(add(given, self._own(h)), 4, axis=-1)
            c = add(multiply(sigmoid(f), c), multiply(sigmoid(i), tanh(g)))
            h = multiply(sigmoid(o), tanh(c))
            return (h, c), h

        last, states = scan(step, start, inputs, reverse=self.reverse)
        return moveaxis(states, 0, -2), last
