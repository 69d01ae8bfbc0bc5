"""Functions recorded as Blocks: closures, values inside, trees, tangent rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.errors import GradientError
from chainrule.functions.block import named_block, record_block
from chainrule.functions.elementary import exp, sin
from chainrule.ir import build
from chainrule.ir.graph import ancestors
from chainrule.ir.primitives import Block
from chainrule.recording import recording
from chainrule.tensors import Tensor, node_of, of_node, tensor
from chainrule.transform import grad, hessian, jit, jvp, vmap

X, W = tensor([0.5, -1.0, 2.0]), tensor([2.0, 3.0, 5.0])


@pytest.mark.parametrize("barrier", [False, True])
def test_a_block_may_read_recorded_tensors_from_around_it(barrier: bool) -> None:
    def f(x: Tensor, w: Tensor) -> Tensor:
        def body(x: Tensor) -> dict[str, Any]:
            return {"y": sin(x) * w, "same": x, "nothing": None, "number": 3}

        made = record_block("body", body, [x], barrier=barrier)
        assert made["nothing"] is None
        assert made["number"] == 3
        return (made["y"] + made["same"] * made["same"]).sum()

    gx, gw = grad(f, (0, 1))(X, W)
    x, w = X.numpy(), W.numpy()
    np.testing.assert_allclose(gx.numpy(), np.cos(x) * w + 2 * x)
    np.testing.assert_allclose(gw.numpy(), np.sin(x))
    curvature = np.asarray(hessian(lambda x: f(x, W))(X))
    np.testing.assert_allclose(curvature, np.diag(2 - np.sin(x) * w))
    np.testing.assert_allclose(jit(f)(X, W).numpy(), f(X, W).numpy())
    batched = vmap(lambda x: f(x, W))(tensor(np.stack([x, 2 * x])))
    np.testing.assert_allclose(batched.numpy()[1], f(2 * X, W).numpy())


def test_the_body_is_one_node() -> None:
    with recording("grad", opaque=False) as host:
        x = of_node(build.alias(node_of(X, host)), host)
        y = named_block("layer", lambda x: exp(sin(x)) * W)(x)
        nodes = ancestors([node_of(y, host)])
    (block,) = [n for n in nodes if isinstance(n.op, Block)]
    assert block.op.name == "layer"
    assert len(nodes) == 4  # the constant, its alias, the Block, its result


def test_values_are_known_inside() -> None:
    seen = []

    def body(x: Tensor) -> Tensor:
        seen.append(bool((x > 0).all()))
        return x * 2 if seen[-1] else x * 3

    g = grad(lambda x: record_block("branch", body, [x]).sum())(tensor([1.0, -1.0]))
    assert seen == [False]
    assert g.tolist() == [3.0, 3.0]


def test_outside_of_recordings_a_block_leaves_no_trace() -> None:
    y = named_block("f", lambda x: x * 2)(X)
    assert y._node is None


def test_a_rule_replaces_the_derivative_in_both_modes() -> None:
    def rule(inputs: Any, outputs: Any, tangents: Any) -> Any:
        return [None if tangents[0] is None else build.scale(tangents[0], 10)]

    def f(x: Tensor) -> Tensor:
        return record_block("f", lambda x, w: sin(x) * w, [x, W], rule).sum()

    assert grad(f)(X).tolist() == [10, 10, 10]
    assert float(jvp(f, (X,), (X,))[1]) == 15


def test_a_rule_cannot_lose_the_derivative_of_a_closure() -> None:
    def f(x: Tensor, w: Tensor) -> Tensor:
        return record_block("f", lambda x: x * w, [x], lambda i, o, t: t).sum()

    assert grad(f)(X, W).tolist() == [1, 1, 1]
    with pytest.raises(GradientError) as raised:
        grad(f, 1)(X, W)
    assert str(raised.value) == (
        "f has its own derivative rule and reads a differentiated Tensor from around it\n"
        "\n"
        "  The rule knows the arguments only. Pass that Tensor as an argument, or write .detach()."
    )
