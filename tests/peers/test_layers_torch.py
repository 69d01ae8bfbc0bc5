"""Layers with PyTorch's weights have its values and gradients, where it is installed."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, tree
from chainrule.functions import random

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

KEY = random.key(0)
Arrays = dict[str, np.ndarray]


class Pair(NamedTuple):
    """A layer, PyTorch's, our parameters as a function of theirs, and the shape of the input."""

    name: str
    ours: Callable[[], nn.Module]
    theirs: Callable[[], Any]
    weights: Callable[[Mapping[str, np.ndarray]], Arrays]
    shape: tuple[int, ...]


def same(given: Mapping[str, np.ndarray]) -> Arrays:
    return dict(given)


def attention(given: Mapping[str, np.ndarray], lead: str = "") -> Arrays:
    return {
        f"{lead}weight": given[f"{lead}in_proj_weight"],
        f"{lead}bias": given[f"{lead}in_proj_bias"],
        f"{lead}output.weight": given[f"{lead}out_proj.weight"],
        f"{lead}output.bias": given[f"{lead}out_proj.bias"],
    }


def block(given: Mapping[str, np.ndarray]) -> Arrays:
    inner = {k.removeprefix("self_attn."): v for k, v in given.items()}
    places = {"linear1": "perceptron.layers.0", "linear2": "perceptron.layers.2"}
    places |= {"norm1": "attention_norm", "norm2": "perceptron_norm"}
    rest = {
        f"{ours}.{part}": given[f"{theirs}.{part}"]
        for theirs, ours in places.items()
        for part in ("weight", "bias")
    }
    return rest | {f"attention.{k}": v for k, v in attention(inner).items()}


def recurrent(given: Mapping[str, np.ndarray]) -> Arrays:
    """Their two biases add up, but for the one inside the gate of a GRU."""
    bias, own = given["bias_ih_l0"].copy(), given["bias_hh_l0"]
    found = {"weight": given["weight_ih_l0"], "recurrent": given["weight_hh_l0"]}
    size = given["weight_hh_l0"].shape[1]
    if len(bias) == 3 * size:
        bias[: 2 * size] += own[: 2 * size]
        return found | {"bias": bias, "recurrent_bias": own[2 * size :]}
    return found | {"bias": bias + own}


def their_attention(**settings: Any) -> Any:
    class Attention(torch.nn.MultiheadAttention):  # type: ignore[name-defined,misc]
        def forward(self, x: Any) -> Any:
            ban = torch.triu(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool), 1)
            mask = ban if settings.get("causal") else None
            return super().forward(x, x, x, attn_mask=mask, need_weights=False)[0]

    return Attention(6, 2, batch_first=True)


def their_block() -> Any:
    return torch.nn.TransformerEncoderLayer(
        6, 2, 24, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )


