"""The first training step of the MNIST network, from the start of the process."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.timing import table
from benchmarks.work.contest import Options

COMMON = """
import json, os, sys, time
begun = time.monotonic()
import numpy as np
numpy = time.monotonic()
generator = np.random.default_rng(0)
x, y = generator.standard_normal((128, 784), np.float32), generator.integers(0, 10, 128)
"""
PROGRAMS = {
    "chainrule": """
import chainrule as cr
with cr.nn.seed(0):
    model = cr.nn.mlp((784, 512, 512, 10))
optimizer = cr.optim.SGD(0.01)
@cr.jit
def step(model, state, x, y):
    loss, gradients = cr.value_and_grad(lambda m: cr.loss.cross_entropy(m(x), y))(model)
    return (*optimizer.update(gradients, state, model), loss)
ready = time.monotonic()
step(model, optimizer.init(model), x, y)[2].item()
""",
    "PyTorch eager": """
import torch
torch.set_num_threads(os.cpu_count())
layer = torch.nn.Linear
relu = torch.nn.ReLU()
model = torch.nn.Sequential(layer(784, 512), relu, layer(512, 512), relu, layer(512, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
x, y = torch.from_numpy(x), torch.from_numpy(y)
ready = time.monotonic()
loss = torch.nn.functional.cross_entropy(model(x), y)
loss.backward()
optimizer.step()
loss.item()
""",
    "JAX jit": """
import jax, jax.numpy as jnp
sizes = (784, 512, 512, 10)
params = [(jnp.asarray(generator.standard_normal((n, m), np.float32)), jnp.zeros(m))
          for n, m in zip(sizes, sizes[1:])]
def loss(params, x, y):
    for w, b in params[:-1]:
        x = jax.nn.relu(x @ w + b)
    scores = x @ params[-1][0] + params[-1][1]
    own = jnp.take_along_axis(scores, y[:, None], axis=1)[:, 0]
    return jnp.mean(jax.nn.logsumexp(scores, axis=1) - own)
@jax.jit
def step(params, x, y):
    value, grads = jax.value_and_grad(loss)(params, x, y)
    return jax.tree.map(lambda w, g: w - 0.01 * g, params, grads), value
ready = time.monotonic()
jax.block_until_ready(step(params, x, y))
""",
}
END = """
done = time.monotonic()
print(json.dumps([done - float(sys.argv[1]), numpy - begun, ready - numpy, done - ready]))
"""


def process(name: str, cache: str) -> list[float] | None:
    """Seconds from the start to the end of the step, of NumPy, of making ready, of the step."""
    environment = {**os.environ, "CHAINRULE_CACHE": cache}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    program = COMMON + PROGRAMS[name] + END
    command = [sys.executable, "-c", program, str(time.monotonic())]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if run.returncode:
        if "ModuleNotFoundError" in run.stderr:
            return None
        raise SystemExit(run.stderr)
    return json.loads(run.stdout)  # type: ignore[no-any-return]


def main(options: Options) -> None:
    """Print the table."""
    found: dict[str, list[list[float]]] = {}
    warm = tempfile.mkdtemp(prefix="chainrule-bench-")
    process("chainrule", warm)
    for _ in range(options.rounds):
        cold = tempfile.mkdtemp(prefix="chainrule-bench-")
        for name in PROGRAMS:
            for kind, cache in (("empty cache", cold), ("full cache", warm)):
                if name != "chainrule" and kind == "full cache":
                    continue
                seconds = process(name, cache)
                label = f"{name}, {kind}" if name == "chainrule" else name
                if seconds is not None:
                    found.setdefault(label, []).append(seconds)
        shutil.rmtree(cold)
    shutil.rmtree(warm)
    rows = [["first step, 784-512-512-10", "from the start", "NumPy's import", "imports and model",
             "the step", "asked"]]  # fmt: skip
    asked = {"chainrule, empty cache": "0.4 s", "chainrule, full cache": "0.12 s"}
    for label, runs in found.items():
        medians = [f"{statistics.median(part):.3f} s" for part in zip(*runs, strict=True)]
        rows.append([label, *medians, asked.get(label, "")])
    print(table(rows), "\n")
