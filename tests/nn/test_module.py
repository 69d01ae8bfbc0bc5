"""Modules: immutable, trees in every transform, printed as tables."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, tree
from chainrule.functions import random

KEY = random.key(0)


class Scale(nn.Module):
    factor: cr.Tensor
    power: int = 1

    def __call__(self, x: Any) -> cr.Tensor:
        return self.factor**self.power * x


class Tower(nn.Module):
    """Containers of modules, an activation, a cell, a setting and a parameter without value."""

    blocks: "dict[str, list[Scale]]"
    shift: "cr.Tensor | None"
    activation: Callable[[cr.Tensor], cr.Tensor]
    count: cr.State
    name: str

    def __init__(self, activation: Callable[[cr.Tensor], cr.Tensor]) -> None:
        self.blocks = {"b": [Scale(cr.tensor(2.0))], "a": [Scale(cr.tensor(3.0), power=2)]}
        self.shift = None
        self.activation = activation
        self.count = cr.State(cr.tensor(0))
        self.name = "tower"

    def __call__(self, x: Any) -> cr.Tensor:
        self.count.value = self.count.value + 1
        for block in [*self.blocks["a"], *self.blocks["b"]]:
            x = self.activation(block(x))
        return x


def small() -> nn.Sequential:
    layers = [nn.Linear(3, 2, key=KEY), cr.tanh, nn.Linear(2, 1, key=KEY, bias=False)]
    return nn.Sequential(*layers)


def test_the_parameters_are_the_leaves_with_their_paths() -> None:
    paths = [path for path, _ in tree.paths(Tower(cr.relu))]
    assert paths == ["blocks.b.0.factor", "blocks.a.0.factor"]
    assert list(nn.parameters(small())) == ["layers.0.weight", "layers.0.bias", "layers.2.weight"]
    assert nn.count(small()) == 3 * 2 + 2 + 2


def test_a_tree_is_put_together_as_it_was() -> None:
    tower = Tower(cr.relu)
    leaves, structure = tree.flatten(tower)
    again = tree.unflatten(structure, leaves)
    assert again.activation is cr.relu
    assert again.count is tower.count
    assert again.shift is None
    assert again.blocks["a"][0].power == 2
    assert tree.flatten(again)[1] == structure


def test_settings_are_part_of_the_structure() -> None:
    def structure(module: nn.Module) -> Any:
        return tree.flatten(module)[1]

    factor = cr.tensor(1.0)
    assert structure(Scale(factor, 2)) == structure(Scale(cr.tensor(5.0), 2))
    assert hash(structure(Scale(factor, 2))) == hash(structure(Scale(factor, 2)))
    assert structure(Scale(factor, 2)) != structure(Scale(factor, 3))
    assert structure(Tower(cr.relu)) != structure(Tower(cr.relu))  # each has a State of its own


def test_gradients_have_the_structure_of_the_model() -> None:
    tower = Tower(cr.relu)
    gradient = cr.grad(lambda model: model(5.0))(tower)
    assert isinstance(gradient, Tower)
    assert gradient.blocks["a"][0].factor.item() == 2 * 3 * 2 * 5
    assert gradient.blocks["b"][0].factor.item() == 9 * 5
    assert tower.count.value.item() == 1


def test_every_transform_takes_a_model() -> None:
    model = Scale(cr.tensor(3.0), power=2)
    x = cr.tensor([1.0, 2.0])
    assert cr.jit(lambda m, x: m(x))(model, x).tolist() == [9.0, 18.0]
    _, tangent = cr.jvp(lambda m: m(x), (model,), (Scale(cr.tensor(1.0), power=2),))
    assert tangent.tolist() == [6.0, 12.0]
    models = Scale(cr.tensor([1.0, 2.0, 3.0]), power=2)
    assert cr.vmap(lambda m: m(2.0))(models).tolist() == [2.0, 8.0, 18.0]


def test_an_ensemble_is_made_by_vmap_over_keys() -> None:
    models = cr.vmap(lambda key: nn.Linear(3, 2, key=key))(random.split(KEY, 5))
    assert models.weight.shape == (5, 2, 3)
    outputs = cr.vmap(lambda m, x: m(x), in_axes=(0, None))(models, cr.ones((4, 3)))
    assert outputs.shape == (5, 4, 2)


def test_jit_records_once_for_a_model_and_its_successors() -> None:
    step = cr.jit(lambda model, x: tree.map_(lambda w: w * 0.5, model))
    model = small()
    for _ in range(3):
        model = step(model, cr.ones((4, 3)))
    assert step.recordings == 1
    assert isinstance(model, nn.Sequential)


def test_a_model_that_jit_closes_over_is_an_input() -> None:
    model = nn.Linear(1, 1, key=KEY).replace(weight=cr.tensor([[2.0]]), bias=cr.tensor([0.0]))
    f = cr.jit(lambda x: model(x))
    assert f(cr.ones(1)).item() == 2
    model = model.replace(weight=cr.tensor([[7.0]]))
    assert f(cr.ones(1)).item() == 7
    assert f.recordings == 1


def test_replace_gives_a_copy_and_leaves_the_model() -> None:
    model = Scale(cr.tensor(2.0))
    other = model.replace(power=3)
    assert (model.power, other.power) == (1, 3)
    assert other.factor is model.factor


def test_a_module_can_be_copied() -> None:
    model = copy.deepcopy(small())
    assert model[0].weight.tolist() == small()[0].weight.tolist()


def test_a_subclass_inherits_fields_and_a_hand_written_init() -> None:
    class Base(nn.Module):
        weight: cr.Tensor

        def __init__(self, size: int) -> None:
            self.weight = cr.zeros(size)

    class Derived(Base):
        scale: float = 2.0

    model = Derived(3)
    assert tree.paths(model)[0][0] == "weight"
    assert model.scale == 2.0


def test_a_local_module_class_is_known_by_name() -> None:
    class Inner(nn.Module):
        weight: cr.Tensor

    class Outer(nn.Module):
        inner: "list[Inner]"
        label: "str"

    model = Outer([Inner(cr.ones(2))], "outer")
    assert [path for path, _ in tree.paths(model)] == ["inner.0.weight"]


def test_a_model_prints_its_layers_shapes_and_counts() -> None:
    assert repr(small()) == (
        "Sequential\n"
        "──────────────────────────────────────────────────────────────\n"
        "path      layer                      parameters          count\n"
        "──────────────────────────────────────────────────────────────\n"
        "layers.0  Linear(3 → 2)              weight 2×3, bias 2      8\n"
        "layers.1  tanh\n"
        "layers.2  Linear(2 → 1, bias=False)  weight 1×2              2\n"
        "──────────────────────────────────────────────────────────────\n"
        "total                                                       10"
    )


def test_a_table_shows_settings_cells_and_partial_functions() -> None:
    slope = partial(cr.leaky_relu, negative_slope=0.2)
    model = nn.Sequential(nn.Dropout(0.5, key=KEY), slope, Tower(cr.relu), nn.Flatten())
    assert [(row.path, row.kind) for row in nn.layers(model)] == [
        ("layers.0", "Dropout(0.5)"),
        ("layers.1", "leaky_relu(negative_slope=0.2)"),
        ("layers.2.blocks.b.0", "Scale(power=1)"),
        ("layers.2.blocks.a.0", "Scale(power=2)"),
        ("layers.3", "Flatten(batch_axes=1)"),
    ]


def test_a_model_can_be_printed_while_it_is_recorded() -> None:
    shown = []

    def f(model: nn.Module) -> cr.Tensor:
        shown.append(repr(model))
        return cr.sum(model[0].weight)

    cr.jit(f)(small())
    assert shown == [repr(small())]


def test_loading_gives_back_what_parameters_gave() -> None:
    model, other = small(), nn.mlp((3, 2), key=random.key(1))
    values = {path: p.numpy() * 2 for path, p in nn.parameters(model).items()}
    loaded = nn.load(model, values)
    np.testing.assert_array_equal(loaded[0].weight.numpy(), 2 * model[0].weight.numpy())
    assert loaded[1] is cr.tanh
    wide = {path: p.numpy().astype(np.float64) for path, p in nn.parameters(other).items()}
    assert nn.load(other, wide)[0].weight.dtype is cr.float32


@pytest.mark.parametrize("size", [0, 1, 5])
def test_a_sequence_of_layers_can_be_indexed_and_counted(size: int) -> None:
    model = nn.Sequential(*[cr.tanh] * size)
    assert (len(model), list(model)) == (size, [cr.tanh] * size)
    assert model(cr.tensor(0.0)).item() == 0
