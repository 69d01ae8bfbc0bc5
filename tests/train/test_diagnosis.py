"""A step that is not finite is explained: the operation, its operands, the layer, the rows."""

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import NonFiniteError
from chainrule.train.fit import fit
from chainrule.train.origin import origin

X = np.random.default_rng(0).standard_normal((20, 4))
Y = np.arange(20) % 2


class Net(cr.nn.Module):
    """A network whose last operation is given."""

    inner: cr.nn.Linear
    last: Any

    def __call__(self, x: Any) -> Any:
        hidden = self.inner(x)
        p = self.last(hidden)
        return cr.stack([p[:, 0], -p[:, 1]], axis=1)


def net(last: Any, **settings: Any) -> Net:
    with cr.nn.seed(0):
        return Net(cr.nn.Linear(4, 2, **settings), last)


def told(model: Any, data: Any = (X, Y), **settings: Any) -> str:
    with pytest.raises(NonFiniteError) as caught:
        fit(model, data, **settings)
    return str(caught.value)


def first(message: str) -> str:
    """What is said of the origin."""
    return message.split("\n\n")[1].strip()


def test_an_operation_of_the_user_is_named_with_its_variables() -> None:
    message = told(net(cr.log))
    assert first(message).startswith("first at p = log(hidden), in Net, test_diagnosis.py:")
    assert first(message).endswith("(__call__):")
    assert "\n    hidden           float32[20, 2], from -" in message.replace(
        "p = log(hidden)", " " * 15
    )
    assert "    of these       " in message


def test_a_layer_is_named_by_its_path() -> None:
    with cr.nn.seed(0):
        layers = cr.nn.Linear(4, 4), cr.nn.Sequential(cr.nn.Linear(4, 4)), cr.nn.Linear(4, 2)
        model = cr.nn.Sequential(*layers)
    huge = model[1][0].replace(weight=cr.full((4, 4), 3e38, dtype="float32"))
    broken = cr.nn.Sequential(model[0], cr.nn.Sequential(huge), model[2])
    assert ", in layers.1.layers.0 (Linear(4 → 4)):" in first(told(broken))


def test_where_the_gradient_alone_is_infinite_its_operation_is_named() -> None:
    def size(h: Any) -> Any:
        length = cr.sqrt(cr.sum(h * h, axis=1))
        return cr.stack([length, length], axis=1)

    zeros = cr.nn.initialization.zeros()
    message = told(net(size, weight_init=zeros))
    assert first(message).startswith(
        "in the gradient, where δ is what comes back, at δ / length, in Net, test_diagnosis.py:"
    )
    assert "length      float32[20], from 0 to 0" in message
    assert "the step is not finite in epoch 1" in message


def test_an_overflow_before_the_nan_is_the_origin() -> None:
    def softplus(h: Any) -> Any:
        e = cr.exp(1000.0 * cr.abs(h))
        return e / e  # inf / inf is nan

    assert "e = exp(" in first(told(net(softplus)))


def test_an_update_that_is_too_large_is_named() -> None:
    steep = net(lambda hidden: 1.0 * hidden)
    message = told(steep, (1000 * X, Y), optimizer=cr.optim.SGD(3e38))
    assert first(message).startswith("first in the update of inner.weight; the gradient is finite:")


def test_an_input_that_is_no_number_is_named_with_its_row() -> None:
    inputs = X.copy()
    inputs[7, 1] = np.nan
    data = cr.data.Dataset(inputs, Y.astype(np.int64), ("a", "b"))
    message = told(net(cr.tanh), data)
    assert first(message) == "first at inputs:"
    assert message.split("of these")[1].split()[0] == "7"


def test_infinities_that_no_result_depends_on_are_no_fault() -> None:
    def masked(h: Any) -> Any:
        scores = cr.where(cr.tensor([True, False]), h, -float("inf"))
        return cr.softmax(scores, axis=1) + cr.log(h - 100.0)

    assert "log(hidden − 100)" in first(told(net(masked))).replace("h − 100", "hidden − 100")


def test_inside_of_a_block_the_operation_and_the_block_are_named() -> None:
    def loss(scores: Any, labels: Any) -> Any:
        return cr.loss.cross_entropy(scores * np.inf, labels)

    assert "inf" in first(told(net(cr.tanh), loss=loss))
    block = cr.trace(lambda x: cr.logsumexp(x))(cr.ones(2))
    assert origin(block.graph, [np.ones(2)], {}) is None


def test_a_state_that_is_not_finite_is_named() -> None:
    class Gathering(cr.nn.Module):
        inner: cr.nn.Linear
        total: cr.State

        def __call__(self, x: Any) -> Any:
            self.total.value = self.total.value + 1e308 * 10
            return self.inner(x)

    with cr.nn.seed(0):
        model = Gathering(cr.nn.Linear(4, 2), cr.State(0.0))
    assert first(told(model)) == "first in the new value of the State total"
    assert float(model.total.value) == 0.0


def test_state_cells_and_dropout_are_as_they_were() -> None:
    with cr.nn.seed(0):
        model = cr.nn.Sequential(cr.nn.Linear(4, 2), cr.nn.Dropout(0.5), cr.log)
    before = model[1].state.value.tolist()
    told(model)
    assert model[1].state.value.tolist() == before
