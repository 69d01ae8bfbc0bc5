"""Machine code of elementwise functions against their records' NumPy functions.

Floating point is compared with a wider type: float32 with float64, float64 with the 80 bits of
x86's long double. Sampled here; benchmarks/ulp.py goes through every float32.
"""

from __future__ import annotations

import ctypes
import itertools
import math
import platform
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen.assembly.llvm import Module, module_for
from chainrule.codegen.assembly.target import Target
from chainrule.codegen.assembly.texts import module_text
from chainrule.codegen.assembly.values import constant, vector
from chainrule.codegen.mathematics.lanes import Lanes, looked_up
from chainrule.codegen.mathematics.scalars import emit_scalar, is_native
from chainrule.functions import incomplete
from chainrule.ir.dtype import ALL, DType, bool_, float32, float64, int32, int64, uint8, uint64
from chainrule.ir.scalar import SCALARS, Scalar
from chainrule.runtime.engine import host_target, load, target_for
from chainrule.runtime.translation import object_code
from tests.codegen.native import native, natives, ulps, write_kernel

LANES = (0, 4, 16)
LIMITS = {float32: 2.0, float64: 4.0}
WIDE = {float32: np.float64, float64: np.longdouble}
HOST_ONLY = {"polygamma", *incomplete.__all__}  # test_gamma.py: two orders of it are native
NATIVE = [r for r in SCALARS.values() if r.name not in HOST_ONLY and r.name != "cast"]
EXACT = {
    "relu", "floor", "ceil", "trunc", "round", "sign", "abs", "detach", "maximum", "minimum",
    "clip", "copysign", "nextafter", "floor_divide", "remainder",
}  # fmt: skip
ROUNDED = [r for r in NATIVE if r.output == "same" and "float" in r.accepts and r.name not in EXACT]
FINE = [r for r in ROUNDED if r.arity == 1 and r.name != "lgamma"]  # test_gamma.py has its values
HOST = host_target()
ON_X86 = platform.machine() in ("x86_64", "AMD64")

HARDEST = (
    -4.94653131e31, 88899.4688, -9.15803623, -3.48787498, 0.589955866, 0.00586470915, 5.19991779,
    -6.23769903, 0.554013729, 0.785933614, 1.05814147, -1.87296784, -9.60138798, -0.711623013,
    15.6360626, 0.414295763, 1.09026051, 1.31833994, 6.5788579, 1.43026483, 4.53110218, 89.4159851,
)  # fmt: skip
"""Float32 at which benchmarks/ulp.py found the largest errors of some function."""

LONG = pytest.mark.skipif(
    np.finfo(np.longdouble).nmant <= 52, reason="long double is no wider than float64 here"
)
OLDER = pytest.mark.skipif(not ON_X86, reason="runs code for older x86 processors")
FLOATS = [pytest.param(float32, id="float32"), pytest.param(float64, id="float64", marks=LONG)]


def reals(dtype: DType, count: int = 12000) -> np.ndarray:
    """Numbers of all sizes, more of them where functions turn, and the special ones."""
    draw = np.random.default_rng(0)
    kind = dtype.numpy.type
    digits = draw.integers(0, 2**dtype.bits, count, dtype=f"u{dtype.bits // 8}").view(kind)
    near = [kind(s) * draw.uniform(-1, 1, count).astype(kind) for s in (1, 4, 30, 800)]
    ones = (1 + draw.uniform(-1e-3, 1e-3, count)).astype(kind)
    info = np.finfo(kind)
    special = [
        *HARDEST,
        0,
        0.5,
        1,
        2,
        np.inf,
        info.max,
        info.tiny,
        1e4,
        3e4,
        88.7228317,
        709.782712893384,
    ]
    with np.errstate(over="ignore"):
        some = np.array(special).astype(kind)
    digits = digits[digits == digits]
    made = np.concatenate([digits, *near, ones, some, -some])
    made = made[~(np.abs(made) < info.tiny) | (made == 0)]  # programs take subnormals for zeros
    return np.append(made, kind(np.nan))


