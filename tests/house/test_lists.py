"""Each public function is on the lists of ``tests/cases``, or it says here why it is not."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

import numpy as np

import chainrule.functions
from chainrule import probability
from chainrule.probability import Distribution
from chainrule.tensors import tensor
from tests.cases import ALL
from tests.probability.distributions import ALL as DISTRIBUTIONS

NO_OPERANDS = "it has no operand to differentiate in; tests/functions/test_array_api.py"
OF_TYPES = "a function of types, not of Tensors; tests/functions/test_array_api.py"
BY_VALUES = "the shape of its result depends on values; tests/functions/test_array_api.py"
DRAWS = "random numbers have no oracle; tests/functions/test_random.py"
SUMMARIES = "sums up data rather than maps Tensors; tests/stats"
PARTS = "reads a model, not Tensors; tests/nn"
UNLISTED = {
    **dict.fromkeys(["arange", "empty", "empty_like", "eye", "ones", "ones_like"], NO_OPERANDS),
    **dict.fromkeys(["zeros", "zeros_like", "asarray", "from_dlpack"], NO_OPERANDS),
    **dict.fromkeys(["can_cast", "finfo", "iinfo", "isdtype", "result_type"], OF_TYPES),
    **dict.fromkeys(["unique_all", "unique_counts", "unique_inverse", "unique_values"], BY_VALUES),
    **dict.fromkeys(["bernoulli", "bits", "categorical", "exponential", "gumbel"], DRAWS),
    **dict.fromkeys(["fold_in", "key", "randint", "split"], DRAWS),
    **dict.fromkeys(["Layer", "Module", "count", "is_evaluation", "layers", "load"], PARTS),
    **dict.fromkeys(["evaluation", "initialization", "linear", "parameters", "seed"], PARTS),
    **dict.fromkeys(["character_transformer", "lenet", "resnet"], PARTS),
    **dict.fromkeys(["Comoments", "Description", "Histogram", "Moments"], SUMMARIES),
    **dict.fromkeys(["QuantileSketch", "describe", "exact_quantiles", "histogram"], SUMMARIES),
    "Schedule": "abstract",
    "__array_namespace_info__": OF_TYPES,
    "named_block": "a transform; tests/functions/test_block.py",
}
# These modules are how the others are written; nothing of them is public.
PLUMBING = {"lift", "pointwise", "methods", "numpy_table"}


def public() -> dict[str, Any]:
    """The functions, layers, losses, schedules and statistics that a user can name."""
    found: dict[str, Any] = {}
    for part in pkgutil.iter_modules(chainrule.functions.__path__):
        room = importlib.import_module(f"chainrule.functions.{part.name}")
        if part.name not in PLUMBING:
            names = getattr(room, "__all__", [])
            found |= {n: getattr(room, n) for n in names if inspect.isfunction(getattr(room, n))}
    for name in ("nn", "loss", "schedule", "stats"):
        room = importlib.import_module(f"chainrule.{name}")
        found |= {n: getattr(room, n) for n in room.__all__}
    return found


def code_of(thing: Any) -> CodeType | None:
    """What runs when a function, or an object of a class, is called."""
    call: Callable[..., Any] | None = thing
    if inspect.isclass(thing):
        call = inspect.unwrap(getattr(thing, "__call__", None))  # noqa: B004  a layer's is wrapped
    return getattr(call, "__code__", None)


def run_by_the_lists() -> set[CodeType]:
    """Run each case once; collect the code of every function that ran."""
    ran: set[CodeType] = set()

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            ran.add(frame.f_code)

    previous = sys.getprofile()
    sys.setprofile(watch)
    try:
        with np.errstate(all="ignore"):
            for case in ALL:
                case.function(*map(tensor, case.draw()))
    finally:
        sys.setprofile(previous)
    return ran


def test_every_public_function_is_on_the_lists() -> None:
    ran = run_by_the_lists()
    missing = {name for name, thing in public().items() if code_of(thing) not in ran}
    assert sorted(missing - UNLISTED.keys()) == []


def test_every_distribution_is_on_its_list() -> None:
    kinds = {getattr(probability, name) for name in probability.__all__}
    distributions = {k for k in kinds if inspect.isclass(k) and issubclass(k, Distribution)}
    assert distributions - {type(listed.made()) for listed in DISTRIBUTIONS} == {Distribution}


def test_names_left_off_the_lists_exist() -> None:
    assert UNLISTED.keys() - public().keys() == set()


def test_names_of_cases_are_distinct() -> None:
    names = [case.name for case in ALL]
    assert sorted({n for n in names if names.count(n) > 1}) == []
