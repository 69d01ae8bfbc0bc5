"""Every record of the two open tables: value, partials to second order, transpose, vmap, jit.

A new record is found here by itself. It fails until it has an oracle below (a scalar function) or
inputs to try it on (a routine), which is all that it needs.
"""

import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.special

import chainrule.ir.incomplete
import chainrule.ir.rejection
import chainrule.ir.routines  # noqa: F401 — they fill the tables
from chainrule.functions.lift import Lifted
from chainrule.ir import build
from chainrule.ir.dtype import float32
from chainrule.ir.graph import Node
from chainrule.ir.routine import ROUTINES
from chainrule.ir.scalar import BITS, INTEGER, REAL, SCALARS, Scalar
from chainrule.tensors import Tensor, tensor
from chainrule.testing import assert_close, check_gradients
from chainrule.transform import jit, vmap
from tests.cases.case import Spec, sample
from tests.cases.incomplete import ARGUMENTS

# ---------------------------------------------------------------- scalar functions

_WORD = (1 << 64) - 1


def _mixed(word: int) -> int:
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    word = (word ^ word >> 27) * 0x94D049BB133111EB & _WORD
    return word ^ word >> 31


def gamma_draw_of_one(a: float, *units: float) -> float:
    """The algorithm of a single draw, with integers of Python."""
    word = 0
    for unit in units:
        word = _mixed(word ^ int(np.float64(unit).view(np.uint64)))
    d = (a if a >= 1 else np.nan) - 1 / 3
    while True:
        radius, angle, u = map(np.float64, units)
        z = np.sqrt(-2 * np.log1p(-radius)) * np.cos(2 * np.pi * angle)
        v = (1 + z / np.sqrt(9 * d)) ** 3
        surely = (u < 1 - 0.0331 * z**4) & (v > 0)
        if surely or not (v <= 0 or np.log(u) >= 0.5 * z * z + d * (1 - v + np.log(v))):
            return float(d * v)
        words = [word + k * 0x9E3779B97F4A7C15 & _WORD for k in (1, 2, 3)]
        word, units = words[-1], tuple((_mixed(w) >> 11) * 2.0**-53 for w in words)


# Where the oracle is NumPy's function under another name, or a formula of its own.
ORACLES: dict[str, Callable[..., Any]] = {
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "asinh": np.arcsinh,
    "acosh": np.arccosh, "atanh": np.arctanh, "atan2": np.arctan2,
    "pow": np.power, "abs": np.abs, "round": np.rint,
    "sigmoid": scipy.special.expit,
    "softplus": lambda x: np.logaddexp(0, x),
    "relu": lambda x: x * (x > 0),
    "erf": scipy.special.erf, "erfc": scipy.special.erfc, "lgamma": scipy.special.gammaln,
    "polygamma": lambda x: scipy.special.polygamma(PARAMS["polygamma"][0], x),
    "xlogy": scipy.special.xlogy,
    "gammainc": scipy.special.gammainc, "gammaincinv": scipy.special.gammaincinv,
    "gammaincc": scipy.special.gammaincc,
    "betainc": scipy.special.betainc, "betaincinv": scipy.special.betaincinv,
    "ndtr": scipy.special.ndtr, "ndtri": scipy.special.ndtri,
    "gamma_draw": np.vectorize(gamma_draw_of_one, [float]),
    "clip": np.clip,
    "cast": lambda x: x.astype(np.float32),
    "detach": lambda x: x,
    "bitwise_invert": np.bitwise_not, "bitwise_left_shift": np.left_shift,
    "bitwise_right_shift": np.right_shift,
}  # fmt: skip
PARAMS: dict[str, tuple[Any, ...]] = {"polygamma": (1,), "cast": (float32,)}
DOMAINS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("log", "log2", "log10", "sqrt", "lgamma", "polygamma"), ("positive",)),
    **dict.fromkeys(("log1p", "asin", "acos", "atanh"), ("unit",)),
    "acosh": ("large",),
    "pow": ("positive", "normal"),
    "xlogy": ("normal", "positive"),
    **ARGUMENTS,
    "gamma_draw": ("large", "probability", "probability", "probability"),
    "divide": ("normal", "positive"),
    "floor_divide": ("normal", "large"),
    "remainder": ("normal", "large"),
}
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -2.5, np.inf, -np.inf, np.nan])
# The derivative by the value is a convention, not a limit: their own tests look at them.
WITHOUT_LIMIT = {"nextafter", "cast", "detach", "gamma_draw"}

REALS = [r for r in SCALARS.values() if "float" in r.accepts]
SMOOTH = [r for r in REALS if r.partials is not None and r.name not in WITHOUT_LIMIT]
INTEGERS = [r for r in SCALARS.values() if r.accepts & INTEGER]
BOOLEANS = [r for r in SCALARS.values() if "bool" in r.accepts]


