"""From the name of a model to its first weights."""

import math
import os
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from chainrule import nn
from chainrule.cli.closed_form import bayes, is_closed
from chainrule.cli.config import Config, sizes_of
from chainrule.cli.units import Units
from chainrule.data import Dataset
from chainrule.errors import ArgumentError
from chainrule.tensors import Tensor
from chainrule.wording import plural

__all__ = ["make_model", "outputs_of"]

_BINARY = 2


def make_model(config: Config, form: Dataset) -> Any:
    """Make the model with its first weights, a pure function of the configuration.

    The linear model starts at zero: its problem is convex, so no start is better, and its weights
    as images then show what was learned and no noise from the start.

    Raises:  ArgumentError: the model is larger than the memory, or does not fit the data.
    """
    with nn.seed(config.seed):
        model = _made(config, form)
        if is_single(config, form):
            model = nn.Sequential(*_layers(model), single)
        if form.classes is None and not is_closed(config.model):
            model = nn.Sequential(*_layers(model), Units(form))
        if config.augment is not None and config.model.partition(":")[0] in ("linear", "mlp"):
            model = nn.Sequential(nn.Flatten(), *_layers(model))  # images until they are changed
        return model


def _layers(model: Any) -> tuple[Any, ...]:
    return tuple(model) if isinstance(model, nn.Sequential) else (model,)


def outputs_of(config: Config, form: Dataset) -> int:
    """How many numbers the model gives for an example, or for each of its positions."""
    if form.classes is None:
        return int(form.targets.shape[1]) if len(form.targets.shape) > 1 else 1
    return 1 if config.loss == "logistic" and len(form.classes) == _BINARY else len(form.classes)


def is_single(config: Config, form: Dataset) -> bool:
    """Whether an example has one number for an answer rather than a row of one."""
    return outputs_of(config, form) == 1 and len(form.targets.shape) == 1


def single(x: Tensor) -> Tensor:
    """Take the only number of each row."""
    return x[..., 0]


def _made(config: Config, form: Dataset) -> Any:
    kind, sizes = config.model.partition(":")[0], sizes_of(config.model)
    outputs = outputs_of(config, form)
    if form.inputs.dtype.kind == "i" and kind not in ("transformer", "bag", "naive-bayes"):
        raise ArgumentError(
            f"--model: {kind} takes quantities, and {form.name} has tokens\n\n"
            "  transformer predicts the next token of a text; bag gives a class to a row of them."
        )
    match kind:
        case "lenet":
            return _dropping(nn.lenet(form.shape, outputs), config)
        case "resnet":
            width, stem = sizes[0] if sizes else 16, sizes[1] if len(sizes) > 1 else None
            return _dropping(nn.resnet(form.shape, outputs, width=width, stem=stem), config)
        case "transformer":
            return _transformer(config, form, outputs)
        case "bag":
            return _bag(config, form, outputs)
        case "naive-bayes":
            return bayes(form)
        case "linear" | "logistic" | "ridge":
            size, zeros = math.prod(form.shape), nn.initialization.zeros()
            _check_memory(config.model, (size, outputs))
            only = nn.Linear(size, outputs, weight_init=zeros)
            return _dropping(nn.Sequential(only), config)[0]
        case _:
            widths = (math.prod(form.shape), *sizes, outputs)
            _check_memory(config.model, widths)
            return _dropping(nn.mlp(widths), config)


def _dropping(model: nn.Sequential, config: Config) -> nn.Sequential:
    """Drop features before each linear layer that takes what other layers have made."""
    if not config.dropout:
        return model
    layers: list[Any] = []
    for layer in model:
        if isinstance(layer, nn.Linear) and layers:
            layers.append(nn.Dropout(config.dropout))
        layers.append(layer)
    if len(layers) == len(model):
        raise ArgumentError(f"--dropout: {config.model} has no hidden features to drop")
    return nn.Sequential(*layers)


def _bag(config: Config, form: Dataset, outputs: int) -> Any:
    """The mean of the tokens' embeddings, and a linear layer on it."""
    vocabulary = (form.preparation or {}).get("vocabulary")
    if form.inputs.dtype.kind != "i" or len(form.targets.shape) != 1 or vocabulary is None:
        raise ArgumentError(
            f"--model: bag gives a class to a row of tokens, and {form.name} has none"
        )
    width = (sizes_of(config.model) or (64,))[0]
    bag = nn.EmbeddingBag(len(vocabulary), width)
    return _dropping(nn.Sequential(bag, nn.Linear(width, outputs)), config)


def _transformer(config: Config, form: Dataset, outputs: int) -> Any:
    layers, heads, width = sizes_of(config.model) or (4, 4, 128)
    if form.inputs.dtype.kind != "i" or len(form.targets.shape) != _BINARY or form.classes is None:
        raise ArgumentError(
            f"--model: transformer predicts the next token of a text, and {form.name} is none"
        )
    if width % heads:
        raise ArgumentError(f"--model: {config.model}: {heads} heads do not divide width {width}")
    return nn.character_transformer(
        outputs, form.shape[0], layers=layers, heads=heads, width=width, dropout=config.dropout
    )


def _check_memory(model: str, sizes: Sequence[int]) -> None:
    """Refuse what cannot be trained here, before minutes are spent on random numbers for it."""
    count = sum((ins + 1) * outs for ins, outs in pairwise(sizes))
    needed = 2 * 4 * count  # the weights and their gradients, as float32
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise ArgumentError(
            f"--model: {model} has {plural(count, 'parameter')}\n\n"
            f"  Weights and gradients alone take {needed / 1e9:,.0f} GB; this machine has "
            f"{there / 1e9:,.0f} GB."
        )
