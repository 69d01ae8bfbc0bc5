"""Layers with State, models made of layers, and their tables, transforms and Blocks."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, tree
from chainrule.errors import ShapeError
from chainrule.functions import random
from chainrule.ir.graph import Graph
from chainrule.ir.primitives import Block
from chainrule.runtime.reference import Program
from chainrule.train import checkpoint
from chainrule.train.progress import Progress, cells, pack, unpack

KEY = random.key(0)
Shape = tuple[int, ...]


def drawn(*shape: int, seed: int = 0) -> cr.Tensor:
    return cr.tensor(np.random.default_rng(seed).standard_normal(shape).astype("float32"))


def tokens(*shape: int) -> cr.Tensor:
    return cr.tensor(np.random.default_rng(0).integers(0, 7, shape))


MODELS: list[tuple[str, Callable[[], nn.Module], cr.Tensor]] = [
    ("lenet", lambda: nn.lenet((1, 14, 14), 3, key=KEY), drawn(4, 1, 14, 14)),
    ("resnet", lambda: nn.resnet((3, 8, 8), 3, width=2, key=KEY), drawn(4, 3, 8, 8)),
    ("narrow stem", lambda: nn.resnet((1, 9, 7), 3, width=3, stem=2, key=KEY), drawn(4, 1, 9, 7)),
    (
        "character_transformer",
        lambda: nn.character_transformer(7, 5, layers=2, heads=2, width=4, dropout=0.1, key=KEY),
        tokens(2, 5),
    ),
    ("lstm", lambda: nn.LSTM(3, 4, key=KEY), drawn(2, 5, 3)),
    ("gru", lambda: nn.GRU(3, 4, key=KEY), drawn(2, 5, 3)),
    ("block", lambda: nn.TransformerBlock(4, 2, causal=True, key=KEY), drawn(2, 5, 4)),
]
EACH = pytest.mark.parametrize(("name", "make", "x"), MODELS, ids=[m[0] for m in MODELS])


def total(result: Any) -> Any:
    return sum((cr.sum(leaf * leaf) for leaf in tree.flatten(result)[0]), cr.tensor(0.0))


@EACH
def test_jit_and_grad_agree_with_eager_calls(
    name: str, make: Callable[[], nn.Module], x: cr.Tensor
) -> None:
    def loss(model: Any) -> Any:
        return total(model(x))

    value, gradient = cr.value_and_grad(loss)(make())
    compiled, fast = cr.jit(cr.value_and_grad(loss))(make())
    np.testing.assert_allclose(compiled.numpy(), value.numpy(), rtol=2e-4)
    for (path, a), (_, b) in zip(tree.paths(fast), tree.paths(gradient), strict=True):
        scale = max(1.0, float(np.abs(b.numpy()).max()))
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=2e-3, atol=2e-4 * scale, err_msg=path)
    with nn.evaluation():
        eager, ran = make()(x), cr.jit(lambda m: m(x))(make())  # type: ignore[operator]
    for a, b in zip(tree.flatten(ran)[0], tree.flatten(eager)[0], strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-3, atol=1e-4)


@EACH
def test_vmap_over_batches_is_the_loop(
    name: str, make: Callable[[], nn.Module], x: cr.Tensor
) -> None:
    model: Any = make()
    batches = cr.stack([x, cr.flip(x, axis=0)])
    with nn.evaluation():
        together = tree.flatten(cr.vmap(model)(batches))[0]
        apart = [tree.flatten(model(batches[k]))[0] for k in range(2)]
    for k in range(2):
        for a, b in zip(together, apart[k], strict=True):
            np.testing.assert_allclose(a.numpy()[k], b.numpy(), rtol=1e-3, atol=1e-4)


@EACH
def test_parameters_and_state_have_paths_and_load_again(
    name: str, make: Callable[[], nn.Module], x: cr.Tensor
) -> None:
    model: Any = make()
    values = {path: p.numpy() + 1 for path, p in nn.parameters(model).items()}
    loaded = nn.load(model, values)
    assert {k: v.shape for k, v in nn.parameters(loaded).items()} == {
        k: v.shape for k, v in values.items()
    }
    found = cells(model)
    assert bool(found) == (name in ("resnet", "narrow stem", "character_transformer"))
    if name == "resnet":
        assert "layers.0.layers.1.mean" in found
    assert f"{nn.count(model):,}" in repr(model)


@pytest.mark.parametrize("name", ["resnet", "character_transformer"])
def test_training_goes_on_from_a_checkpoint_bit_for_bit(name: str, tmp_path: Path) -> None:
    _, make, x = next(m for m in MODELS if m[0] == name)

    @cr.jit
    def step(model: Any) -> Any:
        gradient = cr.grad(lambda m: total(m(x)))(model)
        return tree.map_(lambda w, g: w - 0.01 * g, model, gradient)

    model = step(step(make()))
    checkpoint.save(tmp_path, pack(Progress(model, (), step=2)))
    model = step(step(model))
    loaded = checkpoint.load(tmp_path).checkpoint
    again = unpack(loaded, Progress(make(), ())).model
    again = step(step(again))
    for (path, a), (_, b) in zip(tree.paths(again), tree.paths(model), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=path)
    for path, cell in cells(model).items():
        np.testing.assert_array_equal(cells(again)[path].value.numpy(), cell.value.numpy(), path)


def test_a_resnet_prints_its_hierarchy() -> None:
    rows = nn.layers(nn.resnet(key=KEY))
    assert (rows[0].path, rows[0].kind) == (
        "layers.0.layers.0",
        "Conv2d(3 → 16, 3×3, padding=1, bias=False)",
    )
    assert rows[0].shape == "weight 16×3×3×3"
    kinds = {row.path: row.kind for row in rows}
    assert kinds["layers.4.branch.layers.0.layers.0"] == (
        "Conv2d(16 → 32, 3×3, stride=2, padding=1, bias=False)"
    )
    assert kinds["layers.4.shortcut.layers.1"] == "BatchNorm(32)"
    assert rows[-1].kind == "Linear(64 → 10)"


@pytest.mark.parametrize(("blocks", "layers"), [(1, 8), (2, 14), (3, 20)])
def test_a_resnet_has_six_layers_a_block_and_two(blocks: int, layers: int) -> None:
    model = nn.resnet(width=2, blocks=blocks, key=KEY)
    weights = [
        row for row in nn.layers(model)
        if row.kind.startswith(("Conv2d", "Linear")) and "shortcut" not in row.path
    ]  # fmt: skip
    assert len(weights) == layers
    assert model(drawn(2, 3, 32, 32)).shape == (2, 10)


def test_with_a_stem_every_stage_halves_the_image() -> None:
    model = nn.resnet((3, 8, 8), 3, width=4, stem=2, key=KEY)
    x, shapes = drawn(2, 3, 8, 8), []
    for layer in model:
        x = layer(x)
        shapes.append(x.shape[1:])
    assert [s for s in dict.fromkeys(shapes) if len(s) > 1] == [
        (2, 8, 8), (4, 4, 4), (8, 2, 2), (16, 1, 1),
    ]  # fmt: skip


def test_resnet_20_has_the_size_that_its_paper_says() -> None:
    """0.27 million parameters (table 6); ours has shortcuts with weights on top."""
    model = nn.resnet(width=16, blocks=3, key=KEY)
    rest = [r.parameters for r in nn.layers(model) if "shortcut" not in r.path]
    assert round(sum(rest) / 1e6, 2) == 0.27


# ---------------------------------------------------------------- batch normalization


def test_a_failed_gradient_leaves_the_running_statistics() -> None:
    layer = nn.BatchNorm(2)

    def fails(x: cr.Tensor) -> Any:
        layer(x)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cr.grad(fails)(drawn(4, 2))
    assert layer.mean.value.tolist() == [0, 0]


def test_evaluation_reads_the_running_statistics_and_leaves_them() -> None:
    layer = nn.BatchNorm(1, momentum=1.0, eps=0.0, dtype="float64")
    layer(cr.tensor([[1.0], [3.0]]))
    assert (layer.mean.value.tolist(), layer.variance.value.tolist()) == ([2.0], [2.0])
    with nn.evaluation():
        np.testing.assert_allclose(layer(cr.tensor([[2.0 + math.sqrt(2)]])).numpy(), [[1.0]])
    assert layer.mean.value.tolist() == [2.0]


def test_the_derivative_flows_through_the_statistics_of_the_batch_only() -> None:
    layer = nn.BatchNorm(1, affine=False, dtype="float64")
    x = cr.tensor([[1.0], [2.0], [4.0]])
    weights = cr.tensor([[1.0], [-2.0], [0.5]])
    cr.testing.check_gradients(lambda x: cr.sum(layer(x) * weights), x)
    assert abs(cr.sum(cr.grad(lambda x: cr.sum(layer(x) ** 3))(x)).item()) < 1e-9


def test_running_statistics_under_vmap_are_the_mean_over_the_examples() -> None:
    layer = nn.BatchNorm(1, momentum=1.0, dtype="float64")
    x = cr.tensor([[[1.0], [3.0]], [[5.0], [5.0]]])
    cr.vmap(layer)(x)
    assert layer.mean.value.tolist() == [3.5]
    assert layer.variance.value.tolist() == [1.0]


# ---------------------------------------------------------------- attention and transformers


def test_a_causal_model_does_not_see_the_future() -> None:
    model = nn.character_transformer(7, 6, layers=2, heads=2, width=8, key=KEY)
    first = np.array([[1, 2, 3, 4, 5, 6]])
    second = np.array([[1, 2, 3, 0, 0, 0]])
    a, b = model(first).numpy(), model(second).numpy()
    np.testing.assert_array_equal(a[:, :3], b[:, :3])
    assert np.abs(a[:, 3:] - b[:, 3:]).max() > 0
    np.testing.assert_allclose(model(first[:, :3]).numpy(), a[:, :3], rtol=1e-5, atol=1e-6)


def test_a_transformer_starts_as_its_source_says() -> None:
    model = nn.character_transformer(65, 64, key=KEY)
    weights = nn.parameters(model)
    for path, weight in weights.items():
        if path.endswith("bias"):
            assert not weight.numpy().any(), path
        elif "norm" in path:
            assert (weight.numpy() == 1).all(), path
        else:
            ends = path.endswith(("output.weight", "perceptron.layers.2.weight"))
            expected = 0.02 / math.sqrt(8) if ends else 0.02
            assert abs(weight.numpy().std() / expected - 1) < 0.05, path
    loss = cr.loss.cross_entropy(model(tokens(4, 64)), tokens(4, 64))
    assert abs(float(loss) - math.log(65)) < 0.1
    blocks = [p for p in weights if p.startswith("blocks.")]
    assert len(blocks) == 4 * 12


def test_a_tied_transformer_has_one_table() -> None:
    free = nn.character_transformer(65, 8, layers=1, width=8, key=KEY)
    tied = nn.character_transformer(65, 8, layers=1, width=8, tied=True, key=KEY)
    assert nn.count(free) - nn.count(tied) == 65 * 8
    gradient = cr.grad(lambda m: cr.sum(m(tokens(1, 8))[..., 9]))(tied)
    assert np.abs(gradient.tokens.weight.numpy()[9]).max() > 0  # read as a score only


def test_a_query_that_may_read_nothing_gives_the_bias() -> None:
    layer = nn.MultiHeadAttention(4, 2, key=KEY)
    made = layer(drawn(3, 4), mask=np.zeros((3, 3), bool))
    np.testing.assert_array_equal(made.numpy(), np.zeros((3, 4)))


def test_dropout_acts_while_training_only() -> None:
    model = nn.character_transformer(7, 5, layers=1, heads=1, width=4, dropout=0.5, key=KEY)
    x = tokens(2, 5)
    assert np.abs(model(x).numpy() - model(x).numpy()).max() > 0
    with nn.evaluation():
        np.testing.assert_array_equal(model(x).numpy(), model(x).numpy())


# ---------------------------------------------------------------- recurrent layers


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_a_sequence_can_be_read_in_two_parts(kind: Any) -> None:
    layer, x = kind(3, 4, key=KEY), drawn(2, 6, 3)
    whole, last = layer(x)
    first, state = layer(x[:, :4])
    second, end = layer(x[:, 4:], state)
    np.testing.assert_allclose(cr.concat([first, second], axis=1).numpy(), whole.numpy(), rtol=1e-5)
    for a, b in zip(tree.flatten(end)[0], tree.flatten(last)[0], strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5)


def test_one_sequence_and_an_empty_one_can_be_read() -> None:
    layer = nn.GRU(3, 4, key=KEY)
    outputs, last = layer(drawn(6, 3))
    assert (outputs.shape, last.shape) == ((6, 4), (4,))
    outputs, last = layer(drawn(0, 3))
    assert (outputs.shape, last.tolist()) == ((0, 4), [0, 0, 0, 0])


def test_an_lstm_starts_with_gates_that_remember() -> None:
    layer = nn.LSTM(3, 2, key=KEY)
    assert layer.bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    u = layer.recurrent.numpy()[:2]
    np.testing.assert_allclose(u @ u.T, np.eye(2), atol=1e-6)


# ---------------------------------------------------------------- Blocks


def names(graph: Graph) -> list[Any]:
    """The Blocks of a graph with the Blocks inside them."""
    blocks = [n.op for n in graph.nodes() if isinstance(n.op, Block) and n.op.tangent is None]
    return [(op.name, names(op.body)) for op in blocks]


def test_a_traced_network_is_a_block_of_blocks() -> None:
    model = nn.Sequential(nn.Linear(3, 2, key=KEY), cr.tanh, nn.Residual(nn.Linear(2, 2, key=KEY)))
    traced = cr.trace(lambda m, x: m(x))(model, drawn(4, 3))
    inner = [("Linear", []), ("Residual", [("Linear", [])])]
    assert names(traced.graph) == [("Sequential", inner)]


def test_what_a_traced_layer_writes_is_a_result_of_its_block_and_is_not_kept() -> None:
    layer = nn.BatchNorm(2)
    traced = cr.trace(lambda layer, x: layer(x))(layer, drawn(4, 2))
    (block,) = [n.op for n in traced.graph.nodes() if isinstance(n.op, Block)]
    assert len(block.body.outputs) == 3
    assert layer.mean.value.tolist() == [0, 0]


def test_a_program_that_runs_has_no_blocks_of_layers() -> None:
    model = nn.mlp((3, 2, 1), key=KEY)
    step = cr.jit(lambda m, x: m(x))
    step(model, drawn(4, 3))
    recorded = next(iter(step.cache.values()))
    assert names(recorded.graph) == []


def test_the_derivative_of_a_traced_network_is_that_of_the_network() -> None:
    model, x = nn.lenet((1, 12, 12), 2, key=KEY), drawn(2, 1, 12, 12)
    gradient = cr.grad(lambda m: total(m(x)))
    traced = cr.trace(gradient)(model)
    leaves = [leaf.numpy() for leaf in tree.flatten(model)[0]]
    for a, b in zip(Program(traced.graph)(*leaves), tree.flatten(gradient(model))[0], strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------- settings


def test_settings_given_as_lists_are_part_of_the_program() -> None:
    layer = nn.Conv2d(1, 1, [3, 3], stride=[1, 2], padding=[[1, 1], [0, 1]], key=KEY)
    hash(tree.flatten(layer)[1])
    assert layer(drawn(1, 1, 4, 4)).shape == (1, 1, 4, 2)


def test_a_transposed_convolution_keeps_the_size_of_its_inputs() -> None:
    x = drawn(8, 32, 12, 12)
    made = nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1, key=KEY)(x).numpy()
    assert abs((made**2).mean() / 2 - 1) < 0.15


def test_padding_of_an_embedding_learns_nothing() -> None:
    layer = nn.Embedding(4, 2, padding=0, key=KEY)
    gradient = cr.grad(lambda m: cr.sum(m(cr.tensor([0, 1, 0]))))(layer).weight.numpy()
    assert gradient.tolist() == [[0, 0], [1, 1], [0, 0], [0, 0]]


def test_a_batch_of_one_number_cannot_train_but_can_be_evaluated() -> None:
    layer = nn.BatchNorm(2)
    with pytest.raises(ShapeError):
        layer(drawn(1, 2))
    with nn.evaluation():
        assert layer(drawn(1, 2)).shape == (1, 2)
