"""Products in bfloat16 are those of PyTorch, where it is installed."""

import numpy as np
import pytest

import chainrule as cr

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


def test_a_product_has_the_numbers_of_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_RUNTIME", "native")
    monkeypatch.setenv("CHAINRULE_BF16", "emulated")
    generator = np.random.default_rng(1)
    x, w = (generator.standard_normal(s, np.float32) for s in ((96, 251), (251, 130)))
    found = cr.jit(lambda x, w: x @ w, precision="bf16")(x, w).numpy()
    a, b = (torch.from_numpy(v).bfloat16() for v in (x, w))
    sums = (a.float() @ b.float()).numpy()
    scale = np.abs(x) @ np.abs(w)
    assert (np.abs(found - sums) <= 251 * 2.0**-24 * scale).all()
    rounded = (a @ b).float().numpy()  # PyTorch rounds the sums too
    assert (np.abs(found - rounded) <= 1.01 * 2.0**-8 * np.abs(found) + 1e-4).all()