def few(dtype: DType) -> np.ndarray:
    """Numbers whose pairs and triples are worth trying."""
    draw = np.random.default_rng(1)
    kind = dtype.numpy.type
    if dtype is bool_:
        return np.array([False, True])
    if dtype.is_integer:
        info = np.iinfo(kind)
        some = draw.integers(info.min, info.max, 12, dtype=kind, endpoint=True)
        edge = np.array([0, 1, 2, 3, 7, 8, 31, 63, info.max - 1, info.max, info.min], kind)
        return np.unique(np.concatenate([some, edge, np.array([-1, -2, -7]).astype(kind)]))
    info = np.finfo(kind)
    fixed = [0, 0.5, 1, 1.5, 2, 2.5, 3, 5.5, 7, 1e-3, 1e6, info.max, info.tiny, np.inf]
    some = np.concatenate(
        [fixed, np.exp(draw.normal(size=10) * 4), np.exp(draw.normal(size=6) * 25)]
    )
    return np.concatenate([some, -some, [np.nan]]).astype(kind)


def operands(record: Scalar, dtype: DType) -> list[np.ndarray]:
    """Every combination of a few numbers."""
    values = few(dtype) if record.arity < 3 else few(dtype)[::2]
    made = [c.ravel() for c in np.meshgrid(*[values] * record.arity, indexing="ij")]
    if record.name == "pow" and dtype.kind == "signed":  # the record refuses negative exponents
        made = [c[made[1] >= 0] for c in made]
    return made


def value(record: Scalar, *arrays: np.ndarray, params: tuple[Any, ...] = ()) -> np.ndarray:
    """What the record says."""
    with np.errstate(all="ignore"):
        return np.asarray(record.numpy(*arrays, *params))


def exact(record: Scalar, dtype: DType, *arrays: np.ndarray) -> np.ndarray:
    """The record's values in the wider type."""
    if record.name in ("erf", "erfc") and dtype is float64:
        own = np.vectorize(getattr(math, record.name), otypes=[np.float64])
        return np.asarray(own(arrays[0]), np.longdouble)
    if record.name == "ndtr" and dtype is float64:
        return normal_below(arrays[0])
    return value(record, *(a.astype(WIDE[dtype]) for a in arrays)).astype(WIDE[dtype], copy=False)


def normal_below(x: np.ndarray) -> np.ndarray:
    """Φ(x) = ½ erfc(−x/√2): SciPy's is off by a thousand units where rounding changes x/√2."""
    wide = -x.astype(np.longdouble) / np.sqrt(np.longdouble(2))
    rounded = wide.astype(np.float64)
    with np.errstate(all="ignore"):
        rest = np.where(np.isinf(wide), 0, wide - rounded)
        slope = 2 / np.sqrt(np.longdouble(math.pi)) * np.exp(-(rounded.astype(np.longdouble) ** 2))
    own = np.array([math.erfc(v) for v in rounded.tolist()], np.longdouble)
    return np.asarray((own - slope * rest) / 2)


def limit(record: Scalar, dtype: DType) -> float:
    """How far off a value may be; the C library's own erfc is off by up to 2 units."""
    return LIMITS[dtype] + (2 if record.name in ("erfc", "ndtr") and dtype is float64 else 0)


def flushed(lanes: int) -> bool:
    """Whether to flush subnormal numbers: the widest vectors are tried as programs run."""
    return ON_X86 and lanes == max(LANES)


# ---------------------------------------------------------------- values


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("record", FINE, ids=repr)
def test_functions_of_one_number_are_right_to_the_last_digits(
    record: Scalar, dtype: DType, lanes: int
) -> None:
    x = reals(dtype)
    apply = native(record, dtype, lanes, HOST, flushed=flushed(lanes))
    off = ulps(apply(x), exact(record, dtype, x))
    worst = int(off.argmax())
    assert off[worst] <= limit(record, dtype), (x[worst], off[worst])


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("record", [r for r in ROUNDED if r.arity == 2], ids=repr)
def test_functions_of_two_numbers_are_right_to_the_last_digits(
    record: Scalar, dtype: DType, lanes: int
) -> None:
    x, y = operands(record, dtype)
    apply = native(record, dtype, lanes, HOST, flushed=flushed(lanes))
    got, wanted = apply(x, y), exact(record, dtype, x, y)
    off = ulps(got, wanted)
    if record.name == "logaddexp":  # where terms cancel, digits of the larger operand count
        with np.errstate(all="ignore"):
            scale = np.spacing(np.maximum(np.abs(x), np.abs(y)))
            off = np.minimum(off, np.nan_to_num(np.abs(got - wanted) / scale, nan=np.inf))
    worst = int(off.argmax())
    assert off[worst] <= LIMITS[dtype], (x[worst], y[worst], off[worst])