T = torch.nn
PAIRS = [
    Pair("Conv1d", lambda: nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2, key=KEY),
         lambda: T.Conv1d(4, 6, 3, 2, 1, 2, 2), same, (2, 4, 9)),
    Pair("Conv2d", lambda: nn.Conv2d(3, 4, (3, 2), stride=(1, 2), padding=(2, 1), key=KEY),
         lambda: T.Conv2d(3, 4, (3, 2), (1, 2), (2, 1)), same, (2, 3, 5, 6)),
    Pair("Conv2d 1×1", lambda: nn.Conv2d(3, 4, 1, stride=2, bias=False, key=KEY),
         lambda: T.Conv2d(3, 4, 1, 2, bias=False), same, (2, 3, 5, 6)),
    Pair("Conv2d same", lambda: nn.Conv2d(3, 4, 3, padding="same", key=KEY),
         lambda: T.Conv2d(3, 4, 3, padding="same"), same, (2, 3, 8, 8)),
    Pair("ConvTranspose2d",
         lambda: nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1, key=KEY),
         lambda: T.ConvTranspose2d(3, 4, 3, 2, 1, 1), same, (2, 3, 4, 4)),
    Pair("MaxPool1d", lambda: nn.MaxPool1d(3, stride=2, padding=1),
         lambda: T.MaxPool1d(3, 2, 1), same, (2, 3, 8)),
    Pair("MaxPool2d", lambda: nn.MaxPool2d(2), lambda: T.MaxPool2d(2), same, (2, 3, 6, 7)),
    Pair("MaxPool2d 3", lambda: nn.MaxPool2d(3, stride=2, padding=1),
         lambda: T.MaxPool2d(3, 2, 1), same, (2, 3, 8, 8)),
    Pair("AvgPool1d", lambda: nn.AvgPool1d(2), lambda: T.AvgPool1d(2), same, (2, 3, 7)),
    Pair("AvgPool2d", lambda: nn.AvgPool2d((3, 2), stride=1, padding=1),
         lambda: T.AvgPool2d((3, 2), 1, 1), same, (2, 3, 5, 5)),
    Pair("GlobalAvgPool", nn.GlobalAvgPool,
         lambda: T.Sequential(T.AdaptiveAvgPool2d(1), T.Flatten()), same, (2, 3, 4, 4)),
    Pair("GlobalMaxPool", nn.GlobalMaxPool,
         lambda: T.Sequential(T.AdaptiveMaxPool2d(1), T.Flatten()), same, (2, 3, 4, 4)),
    Pair("BatchNorm n c", lambda: nn.BatchNorm(3), lambda: T.BatchNorm1d(3), same, (8, 3)),
    Pair("BatchNorm n c h w", lambda: nn.BatchNorm(3), lambda: T.BatchNorm2d(3), same,
         (4, 3, 5, 5)),
    Pair("LayerNorm", lambda: nn.LayerNorm(6), lambda: T.LayerNorm(6), same, (2, 4, 6)),
    Pair("GroupNorm", lambda: nn.GroupNorm(2, 6), lambda: T.GroupNorm(2, 6), same, (2, 6, 4, 4)),
    Pair("RMSNorm", lambda: nn.RMSNorm(6), lambda: T.RMSNorm(6, eps=1e-6), same, (2, 4, 6)),
    Pair("MultiHeadAttention", lambda: nn.MultiHeadAttention(6, 2, key=KEY), their_attention,
         attention, (2, 5, 6)),
    Pair("MultiHeadAttention causal", lambda: nn.MultiHeadAttention(6, 2, causal=True, key=KEY),
         lambda: their_attention(causal=True), attention, (2, 5, 6)),
    Pair("TransformerBlock", lambda: nn.TransformerBlock(6, 2, key=KEY), their_block, block,
         (2, 5, 6)),
    Pair("RNN", lambda: nn.RNN(3, 4, key=KEY), lambda: T.RNN(3, 4, batch_first=True), recurrent,
         (2, 5, 3)),
    Pair("GRU", lambda: nn.GRU(3, 4, key=KEY), lambda: T.GRU(3, 4, batch_first=True), recurrent,
         (2, 5, 3)),
    Pair("LSTM", lambda: nn.LSTM(3, 4, key=KEY), lambda: T.LSTM(3, 4, batch_first=True), recurrent,
         (2, 5, 3)),
]  # fmt: skip


def drawn(pair: Pair) -> tuple[nn.Module, Any, np.ndarray]:
    """Both layers with the same weights, drawn anew so that none is 0 or 1, and an input."""
    generator = torch.Generator().manual_seed(0)
    theirs = pair.theirs().double()
    with torch.no_grad():
        for p in theirs.parameters():
            p.copy_(torch.randn(p.shape, generator=generator, dtype=torch.float64))
    weights = pair.weights({k: p.detach().numpy() for k, p in theirs.named_parameters()})
    wide = tree.map_(lambda p: p.astype("float64"), pair.ours())
    x = np.random.default_rng(1).standard_normal(pair.shape)
    return nn.load(wide, weights), theirs, x


def flat(value: Any) -> list[Any]:
    """All Tensors of a result, in their order."""
    return [t for part in value for t in flat(part)] if isinstance(value, tuple | list) else [value]


