"""Muon."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, final

from chainrule.errors import ArgumentError
from chainrule.functions.elementary import sqrt
from chainrule.functions.elementwise import add, divide, maximum, multiply, subtract
from chainrule.functions.linear import matmul, matrix_transpose
from chainrule.functions.manipulation import reshape
from chainrule.functions.reduction import sum
from chainrule.optim.adamw import AdamW
from chainrule.optim.groups import Divided
from chainrule.optim.optimizer import Factor, Optimizer, Rate, Scalar
from chainrule.optim.rule import Formula, UpdateRule, decayed, require
from chainrule.schedule import product
from chainrule.tensors import Tensor

__all__ = ["Muon"]

Adjustment = Literal["original", "match_rms_adamw"]
_A: Final = 3.4445
_B: Final = -4.7750
_C: Final = 2.0315
_EPS: Final = 1e-7


@final
@dataclass(frozen=True)
class Muon(Divided):
    """Steps along the orthogonal factor of a matrix's momentum; AdamW for what is no matrix.

    M ← μ M + (1 − μ) G
    U = μ M + (1 − μ) G   with Nesterov's momentum, else U = M
    W ← (1 − η λ) W − η s O,   O = NewtonSchulz(U),   s = √max(1, m/n) for W of m × n

    NewtonSchulz(U): X = U/max(‖U‖, 1e-7), transposed if it is tall; then five times
        A = X Xᵀ,   X ← 3.4445 X + (−4.7750 A + 2.0315 A A) X

    That is nearly P Qᵀ of the singular value decomposition U = P Σ Qᵀ: singular values above
    ‖U‖/100 end between 0.68 and 1.21. So all directions of the matrix learn, not only those of
    large gradients.

    Weights with more than two axes, such as those of convolutions, are matrices of the first axis
    by the rest. Parameters with fewer take steps of AdamW with learning rate ``adamw_share`` · η
    and the same decay. So should embeddings and the last layer:
    ``Grouped({"embedding.*": AdamW(0.001), "*": Muon(0.02)})``.

    adjustment  "original": s as above; "match_rms_adamw": s = 0.2 √max(m, n), which gives steps
                of AdamW's size, so that its learning rates and decays fit; then adamw_share is 1

    Raises:  ArgumentError: a setting is out of range.
    Cost:    for W of m × n, m ≤ n: 10 products of m² n and 5 of m³, each 2 operations.
    Source:  jordan2024muon; liu2025muon, eq. 4

    >>> muon = Muon(0.1)
    >>> w = cr.zeros((2, 2))
    >>> w, state = muon.update(tensor([[100.0, 0.0], [0.0, 50.0]]), muon.init(w), w)
    >>> cr.round(w * 100)
    Tensor([[ -7.,   0.],
            [  0., -11.]])
    """

    learning_rate: Rate
    momentum: float = 0.95
    nesterov: bool = True
    weight_decay: float = 0.0
    adjustment: Adjustment = "original"
    adamw_share: float = 0.05

    def __post_init__(self) -> None:
        require(
            "Muon", self.learning_rate, momentum=(self.momentum, 0, 1),
            weight_decay=(self.weight_decay, 0, math.inf),
            adamw_share=(self.adamw_share, 0, math.inf),
        )  # fmt: skip
        if self.adjustment not in ("original", "match_rms_adamw"):
            raise ArgumentError(
                f'Muon: adjustment is "original" or "match_rms_adamw", not {self.adjustment!r}'
            )

    def members(self) -> tuple[Optimizer, ...]:
        """The optimizers: for matrices, and for the rest."""
        share = self.adamw_share if self.adjustment == "original" else 1.0
        rate = self.learning_rate
        small = product((rate, share)) if callable(rate) else rate * share
        matrices = _Orthogonal(
            rate, self.momentum, self.nesterov, self.weight_decay, self.adjustment
        )
        return matrices, AdamW(small, weight_decay=self.weight_decay)

    def place(self, path: str, parameter: Tensor) -> int:
        """Which of the optimizers takes this parameter."""
        return 0 if parameter.ndim >= 2 else 1


@final
@dataclass(frozen=True)
class _Orthogonal(UpdateRule):
    """Muon's formula, for matrices only."""

    momentum: float
    nesterov: bool
    weight_decay: float
    adjustment: Adjustment

    @property
    def kind(self) -> str:
        return "Muon"

    def slots(self) -> tuple[str, ...]:
        return ("momentum",)

    def formula(self, rate: Factor, step: Tensor) -> Formula:
        eta, mu, kept = Scalar(rate), self.momentum, decayed(rate, self.weight_decay)

        def one(w: Tensor, g: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
            m = add(multiply(m, mu), multiply(g, 1.0 - mu))
            ahead = add(multiply(m, mu), multiply(g, 1.0 - mu)) if self.nesterov else m
            matrix = reshape(ahead, (w.shape[0], math.prod(w.shape[1:])))
            size = self._size(*matrix.shape)
            direction = reshape(newton_schulz(matrix), w.shape)
            return subtract(kept(w), multiply(multiply(direction, size), eta.like(w))), m

        return one

    def _size(self, rows: int, columns: int) -> float:
        if self.adjustment == "match_rms_adamw":
            return 0.2 * math.sqrt(max(rows, columns))
        return math.sqrt(max(1.0, rows / max(1, columns)))


def newton_schulz(matrix: Tensor, steps: int = 5) -> Tensor:
    """Bring all singular values of a matrix near 1, without decomposing it.

    Shapes:  matrix: m n   →   m n
    Source:  jordan2024muon

    >>> newton_schulz(tensor([[3.0, 0.0], [0.0, 3.0]]), steps=1)
    Tensor([[1.10653372, 0.        ],
            [0.        , 1.10653372]])
    """
    rows, columns = matrix.shape
    x = matrix_transpose(matrix) if rows > columns else matrix
    x = divide(x, maximum(sqrt(sum(multiply(x, x))), _EPS))
    for _ in range(steps):
        gram = matmul(x, matrix_transpose(x))
        change = add(multiply(gram, _B), multiply(matmul(gram, gram), _C))
        x = add(multiply(x, _A), matmul(change, x))
    return matrix_transpose(x) if rows > columns else x
