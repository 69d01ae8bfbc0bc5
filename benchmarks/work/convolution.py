"""Convolutional networks: LeNet, and one of 25 million multiply-adds for each image of 32×32."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

import chainrule as cr
from benchmarks.work.contest import Row
from benchmarks.work.limits import Limit
from benchmarks.work.networks import filled
from benchmarks.work.training import CLOSE_IN_BF16, Net, Problem, contestants, without_bf16

BATCH = 128


@dataclass(frozen=True)
class Convolutional(Net):
    """Convolutions with relu, some of them followed by 2×2 pooling, then linear layers with relu.

    convolutions   (channels, kernel, whether padded to the same size, whether pooled)
    """

    image: tuple[int, int, int]
    convolutions: tuple[tuple[int, int, bool, bool], ...]
    linear: tuple[int, ...]

    @cached_property
    def _plan(self) -> tuple[list[tuple[int, ...]], list[int], int]:
        """The weights' shapes, how often each weight of a layer is used, and the last side."""
        channels, side, _ = self.image
        shapes: list[tuple[int, ...]] = []
        uses = []
        for out, kernel, same, pooled in self.convolutions:
            side = side if same else side - kernel + 1
            shapes.append((out, channels, kernel, kernel))
            uses.append(side * side)
            channels, side = out, side // 2 if pooled else side
        flat = channels * side * side
        for out in self.linear:
            shapes.append((out, flat))
            uses.append(1)
            flat = out
        return shapes, uses, side

    @cached_property
    def arrays(self) -> list[np.ndarray]:
        """Weights, outputs first, each followed by its bias."""
        generator = np.random.default_rng(0)
        made = []
        for shape in self._plan[0]:
            scale = np.float32((2 / math.prod(shape[1:])) ** 0.5)
            made += [generator.standard_normal(shape, np.float32) * scale]
            made += [np.zeros(shape[0], np.float32)]
        return made

    def multiplications(self) -> list[int]:
        """Multiply-adds of each layer for one image."""
        shapes, uses, _ = self._plan
        return [math.prod(shape) * use for shape, use in zip(shapes, uses, strict=True)]

    def limit(self, batch: int) -> Limit:
        """Products forward and backward, none for the images; parameters both ways."""
        products = self.multiplications()
        operations = 2 * batch * (3 * sum(products) - products[0])
        image = 4 * batch * math.prod(self.image)
        return Limit(operations, image + 8 * sum(a.size for a in self.arrays))

    def ours(self) -> tuple[Any, Callable[[Any, cr.Tensor], cr.Tensor]]:
        """Give the model, and what it computes of a batch."""
        layers: list[Any] = []
        shapes = iter(self._plan[0])
        with cr.nn.seed(0):
            for _, kernel, same, pooled in self.convolutions:
                out, in_, *_ = next(shapes)
                padding = "same" if same else "valid"
                layers += [cr.nn.Conv2d(in_, out, kernel, padding=padding), cr.relu]
                layers += [cr.nn.MaxPool2d(2)] * pooled
            layers.append(cr.nn.Flatten())
            for out, in_ in shapes:
                layers += [cr.nn.Linear(in_, out), cr.relu]
            model = cr.nn.Sequential(*layers[:-1])
        return filled(model, self.arrays), lambda m, x: m(x)

    def torch(self) -> Any:
        """Give the module."""
        import torch

        layers: list[Any] = []
        shapes = iter(self._plan[0])
        for _, kernel, same, pooled in self.convolutions:
            out, in_, *_ = next(shapes)
            padding = kernel // 2 if same else 0
            layers += [torch.nn.Conv2d(in_, out, kernel, padding=padding), torch.nn.ReLU()]
            layers += [torch.nn.MaxPool2d(2)] * pooled
        layers.append(torch.nn.Flatten())
        for out, in_ in shapes:
            layers += [torch.nn.Linear(in_, out), torch.nn.ReLU()]
        model = torch.nn.Sequential(*layers[:-1])
        for parameter, array in zip(model.parameters(), self.arrays, strict=True):
            parameter.data = torch.from_numpy(array.copy())
        return model

    def jax(self) -> tuple[Any, Callable[[Any, Any], Any]]:
        """Give the parameters, and what they compute of a batch; channels come last inside."""
        import jax
        import jax.numpy as jnp

        count = len(self.convolutions)
        pairs = list(zip(self.arrays[::2], self.arrays[1::2], strict=True))
        params = [(jnp.array(w.transpose(2, 3, 1, 0)), jnp.array(b)) for w, b in pairs[:count]]
        params += [(jnp.array(w.T), jnp.array(b)) for w, b in pairs[count:]]

        def apply(params: Any, x: Any) -> Any:
            x = x.transpose(0, 2, 3, 1)
            for (w, b), (_, _, same, pooled) in zip(params[:count], self.convolutions, strict=True):
                padding = "SAME" if same else "VALID"
                names = ("NHWC", "HWIO", "NHWC")
                x = jax.lax.conv_general_dilated(x, w, (1, 1), padding, dimension_numbers=names)
                x = jax.nn.relu(x + b)
                if pooled:
                    window = (1, 2, 2, 1)
                    x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")
            x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
            for w, b in params[count:-1]:
                x = jax.nn.relu(x @ w + b)
            w, b = params[-1]
            return x @ w + b

        return params, apply


def rows() -> list[Row]:
    """The lines of the table."""
    lenet = Convolutional((1, 28, 28), ((6, 5, True, True), (16, 5, False, True)), (120, 84, 10))
    larger = Convolutional(
        (3, 32, 32),
        ((32, 3, True, False), (32, 3, True, True), (64, 3, True, False), (64, 3, True, True)),
        (128, 10),
    )
    millions = sum(larger.multiplications()) / 1e6
    work = (
        ("lenet", "LeNet, 28×28, batch 128, SGD", lenet, 16),
        ("conv", f"{millions:.0f} M multiply-adds, 32×32, batch 128, SGD", larger, 4),
    )
    return [
        *(Row(name, title, 1.0, net.limit(BATCH),
              contestants(Problem(net, net.image, 10, BATCH, steps), images=True), steps)
          for name, title, net, steps in work),
        *(Row(f"{name}-bf16", f"{title}, in bf16", 1.5, net.limit(BATCH)._replace(bf16=True),
              contestants(Problem(net, net.image, 10, BATCH, steps, bf16=True), images=True),
              steps, CLOSE_IN_BF16, without_bf16)
          for name, title, net, steps in work),
    ]  # fmt: skip