def wide_cells(model: nn.Module) -> None:
    """State in float64 too."""
    for name in ("mean", "variance"):
        if isinstance(getattr(model, name, None), cr.State):
            model.__dict__[name] = cr.State(getattr(model, name).value.astype("float64"))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_a_layer_and_its_gradients_are_those_of_torch(pair: Pair) -> None:
    ours, theirs, x = drawn(pair)
    wide_cells(ours)
    given = torch.tensor(x, requires_grad=True)
    expected = flat(theirs(given))
    generator = np.random.default_rng(2)
    # Their last states have an axis for the layers in front.
    parts = [generator.standard_normal(e.shape) for e in expected]
    torch.autograd.backward(expected, [torch.tensor(p) for p in parts])

    def number(model: nn.Module, x: cr.Tensor) -> Any:
        made = flat(model(x))  # type: ignore[operator]
        for m, e in zip(made, expected, strict=True):
            shaped = cr.reshape(m, tuple(e.shape))
            np.testing.assert_allclose(shaped.detach().numpy(), e.detach(), rtol=1e-9, atol=1e-11)
        return sum(cr.sum(m.reshape(p.shape) * p) for m, p in zip(made, parts, strict=True))

    gradient, by_x = cr.grad(number, argnums=(0, 1))(ours, cr.tensor(x))
    np.testing.assert_allclose(by_x.numpy(), given.grad, rtol=1e-8, atol=1e-10)
    wanted = pair.weights({k: p.grad.numpy() for k, p in theirs.named_parameters()})
    for path, found in nn.parameters(gradient).items():
        if path in ("bias", "recurrent_bias") and pair.weights is recurrent:
            own = theirs.bias_hh_l0.grad.numpy()
            other = own[-len(found.numpy()) :] if path == "recurrent_bias" else None
            target = theirs.bias_ih_l0.grad.numpy() if other is None else other
        else:
            target = wanted[path]
        np.testing.assert_allclose(found.numpy(), target, rtol=1e-8, atol=1e-10, err_msg=path)


def test_embedding_and_its_gradient_are_those_of_torch() -> None:
    theirs = T.Embedding(7, 3, padding_idx=2).double()
    ours = nn.Embedding(7, 3, padding=2, key=KEY, dtype="float64")
    ours = ours.replace(weight=cr.tensor(theirs.weight.detach().numpy()))
    tokens = np.array([[0, 2, 6], [6, 6, 1]])
    made = theirs(torch.tensor(tokens))
    (made * made + made).sum().backward()

    def number(model: nn.Embedding) -> Any:
        rows = model(tokens)
        np.testing.assert_array_equal(rows.detach().numpy(), made.detach())
        return cr.sum(rows * rows + rows)

    np.testing.assert_allclose(cr.grad(number)(ours).weight.numpy(), theirs.weight.grad, rtol=1e-12)


@pytest.mark.parametrize("shape", [(8, 3), (4, 3, 5, 5)])
def test_running_statistics_are_those_of_torch(shape: tuple[int, ...]) -> None:
    theirs = (T.BatchNorm1d if len(shape) == 2 else T.BatchNorm2d)(3).double()
    ours = nn.BatchNorm(3, dtype="float64")
    generator = np.random.default_rng(0)
    step = cr.jit(lambda model, x: model(x))
    for _ in range(3):
        x = generator.standard_normal(shape) * 3 + 1
        np.testing.assert_allclose(
            step(ours, x).numpy(), theirs(torch.tensor(x)).detach(), rtol=1e-10, atol=1e-12
        )
    np.testing.assert_allclose(ours.mean.value.numpy(), theirs.running_mean, rtol=1e-12)
    np.testing.assert_allclose(ours.variance.value.numpy(), theirs.running_var, rtol=1e-12)
    theirs.eval()
    with nn.evaluation():
        np.testing.assert_allclose(
            step(ours, x).numpy(), theirs(torch.tensor(x)).detach(), rtol=1e-10, atol=1e-12
        )


def test_cross_attention_with_a_mask_is_that_of_torch() -> None:
    pair = next(p for p in PAIRS if p.name == "MultiHeadAttention")
    ours, theirs, x = drawn(pair)
    generator = np.random.default_rng(3)
    memory = generator.standard_normal((2, 4, 6))
    mask = generator.random((5, 4)) < 0.7
    mask[:, 0] = True
    expected = torch.nn.MultiheadAttention.forward(
        theirs, torch.tensor(x), torch.tensor(memory), torch.tensor(memory),
        attn_mask=torch.tensor(~mask), need_weights=False,
    )[0]  # fmt: skip
    made = ours(x, memory, mask=mask)  # type: ignore[operator]
    np.testing.assert_allclose(made.numpy(), expected.detach(), rtol=1e-9, atol=1e-11)
