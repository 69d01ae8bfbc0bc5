"""Functions have JAX's values, gradients and Hessian-vector products, where it is installed."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from tests.cases.case import Case
from tests.peers.agreement import Arrays, Table, assert_agreement, each_case

jax = pytest.importorskip("jax", reason="JAX is not installed")
jnp, nn, L, special = jax.numpy, jax.nn, jax.numpy.linalg, jax.scipy.special

SAME = (
    "abs cos cosh exp expm1 negative positive sin sinh square tanh asinh atan tan asin acos atanh "
    "log1p log log2 log10 sqrt reciprocal acosh add subtract multiply maximum minimum logaddexp "
    "hypot atan2 copysign divide remainder pow ceil floor round sign trunc floor_divide equal "
    "greater greater_equal less less_equal not_equal logical_and logical_or logical_xor "
    "logical_not isfinite isinf isnan signbit nextafter bitwise_and bitwise_or bitwise_xor "
    "bitwise_left_shift bitwise_right_shift bitwise_invert clip where outer kron take_along_axis "
    "diff sort tril triu flip ravel"
)
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "tril": (1,), "triu": (-1,), "take_along_axis": (1,),
}  # fmt: skip
ACTIVATIONS = (
    "celu elu hard_sigmoid hard_tanh leaky_relu log_sigmoid mish relu relu6 selu sigmoid silu "
    "softplus soft_sign"
)


def _square(*factors: Any) -> tuple[Any, ...]:
    return tuple(f * f for f in factors)


def _named(name: str) -> Callable[..., Any]:
    function, more = getattr(jnp, name), ARGUMENTS.get(name, ())
    return lambda *inputs: function(*inputs, *more)


LINEAR_ALGEBRA: Table = {
    **{
        f"svd normal {shape} full_matrices=False": lambda x: _square(*L.svd(x, full_matrices=False))
        for shape in ("[3, 3]", "[4, 2]", "[2, 4]", "[2, 2, 3]")
    },
    **{f"qr normal {s}": lambda x: _square(*L.qr(x)) for s in ("[3, 3]", "[4, 2]", "[2, 3, 2]")},
    **{f"eigh symmetric {s}": lambda x: _square(*L.eigh(x)) for s in ("[3, 3]", "[2, 3, 3]")},
    **{f"cholesky spd {s}": L.cholesky for s in ("[3, 3]", "[2, 2, 2]")},
    **{f"inv invertible {s}": L.inv for s in ("[3, 3]", "[2, 2, 2]", "[1, 1]")},
    **{f"pinv normal {s}": L.pinv for s in ("[3, 3]", "[4, 2]", "[2, 2, 3]")},
    **{f"det normal {s}": L.det for s in ("[3, 3]", "[2, 4, 4]", "[1, 1]")},
    **{f"slogdet invertible {s}": lambda x: tuple(L.slogdet(x)) for s in ("[3, 3]", "[2, 2, 2]")},
    **{f"solve {name}": L.solve for name in ("a vector", "columns", "stacks")},
    **{
        f"vector_norm ord={p} axis={axis}": lambda x, p=p, axis=axis: L.vector_norm(  # type: ignore[misc]
            x, axis=axis, ord=p
        )
        for p in (2, 1, math.inf, -math.inf, 3, 0.5, 2.5, -1)
        for axis in (None, 0, -1)
    },
    "cross": L.cross,
    "vecdot": jnp.vecdot,
    "tensordot 2": jnp.tensordot,
}
OTHERS: Table = {
    "erf": special.erf,
    "erfc": special.erfc,
    "lgamma": special.gammaln,
    "digamma": special.digamma,
    "xlogy": special.xlogy,
    "gelu": lambda x: nn.gelu(x, approximate=False),
    "gelu-tanh": nn.gelu,
    "hard_swish": nn.hard_swish,
    "softmax": nn.softmax,
    "softmax over two axes": lambda x: nn.softmax(x, (0, 2)),
    "log_softmax": lambda x: nn.log_softmax(x, 0),
    "logsumexp": nn.logsumexp,
    "logsumexp keeping axes": lambda x: nn.logsumexp(x, (0, 2), keepdims=True),
    "one_hot": lambda i: nn.one_hot(i, 4, dtype=float),
    "cumulative_sum": jnp.cumsum,
    "cumulative_prod": jnp.cumprod,
    "sum over all axes": jnp.sum,
    "prod over all axes": jnp.prod,
    "mean over all axes": jnp.mean,
    "max over all axes": jnp.max,
    "min over all axes": jnp.min,
    "var over all axes": lambda x: jnp.var(x, ddof=1),
    "std over all axes": lambda x: jnp.std(x, ddof=1),
    "roll": lambda x: jnp.roll(x, 4),
    "pad": lambda x: jnp.pad(x, [(1, 0), (2, 1)]),
    "pad by reflection": lambda x: jnp.pad(x, 1, "reflect"),
    "pad by the edge": lambda x: jnp.pad(x, (2, 0), "edge"),
    "repeat each": lambda x: jnp.repeat(x, np.array([0, 2, 1]), 1),
    "tile": lambda x: jnp.tile(x, (2, 1, 3)),
    "einsum ij,jk,kl->il ((2, 3), (3, 2), (2, 2))": lambda *xs: jnp.einsum("ij,jk,kl->il", *xs),
    "einsum ii ((3, 3),)": lambda x: jnp.einsum("ii", x),
    "matmul stacks": jnp.matmul,
    "matmul a vector and a stack": jnp.matmul,
    "matmul batch axes that broadcast": jnp.matmul,
}
JAX: Table = {
    **{name: _named(name) for name in SAME.split()},
    **{name.replace("soft_sign", "softsign"): getattr(nn, name) for name in ACTIVATIONS.split()},
    **LINEAR_ALGEBRA,
    **OTHERS,
}


@pytest.fixture(autouse=True)
def _in_double_precision() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def theirs(
    function: Callable[..., Any], inputs: Arrays, weights: Arrays, places: Sequence[int]
) -> tuple[Arrays, Arrays, Arrays]:
    """JAX's values, gradient and Hessian times the input itself."""
    places = tuple(places)

    def number(chosen: Sequence[Any], full: Sequence[Any]) -> Any:
        known = dict(zip(places, chosen, strict=True))
        results = jax.tree.leaves(function(*(known.get(k, x) for k, x in enumerate(full))))
        return sum((jnp.sum(r * w) for r, w in zip(results, weights, strict=True)), 0.0)

    @jax.jit  # one compilation instead of one for each operation
    def everything(full: Sequence[Any]) -> Any:
        values = jax.tree.leaves(function(*full))
        if not weights:
            return values, [], []
        chosen = [full[p] for p in places]
        return values, *jax.jvp(lambda xs: jax.grad(number)(xs, full), (chosen,), (chosen,))

    found = everything([jnp.asarray(x) for x in inputs])
    values, first, second = ([np.asarray(x) for x in part] for part in found)
    return values, first, second


@each_case(JAX)
def test_a_function_and_its_derivatives_are_those_of_jax(case: Case) -> None:
    assert_agreement(case, JAX[case.name], theirs)
