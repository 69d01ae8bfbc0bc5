"""Functions have PyTorch's values, gradients and Hessian-vector products, where it is installed.

Left out is what PyTorch does not differentiate twice (hardsigmoid, floor_divide, the moments of
batch_norm) or rounds to float32 on the way (celu with its own alpha).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from tests.cases.case import Case
from tests.peers.agreement import Arrays, Table, assert_agreement, each_case

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F, L = torch.nn.functional, torch.linalg

SAME = (
    "abs cos cosh erf erfc exp expm1 negative positive sin sinh square tanh asinh atan tan asin "
    "acos atanh log1p log log2 log10 sqrt lgamma digamma reciprocal acosh add subtract multiply "
    "maximum minimum logaddexp hypot atan2 copysign divide xlogy remainder pow ceil floor round "
    "sign trunc equal greater greater_equal less less_equal not_equal logical_and "
    "logical_or logical_xor logical_not isfinite isinf isnan signbit nextafter bitwise_and "
    "bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift"
)
NAMES = {"equal": "eq", "not_equal": "ne"}
ACTIVATIONS = {
    name: getattr(F, theirs or name)
    for name, theirs in (
        ("celu", ""), ("elu", ""), ("gelu", ""),
        ("hard_swish", "hardswish"), ("hard_tanh", "hardtanh"), ("hardshrink", ""),
        ("leaky_relu", ""), ("log_sigmoid", "logsigmoid"), ("mish", ""), ("relu", ""),
        ("relu6", ""), ("selu", ""), ("sigmoid", ""), ("silu", ""), ("softplus", ""),
        ("softshrink", ""), ("softsign", ""), ("tanhshrink", ""), ("glu", ""),
    )
}  # fmt: skip


def _square(*factors: Any) -> tuple[Any, ...]:
    return tuple(f * f for f in factors)


def _moments(x: Any, w: Any, b: Any) -> Any:
    return F.batch_norm(x, None, None, w, b, training=True)


FACTORS: Table = {
    **{
        f"svd normal {shape} full_matrices=False": lambda x: _square(*L.svd(x, full_matrices=False))
        for shape in ("[3, 3]", "[4, 2]", "[2, 4]", "[2, 2, 3]")
    },
    **{f"qr normal {s}": lambda x: _square(*L.qr(x)) for s in ("[3, 3]", "[4, 2]", "[2, 3, 2]")},
    **{f"eigh symmetric {s}": lambda x: _square(*L.eigh(x)) for s in ("[3, 3]", "[2, 3, 3]")},
    **{f"eigvalsh symmetric {s}": L.eigvalsh for s in ("[3, 3]", "[2, 2, 2]")},
    **{f"svdvals normal {s}": L.svdvals for s in ("[4, 2]", "[2, 2, 3]")},
    **{f"cholesky spd {s}": L.cholesky for s in ("[3, 3]", "[2, 2, 2]")},
}
LINEAR_ALGEBRA: Table = {
    **FACTORS,
    **{f"inv invertible {s}": L.inv for s in ("[3, 3]", "[2, 2, 2]", "[1, 1]")},
    **{f"pinv normal {s}": L.pinv for s in ("[3, 3]", "[4, 2]", "[2, 2, 3]")},
    **{f"det normal {s}": L.det for s in ("[3, 3]", "[2, 4, 4]", "[1, 1]")},
    **{f"slogdet invertible {s}": lambda x: tuple(L.slogdet(x)) for s in ("[3, 3]", "[2, 2, 2]")},
    **{
        f"matrix_power {n}": lambda x, n=n: L.matrix_power(x, n)  # type: ignore[misc]
        for n in (-2, -1, 0, 1, 2, 5)
    },
    **{f"solve {name}": L.solve for name in ("a vector", "columns", "stacks")},
    **{
        f"solve_triangular upper={u} adjoint={a}": lambda x, b, u=u, a=a: L.solve_triangular(  # type: ignore[misc]
            x.mT if a else x, b, upper=u != a
        )
        for u in (False, True)
        for a in (False, True)
    },
    **{
        f"vector_norm ord={p} axis={axis}": lambda x, p=p, axis=axis: L.vector_norm(x, p, axis)  # type: ignore[misc]
        for p in (2, 1, math.inf, -math.inf, 0, 3, 0.5, 2.5, -1)
        for axis in (None, 0, -1)
    },
    **{
        f"matrix_norm normal [2, 3, 2] ord={p}": lambda x, p=p: L.matrix_norm(x, p)  # type: ignore[misc]
        for p in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)
    },
    "cross": lambda x, y: L.cross(*torch.broadcast_tensors(x, y)),
    "vecdot": L.vecdot,
    "tensordot 2": torch.tensordot,
    "outer": torch.outer,
    "kron": torch.kron,
}
DEEP: Table = {
    "softmax": lambda x: F.softmax(x, -1),
    "log_softmax": lambda x: F.log_softmax(x, 0),
    "logsumexp": lambda x: torch.logsumexp(x, (0, 1)),
    "layer_norm": lambda x, w, b: F.layer_norm(x, (4,), w, b),
    "layer_norm without vectors": lambda x: F.layer_norm(x, (3,)),
    "rms_norm": lambda x, w: F.rms_norm(x, (3,), w, 1e-3),
    "group_norm": lambda x, w, b: F.group_norm(x, 2, w, b),
    "batch_norm of the batch": _moments,
    "l2_normalize": lambda x: F.normalize(x, dim=-1),
    "embedding": lambda i, table: F.embedding(i, table),
    "one_hot": lambda i: F.one_hot(i.clamp(max=3), 4).double() * (i < 4)[..., None],
    "conv1d": lambda x, w: F.conv1d(x, w, stride=2, padding=1),
    "conv2d": F.conv2d,
    "conv2d dilated": lambda x, w: F.conv2d(F.pad(x, (0, 2, 1, 0)), w, dilation=(2, 1)),
    "conv2d in groups": lambda x, w: F.conv2d(x, w, padding=1, groups=2),
    "conv in three dimensions": F.conv3d,
    "conv_transpose2d": lambda x, w: F.conv_transpose2d(
        x, w, stride=2, padding=1, output_padding=1
    ),
    "max_pool2d": lambda x: F.max_pool2d(x, 2),
    "max_pool2d overlapping with padding": lambda x: F.max_pool2d(x, (3, 2), (2, 1), 1),
    "max_pool1d": lambda x: F.max_pool1d(x, 2, 1),
    "avg_pool1d": lambda x: F.avg_pool1d(x, 2),
    "avg_pool2d with padding": lambda x: F.avg_pool2d(x, 2, 1, 1),
    "avg_pool2d without its padding": lambda x: F.avg_pool2d(x, 2, 1, 1, count_include_pad=False),
    "global_avg_pool": lambda x: x.mean((2, 3)),
    "attention": F.scaled_dot_product_attention,
    "attention with an added mask": F.scaled_dot_product_attention,
    "causal attention": lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
    "cross_entropy of labels": F.cross_entropy,
    "cross_entropy of probabilities": F.cross_entropy,
    "cross_entropy of one row": F.cross_entropy,
    "elu-alpha": lambda x: F.elu(x, 0.7),
    "gelu-tanh": lambda x: F.gelu(x, approximate="tanh"),
    "softplus-beta": lambda x: F.softplus(x, 3),
    "threshold": lambda x: F.threshold(x, 0.1, 5),
    "glu-axis": lambda x: F.glu(x, 0),
    "prelu": F.prelu,
}
ARRAYS: Table = {
    "clip": torch.clamp,
    "where": torch.where,
    "tril": lambda x: torch.tril(x, 1),
    "triu": lambda x: torch.triu(x, -1),
    "flip": lambda x: torch.flip(x, (0, 1)),
    "roll": lambda x: torch.roll(x, 4),
    "take_along_axis": lambda x, i: torch.take_along_dim(x, i, 1),
    "cumulative_sum": lambda x: torch.cumsum(x, 0),
    "cumulative_prod": lambda x: torch.cumprod(x, 0),
    "diff": torch.diff,
    "sort": lambda x: torch.sort(x).values,
    "sum over all axes": torch.sum,
    "prod over all axes": torch.prod,
    "mean over all axes": torch.mean,
    "max over all axes": torch.max,
    "min over all axes": torch.min,
    "var over all axes": lambda x: torch.var(x, correction=1),
    "std over all axes": lambda x: torch.std(x, correction=1),
    "pad by reflection": lambda x: F.pad(x[None], (1, 1, 1, 1), "reflect")[0],
}
TORCH: Table = {
    **{name: getattr(torch, NAMES.get(name, name)) for name in SAME.split()},
    **ACTIVATIONS,
    **LINEAR_ALGEBRA,
    **DEEP,
    **ARRAYS,
}


def theirs(
    function: Callable[..., Any], inputs: Arrays, weights: Arrays, places: Sequence[int]
) -> tuple[Arrays, Arrays, Arrays]:
    """PyTorch's values, gradient and Hessian times the input itself."""
    tensors = [torch.tensor(x, requires_grad=k in places) for k, x in enumerate(inputs)]

    def results() -> Sequence[Any]:
        made = function(*tensors)
        return made if isinstance(made, tuple | list) else [made]

    values = [np.asarray(v.detach()) for v in results()]
    if not weights:
        return values, [], []
    chosen = [tensors[p] for p in places]
    zero = sum((x.sum() * 0 for x in chosen), torch.tensor(0.0))
    number = sum(
        ((r * torch.tensor(w)).sum() for r, w in zip(results(), weights, strict=True)), zero
    )
    options = {"create_graph": True, "allow_unused": True, "materialize_grads": True}
    first = torch.autograd.grad(number, chosen, **options)
    along = sum(((g * x.detach()).sum() for g, x in zip(first, chosen, strict=True)), zero)
    second = torch.autograd.grad(along, chosen, allow_unused=True, materialize_grads=True)
    return values, *([np.asarray(g.detach()) for g in part] for part in (first, second))


@each_case(TORCH)
def test_a_function_and_its_derivatives_are_those_of_torch(case: Case) -> None:
    assert_agreement(case, TORCH[case.name], theirs)