@LONG
@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("hypot", 1.594799076402824e-150, -1.2915166175598446e-154),
        ("hypot", 3.1e-151, 1.2e-154),
        ("atan2", -6.679129801757538e-307, -6.67015138217756e-307),
        ("atan2", 3e-308, 2.9e-308),
    ],
)
def test_what_is_small_on_the_way_is_not_lost(name: str, first: float, second: float) -> None:
    x, y = np.array([first] * 4), np.array([second] * 4)
    got = native(SCALARS[name], float64, 4, HOST, flushed=ON_X86)(x, y)
    assert ulps(got, exact(SCALARS[name], float64, x, y)).max() <= 4


def test_products_with_logarithms_are_right_where_those_are_least_so() -> None:
    x = np.exp2(np.random.default_rng(0).uniform(0, 1, 20000)).astype(np.float32)
    for worst in (1.31951904, 1.32286572, 1.41416943, 0.777243257):
        y = np.full_like(x, worst)
        off = ulps(
            native(SCALARS["xlogy"], float32, 16, HOST)(x, y),
            exact(SCALARS["xlogy"], float32, x, y),
        )
        assert off.max() <= 2, (x[off.argmax()], worst, off.max())


@pytest.mark.parametrize("record", ROUNDED, ids=repr)
def test_a_value_does_not_depend_on_the_number_of_lanes(record: Scalar) -> None:
    for dtype in (float32, float64):
        arrays = [reals(dtype, 1000)] if record.arity == 1 else operands(record, dtype)
        one, four = (native(record, dtype, lanes, HOST)(*arrays) for lanes in (0, 4))
        np.testing.assert_array_equal(one, four)


EVERYTHING = [
    pytest.param(r, d, id=f"{r}-{d}")
    for r, d in itertools.product(NATIVE, ALL)
    if d.kind in r.accepts and not (r in ROUNDED and d.is_float)
]


@pytest.mark.parametrize(("record", "dtype"), EVERYTHING)
def test_all_other_functions_are_those_of_numpy(record: Scalar, dtype: DType) -> None:
    arrays = operands(record, dtype)
    wanted = value(record, *arrays)
    for apply in natives([(record, ())], dtype, LANES, HOST).values():
        got = apply(*arrays)
        assert got.dtype == wanted.dtype
        np.testing.assert_array_equal(got, wanted)
        # Which zero max(0, −0) is, NumPy leaves open.
        if dtype.is_float and record.output == "same" and record.name not in (
            "relu", "maximum", "minimum", "clip",
        ):  # fmt: skip
            known = ~np.isnan(wanted)
            np.testing.assert_array_equal(np.signbit(got)[known], np.signbit(wanted)[known])


@pytest.mark.parametrize("source", ALL, ids=repr)
def test_casts_are_those_of_numpy_where_the_number_fits(source: DType) -> None:
    record, x = SCALARS["cast"], few(source)
    kernels = natives([(record, (target,)) for target in ALL], source, LANES, HOST)
    for (_, (target,), lanes), apply in kernels.items():
        given = x
        if source.is_float and target.is_integer:
            info = np.iinfo(target.numpy)
            given = x[(x > max(info.min, -1e18)) & (x < min(info.max, 1e18))]
        wanted = value(record, given, params=(target,))
        np.testing.assert_array_equal(apply(given), wanted, f"to {target} in {lanes} lanes")


