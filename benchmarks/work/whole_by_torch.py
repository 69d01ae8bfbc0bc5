"""A training in PyTorch, a process of its own: see whole.py, which names the arguments.

Everything is float32 in memory, a step reads its rows from there, and the optimizer is the fused
one. In bf16, autocast rounds the factors of products. Compiling the model would need a C++ compiler
and take longer than the training.
"""

from __future__ import annotations

import math
import os
import sys
from itertools import pairwise

import torch
from whole_data import Part, Settings, parts


def network(sizes: list[int], dropout: float) -> torch.nn.Sequential:
    """He's normal distribution, as ours."""
    layers: list[torch.nn.Module] = [torch.nn.Flatten()]
    for n, m in pairwise(sizes):
        linear = torch.nn.Linear(n, m)
        torch.nn.init.kaiming_normal_(linear.weight)
        torch.nn.init.zeros_(linear.bias)
        layers += [linear, torch.nn.ReLU()]
        if dropout:
            layers.append(torch.nn.Dropout(dropout))
    return torch.nn.Sequential(*layers[: -2 if dropout else -1])


def accuracy(model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """In percent."""
    model.eval()
    with torch.no_grad():
        both = zip(x.split(1024), y.split(1024), strict=True)
        right = sum((model(a).argmax(1) == b).sum() for a, b in both)
    model.train()
    return 100 * float(right) / len(y)


def tensors(part: Part) -> tuple[torch.Tensor, torch.Tensor]:
    """The same memory."""
    return torch.from_numpy(part.images), torch.from_numpy(part.labels)


def main() -> None:
    """Train, test and save."""
    *given, out = sys.argv[1:]
    s = Settings.parsed(given)
    torch.set_num_threads(os.cpu_count() or 1)
    torch.manual_seed(s.seed)
    (images, labels), *others = map(tensors, parts(s))
    sizes = [math.prod(images.shape[1:]), *map(int, s.hidden.split(",")), 10]
    model = network(sizes, s.dropout)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.001, weight_decay=s.decay, fused=True)
    steps = s.epochs * math.ceil(len(images) / 128)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda t: 0.5 * (1 + math.cos(math.pi * t / steps))
    )
    for epoch in range(s.epochs):
        for rows in torch.randperm(len(images)).split(128):
            batch = images[rows]
            if s.augment == "flip":
                flipped = torch.rand(len(batch), 1, 1, 1) < 0.5
                batch = torch.where(flipped, batch.flip(-1), batch)
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=s.precision == "bf16"):
                scores = model(batch)
            torch.nn.functional.cross_entropy(scores.float(), labels[rows]).backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}: {accuracy(model, *others[0]):.2f} of those held out")
    torch.save(model.state_dict(), out)
    print(f"accuracy {accuracy(model, *others[1]):.2f} %")


main()