def each(records: list[Scalar]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("record", records, ids=lambda record: record.name)


def function(record: Scalar) -> Callable[..., Tensor]:
    """The record as a function of Tensors of one shape."""
    params = PARAMS.get(record.name, ())
    lifted = Lifted(lambda *nodes: build.apply(record.name, *nodes, params=params))
    return lambda *tensors: lifted(list(tensors))


def oracle(record: Scalar) -> Callable[..., Any]:
    return ORACLES.get(record.name) or getattr(np, record.name)


def points(record: Scalar, count: int = 12) -> list[np.ndarray]:
    """Random points of the domain."""
    kinds = DOMAINS.get(record.name, ("normal",) * record.arity)
    generator = np.random.default_rng(zlib.crc32(record.name.encode()))
    return [1.3 * sample(Spec(k, (count,)), generator) if k == "normal" else
            sample(Spec(k, (count,)), generator) for k in kinds]  # fmt: skip


def grid(values: np.ndarray, arity: int) -> list[np.ndarray]:
    """Every combination of some values."""
    return [axis.ravel().copy() for axis in np.meshgrid(*[values] * arity)]


def compare(record: Scalar, inputs: list[np.ndarray], rtol: float) -> None:
    with np.errstate(all="ignore"):
        expected = oracle(record)(*inputs)
    actual = function(record)(*map(tensor, inputs))
    assert_close(actual, expected, rtol=rtol, atol=rtol)
    assert record.output != "bool" or actual.dtype.name == "bool"


@each(REALS)
def test_the_value_is_that_of_numpy(record: Scalar) -> None:
    compare(record, points(record), 1e-13)


@each(REALS)
def test_the_value_at_zeros_infinities_and_nan_is_that_of_numpy(record: Scalar) -> None:
    values = grid(SPECIAL, record.arity)
    if record.name == "clip":  # numbers that are no bounds have no agreed meaning
        values = [v[np.isfinite(values[1]) & (values[1] <= values[2])] for v in values]
    if record.name == "floor_divide":  # the array API standard's limits are not NumPy's
        values = [v[np.isfinite(values[0]) & np.isfinite(values[1])] for v in values]
    if record.name == "relu":
        values = [np.array([0.0, 1.0, -1.0, np.inf])]
    compare(record, values, 1e-13)


@each(REALS)
def test_the_value_in_float32_is_float32(record: Scalar) -> None:
    narrow = [x.astype(np.float32) for x in points(record)]
    actual = function(record)(*map(tensor, narrow))
    assert actual.dtype is record.result(float32, PARAMS.get(record.name, ()))
    if record.name != "nextafter":
        expected = oracle(record)(*[x.astype(np.float64) for x in narrow])
        assert_close(actual, expected, rtol=2e-5, atol=2e-5)


@each(INTEGERS)
def test_the_value_on_integers_is_that_of_numpy(record: Scalar) -> None:
    numbers = np.arange(0 if record.name in ("pow", *BIT_SHIFTS) else -3, 5)
    inputs = grid(numbers, record.arity)
    if record.name in ("floor_divide", "remainder"):
        inputs = [x[inputs[1] != 0] for x in inputs]
    if record.name == "clip":
        inputs = [x[inputs[1] <= inputs[2]] for x in inputs]
    for dtype in ("int64", "int8"):
        compare(record, [x.astype(dtype) for x in inputs], 0)


BIT_SHIFTS = ("bitwise_left_shift", "bitwise_right_shift")


@each(BOOLEANS)
def test_the_value_on_booleans_is_that_of_numpy(record: Scalar) -> None:
    compare(record, grid(np.array([False, True]), record.arity), 0)


@each(SMOOTH)
def test_the_partials_to_second_order_are_those_of_central_differences(record: Scalar) -> None:
    check_gradients(function(record), *points(record), tolerance=1e-6)


@each(REALS)
def test_vmap_and_jit_give_the_same_value(record: Scalar) -> None:
    inputs = [tensor(x) for x in points(record)]
    apply = function(record)
    assert_close(vmap(apply)(*inputs), apply(*inputs), rtol=0)
    assert_close(jit(apply)(*inputs), apply(*inputs), rtol=0)


def test_no_record_is_left_out() -> None:
    covered = {r.name for r in (*REALS, *INTEGERS, *BOOLEANS)}
    assert covered == set(SCALARS)
    assert all(r.accepts & (REAL | BITS) for r in SCALARS.values())


# ---------------------------------------------------------------- library routines


class Trial(NamedTuple):
    """Operands, drawn or given, and parameters to try a routine on."""

    inputs: tuple[Spec | np.ndarray, ...]
    params: tuple[Any, ...] = ()
    orders: int = 2


SQUARE, SPD = Spec("invertible", (3, 3)), Spec("spd", (3, 3))
SYMMETRIC, VECTOR = Spec("symmetric", (3, 3)), Spec("normal", (4,))
TALL, WIDE = Spec("normal", (4, 2)), Spec("normal", (2, 4))
ROTATING = np.array([[0.1, -2.0, 0.3], [2.0, 0.2, 0.5], [0.3, 0.2, 1.0]])  # complex eigenvalues
MATRIX_FUNCTIONS = [("sqrtm", 0.5), ("logm", None), ("fractional_matrix_power", -0.3)]

TRIALS: dict[str, list[Trial]] = {
    "solve": [Trial((SQUARE, Spec("normal", (3, 2))))],
    "triangular_solve": [
        Trial((SQUARE, Spec("normal", (3, 2))), (lower, adjoint, "solve_triangular"))
        for lower in (True, False)
        for adjoint in (True, False)
    ],
    "inv": [Trial((SQUARE,), ("inv",))],
    "pinv": [Trial((spec, np.array(1e-10))) for spec in (TALL, WIDE)],
    "det": [Trial((SQUARE,))],
    "cofactor": [Trial((SQUARE,))],
    "cofactor_tangent": [Trial((SQUARE, Spec("normal", (3, 3))))],
    "slogdet": [Trial((SQUARE,))],
    "cholesky": [Trial((SPD,))],
    "qr": [Trial((TALL,)), Trial((SQUARE,)), Trial((WIDE,))],
    "complement": [Trial((TALL,), ("qr",), orders=0)],
    "refuse": [Trial((np.zeros((2, 2)),), ("qr",), orders=0)],  # raises for all else
    "divide_by_gaps": [
        Trial((Spec("normal", (3, 3)), Spec("unit", (3,)), Spec("large", (3,))), ("eigenvalues",)),
        Trial((Spec("normal", (3, 3)), np.zeros(3), Spec("large", (3,))), ("zero",)),
    ],
    "eigh": [Trial((SYMMETRIC,))],
    "eigvalsh": [Trial((SYMMETRIC,))],
    "svd": [Trial((TALL,)), Trial((WIDE,)), Trial((SQUARE,))],
    "svdvals": [Trial((TALL,)), Trial((WIDE,))],
    "lu": [Trial((SQUARE,)), Trial((TALL,)), Trial((WIDE,))],
    "eig": [Trial((SQUARE,)), Trial((ROTATING,))],
    "divide_by_complex_gaps": [
        Trial((Spec("normal", (2, 3, 3)), Spec("distinct", (2, 3))), (conjugate,))
        for conjugate in (False, True)
    ],
    "expm": [Trial((SQUARE,))],
    "expm_tangent": [Trial((SQUARE, Spec("normal", (3, 3))))],
    "symmetric_function": [Trial((SPD,), params) for params in MATRIX_FUNCTIONS],
    "symmetric_function_tangent": [
        Trial((SPD, Spec("normal", (3, 3))), params, orders=1) for params in MATRIX_FUNCTIONS
    ],
    "symmetric_function_second": [  # its derivative by the matrix would be a third one
        Trial((SPD, Spec("normal", (3, 3)), Spec("normal", (3, 3))), params, orders=0)
        for params in MATRIX_FUNCTIONS
    ],
    "lstsq": [
        Trial((spec, Spec("normal", (spec.shape[0], 2)), np.array(1e-10))) for spec in (TALL, WIDE)
    ],
    "null_space": [Trial((WIDE,), (2,), orders=0)],
    "cumsum": [Trial((VECTOR,), (reverse,)) for reverse in (False, True)],
    "cumprod": [Trial((VECTOR,)), Trial((np.array([2.0, 0.0, 3.0, 0.0, 1.0]),))],
    "argsort": [Trial((Spec("distinct", (5,)),), (down,), orders=0) for down in (False, True)],
    "searchsorted": [
        Trial((np.array([-1.0, 0.0, 0.0, 1.5]), VECTOR), (side,), orders=0)
        for side in ("left", "right")
    ],
}


def trials() -> list[Any]:
    return [
        pytest.param(name, trial, id=f"{name}-{k}")
        for name in sorted(ROUTINES)
        for k, trial in enumerate(TRIALS.get(name, []))
    ]


def routine(name: str, trial: Trial) -> Callable[..., list[Tensor]]:
    def nodes(*operands: Node) -> list[Node]:
        return build.routine(name, *operands, params=trial.params)

    lifted = Lifted(nodes)
    return lambda *tensors: lifted(list(tensors))


def drawn(name: str, trial: Trial, seed: int = 0) -> list[np.ndarray]:
    generator = np.random.default_rng(zlib.crc32(name.encode()) + seed)
    return [s if isinstance(s, np.ndarray) else sample(s, generator) for s in trial.inputs]


@pytest.mark.parametrize(("name", "trial"), trials())
def test_the_tangent_of_a_routine_is_that_of_central_differences(name: str, trial: Trial) -> None:
    if trial.orders:
        check_gradients(routine(name, trial), *drawn(name, trial), orders=trial.orders)


@pytest.mark.parametrize(("name", "trial"), trials())
def test_a_routine_on_a_stack_is_a_loop(name: str, trial: Trial) -> None:
    call = routine(name, trial)
    examples = [drawn(name, trial, seed) for seed in range(3)]
    stacks = [tensor(np.stack(operand)) for operand in zip(*examples, strict=True)]
    looped = [call(*map(tensor, example)) for example in examples]
    for results in (call(*stacks), vmap(call)(*stacks), jit(call)(*stacks)):
        for place, result in enumerate(results):
            expected = np.stack([one[place].numpy() for one in looped])
            assert_close(result, expected, rtol=1e-12, atol=1e-12)


def test_every_routine_is_tried() -> None:
    assert set(TRIALS) == set(ROUTINES)