def test_a_cast_of_what_does_not_fit_gives_some_number() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 1e300, -1e300, 300.0, -1.0])
    for target in ALL:
        if target.is_integer:
            assert native(SCALARS["cast"], float64, 4, HOST, (target,))(x).size == x.size
    assert native(SCALARS["cast"], float64, 4, HOST, (uint8,))(x)[-2:].tolist() == [44, 255]
    wrapped = native(SCALARS["cast"], float64, 4, HOST, (uint64,))(np.array([-1.0, -2.0, 2.0**63]))
    assert wrapped.tolist() == [2**64 - 1, 2**64 - 2, 2**63]


# ---------------------------------------------------------------- particular numbers


@pytest.mark.parametrize("record", [r for r in ROUNDED if r.arity == 1], ids=repr)
def test_nan_stays_nan_whatever_else_its_bits_say(record: Scalar) -> None:
    for dtype, some in ((float32, 0x7FC00123), (float64, 0x7FF8000000000FFF)):
        bits = np.array([some, some | 1 << (dtype.bits - 1), some | 0x7FFF], f"u{dtype.bits // 8}")
        for lanes in (0, 4):
            assert np.isnan(native(record, dtype, lanes, HOST)(bits.view(dtype.numpy))).all()


@pytest.mark.parametrize("dtype", [float32, float64], ids=repr)
def test_zeros_keep_their_sign(dtype: DType) -> None:
    zeros = np.array([0.0, -0.0], dtype.numpy)
    odd = ("sin", "tan", "asin", "atan", "sinh", "tanh", "asinh", "atanh", "expm1", "log1p", "erf")
    for name in (*odd, "sqrt"):
        got = native(SCALARS[name], dtype, 4, HOST)(zeros)
        assert np.signbit(got).tolist() == [False, True], name


@pytest.mark.parametrize("dtype", [float32, float64], ids=repr)
def test_round_numbers_have_round_values(dtype: DType) -> None:
    def at(name: str, *x: float) -> float:
        own = [np.array([v], dtype.numpy) for v in x]
        return float(native(SCALARS[name], dtype, 4, HOST)(*own)[0])

    assert at("exp", 0) == at("cos", 0) == at("cosh", 0) == at("erfc", 0) == 1
    assert at("sigmoid", 0) == at("ndtr", 0) == at("ndtr", -0.0) == 0.5
    assert [at("log2", 2.0**k) for k in range(-20, 20)] == list(range(-20, 20))
    assert at("log", 1) == at("acosh", 1) == at("acos", 1) == 0
    assert at("pow", 10, 5) == 1e5
    assert at("hypot", 3, 4) == 5
    assert at("tanh", 30) == at("erf", 7) == at("sigmoid", 50) == at("ndtr", 9) == 1
    top = float(np.finfo(dtype.numpy).max)
    assert at("hypot", top / 2, top / 4) < math.inf
    assert at("sinh", math.log(top) + 0.5) < math.inf
    last = {float32: 89.41598510742188, float64: 710.4758600739439}[dtype]
    beyond = float(np.nextafter(dtype.numpy.type(last), dtype.numpy.type(math.inf)))
    for name in ("sinh", "cosh"):
        assert at(name, last) < math.inf == at(name, beyond), name
    assert at("sinh", math.log(top) + 0.7) == math.inf


def test_sine_and_cosine_of_the_hardest_angles() -> None:
    # No other float64 lies nearer to a multiple of π/2 than this one; its cosine by 2000 bits.
    hard = np.array([1, -1]) * 6381956970095103.0 * 2.0**797
    near = np.full(2, -4.687165924254627611e-19, np.longdouble)
    assert (ulps(native(SCALARS["cos"], float64, 4, HOST)(hard), near) <= 1).all()
    x = np.array([1e22, 2.0**1023, 1e9 + 1, 710.0, 1e6 - 0.5, 1e5])
    for name in ("sin", "cos", "tan"):
        wanted = np.array([getattr(math, name)(v) for v in x], np.longdouble)
        for lanes in LANES:
            assert (ulps(native(SCALARS[name], float64, lanes, HOST)(x), wanted) <= 4).all(), name
    small = np.array([16367173.0 * 2.0**72, 3.4e38, 30001.0, 1e10], np.float32)
    for name in ("sin", "cos"):
        wanted = np.array([getattr(math, name)(float(v)) for v in small])
        assert (ulps(native(SCALARS[name], float32, 4, HOST)(small), wanted) <= 2).all(), name


