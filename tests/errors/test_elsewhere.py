"""Names of other libraries: what is said about them, word for word, and that the remedies work."""

import re
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import chainrule as cr
from chainrule.elsewhere import ELSEWHERE
from chainrule.errors import ArgumentError, DTypeError

KEY = cr.random.key(0)
MODEL = cr.nn.Sequential(cr.nn.Linear(2, 2, key=KEY), cr.relu)
HOLDERS = {
    "Tensor": cr.ones((2, 2)),
    "Module": MODEL,
    "Optimizer": cr.optim.Adam(0.001),
    "chainrule": cr,
    "chainrule.nn": cr.nn,
    "chainrule.loss": cr.loss,
    "chainrule.optim": cr.optim,
}
REMEDIES = sorted({(kind, text) for kind in ELSEWHERE for text in ELSEWHERE[kind].values()})


@pytest.mark.parametrize(("kind", "remedy"), REMEDIES)
def test_what_is_said_to_help_does(kind: str, remedy: str, tmp_path: Path) -> None:
    names: dict[str, Any] = {
        "cr": cr,
        "x": cr.tensor([[2.0, 1.0], [1.0, 3.0]]),
        "f": lambda x: cr.sum(x * x),
        "model": MODEL,
        "inputs": cr.ones((4, 2)),
        "labels": cr.tensor([0, 1, 0, 1]),
        "jit": cr.jit,
        "optimizer": cr.optim.Adam(0.001),
        "path": tmp_path / "model.safetensors",
    }
    if "cr.tree.map_" in remedy:
        names["f"] = cr.exp
    names["gradients"] = cr.tree.map_(cr.ones_like, MODEL)
    for code in re.findall(r"`([^`]+)`", remedy):
        exec(" ".join(code.split()), names)


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_the_names_are_not_ours(kind: str) -> None:
    assert [name for name in ELSEWHERE[kind] if hasattr(HOLDERS[kind], name)] == []


class Torchlike(cr.nn.Module):
    linear: cr.nn.Linear

    def forward(self, x: cr.Tensor) -> cr.Tensor:
        return self.linear(x)

    @property
    def width(self) -> int:
        return self.linear.widht  # type: ignore[no-any-return]


@dataclass
class Fields:
    weight: cr.Tensor


X = cr.ones((2, 2))
LABELS = cr.tensor([0, 1])
TORCHLIKE = Torchlike(MODEL.layers[0])
# The words are Python's own.
_AXES = "sum() got an unexpected keyword argument 'axes'" + (
    ". Did you mean 'axis'?" if sys.version_info >= (3, 13) else ""
)

