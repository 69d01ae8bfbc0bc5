"""The public names that the root gives: every function, every transform, and what they hold.

The root loads this file when one of them is first asked for.
"""

from __future__ import annotations

from math import e, inf, nan, pi

from chainrule.functions import linalg, random
from chainrule.functions.activations import (
    celu,
    elu,
    gelu,
    glu,
    hard_sigmoid,
    hard_swish,
    hard_tanh,
    hardshrink,
    leaky_relu,
    log_sigmoid,
    mish,
    prelu,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softplus,
    softshrink,
    softsign,
    tanhshrink,
    threshold,
)
from chainrule.functions.attention import scaled_dot_product_attention
from chainrule.functions.block import named_block
from chainrule.functions.comparison import (
    equal,
    greater,
    greater_equal,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    not_equal,
    signbit,
)
from chainrule.functions.convolution import conv, conv1d, conv2d, conv_transpose2d
from chainrule.functions.creation import (
    arange,
    asarray,
    empty,
    empty_like,
    eye,
    from_dlpack,
    full,
    full_like,
    linspace,
    meshgrid,
    ones,
    ones_like,
    tril,
    triu,
    zeros,
    zeros_like,
)
from chainrule.functions.cumulative import cumulative_prod, cumulative_sum, diff
from chainrule.functions.data_types import astype, can_cast, finfo, iinfo, isdtype, result_type
from chainrule.functions.deviations import std, var
from chainrule.functions.elementary import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cos,
    cosh,
    digamma,
    erf,
    erfc,
    exp,
    expm1,
    hypot,
    lgamma,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    ndtr,
    pow,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
    xlogy,
)
from chainrule.functions.elementwise import (
    abs,
    add,
    ceil,
    clip,
    conj,
    copysign,
    divide,
    floor,
    floor_divide,
    imag,
    maximum,
    minimum,
    multiply,
    negative,
    nextafter,
    positive,
    real,
    reciprocal,
    remainder,
    round,
    sign,
    square,
    subtract,
    trunc,
    where,
)
from chainrule.functions.embedding import embedding, one_hot
from chainrule.functions.incomplete import (
    betainc,
    betaincinv,
    gammainc,
    gammaincc,
    gammaincinv,
    ndtri,
)
from chainrule.functions.indexing import take, take_along_axis
from chainrule.functions.interop import __array_namespace_info__
from chainrule.functions.joining import concat, repeat, split, stack, tile, unstack
from chainrule.functions.linear import (
    einsum,
    kron,
    matmul,
    matrix_transpose,
    outer,
    tensordot,
    vecdot,
)
from chainrule.functions.logic import (
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
)
from chainrule.functions.manipulation import (
    broadcast_arrays,
    broadcast_to,
    expand_dims,
    flatten,
    flip,
    moveaxis,
    permute_dims,
    ravel,
    reshape,
    roll,
    squeeze,
    swapaxes,
)
from chainrule.functions.normalization import (
    batch_norm,
    batch_statistics,
    group_norm,
    l2_normalize,
    layer_norm,
    rms_norm,
)
from chainrule.functions.padding import pad
from chainrule.functions.pooling import (
    avg_pool1d,
    avg_pool2d,
    global_avg_pool,
    global_max_pool,
    max_pool1d,
    max_pool2d,
)
from chainrule.functions.reduction import all, any, max, mean, min, prod, sum
from chainrule.functions.searching import argmax, argmin, count_nonzero, nonzero, searchsorted
from chainrule.functions.sets import (
    UniqueAll,
    UniqueCounts,
    UniqueInverse,
    unique_all,
    unique_counts,
    unique_inverse,
    unique_values,
)
from chainrule.functions.softmax import log_softmax, logsumexp, softmax
from chainrule.functions.sorting import argsort, median, quantile, sort, topk
from chainrule.ir.dtype import bool_ as bool
from chainrule.ir.dtype import (
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from chainrule.tensors import Tensor, tensor
from chainrule.transform import (
    Derivative,
    State,
    Trace,
    checkpoint,
    cond,
    custom_derivative,
    debug,
    grad,
    hessian,
    jacobian,
    jit,
    jvp,
    linearize,
    scan,
    stop_gradient,
    trace,
    value_and_grad,
    vjp,
    vmap,
)

__array_api_version__ = "2024.12"
newaxis = None

__all__ = [
    "Derivative", "State", "Tensor", "Trace", "UniqueAll", "UniqueCounts", "UniqueInverse",
    "__array_api_version__", "__array_namespace_info__", "abs", "acos", "acosh", "add", "all",
    "any", "arange", "argmax", "argmin", "argsort", "asarray", "asin", "asinh", "astype", "atan",
    "atan2", "atanh", "avg_pool1d", "avg_pool2d", "batch_norm", "batch_statistics", "betainc",
    "betaincinv", "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_or",
    "bitwise_right_shift", "bitwise_xor", "bool", "broadcast_arrays", "broadcast_to", "can_cast",
    "ceil", "celu", "checkpoint", "clip", "concat", "cond", "conj", "conv", "conv1d", "conv2d",
    "conv_transpose2d", "copysign", "cos", "cosh", "count_nonzero", "cumulative_prod",
    "cumulative_sum", "custom_derivative", "debug", "diff", "digamma", "divide", "e", "einsum",
    "elu", "embedding", "empty", "empty_like", "equal", "erf", "erfc", "exp", "expand_dims",
    "expm1", "eye", "finfo", "flatten", "flip", "float32", "float64", "floor", "floor_divide",
    "from_dlpack", "full", "full_like", "gammainc", "gammaincc", "gammaincinv", "gelu",
    "global_avg_pool", "global_max_pool", "glu", "grad", "greater", "greater_equal", "group_norm",
    "hard_sigmoid", "hard_swish", "hard_tanh", "hardshrink", "hessian", "hypot", "iinfo", "imag",
    "inf", "int8", "int16", "int32", "int64", "isdtype", "isfinite", "isinf", "isnan", "jacobian",
    "jit", "jvp", "kron", "l2_normalize", "layer_norm", "leaky_relu", "less", "less_equal",
    "lgamma", "linalg", "linearize", "linspace", "log", "log1p", "log2", "log10", "log_sigmoid",
    "log_softmax", "logaddexp", "logical_and", "logical_not", "logical_or", "logical_xor",
    "logsumexp", "matmul", "matrix_transpose", "max", "max_pool1d", "max_pool2d", "maximum", "mean",
    "median", "meshgrid", "min", "minimum", "mish", "moveaxis", "multiply", "named_block", "nan",
    "ndtr", "ndtri", "negative", "newaxis", "nextafter", "nonzero", "not_equal", "one_hot", "ones",
    "ones_like", "outer", "pad", "permute_dims", "pi", "positive", "pow", "prelu", "prod",
    "quantile", "random", "ravel", "real", "reciprocal", "relu", "relu6", "remainder", "repeat",
    "reshape", "result_type", "rms_norm", "roll", "round", "scaled_dot_product_attention", "scan",
    "searchsorted", "selu", "sigmoid", "sign", "signbit", "silu", "sin", "sinh", "softmax",
    "softplus", "softshrink", "softsign", "sort", "split", "sqrt", "square", "squeeze", "stack",
    "std", "stop_gradient", "subtract", "sum", "swapaxes", "take", "take_along_axis", "tan", "tanh",
    "tanhshrink", "tensor", "tensordot", "threshold", "tile", "topk", "trace", "tril", "triu",
    "trunc", "uint8", "uint16", "uint32", "uint64", "unique_all", "unique_counts", "unique_inverse",
    "unique_values", "unstack", "value_and_grad", "var", "vecdot", "vjp", "vmap", "where", "xlogy",
    "zeros", "zeros_like",
]  # fmt: skip
