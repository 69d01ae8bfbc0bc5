"""The words in which formulas are written as Python: NumPy's, and our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["CHAINRULE", "NUMPY", "Dialect"]


@dataclass(frozen=True)
class Dialect:
    """How one library spells what formulas need.

    prefix   the module's short name
    words    templates for what is not spelled as our functions are
    prelude  what has to be defined or imported first, by the name that needs it
    """

    prefix: str
    words: Mapping[str, str]
    prelude: Mapping[str, str]

    def call(self, name: str, *arguments: str) -> str:
        """Call a function of the library, or one that the prelude defines."""
        if name in self.words:
            return self.words[name].format(*arguments)
        if name in self.prelude:
            return f"{name}({', '.join(arguments)})"
        return f"{self.prefix}.{name}({', '.join(arguments)})"


_READ: Final = """\
def read(array, shape, *axes):
    at = np.indices(shape)
    places = [sum((step * at[k] for k, step in steps), 0 * at[0] + start) for start, steps in axes]
    pairs = list(zip(places, array.shape))
    inside = np.all([(0 <= p) & (p < size) for p, size in pairs], axis=0)
    return np.where(inside, array[tuple(np.clip(p, 0, size - 1) for p, size in pairs)], 0)"""

_PLACE: Final = """\
def place(array, shape, *axes):
    at = np.indices(array.shape)
    places = [sum((step * at[k] for k, step in steps), 0 * at[0] + start) for start, steps in axes]
    inside = np.all([(0 <= p) & (p < size) for p, size in zip(places, shape)], axis=0)
    result = np.zeros(shape)
    np.add.at(result, tuple(p[inside] for p in places), array[inside])
    return result"""

_PLACE_TENSOR: Final = f"""\
{_READ}

def place(array, shape, *axes):
    return cr.grad(lambda x: cr.sum(array * read(x, array.shape, *axes)))(cr.zeros(shape))"""

NUMPY: Final = Dialect(
    "np",
    {
        "acos": "np.arccos({})", "asin": "np.arcsin({})", "atan": "np.arctan({})",
        "acosh": "np.arccosh({})", "asinh": "np.arcsinh({})", "atanh": "np.arctanh({})",
        "atan2": "np.arctan2({}, {})", "pow": "np.power({}, {})", "relu": "np.maximum({}, 0)",
        "softplus": "np.logaddexp(0, {})", "det": "np.linalg.det({})", "inv": "np.linalg.inv({})",
        "norm": "np.linalg.norm({})", "log|·|": "np.log(np.abs({}))", "one_hot": "np.eye({1})[{0}]",
        "max": "np.maximum({}, {})", "min": "np.minimum({}, {})", "diagonal": "np.diag({})",
        "concat": "np.concatenate({}, {})", "divide": "np.divide({}, {})", "σ": "sigmoid({})",
        "Φ": "ndtr({})",
    },
    {
        "sigmoid": "def sigmoid(x):\n    return np.exp(-np.logaddexp(0, -x))",
        "softmax": (
            "def softmax(x, axis=-1):\n    e = np.exp(x - x.max(axis=axis, keepdims=True))\n"
            "    return e / e.sum(axis=axis, keepdims=True)"
        ),
        "log_softmax": (
            "from scipy.special import logsumexp\n\ndef log_softmax(x, axis=-1):\n"
            "    return x - logsumexp(x, axis=axis, keepdims=True)"
        ),
        "logsumexp": "from scipy.special import logsumexp",
        "erf": "from scipy.special import erf",
        "erfc": "from scipy.special import erfc",
        "ndtr": "from scipy.special import ndtr",
        "lgamma": "from scipy.special import gammaln as lgamma",
        "digamma": "from scipy.special import digamma",
        "trigamma": (
            "import scipy.special\n\ndef trigamma(x):\n    return scipy.special.polygamma(1, x)"
        ),
        "xlogy": "from scipy.special import xlogy",
        "block_diag": "from scipy.linalg import block_diag",
        "place": _PLACE,
        "read": _READ,
    },
)  # fmt: skip

CHAINRULE: Final = Dialect(
    "cr",
    {
        "σ": "cr.sigmoid({})", "Φ": "cr.ndtr({})", "det": "cr.linalg.det({})",
        "inv": "cr.linalg.inv({})", "norm": "cr.linalg.norm({})", "log|·|": "cr.log(cr.abs({}))",
        "one_hot": "cr.one_hot({0}, {1})", "max": "cr.maximum({}, {})",
        "min": "cr.minimum({}, {})", "diagonal": "cr.linalg.diagonal({})",
        "trace": "cr.linalg.trace({})",
    },
    {
        "diag": "def diag(x):\n    return x[:, None] * cr.eye(x.shape[0])",
        "block_diag": (
            "def block_diag(*blocks):\n    units = cr.eye(len(blocks))\n"
            "    return sum(cr.kron(cr.outer(u, u), b) for u, b in zip(units, blocks))"
        ),
        "place": _PLACE_TENSOR,
        "read": _READ,
    },
)  # fmt: skip
