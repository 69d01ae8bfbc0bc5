"""What layers and ready models say about mistakes, word for word."""

from collections.abc import Callable

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ArgumentError, DTypeError, IndexingError, ShapeError
from chainrule.functions import random

KEY = random.key(0)
CONV = nn.Conv2d(3, 4, 3, key=KEY)
WIDE = nn.ConvTranspose2d(3, 4, 3, stride=2, output_padding=2, key=KEY)

MESSAGES: list[tuple[type[Exception], Callable[[], object], str]] = [
    (
        ArgumentError,
        lambda: nn.Conv2d(3, 4, 3),
        (
            "Conv2d: there is no key for its random numbers\n"
            "\n"
            "  Make the layer under `with cr.nn.seed(0):`, or give it one: Conv2d(..., "
            "key=cr.random.key(0))."
        ),
    ),
    (
        ArgumentError,
        lambda: nn.Conv2d(0, 4, 3, key=KEY),
        "Conv2d: 0 → 4 channels, groups=1; at least 1 each",
    ),
    (
        ArgumentError,
        lambda: nn.Conv2d(3, 4, 3, groups=2, key=KEY),
        "Conv2d: 3 → 4 channels do not split into 2 equal groups",
    ),
    (
        ArgumentError,
        lambda: nn.Conv2d(3, 4, (3, 3, 3), key=KEY),
        (
            "Conv2d: kernel is (3, 3, 3); it is a positive int, or one for each of the 2 "
            "spatial axes"
        ),
    ),
    (
        ArgumentError,
        lambda: nn.Conv2d(3, 4, 0, key=KEY),
        "Conv2d: kernel is 0; it is a positive int, or one for each of the 2 spatial axes",
    ),
    (
        ShapeError,
        lambda: CONV(cr.ones((2, 4, 5, 5))),
        (
            "Conv2d: x has 4 channels, and the layer takes 3\n"
            "\n"
            "    x       f64[2, 4, 5, 5]\n"
            "    weight  f32[4, 3, 3, 3]\n"
            "\n"
            "  x is n c h w: examples, channels, places."
        ),
    ),
    (
        ShapeError,
        lambda: CONV(cr.ones((3, 5, 5))),
        (
            "Conv2d: x has 3 axes, and the layer takes 4\n"
            "\n"
            "    x       f64[3, 5, 5]\n"
            "    weight  f32[4, 3, 3, 3]\n"
            "\n"
            "  x is n c h w: examples, channels, places; x[None] is a batch of one."
        ),
    ),
    (
        ShapeError,
        lambda: CONV(cr.ones((2, 3, 1, 1))),
        (
            "conv: a window reaches over 3 elements and spatial axis 0 has 1\n"
            "\n"
            "    x   f64[2, 3, 1, 1]\n"
            "\n"
            "  0 + 1 + 0 elements with padding, window 3, dilation 1."
        ),
    ),
    (
        ShapeError,
        lambda: nn.Conv2d(1, 4, 3, key=KEY)(cr.ones((2, 28, 28))),
        (
            "Conv2d: x has 3 axes, and the layer takes 4\n"
            "\n"
            "    x       f64[2, 28, 28]\n"
            "    weight  f32[4, 1, 3, 3]\n"
            "\n"
            "  x is n c h w: examples, channels, places; x[:, None] has one channel."
        ),
    ),
    (
        ShapeError,
        lambda: nn.Conv1d(3, 4, 3, key=KEY)(cr.ones(3)),
        (
            "Conv1d: x has 1 axis, and the layer takes 3\n"
            "\n"
            "    x       f64[3]\n"
            "    weight  f32[4, 3, 3]\n"
            "\n"
            "  x is n c l: examples, channels, places."
        ),
    ),
    (
        ArgumentError,
        lambda: nn.ConvTranspose2d(3, 0, 3, key=KEY),
        "ConvTranspose2d: 3 → 0 channels; at least 1 each",
    ),
    (
        ShapeError,
        lambda: nn.ConvTranspose2d(3, 4, 3, key=KEY)(cr.ones((2, 4, 5, 5))),
        (
            "ConvTranspose2d: x has 4 channels, and the layer takes 3\n"
            "\n"
            "    x       f64[2, 4, 5, 5]\n"
            "    weight  f32[3, 4, 3, 3]\n"
            "\n"
            "  x is n c h w: examples, channels, places."
        ),
    ),
    (
        ArgumentError,
        lambda: WIDE(cr.ones((2, 3, 5, 5))),
        "conv_transpose2d: output_padding is 2; it is less than the stride, 2",
    ),
    (
        ArgumentError,
        lambda: nn.MaxPool2d(0),
        "MaxPool2d: window is 0; it is a positive int, or one for each of the 2 spatial axes",
    ),
    (
        ArgumentError,
        lambda: nn.AvgPool1d(2, stride=0),
        "AvgPool1d: stride is 0; it is a positive int, or one for each of the 1 spatial axes",
    ),
    (
        ArgumentError,
        lambda: nn.Conv2d(3, 4, 3, stride=0, key=KEY),
        "Conv2d: stride is 0; it is a positive int, or one for each of the 2 spatial axes",
    ),
    (
        ArgumentError,
        lambda: nn.Conv1d(3, 4, 3, padding="all", key=KEY)(cr.ones((2, 3, 5))),
        (
            'conv: padding is \'all\'; it is "same", "valid", one int, or for each of the '
            "1 spatial axes an int or a pair (before, after), none negative"
        ),
    ),
    (
        ShapeError,
        lambda: nn.MaxPool2d(3)(cr.ones((2, 1, 2, 2))),
        (
            "max_pool2d: a window reaches over 3 elements and spatial axis 0 has 2\n"
            "\n"
            "    x   f64[2, 1, 2, 2]\n"
            "\n"
            "  0 + 2 + 0 elements with padding, window 3, dilation 1."
        ),
    ),
    (
        ShapeError,
        lambda: nn.GlobalAvgPool()(cr.ones((2, 3))),
        ("global_avg_pool: x has no spatial axis behind axis 1\n\n    x   f64[2, 3]"),
    ),
    (ArgumentError, lambda: nn.BatchNorm(0), "BatchNorm: 0 features; at least 1"),
    (
        ArgumentError,
        lambda: nn.BatchNorm(2, momentum=2.0),
        "BatchNorm: momentum=2.0, which must be in [0, 1]",
    ),
    (
        ArgumentError,
        lambda: nn.BatchNorm(2, eps=-1.0),
        "BatchNorm: eps=-1.0, which must not be negative",
    ),
    (
        ShapeError,
        lambda: nn.BatchNorm(2)(cr.ones((4, 3))),
        (
            "BatchNorm: x has 3 channels, and the layer takes 2\n"
            "\n"
            "    x   f64[4, 3]\n"
            "\n"
            "  Axis 0 of x holds the examples, axis 1 the channels."
        ),
    ),
    (
        ShapeError,
        lambda: nn.BatchNorm(2)(cr.ones(4)),
        (
            "BatchNorm: x has no channels, and the layer takes 2\n"
            "\n"
            "    x   f64[4]\n"
            "\n"
            "  Axis 0 of x holds the examples, axis 1 the channels."
        ),
    ),
    (
        ShapeError,
        lambda: nn.BatchNorm(2)(cr.ones((1, 2))),
        (
            "BatchNorm: there is one number for each channel, which has no variance\n"
            "\n"
            "    x   f64[1, 2]\n"
            "\n"
            "  Train with larger batches, or evaluate under cr.nn.evaluation()."
        ),
    ),
    (
        ShapeError,
        lambda: nn.BatchNorm(2)(cr.ones((0, 2))),
        (
            "BatchNorm: there are no numbers for each channel, which has no variance\n"
            "\n"
            "    x   f64[0, 2]\n"
            "\n"
            "  Train with larger batches, or evaluate under cr.nn.evaluation()."
        ),
    ),
    (
        ShapeError,
        lambda: nn.LayerNorm(2)(cr.ones((4, 3))),
        (
            "LayerNorm: x has 3 features, and the layer takes 2\n"
            "\n"
            "    x   f64[4, 3]\n"
            "\n"
            "  The last axis of x holds the features."
        ),
    ),
    (
        ShapeError,
        lambda: nn.LayerNorm(2)(1.0),
        (
            "LayerNorm: x has no features, and the layer takes 2\n"
            "\n"
            "    x   f64[]\n"
            "\n"
            "  The last axis of x holds the features."
        ),
    ),
    (
        ShapeError,
        lambda: nn.RMSNorm(2)(cr.ones((4, 3))),
        (
            "RMSNorm: x has 3 features, and the layer takes 2\n"
            "\n"
            "    x   f64[4, 3]\n"
            "\n"
            "  The last axis of x holds the features."
        ),
    ),
    (
        ArgumentError,
        lambda: nn.GroupNorm(2, 3),
        "GroupNorm: 3 channels do not split into 2 equal groups",
    ),
    (
        ShapeError,
        lambda: nn.GroupNorm(3, 3)(cr.ones((4, 2))),
        (
            "GroupNorm: x has 2 channels, and the layer takes 3\n"
            "\n"
            "    x   f64[4, 2]\n"
            "\n"
            "  Axis 0 of x holds the examples, axis 1 the channels."
        ),
    ),
    (
        ArgumentError,
        lambda: nn.Embedding(0, 3, key=KEY),
        "Embedding: 0 rows of 3 features; at least 1 each",
    ),
    (
        ArgumentError,
        lambda: nn.Embedding(4, 3, padding=4, key=KEY),
        "Embedding: padding=4 is none of the 4 rows",
    ),
    (
        DTypeError,
        lambda: nn.Embedding(4, 3, key=KEY)(cr.ones(2)),
        ("embedding: indices are integers, not float64\n\n    f64[2]"),
    ),
    (
        IndexingError,
        lambda: nn.Embedding(4, 3, key=KEY)(cr.tensor([4])),
        "index 4 is out of bounds for axis 0 of size 4",
    ),
    (
        ArgumentError,
        lambda: nn.MultiHeadAttention(6, 4, key=KEY),
        "MultiHeadAttention: 4 heads do not share a width of 6 evenly",
    ),
    (
        ShapeError,
        lambda: nn.MultiHeadAttention(4, 2, key=KEY)(cr.ones((2, 3))),
        (
            "MultiHeadAttention: x has shape [2, 3], and the layer takes sequences of 4 features\n"
            "\n"
            "    x   f64[2, 3]\n"
            "\n"
            "  The last axis holds the features, the one before it the positions."
        ),
    ),
    (
        ShapeError,
        lambda: nn.MultiHeadAttention(4, 2, key=KEY)(cr.ones((2, 4)), cr.ones(4)),
        (
            "MultiHeadAttention: memory has shape [4], and the layer takes sequences of "
            "4 features\n"
            "\n"
            "    memory   f64[4]\n"
            "\n"
            "  The last axis holds the features, the one before it the positions."
        ),
    ),
    (
        ShapeError,
        lambda: nn.MultiHeadAttention(4, 2, key=KEY)(cr.ones((2, 4)), mask=np.ones((3, 2), bool)),
        (
            "scaled_dot_product_attention: the mask does not fit the scores\n"
            "\n"
            "    mask     bool[3, 2]\n"
            "    scores   f64[2, 2, 2]\n"
            "\n"
            "  The mask broadcasts to (..., queries, keys)."
        ),
    ),
    (
        ArgumentError,
        lambda: nn.character_transformer(0, 4, key=KEY),
        (
            "character_transformer: vocabulary=0, context=4, layers=4, heads=4, "
            "width=128; at least 1 each"
        ),
    ),
    (
        ShapeError,
        lambda: nn.character_transformer(5, 4, width=4, key=KEY)(np.zeros((2, 5), int)),
        (
            "CharacterTransformer: x has 5 positions, and the context 4\n"
            "\n"
            "    x   i64[2, 5]\n"
            "\n"
            "  The last axis of x holds the tokens of a sequence."
        ),
    ),
    (
        DTypeError,
        lambda: nn.character_transformer(5, 4, width=4, key=KEY)(np.zeros((2, 3))),
        ("embedding: indices are integers, not float64\n\n    f64[2, 3]"),
    ),
    (ArgumentError, lambda: nn.RNN(0, 3, key=KEY), "RNN: 0 → 3 features; at least 1 each"),
    (
        ArgumentError,
        lambda: nn.LSTM(3, 4),
        (
            "LSTM: there is no key for its random numbers\n"
            "\n"
            "  Make the layer under `with cr.nn.seed(0):`, or give it one: LSTM(..., "
            "key=cr.random.key(0))."
        ),
    ),
    (
        ShapeError,
        lambda: nn.GRU(3, 4, key=KEY)(cr.ones(3)),
        (
            "GRU: x has shape [3], and the layer takes sequences of 3 features\n"
            "\n"
            "    x   f64[3]\n"
            "\n"
            "  The last axis holds the features, the one before it the positions."
        ),
    ),
    (
        ShapeError,
        lambda: nn.GRU(3, 4, key=KEY)(cr.ones((2, 5, 4))),
        (
            "GRU: x has shape [2, 5, 4], and the layer takes sequences of 3 features\n"
            "\n"
            "    x   f64[2, 5, 4]\n"
            "\n"
            "  The last axis holds the features, the one before it the positions."
        ),
    ),
    (
        ShapeError,
        lambda: nn.RNN(3, 4, key=KEY)(cr.ones((2, 5, 3)), cr.ones((3, 4))),
        ("RNN: state has shape [3, 4], and the sequences need [2, 4]\n\n    state   f64[3, 4]"),
    ),
    (
        ShapeError,
        lambda: nn.LSTM(3, 4, key=KEY)(cr.ones((5, 3)), (cr.ones(4), cr.ones(3))),
        ("LSTM: c has shape [3], and the sequences need [4]\n\n    c   f64[3]"),
    ),
    (
        ShapeError,
        lambda: nn.Residual(nn.Linear(3, 2, key=KEY))(cr.ones((4, 3))),
        (
            "Residual: the branch and the shortcut give different shapes\n"
            "\n"
            "    branch    f64[4, 2]\n"
            "    shortcut  f64[4, 3]\n"
            "\n"
            "  They are added, so their shapes must be equal; a shortcut can change that of x."
        ),
    ),
    (
        ArgumentError,
        lambda: nn.Residual(nn.Linear),
        (
            "Residual: the branch is the class Linear, which is no layer\n"
            "\n"
            "  A layer is a module or a function of a Tensor, such as nn.Linear(64, 10) "
            "or cr.relu."
        ),
    ),
    (
        ArgumentError,
        lambda: nn.Residual(cr.tanh, 3),
        (
            "Residual: the shortcut is the int 3, which is no layer\n"
            "\n"
            "  A layer is a module or a function of a Tensor, such as nn.Linear(64, 10) "
            "or cr.relu."
        ),
    ),
    (
        ArgumentError,
        lambda: nn.lenet((28, 28), 10, key=KEY),
        (
            "lenet: shape=(28, 28) is not that of an image\n"
            "\n"
            "  It is (channels, height, width), at least 12 × 12."
        ),
    ),
    (
        ArgumentError,
        lambda: nn.lenet((1, 8, 8), 10, key=KEY),
        (
            "lenet: shape=(1, 8, 8) is not that of an image\n"
            "\n"
            "  It is (channels, height, width), at least 12 × 12."
        ),
    ),
    (ArgumentError, lambda: nn.resnet((3, 32, 32), 0, key=KEY), "resnet: 0 classes; at least 1"),
    (
        ArgumentError,
        lambda: nn.resnet(width=0, key=KEY),
        "resnet: width=0, blocks=1 and stem=None; at least 1 each",
    ),
]


@pytest.mark.parametrize(("error", "call", "message"), MESSAGES)
def test_the_message_says_what_is_wrong(
    error: type[Exception], call: Callable[[], object], message: str
) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
