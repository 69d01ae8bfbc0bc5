"""Layers and models: immutable trees that are called.

>>> with seed(0):
...     model = Sequential(Linear(64, 64), cr.relu, Linear(64, 10))
>>> model(cr.zeros((5, 64))).shape
(5, 10)
"""

from typing import TYPE_CHECKING

from chainrule.elsewhere import missing_from as _missing_from
from chainrule.nn import initialization
from chainrule.nn.attention import MultiHeadAttention
from chainrule.nn.convolution import Conv1d, Conv2d, ConvTranspose2d
from chainrule.nn.dropout import Dropout
from chainrule.nn.embedding import Embedding
from chainrule.nn.embedding_bag import EmbeddingBag
from chainrule.nn.flatten import Flatten
from chainrule.nn.images import lenet, resnet
from chainrule.nn.keys import seed
from chainrule.nn.linear import Linear
from chainrule.nn.modes import evaluation, is_evaluation
from chainrule.nn.module import Module, layers
from chainrule.nn.networks import linear, mlp
from chainrule.nn.normalization import BatchNorm, GroupNorm, LayerNorm, RMSNorm
from chainrule.nn.parameters import count, load, parameters
from chainrule.nn.pooling import (
    AvgPool1d,
    AvgPool2d,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool1d,
    MaxPool2d,
)
from chainrule.nn.recurrent import GRU, LSTM, RNN
from chainrule.nn.residual import Residual
from chainrule.nn.sequential import Sequential
from chainrule.nn.table import Layer
from chainrule.nn.transformer import CharacterTransformer, TransformerBlock, character_transformer

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm",
    "CharacterTransformer",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "Dropout",
    "Embedding",
    "EmbeddingBag",
    "Flatten",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "GroupNorm",
    "Layer",
    "LayerNorm",
    "Linear",
    "MaxPool1d",
    "MaxPool2d",
    "Module",
    "MultiHeadAttention",
    "RMSNorm",
    "Residual",
    "Sequential",
    "TransformerBlock",
    "character_transformer",
    "count",
    "evaluation",
    "initialization",
    "is_evaluation",
    "layers",
    "lenet",
    "linear",
    "load",
    "mlp",
    "parameters",
    "resnet",
    "seed",
]

if not TYPE_CHECKING:  # which knows by itself what is missing
    __getattr__ = _missing_from(__name__)