@pytest.mark.parametrize("cpu", ["", pytest.param("x86-64-v2", marks=OLDER)])
def test_sine_and_cosine_next_to_multiples_of_a_quarter_turn(cpu: str) -> None:
    target = target_for(cpu).replaced(triple=HOST.triple) if cpu else HOST
    few = np.arange(-9000, 9000) * (math.pi / 2)
    many = np.random.default_rng(0).integers(-(2**29), 2**29, 20000) * (math.pi / 2)
    for dtype, x in ((float32, few), (float64, np.concatenate([few, many, many / 1024]))):
        x = x.astype(dtype.numpy)
        for name in ("sin", "cos"):
            of = getattr(math, name)
            wanted = np.array([of(v) for v in x.tolist()], WIDE[dtype])
            off = ulps(native(SCALARS[name], dtype, 4, target)(x), wanted)
            assert off.max() <= LIMITS[dtype], (name, x[off.argmax()], off.max())


@pytest.mark.parametrize("dtype", [float32, float64], ids=repr)
def test_powers_have_the_limits_of_the_c_standard(dtype: DType) -> None:
    inf, nan = math.inf, math.nan
    cases = [
        (0, -3, inf), (-0.0, -3, -inf), (-0.0, -2, inf), (0, 3, 0), (-0.0, 3, -0.0), (-0.0, 2, 0),
        (-1, inf, 1), (-1, -inf, 1), (1, nan, 1), (nan, 0, 1), (0.5, -inf, inf), (2, -inf, 0),
        (0.5, inf, 0), (-2, inf, inf), (-inf, -3, -0.0), (-inf, 3, -inf), (-inf, 2, inf),
        (-inf, 0.5, inf), (inf, -1, 0), (inf, 1, inf), (-8, 1 / 3, nan), (nan, 1, nan),
        (2, nan, nan), (-2, 3, -8), (-2, 2, 4), (-0.0, 0.5, 0), (0, 0, 1), (2, 1000000, inf),
        (-2, 1000001, -inf),
    ]  # fmt: skip
    x, y, wanted = np.array(cases, dtype.numpy).T
    for lanes in LANES:
        got = native(SCALARS["pow"], dtype, lanes, HOST)(x, y)
        np.testing.assert_array_equal(got, wanted)
        known = wanted == wanted
        np.testing.assert_array_equal(np.signbit(got)[known], np.signbit(wanted)[known])


def test_an_exponent_that_is_known_while_writing_is_a_product() -> None:
    module = Module()
    b = module.function("f", [("x", "<8 x float>")])
    (x,) = b.arguments
    for exponent, wanted in ((2, "fmul"), (3, "fmul"), (-1, "fdiv")):
        made = emit_scalar(b, SCALARS["pow"], (), [x, constant(x.type, exponent)], float32)
        assert made is not None
        (line,) = (line for line in b.lines if line.startswith(f"  {made.text} ="))
        assert f"= {wanted} " in line


def test_dividing_an_integer_by_zero_gives_zero_and_does_not_trap() -> None:
    for dtype in ALL:
        if dtype.is_integer:
            x = np.arange(-4, 4).astype(dtype.numpy)
            for name, lanes in itertools.product(("floor_divide", "remainder"), LANES):
                assert not native(SCALARS[name], dtype, lanes, HOST)(x, np.zeros_like(x)).any()


def test_nextafter_walks_through_zero() -> None:
    x = np.array([0.0, -0.0, 5e-324, 1.0], np.float64)
    for y in (-1.0, 2.0):
        to = np.full_like(x, y)
        got = native(SCALARS["nextafter"], float64, 4, HOST)(x, to)
        np.testing.assert_array_equal(got, np.nextafter(x, to))


# ---------------------------------------------------------------- which functions, which machines


def test_every_record_but_the_incomplete_gamma_functions_is_native() -> None:
    assert {r.name for r in SCALARS.values() if not is_native(r)} == HOST_ONLY
    assert is_native(SCALARS["pow"], float32)
    assert not is_native(SCALARS["pow"], int64)  # only the host can refuse a negative exponent
    b = Module().function("f", [("x", "double")])
    assert emit_scalar(b, SCALARS["ndtri"], (), b.arguments, float64) is None