MESSAGES: list[tuple[type[Exception], Callable[[], object], str]] = [
    (
        AttributeError,
        lambda: cr.sum(X).backward(),
        (
            "Tensor has no attribute 'backward'\n\n"
            "  Gradients are of functions: cr.grad(f)(x) gives that of f at x, "
            "cr.value_and_grad(f)(x) also\n  its value."
        ),
    ),
    (
        AttributeError,
        lambda: X.add_(1.0),
        (
            "Tensor has no attribute 'add_'\n\n"
            "  A Tensor never changes: x + 1 is a new one, x.at[0].set(1.0) a copy with another "
            "element."
        ),
    ),
    (
        AttributeError,
        lambda: X.exp(),
        "Tensor has no attribute 'exp'\n\n  It is a function: cr.exp(x).",
    ),
    (AttributeError, lambda: X.shap, "Tensor has no attribute 'shap'"),
    (
        AttributeError,
        lambda: MODEL.parameters(),
        (
            "Sequential has no attribute 'parameters'\n\n"
            "  cr.nn.parameters(model) gives them by path; transforms take the model itself."
        ),
    ),
    (AttributeError, lambda: TORCHLIKE.width, "Linear has no attribute 'widht'"),
    (
        ArgumentError,
        lambda: TORCHLIKE(X),
        (
            "Torchlike cannot be called: it defines forward, and a model's function is __call__\n\n"
            "  Rename forward to __call__."
        ),
    ),
    (
        AttributeError,
        lambda: cr.optim.SGD(0.1).step(),
        (
            "SGD has no attribute 'step'\n\n"
            "  state = optimizer.init(model) begins; model, state = optimizer.update(gradients, "
            "state, model)\n  takes a step."
        ),
    ),
    (
        TypeError,
        lambda: cr.optim.AdamW(lr=0.1),
        ("AdamW() has no argument 'lr'\n\n  It is learning_rate here, the first argument."),
    ),
    (
        AttributeError,
        lambda: cr.cat([X, X]),
        "module 'chainrule' has no attribute 'cat'\n\n  cr.concat([x, x], axis=0) joins Tensors.",
    ),
    (
        AttributeError,
        lambda: cr.diag(X),
        (
            "module 'chainrule' has no attribute 'diag'\n\n"
            "  cr.linalg.diagonal(x) reads the diagonal; cr.eye(2) * x[0] is the matrix "
            "that has it."
        ),
    ),
    (
        TypeError,
        lambda: cr.jit(lambda x, n: x * n, static_argnums=1),
        (
            "jit() has no argument 'static_argnums'\n\n"
            "  It is not needed: ints, bools, strings and functions are part of the program, and "
            "new ones make a\n  new recording. Tensors, arrays and floats are inputs."
        ),
    ),
    (
        DTypeError,
        lambda: cr.grad(lambda p: cr.sum(p.weight))(Fields(X)),
        (
            "grad: argument 0 is a Fields, and derivatives are taken with respect to "
            "floating-point numbers\n\n"
            "  A dataclass is no tree of its own: as class Fields(cr.nn.Module), whose fields stay "
            "as\n  they are, it becomes one. Tuples, lists, dicts and named tuples are trees too."
        ),
    ),
    (
        ArgumentError,
        lambda: cr.jit(lambda p: p.weight)(Fields(X)),
        (
            "jit: an argument holds a Fields, which is neither a Tensor nor hashable\n\n"
            "  Tensors and floats may change from call to call; everything else is part of the "
            "program\n  and must be hashable.\n\n"
            "  A dataclass is no tree of its own: as class Fields(cr.nn.Module), whose fields stay "
            "as\n  they are, it becomes one. Tuples, lists, dicts and named tuples are trees too."
        ),
    ),
    (AttributeError, lambda: cr.softmacks, "module 'chainrule' has no attribute 'softmacks'"),
    (
        AttributeError,
        lambda: cr.nn.ReLU(),
        (
            "module 'chainrule.nn' has no attribute 'ReLU'\n\n"
            "  A function is a layer of its own: cr.nn.Sequential(cr.relu)."
        ),
    ),
    (
        AttributeError,
        lambda: cr.loss.mse(X, X),
        "module 'chainrule.loss' has no attribute 'mse'\n\n  It is cr.loss.squared.",
    ),
    (
        TypeError,
        lambda: cr.sum(X, dim=1),
        "sum() has no argument 'dim'\n\n  It is axis here, as in axis=0.",
    ),
    (
        TypeError,
        lambda: X.mean(axis=1, keepdim=True),
        "mean() has no argument 'keepdim'\n\n  It is keepdims here.",
    ),
    (
        TypeError,
        lambda: cr.sum(X, 1),
        (
            "sum() takes 1 argument by position, and 2 were given\n\n"
            "  Axes are given by name, as in axis=0."
        ),
    ),
    (TypeError, lambda: cr.sum(X, axes=1), _AXES),
    (
        TypeError,
        lambda: cr.fit(MODEL, X, LABELS),
        (
            "fit() takes 2 arguments by position, and 3 were given\n\n"
            "  Inputs and targets are one pair: fit(model, (inputs, targets), …)."
        ),
    ),
    (
        TypeError,
        lambda: cr.fit(MODEL, (X, LABELS), batch_size=2),
        "fit() has no argument 'batch_size'\n\n  It is batch here.",
    ),
    (
        ArgumentError,
        lambda: cr.fit(MODEL, (X, LABELS), optimizer="adam"),
        "fit: optimizer is 'adam'; what is needed is such as cr.optim.Adam(0.001)",
    ),
    (
        ArgumentError,
        lambda: cr.fit(cr.nn.Linear, (X, LABELS)),
        "fit: model is the class Linear; what is needed is such as cr.nn.Linear(4, 3)",
    ),
    (
        ArgumentError,
        lambda: cr.fit(MODEL, (X, LABELS), loss="mse"),
        "fit: loss is 'mse'; what is needed is such as cr.loss.squared",
    ),
    (
        DTypeError,
        lambda: cr.random.normal((2, 3)),
        (
            "random.normal: the first argument is a key, not (2, 3)\n\n"
            "  normal(cr.random.key(0), ...) draws with the key of seed 0."
        ),
    ),
    *(
        (
            TypeError,
            lambda transform=transform: getattr(cr, transform)(cr.sum(X)),
            (
                f"{transform}: a Tensor is not a function\n\n"
                f"  {transform}(f) makes a function of f: it is {transform}(f)(x), not "
                f"{transform}(f(x))."
            ),
        )
        for transform in ("grad", "value_and_grad", "jacobian", "hessian", "vmap", "jit", "trace")
    ),
    (
        ArgumentError,
        lambda: cr.cond(cr.tensor(True), 1.0, 2.0),
        (
            "cond: both branches are functions of the operands\n\n"
            "  cr.where(p, a, b) chooses between values."
        ),
    ),
    (
        TypeError,
        lambda: cr.optim.Adam("0.1"),
        "Adam: learning_rate is a str, not a number or a schedule",
    ),
    (DTypeError, lambda: cr.tensor([1, "a"]), "tensor: 'a' is not a number"),
    (DTypeError, lambda: cr.tensor(None), "tensor: None is not a number"),
    (
        ArgumentError,
        lambda: cr.nn.load(MODEL, "model.safetensors"),
        (
            "load: the parameters are a str, not a dictionary by path\n\n"
            "  cr.train.load_model(path, model) reads a file or a run folder."
        ),
    ),
    (
        ArgumentError,
        lambda: cr.train.load_model(MODEL, "model.safetensors"),
        (
            "load_model: the path is Sequential\n\n"
            '  load_model("model.safetensors", model) takes the path first.'
        ),
    ),
    (
        ArgumentError,
        lambda: cr.train.save_model("model.safetensors", MODEL),
        (
            "save_model: the path is Sequential, and a file of weights ends in .safetensors\n\n"
            '  save_model(model, "model.safetensors") takes the model first.'
        ),
    ),
]


@pytest.mark.parametrize(("error", "provoke", "message"), MESSAGES)
def test_the_message_is_this(
    error: type[Exception], provoke: Callable[[], object], message: str
) -> None:
    with ExitStack() as stack:
        raised = stack.enter_context(pytest.raises(error))
        provoke()
    assert str(raised.value) == message
