"""Activation functions, compared with the formulas of their papers."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import erf, expit

from chainrule.functions import activations
from chainrule.functions.activations import glu, prelu, softplus, threshold
from tests.cases.case import Case, Spec

ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805
X, TALL = Spec("distinct", (3, 4)), Spec("distinct", (4, 3))


def _bend(x: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, below)


def _log1p_exp(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, x)


def _tanh_gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


VALUES: dict[str, Callable[..., Any]] = {
    "celu": lambda x: _bend(x, np.exp(x) - 1),
    "elu": lambda x: _bend(x, np.exp(x) - 1),
    "gelu": lambda x: 0.5 * x * (1 + erf(x / np.sqrt(2))),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "hardshrink": lambda x: x * (np.abs(x) > 0.5),
    "leaky_relu": lambda x: _bend(x, 0.01 * x),
    "log_sigmoid": lambda x: np.log(expit(x)),
    "mish": lambda x: x * np.tanh(_log1p_exp(x)),
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "selu": lambda x: SCALE * _bend(x, ALPHA * (np.exp(x) - 1)),
    "sigmoid": expit,
    "silu": lambda x: x * expit(x),
    "softplus": _log1p_exp,
    "softshrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "tanhshrink": lambda x: x - np.tanh(x),
}


def _celu(x: Any) -> Any:
    return activations.celu(x, 0.7)


def _elu(x: Any) -> Any:
    return activations.elu(x, 0.7)


def _gelu(x: Any) -> Any:
    return activations.gelu(x, approximate="tanh")


CASES: list[Case] = [
    *(Case(name, getattr(activations, name), (X,), value) for name, value in VALUES.items()),
    Case("celu-alpha", _celu, (X,), lambda x: _bend(x, 0.7 * (np.exp(x / 0.7) - 1))),
    Case("elu-alpha", _elu, (X,), lambda x: _bend(x, 0.7 * np.expm1(x))),
    Case("gelu-tanh", _gelu, (X,), _tanh_gelu),
    Case("softplus-beta", lambda x: softplus(x, 3), (X,), lambda x: _log1p_exp(3 * x) / 3),
    Case("prelu", prelu, (X, Spec("normal", (4,))), lambda x, w: _bend(x, w * x)),
    Case("threshold", lambda x: threshold(x, 0.1, 5), (X,), lambda x: np.where(x > 0.1, x, 5)),
    Case("glu", glu, (X,), lambda x: x[:, :2] * expit(x[:, 2:])),
    Case("glu-axis", lambda x: glu(x, 0), (TALL,), lambda x: x[:2] * expit(x[2:])),
]