@pytest.mark.parametrize("name", ["x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"])
@pytest.mark.parametrize("dtype", [float32, float64, int32, int64, uint8, bool_], ids=repr)
def test_all_functions_compile_for_all_processors(name: str, dtype: DType) -> None:
    target = target_for(name)
    module = module_for(target)
    for record in NATIVE:
        if dtype.kind in record.accepts:
            lanes = target.vector_bits // dtype.bits
            write_kernel(module, f"{record.name}_kernel", record, dtype, lanes)
    for other in ALL:
        params = (other,)
        write_kernel(
            module, f"cast_{other}", SCALARS["cast"], dtype, target.vector_bits // 64, params
        )
    assert object_code(module_text(module), target, 1)[:4] == b"\x7fELF"


@OLDER
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("record", FINE, ids=repr)
def test_functions_are_as_right_without_fused_multiplication(record: Scalar, dtype: DType) -> None:
    target: Target = target_for("x86-64-v2").replaced(triple=HOST.triple)
    x = reals(dtype, 4000)
    off = ulps(native(record, dtype, 4, target)(x), exact(record, dtype, x))
    assert off.max() <= limit(record, dtype), (x[off.argmax()], off.max())


@OLDER
@pytest.mark.skipif(not HOST.fma, reason="this processor has no fused multiplication")
def test_the_normal_distribution_is_as_right_without_tables() -> None:
    target: Target = target_for("x86-64-v3").replaced(triple=HOST.triple)
    x = reals(float32)
    off = ulps(native(SCALARS["ndtr"], float32, 8, target)(x), exact(SCALARS["ndtr"], float32, x))
    assert off.max() <= 2, (x[off.argmax()], off.max())


def test_gelu_keeps_its_digits_far_below_zero() -> None:
    # x/2 (1 + erf(x/√2)) would have none of them left at −6.
    x = np.random.default_rng(0).uniform(-12.5, 12.5, 50000).astype(np.float32)
    got = cr.jit(cr.gelu)(cr.tensor(x)).numpy()
    assert ulps(got, x * normal_below(x.astype(np.float64)).astype(np.float64)).max() <= 3


@pytest.mark.skipif(not HOST.tables, reason="this processor has no instruction for tables")
@pytest.mark.parametrize("lanes", [0, 2, 8, 16])
def test_tables_are_looked_up_by_the_last_four_bits(lanes: int) -> None:
    module = module_for(HOST)
    b = module.function("f", [("i", "ptr"), ("out", "ptr"), ("n", "i64")])
    places, out, count = b.arguments
    with b.loop(0, count, lanes or 1) as loop:
        index = Lanes(b, b.load(vector("i32", lanes), b.offset(places, loop.index, "i32")))
        squares, roots = looked_up([[k**2 for k in range(16)], [k**0.5 for k in range(16)]], index)
        b.store((squares + roots).value, b.offset(out, loop.index, "float"))
    library = load(module_text(module), HOST)
    i, found = np.arange(-32, 32, dtype=np.int32), np.empty(64, np.float32)
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 2, ctypes.c_int64)(library.address("f"))
    call(i.ctypes.data, found.ctypes.data, i.size)
    k = (i & 15).astype(np.float32)
    np.testing.assert_array_equal(found, k * k + np.sqrt(k))


@OLDER
@LONG
@pytest.mark.parametrize("name", ["pow", "atan2", "hypot", "remainder", "floor_divide"])
def test_two_numbers_without_fused_multiplication(name: str) -> None:
    target: Target = target_for("x86-64-v2").replaced(triple=HOST.triple)
    record = SCALARS[name]
    for dtype in (float32, float64):
        x, y = operands(record, dtype)
        got = native(record, dtype, 4, target)(x, y)
        if name in EXACT:
            np.testing.assert_array_equal(got, value(record, x, y))
        else:
            assert ulps(got, exact(record, dtype, x, y)).max() <= LIMITS[dtype]
