"""What other libraries call it: an error about a name that is not here says what is here instead.

The code between backticks is run by a test, so that a remedy is one that works.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar, cast

__all__ = ["ELSEWHERE", "missing_from", "no_attribute", "reduced", "spelled"]

Function = TypeVar("Function", bound=Callable[..., Any])


def _same(remedy: str, *names: str) -> dict[str, str]:
    return dict.fromkeys(names, remedy)


_GRADIENTS: Final = (
    "Gradients are of functions: `cr.grad(f)(x)` gives that of f at x, `cr.value_and_grad(f)(x)` "
    "also\n  its value."
)
_IN_PLACE: Final = (
    "A Tensor never changes: `x + 1` is a new one, `x.at[0].set(1.0)` a copy with another element."
)
_PLACE: Final = "Numbers lie in the memory of the CPU; `x.astype(cr.float32)` changes their type."
_LOSSES: Final = "Losses are functions: `cr.loss.{0}`."
_LAYERS: Final = "A function is a layer of its own: `cr.nn.Sequential(cr.{0})`."
_SEQUENCE: Final = (
    "A model is immutable: `cr.nn.Sequential(*model.layers, cr.relu)` is one with a layer more."
)
_STEP: Final = (
    "`state = optimizer.init(model)` begins; `model, state = optimizer.update(gradients, state, "
    "model)`\n  takes a step."
)
_KEYS: Final = (
    "Random numbers are functions of a key: `key = cr.random.key(0)`, then\n"
    "  `cr.random.{0}(key, (2, 3))`; `key, other = cr.random.split(key, 2)` makes new keys."
)
_FIT: Final = (
    "Training is a function: `cr.fit(model, (inputs, labels), epochs=1)`, with loss=… and "
    "optimizer=…"
)
_SAVE: Final = (
    "`cr.train.save_model(model, path)` writes a .safetensors file, `cr.train.load_model(path, "
    "model)`\n  reads it."
)
_EVALUATION: Final = "`with cr.nn.evaluation(): model(inputs)` evaluates; elsewhere models train."

_TENSOR: Final = {
    **_same(_GRADIENTS, "backward", "grad", "grad_fn", "requires_grad", "requires_grad_"),
    **_same(_PLACE, "cpu", "cuda", "to", "type"),
    **_same("`x.astype(cr.float32)` gives this type.", "float"),
    **_same("`x.astype(cr.float64)` gives this type.", "double"),
    **_same("`x.astype(cr.int64)` gives this type.", "long"),
    **_same("`x.astype(cr.int32)` gives this type.", "int"),
    **_same("`x.astype(cr.bool)` gives this type.", "bool"),
    **_same("`x.reshape(-1)` gives the elements another shape.", "view"),
    **_same("`x.transpose(1, 0)` gives the axes another order.", "permute"),
    **_same("`x[None]` or `cr.expand_dims(x, axis=0)` adds an axis of size 1.", "unsqueeze"),
    **_same("`x.ndim` is the number of axes.", "dim", "ndimension", "rank"),
    **_same("`x.size` is the number of elements.", "numel", "nelement"),
    **_same("`cr.broadcast_to(x, (5, 2, 2))` repeats it along axes.", "expand", "expand_as"),
    **_same("It is not needed: how numbers lie in memory cannot be seen.", "contiguous"),
    **_same("It is not needed: a Tensor never changes.", "clone"),
    **_same("`x.detach()` is the value as a constant, `x.numpy()` as an array.", "data", "values"),
    **_same("`x @ x` is the product.", "matmul", "mm", "bmm", "mv"),
    **_same("`x.T` is the transposed matrix.", "t"),
    **_same("`x.clip(0.0, 1.0)` limits the elements.", "clamp"),
    **_same("`cr.linalg.norm(x)` is the norm.", "norm"),
    **_same("`cr.linalg.inv(x)` is the inverse.", "inverse"),
    **_same("`cr.cumulative_prod(x, axis=0)` multiplies up.", "cumprod"),
    **_same("`cr.where(x > 0, 0.0, x)` puts a value in some places.", "masked_fill"),
    **_same("`x.numpy()` is a NumPy array.", "to_numpy", "asnumpy"),
    **_same("It is not needed: a result is there when the call returns.", "block_until_ready"),
}
_MODULE: Final = {
    **_same(
        "`cr.nn.parameters(model)` gives them by path; transforms take the model itself.",
        *("parameters", "named_parameters", "trainable_variables", "trainable_weights"),
        *("variables", "get_weights", "params"),
    ),
    **_same(
        f"`cr.nn.parameters(model)` gives the parameters by path. {_SAVE}",
        *("state_dict", "save", "save_weights"),
    ),
    **_same(
        "`cr.nn.load(model, cr.nn.parameters(model))` gives a copy with these parameters.",
        *("load_state_dict", "load_weights", "set_weights"),
    ),
    **_same(_EVALUATION, "train", "eval", "training"),
    **_same("A model is called: `model(inputs)`.", "forward", "predict", "apply"),
    **_same(_FIT, "fit", "compile"),
    **_same(
        "`cr.grad(lambda model: cr.loss.cross_entropy(model(inputs), labels))(model)` gives the "
        "gradients,\n  a tree like the model.",
        *("zero_grad", "backward", "requires_grad_"),
    ),
    **_same("`print(model)` shows the layers and their parameters.", "summary"),
    **_same(
        "`cr.nn.layers(model)` lists them.",
        *("children", "modules", "named_children", "named_modules"),
    ),
    **_same(_SEQUENCE, "add", "append", "add_module"),
    **_same("Numbers lie in the memory of the CPU.", "to", "cuda", "cpu"),
    **_same(
        '`cr.nn.Linear(3, 2, dtype="float64", key=cr.random.key(0))` is a layer in another dtype.',
        *("float", "double", "half"),
    ),
}
_OPTIMIZER: Final = {
    **_same(_STEP, "step", "apply", "apply_gradients", "apply_updates", "minimize"),
    **_same("It is not needed: gradients are values, and nothing adds them up.", "zero_grad"),
    **_same(
        "`optimizer.init(model)` gives the state, a tree of Tensors that you keep.",
        *("state", "state_dict", "load_state_dict", "param_groups"),
    ),
}
_ROOT: Final = {
    **_same("`cr.tensor([1.0, 2.0])` makes a Tensor.", "array", "from_numpy", "Variable"),
    **_same("`cr.concat([x, x], axis=0)` joins Tensors.", "cat", "concatenate", "vstack", "hstack"),
    **_same(_KEYS.format("normal"), "randn", "normal", "manual_seed", "seed"),
    **_same(_KEYS.format("uniform"), "rand", "uniform"),
    **_same("Nothing is recorded outside of transforms: just compute.", "no_grad"),
    **_same(_SAVE, "save", "load"),
    **_same("`x @ x` is the product.", "dot", "mm", "bmm", "mv"),
    **_same("`cr.clip(x, 0.0, 1.0)` limits the elements.", "clamp"),
    **_same("`cr.expand_dims(x, axis=0)` adds an axis of size 1.", "unsqueeze"),
    **_same("`cr.permute_dims(x, (1, 0))` orders axes.", "permute", "transpose"),
    **_same("`cr.cumulative_sum(x, axis=0)` adds up.", "cumsum"),
    **_same("`cr.cumulative_prod(x, axis=0)` multiplies up.", "cumprod"),
    **_same("`cr.linalg.norm(x)` is the norm.", "norm"),
    **_same(
        "`cr.linalg.diagonal(x)` reads the diagonal; `cr.eye(2) * x[0]` is the matrix that has it.",
        *("diag", "diagflat", "diag_embed"),
    ),
    **_same("`cr.linalg.svd(x)` decomposes it.", "svd"),
    **_same("`cr.linalg.eigh(x)` decomposes symmetric matrices, `cr.linalg.eig(x)` any.", "eigh"),
    **_same("`cr.linalg.eig(x)` decomposes any matrix, `cr.linalg.eigh(x)` symmetric ones.", "eig"),
    **_same("`cr.linalg.qr(x)` decomposes it.", "qr"),
    **_same("`cr.linalg.solve(x, x)` solves it.", "solve"),
    **_same("`cr.vecdot(x, x)` is the inner product along the last axis.", "inner", "vdot"),
    **_same("`cr.testing.assert_close(x, x)` compares.", "allclose", "isclose", "array_equal"),
    **_same("`cr.mean(x)` is the mean.", "average"),
    **_same("`cr.max(x)` is the largest element.", "amax"),
    **_same("`cr.min(x)` is the smallest element.", "amin"),
    **_same("`cr.asin(x / 4.0)` is the function.", "arcsin"),
    **_same("`cr.acos(x / 4.0)` is the function.", "arccos"),
    **_same("`cr.atan(x)` is the function.", "arctan"),
    **_same("`cr.atan2(x, x)` is the function.", "arctan2"),
    **_same("`1.0 / cr.sqrt(x)` is the function.", "rsqrt"),
    **_same("`cr.cond(x[0, 0] > 0.0, cr.exp, cr.sin, x)` chooses.", "lax"),
    **_same("`cr.scan` loops.", "fori_loop", "while_loop"),
    **_same("`cr.checkpoint(f)` computes values again in the backward pass.", "remat"),
    **_same('`cr.debug.print("x = {}", x)` prints inside of jit.', "debug_print"),
    **_same("`cr.linalg.inv(x)` is the inverse.", "inv", "inverse"),
    **_same("`cr.linalg.det(x)` is the determinant.", "det"),
    **_same("`cr.jacobian(f)(x)` chooses the mode by the sizes.", "jacfwd", "jacrev"),
    **_same("`cr.tree.map_(f, model)` maps the leaves.", "tree_map", "tree_util"),
    **_same("There are `cr.float32` and `cr.float64`.", "float16", "bfloat16", "half", "float_"),
    **_same("It is `cr.float32`.", "float", "single"),
    **_same("It is `cr.float64`.", "double"),
    **_same("It is `cr.int64`.", "long", "int"),
    **_same("`cr.pow(x, 2.0)` is the power.", "power"),
    **_same("`cr.abs(x)` is the absolute value.", "absolute"),
    **_same(_LOSSES.format("cross_entropy"), "cross_entropy"),
    **_same("There are only CPUs, and `jit` uses all of them.", "cuda", "device", "device_put"),
    **_same("The functions stand here: `cr.exp(x)`.", "numpy", "functional"),
    **_same(
        "`cr.errors.ChainruleError` is the base of all errors, which stand in `cr.errors`.",
        *("ChainruleError", "DataError", "DTypeError", "FormulaError", "GradientError"),
        *("ArgumentError", "CompileError", "CheckpointError", "ShapeError"),
    ),
}
_NN: Final = {
    **_same(_LOSSES.format("squared"), "MSELoss"),
    **_same(_LOSSES.format("absolute"), "L1Loss"),
    **_same(_LOSSES.format("huber"), "HuberLoss", "SmoothL1Loss"),
    **_same(_LOSSES.format("cross_entropy"), "CrossEntropyLoss"),
    **_same(_LOSSES.format("negative_log_likelihood"), "NLLLoss"),
    **_same(_LOSSES.format("binary_logistic"), "BCEWithLogitsLoss", "BCELoss"),
    **_same(_LOSSES.format("kl_divergence"), "KLDivLoss"),
    **_same(_LAYERS.format("relu"), "ReLU", "Activation"),
    **_same(_LAYERS.format("leaky_relu"), "LeakyReLU"),
    **_same(_LAYERS.format("gelu"), "GELU"),
    **_same(_LAYERS.format("elu"), "ELU"),
    **_same(_LAYERS.format("silu"), "SiLU"),
    **_same(_LAYERS.format("sigmoid"), "Sigmoid"),
    **_same(_LAYERS.format("tanh"), "Tanh"),
    **_same(_LAYERS.format("softmax"), "Softmax"),
    **_same(_LAYERS.format("log_softmax"), "LogSoftmax"),
    **_same("It is `cr.nn.Linear`.", "Dense"),
    **_same("It is `cr.nn.BatchNorm`, for any number of axes.", "BatchNorm1d", "BatchNorm2d"),
    **_same("It is `cr.nn.BatchNorm`.", "BatchNormalization"),
    **_same("It is `cr.nn.LayerNorm`.", "LayerNormalization"),
    **_same("It is `cr.nn.Conv2d`.", "Conv", "Convolution2D"),
    **_same("It is `cr.nn.MaxPool2d`.", "MaxPooling2D", "MaxPool"),
    **_same("It is `cr.nn.AvgPool2d`.", "AveragePooling2D", "AvgPool"),
    **_same("It is `cr.nn.GlobalAvgPool`.", "AdaptiveAvgPool2d", "GlobalAveragePooling2D"),
    **_same("It is `cr.nn.MultiHeadAttention`.", "MultiheadAttention"),
    **_same("It is `cr.nn.TransformerBlock`.", "TransformerEncoderLayer"),
    **_same("It is `cr.nn.initialization`.", "init", "initializers"),
    **_same("The functions stand at the root: `cr.relu`.", "functional", "relu"),
    **_same("A field that is annotated `cr.Tensor` is a parameter.", "Parameter"),
    **_same("A field that is annotated `cr.State` is kept, and is no parameter.", "Buffer"),
    **_same(
        "A field with the annotation `list[cr.nn.Module]` or `dict[str, cr.nn.Module]` holds "
        "layers.",
        *("ModuleList", "ModuleDict"),
    ),
    **_same("A function is a layer of its own: `cr.nn.Sequential(lambda x: x)`.", "Identity"),
}
_LOSS: Final = {
    **_same("It is `cr.loss.squared`.", "mse", "mse_loss", "mean_squared_error", "MSELoss"),
    **_same("It is `cr.loss.absolute`.", "mae", "l1_loss", "mean_absolute_error", "L1Loss"),
    **_same("It is `cr.loss.cross_entropy`.", "CrossEntropyLoss", "categorical_crossentropy"),
    **_same("It is `cr.loss.cross_entropy`.", "sparse_categorical_crossentropy"),
    **_same(
        "It is `cr.loss.binary_logistic`, of scores.",
        *("binary_cross_entropy", "binary_cross_entropy_with_logits", "bce", "binary_crossentropy"),
    ),
    **_same("It is `cr.loss.negative_log_likelihood`.", "nll_loss", "nll"),
    **_same("It is `cr.loss.kl_divergence`.", "kl_div", "kl"),
    **_same("It is `cr.loss.huber`.", "smooth_l1_loss", "huber_loss"),
}
_OPTIM: Final = {
    **_same("It is `cr.optim.SGD(0.1, momentum=0.9)`.", "Momentum", "Nesterov"),
    **_same("It is `cr.optim.RMSProp`.", "RMSprop"),
    **_same("It is `cr.optim.Adagrad`.", "AdaGrad"),
    **_same("It is `cr.optim.lbfgs`, a function that minimizes.", "LBFGS"),
    **_same("Schedules stand in the learning rate's place: `cr.schedule`.", "lr_scheduler"),
}

ELSEWHERE: Final = {
    "Tensor": _TENSOR,
    "Module": _MODULE,
    "Optimizer": _OPTIMIZER,
    "chainrule": _ROOT,
    "chainrule.nn": _NN,
    "chainrule.loss": _LOSS,
    "chainrule.optim": _OPTIM,
}
"""By whose attribute is asked for, then by its name."""


def no_attribute(owner: str, kind: str, name: str, holder: object) -> AttributeError:
    """Make the error about a name: with what is here instead, or for Python to suggest a near one.

    owner   what is told to have no such attribute
    kind    whose names are looked up
    holder  what Python looks for near names in
    """
    told = f"{owner} has no attribute {name!r}"
    remedy = ELSEWHERE[kind].get(name)
    if remedy is None and kind == "Tensor" and name.endswith("_") and not name.startswith("_"):
        remedy = _IN_PLACE
    if remedy is None:
        return AttributeError(told, name=name, obj=holder)
    return AttributeError(f"{told}\n\n  {remedy.replace('`', '')}")


def missing_from(module: str) -> Callable[[str], Any]:
    """Make a module's ``__getattr__``, which Python calls for the names that it lacks."""

    def missing(name: str) -> Any:
        raise no_attribute(f"module {module!r}", module, name, sys.modules[module])

    return missing


def spelled(more: str = "", /, **ours: str) -> Callable[[Function], Function]:
    """Let a function say how its arguments are given here, where they were given as elsewhere.

    more   what to say of more arguments by position than it takes
    ours   by the keyword of another library, what to write
    """

    def decorated(function: Function) -> Function:
        most = function.__code__.co_argcount  # by position

        @wraps(function)
        def called(*args: Any, **named: Any) -> Any:
            try:
                return function(*args, **named)
            except TypeError:
                name = function.__name__
                for given in (g for g in named if g in ours):
                    told = f"{name}() has no argument {given!r}\n\n  {ours[given]}"
                    raise TypeError(told) from None
                if more and len(args) > most:
                    takes = f"{most} argument{'s' if most > 1 else ''}"
                    told = f"{name}() takes {takes} by position, and {len(args)} were given"
                    raise TypeError(f"{told}\n\n  {more}") from None
                raise

        return cast(Function, called)

    return decorated


def reduced(function: Function) -> Function:
    """Let a function along axes say so."""
    return spelled(
        "Axes are given by name, as in axis=0.",
        dim="It is axis here, as in axis=0.",
        keepdim="It is keepdims here.",
    )(function)
