"""What the functions of deep learning say, word for word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from chainrule.errors import ArgumentError, DTypeError, IndexingError, ShapeError
from chainrule.functions import attention, convolution, embedding, normalization, pooling, random
from chainrule.functions.softmax import softmax
from chainrule.tensors import Tensor, tensor

KEY = random.key(0)


def zeros(*shape: int) -> Tensor:
    return tensor(np.zeros(shape))


MESSAGES: dict[str, tuple[type[Exception], Callable[[], Any], str]] = {
    "softmax axis": (
        ShapeError,
        lambda: softmax(zeros(2, 3), axis=2),
        (
            "softmax: there is no axis 2\n\n    f64[2, 3]\n\n"
            "  Axes are 0 to 1, or -2 to -1 counted from the last."
        ),
    ),
    "layer_norm weight": (
        ShapeError,
        lambda: normalization.layer_norm(zeros(2, 3), zeros(2)),
        (
            "layer_norm: weight has shape [2] and the last axis of x has 3 elements\n\n"
            "    x        f64[2, 3]\n    weight   f64[2]\n\n"
            "  weight holds one number for each index of the last axis, so its shape is [3]."
        ),
    ),
    "rms_norm of a number": (
        ShapeError,
        lambda: normalization.rms_norm(1.0),
        "rms_norm: x has no last axis\n\n    x   f64[]",
    ),
    "batch_norm bias": (
        ShapeError,
        lambda: normalization.batch_norm(zeros(2, 3), zeros(3), zeros(3), bias=zeros(3, 1)),
        (
            "batch_norm: bias has shape [3, 1] and axis 1 of x has 3 elements\n\n"
            "    x      f64[2, 3]\n    bias   f64[3, 1]\n\n"
            "  bias holds one number for each index of axis 1, so its shape is [3]."
        ),
    ),
    "group_norm groups": (
        ShapeError,
        lambda: normalization.group_norm(zeros(2, 3), 2),
        (
            "group_norm: 3 channels do not split into 2 equal groups\n\n    x   f64[2, 3]\n\n"
            "  The channels are axis 1 of x."
        ),
    ),
    "l2_normalize eps": (
        ArgumentError,
        lambda: normalization.l2_normalize(zeros(3), eps=0.0),
        "l2_normalize: eps is 0.0; it must be positive",
    ),
    "one_hot of floats": (
        DTypeError,
        lambda: embedding.one_hot(zeros(2), 3),
        "one_hot: indices are integers, not float64\n\n    f64[2]",
    ),
    "one_hot classes": (
        ArgumentError,
        lambda: embedding.one_hot(tensor([1]), -1),
        "one_hot: there cannot be -1 classes",
    ),
    "embedding index": (
        IndexingError,
        lambda: embedding.embedding(tensor([0, 5]), zeros(5, 2)),
        "index 5 is out of bounds for axis 0 of size 5",
    ),
    "embedding table": (
        ShapeError,
        lambda: embedding.embedding(tensor([0]), 1.0),
        "embedding: the table has no rows\n\n    table   f64[]",
    ),
    "conv ranks": (
        ShapeError,
        lambda: convolution.conv2d(zeros(3, 8, 8), zeros(4, 3, 3, 3)),
        (
            "conv2d: x has 3 axes and w has 4; both have 4\n\n"
            "    x   f64[3, 8, 8]\n    w   f64[4, 3, 3, 3]\n\n"
            "  x is (examples, channels, *spatial), w (out channels, channels / groups, *kernel)."
        ),
    ),
    "conv channels": (
        ShapeError,
        lambda: convolution.conv1d(zeros(1, 4, 8), zeros(4, 3, 3), groups=2),
        (
            "conv1d: x has 4 channels, w takes 3 in each of 2 groups and makes 4\n\n"
            "    x   f64[1, 4, 8]\n    w   f64[4, 3, 3]\n\n"
            "  The channels of x are those that w takes times groups; those made split evenly."
        ),
    ),
    "conv empty kernel": (
        ShapeError,
        lambda: convolution.conv(zeros(1, 1, 8), zeros(1, 1, 0)),
        (
            "conv: the kernel has a spatial axis of size 0\n\n"
            "    x   f64[1, 1, 8]\n    w   f64[1, 1, 0]"
        ),
    ),
    "conv window": (
        ShapeError,
        lambda: convolution.conv1d(zeros(1, 1, 4), zeros(1, 1, 3), dilation=3, padding=1),
        (
            "conv1d: a window reaches over 7 elements and spatial axis 0 has 6\n\n"
            "    x   f64[1, 1, 4]\n\n"
            "  1 + 4 + 1 elements with padding, window 3, dilation 3."
        ),
    ),
    "conv stride": (
        ArgumentError,
        lambda: convolution.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 3, 3), stride=(1, 0)),
        "conv2d: stride is (1, 0); it is a positive int, or one for each of the 2 spatial axes",
    ),
    "conv padding": (
        ArgumentError,
        lambda: convolution.conv1d(zeros(1, 1, 4), zeros(1, 1, 3), padding="full"),
        (
            "conv1d: padding is 'full'; "
            'it is "same", "valid", one int, or for each of the 1 spatial '
            "axes an int or a pair (before, after), none negative"
        ),
    ),
    "conv_transpose2d channels": (
        ShapeError,
        lambda: convolution.conv_transpose2d(zeros(1, 2, 3, 3), zeros(1, 2, 3, 3)),
        (
            "conv_transpose2d: x is [1, 2, 3, 3] and w [1, 2, 3, 3]\n\n"
            "    x   f64[1, 2, 3, 3]\n    w   f64[1, 2, 3, 3]\n\n"
            "  x is (examples, channels, *spatial), w is (channels, out channels, *kernel)."
        ),
    ),
    "conv_transpose2d output_padding": (
        ArgumentError,
        lambda: convolution.conv_transpose2d(
            zeros(1, 1, 3, 3), zeros(1, 1, 3, 3), output_padding=1
        ),
        "conv_transpose2d: output_padding is 1; it is less than the stride, 1",
    ),
    "conv_transpose2d result": (
        ShapeError,
        lambda: convolution.conv_transpose2d(zeros(1, 1, 1, 1), zeros(1, 1, 2, 2), padding=1),
        (
            "conv_transpose2d: the result would be [0, 0]\n\n"
            "    x   f64[1, 1, 1, 1]\n    w   f64[1, 1, 2, 2]"
        ),
    ),
    "pool rank": (
        ShapeError,
        lambda: pooling.max_pool2d(zeros(4), 2),
        "max_pool2d: x has 1 axis; the last 2 are pooled\n\n    x   f64[4]",
    ),
    "pool padding": (
        ShapeError,
        lambda: pooling.avg_pool1d(zeros(4), 2, padding=2),
        "avg_pool1d: the padding 2 holds a whole window of [2]\n\n    x   f64[4]",
    ),
    "global pool": (
        ShapeError,
        lambda: pooling.global_avg_pool(zeros(2, 3)),
        "global_avg_pool: x has no spatial axis behind axis 1\n\n    x   f64[2, 3]",
    ),
    "attention features": (
        ShapeError,
        lambda: attention.scaled_dot_product_attention(zeros(2, 4), zeros(3, 5), zeros(3, 4)),
        (
            "scaled_dot_product_attention: queries have 4 features and keys 5\n\n"
            "    q   f64[2, 4]\n    k   f64[3, 5]\n    v   f64[3, 4]\n\n"
            "  q is (..., queries, d), k is (..., keys, d), v is (..., keys, e)."
        ),
    ),
    "attention mask": (
        ShapeError,
        lambda: attention.scaled_dot_product_attention(
            zeros(2, 4), zeros(3, 4), zeros(3, 4), np.ones((3, 3), bool)
        ),
        (
            "scaled_dot_product_attention: the mask does not fit the scores\n\n"
            "    mask     bool[3, 3]\n    scores   f64[2, 3]\n\n"
            "  The mask broadcasts to (..., queries, keys)."
        ),
    ),
    "attention mask of integers": (
        DTypeError,
        lambda: attention.scaled_dot_product_attention(
            zeros(2, 4), zeros(3, 4), zeros(3, 4), np.ones((2, 3), np.int64)
        ),
        (
            "scaled_dot_product_attention: the mask is boolean or floating, not int64\n\n"
            "    mask     i64[2, 3]\n    scores   f64[2, 3]"
        ),
    ),
    "seed": (
        ArgumentError,
        lambda: random.key(-1),
        "random.key: the seed -1 is not between 0 and 2¹²⁸ − 1",
    ),
    "key": (
        ShapeError,
        lambda: random.uniform(zeros(2)),
        (
            "random.uniform: a key has two words of 64 bits\n\n    key   f64[2]\n\n"
            "  cr.random.key(seed) makes one, cr.random.split(key, n) more; cr.vmap takes a stack."
        ),
    ),
    "split": (
        ArgumentError,
        lambda: random.split(KEY, -1),
        "random.split: there cannot be -1 keys",
    ),
    "fold_in number": (
        DTypeError,
        lambda: random.fold_in(KEY, 1.0),
        "random.fold_in: the number is an integer without axes, not f64[]",
    ),
    "fold_in negative": (
        ArgumentError,
        lambda: random.fold_in(KEY, -1),
        "random.fold_in: the number -1 is negative",
    ),
    "bits dtype": (
        DTypeError,
        lambda: random.bits(KEY, 2, "int32"),
        "random.bits: bits are unsigned integers, not int32",
    ),
    "uniform dtype": (
        DTypeError,
        lambda: random.uniform(KEY, 2, dtype="int32"),
        "random.uniform: draws are floating, not int32",
    ),
    "normal mean": (
        ShapeError,
        lambda: random.normal(KEY, (2, 3), zeros(2)),
        "random.normal: mean does not broadcast to the shape drawn, [2, 3]\n\n    mean   f64[2]",
    ),
    "randint range": (
        ArgumentError,
        lambda: random.randint(KEY, 2, 3, 3),
        "random.randint: there is no integer from 3 to before 3",
    ),
    "randint dtype": (
        ArgumentError,
        lambda: random.randint(KEY, 2, 0, 300, dtype="uint8"),
        "random.randint: uint8 does not hold 0 to 300 − 1",
    ),
    "randint floats": (
        DTypeError,
        lambda: random.randint(KEY, 2, 0, 3, dtype="float32"),
        "random.randint: draws are integers, not float32",
    ),
    "categorical shape": (
        ShapeError,
        lambda: random.categorical(KEY, zeros(2, 3), shape=(4, 3)),
        (
            "random.categorical: logits with classes along axis 1 do not give draws of "
            "shape [4, 3]\n\n"
            "    logits   f64[2, 3]"
        ),
    ),
    "permutation of fewer than none": (
        ArgumentError,
        lambda: random.permutation(KEY, -2),
        "random.permutation: there are no -2 numbers",
    ),
    "permutation of a number": (
        ShapeError,
        lambda: random.permutation(KEY, tensor(2.0)),
        "random.permutation: x has no axis\n\n    x   f64[]",
    ),
    "dropout rate": (
        ArgumentError,
        lambda: random.dropout(zeros(2), 1.0, KEY),
        "random.dropout: the rate is 1.0; it is at least 0 and less than 1",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_the_whole_message(name: str) -> None:
    error, run, message = MESSAGES[name]
    with pytest.raises(error) as raised:
        run()
    assert str(raised.value) == message
