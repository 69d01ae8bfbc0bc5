"""What layers, models and initializers say about mistakes, word for word."""

from collections.abc import Callable

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, tree
from chainrule.errors import ArgumentError, CheckpointError, ShapeError
from chainrule.functions import random
from chainrule.nn import initialization as init

KEY = random.key(0)
LAYER = nn.Linear(3, 2, key=KEY)


class Listed(nn.Module):
    sizes: list[int]


class Forgetful(nn.Module):
    weight: cr.Tensor

    def __init__(self) -> None:
        pass


MESSAGES: list[tuple[type[Exception], Callable[[], object], str]] = [
    (
        ArgumentError,
        lambda: nn.Linear(3, 2),
        (
            "Linear: there is no key for its random numbers\n"
            "\n"
            "  Make the layer under `with cr.nn.seed(0):`, or give it one: Linear(..., "
            "key=cr.random.key(0))."
        ),
    ),
    (
        ArgumentError,
        lambda: nn.Dropout(0.5),
        (
            "Dropout: there is no key for its random numbers\n"
            "\n"
            "  Make the layer under `with cr.nn.seed(0):`, or give it one: Dropout(..., "
            "key=cr.random.key(0))."
        ),
    ),
    (
        ArgumentError,
        lambda: nn.Linear(0, 2, key=KEY),
        ("Linear: 0 → 2 features; at least 1 each"),
    ),
    (
        ShapeError,
        lambda: LAYER(cr.ones((5, 4))),
        (
            "Linear: x has 4 features, and the layer takes 3\n"
            "\n"
            "    x       f64[5, 4]\n"
            "    weight  f32[2, 3]\n"
            "\n"
            "  The last axis of x holds the features."
        ),
    ),
    (
        ShapeError,
        lambda: LAYER(cr.ones((5, 3, 1))),
        (
            "Linear: x has 1 feature, and the layer takes 3\n"
            "\n"
            "    x       f64[5, 3, 1]\n"
            "    weight  f32[2, 3]\n"
            "\n"
            "  The last axis of x holds the features; nn.Flatten() in front makes one of "
            "several."
        ),
    ),
    (
        ShapeError,
        lambda: LAYER(1.0),
        (
            "Linear: x has no features, and the layer takes 3\n"
            "\n"
            "    x       f64[]\n"
            "    weight  f32[2, 3]\n"
            "\n"
            "  The last axis of x holds the features."
        ),
    ),
    (
        AttributeError,
        lambda: setattr(LAYER, "weight", 1),
        (
            "Linear.weight cannot be changed: a model is immutable\n"
            "\n"
            "  model.replace(weight=...) gives a changed copy."
        ),
    ),
    (
        AttributeError,
        lambda: setattr(LAYER, "wieght", 1),
        (
            "Linear has no field 'wieght'; did you mean 'weight'?\n"
            "\n"
            "    fields  weight, bias\n"
            "\n"
            "  A field is declared in the class, with an annotation, as in weight: cr.Tensor."
        ),
    ),
    (
        ArgumentError,
        lambda: LAYER.replace(wieght=1),
        (
            "Linear has no field 'wieght'; did you mean 'weight'?\n"
            "\n"
            "    fields  weight, bias\n"
            "\n"
            "  A field is declared in the class, with an annotation, as in weight: cr.Tensor."
        ),
    ),
    (
        ArgumentError,
        lambda: tree.flatten(Listed([1])),
        (
            "Listed.sizes holds a list, which is not hashable\n"
            "\n"
            "  A setting is part of the program: a tuple will do, a list will not. Numbers "
            "that change\n"
            "  belong into a field annotated cr.Tensor."
        ),
    ),
    (
        ArgumentError,
        lambda: tree.flatten(Forgetful()),
        (
            "Forgetful.weight was never set\n"
            "\n"
            "  __init__ sets every field that the class declares; one without a value is None."
        ),
    ),
    (
        ArgumentError,
        lambda: nn.Sequential(LAYER, nn.Flatten),
        (
            "Sequential: layer 1 is the class Flatten, which is no layer\n"
            "\n"
            "  A layer is a module or a function of a Tensor, such as nn.Linear(64, 10) or "
            "cr.relu."
        ),
    ),
    (
        ArgumentError,
        lambda: nn.Sequential(3),
        (
            "Sequential: layer 0 is the int 3, which is no layer\n"
            "\n"
            "  A layer is a module or a function of a Tensor, such as nn.Linear(64, 10) or "
            "cr.relu."
        ),
    ),
    (
        ArgumentError,
        lambda: nn.Flatten(2)(cr.ones(3)),
        ("Flatten: x has 1 axis, fewer than the 2 batch axes"),
    ),
    (
        ArgumentError,
        lambda: nn.Dropout(1.0, key=KEY),
        ("Dropout: rate=1.0, which must be at least 0 and less than 1"),
    ),
    (
        ArgumentError,
        lambda: nn.mlp((3,), key=KEY),
        ("mlp: sizes=(3,); at least the inputs and the outputs have a size"),
    ),
    (
        CheckpointError,
        lambda: nn.load(LAYER, {"weigth": np.ones((2, 3)), "bias": np.ones(2), "extra": 1.0}),
        (
            "load: 1 of the model's 2 parameters are missing, and 2 of the 3 given are not "
            "the model's\n"
            "\n"
            "    missing     weight\n"
            "    unexpected  weigth   close to weight\n"
            "    unexpected  extra\n"
            "\n"
            "  The model must be built with the settings with which the parameters were saved."
        ),
    ),
    (
        CheckpointError,
        lambda: nn.load(LAYER, {"weight": np.ones((3, 2)), "bias": np.ones(2)}),
        (
            "load: 1 of 2 parameters has another shape than the model's\n"
            "\n"
            "    weight  f32[2, 3] ← f64[3, 2]\n"
            "\n"
            "  The model must be built with the settings with which the parameters were saved."
        ),
    ),
    (
        ShapeError,
        lambda: init.he_normal()(KEY, (3,)),
        (
            "he_normal: a parameter of shape [3] has no fan-in and fan-out\n"
            "\n"
            "  They are those of a weight (out, in, kernel …). Biases start with zeros()."
        ),
    ),
    (
        ArgumentError,
        lambda: init.uniform(1, 0),
        ("uniform: low=1 is greater than high=0"),
    ),
    (
        ArgumentError,
        lambda: init.normal(-1.0),
        ("normal: std=-1.0, which must not be negative"),
    ),
]


@pytest.mark.parametrize(("error", "call", "message"), MESSAGES)
def test_the_message_says_what_is_wrong(
    error: type[Exception], call: Callable[[], object], message: str
) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
