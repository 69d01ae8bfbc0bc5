"""The Shapes lines of docstrings: each is parsed, given random sizes, and run.

A line such as ``x: ... m n   w: n   →   ... m   for axis=-1   where k = min(m, n)`` says: with
operands of these axes (several, between commas, are a list of operands) and these settings, the
results have those axes. ``...`` is the same axes wherever it stands. An axis is a name, a number,
or several joined by + − · or ⌊a/b⌋.
"""

import importlib
import inspect
import random as dice
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import chainrule as cr
from tests.house.package import PACKAGE, docstrings

SECTION = re.compile(r"^Shapes:(?P<lines>.*(?:\n[ \t]+\S.*)*)", re.MULTILINE)
INTEGERS = {"indices", "labels", "predictions"}
# How a layer is made for sizes that were drawn; functions are called as they are.
LAYERS: dict[str, Callable[[dict[str, int]], Any]] = {
    "AvgPool1d": lambda _: cr.nn.AvgPool1d(2),
    "AvgPool2d": lambda _: cr.nn.AvgPool2d(2),
    "BatchNorm": lambda sizes: cr.nn.BatchNorm(sizes["c"]),
    "CharacterTransformer": lambda sizes: cr.nn.character_transformer(
        sizes["v"], 5, layers=1, heads=1, width=2, key=cr.random.key(0)
    ),
    "Conv1d": lambda sizes: cr.nn.Conv1d(
        sizes["in"], sizes["out"], 3, padding="same", key=cr.random.key(0)
    ),
    "Conv2d": lambda sizes: cr.nn.Conv2d(
        sizes["in"], sizes["out"], 3, padding="same", key=cr.random.key(0)
    ),
    "ConvTranspose2d": lambda sizes: cr.nn.ConvTranspose2d(
        sizes["in"], sizes["out"], 3, key=cr.random.key(0)
    ),
    "Embedding": lambda sizes: cr.nn.Embedding(sizes["v"], sizes["d"], key=cr.random.key(0)),
    "EmbeddingBag": lambda sizes: cr.nn.EmbeddingBag(5, sizes["d"], key=cr.random.key(0)),
    "Flatten": lambda _: cr.nn.Flatten(),
    "GRU": lambda sizes: cr.nn.GRU(sizes["in"], sizes["out"], key=cr.random.key(0)),
    "GlobalAvgPool": lambda _: cr.nn.GlobalAvgPool(),
    "GlobalMaxPool": lambda _: cr.nn.GlobalMaxPool(),
    "GroupNorm": lambda sizes: cr.nn.GroupNorm(sizes["g"], sizes["g"] * sizes["c"]),
    "LSTM": lambda sizes: cr.nn.LSTM(sizes["in"], sizes["out"], key=cr.random.key(0)),
    "LayerNorm": lambda sizes: cr.nn.LayerNorm(sizes["d"]),
    "Linear": lambda sizes: cr.nn.Linear(sizes["in"], sizes["out"], key=cr.random.key(0)),
    "MaxPool1d": lambda _: cr.nn.MaxPool1d(2),
    "MaxPool2d": lambda _: cr.nn.MaxPool2d(2),
    "MultiHeadAttention": lambda sizes: cr.nn.MultiHeadAttention(
        sizes["h"] * sizes["k"], sizes["h"], key=cr.random.key(0)
    ),
    "RMSNorm": lambda sizes: cr.nn.RMSNorm(sizes["d"]),
    "RNN": lambda sizes: cr.nn.RNN(sizes["in"], sizes["out"], key=cr.random.key(0)),
    "TransformerBlock": lambda sizes: cr.nn.TransformerBlock(
        sizes["h"] * sizes["k"], sizes["h"], key=cr.random.key(0)
    ),
}

Axes = tuple[str, ...]


class Signature(NamedTuple):
    """One line, parsed: a name, if it has one, and the axes of each value that it stands for."""

    operands: tuple[tuple[str, tuple[Axes, ...]], ...]
    results: tuple[tuple[str, tuple[Axes, ...]], ...]
    settings: tuple[tuple[str, str], ...]
    where: tuple[tuple[str, str], ...]


def parse(line: str) -> Signature:
    """Read a line of the notation."""
    left, arrow, right = line.partition("→")
    if not arrow:
        raise ValueError(f"no → in {line!r}")
    right, _, where = right.partition("   where ")
    right, _, settings = right.partition("   for ")
    return Signature(_groups(left), _groups(right), _equations(settings), _equations(where))


def _groups(text: str) -> tuple[tuple[str, tuple[Axes, ...]], ...]:
    groups: list[tuple[str, list[list[str]]]] = []
    for token in text.replace(",", " , ").split():
        if token.endswith(":"):
            groups.append((token[:-1], [[]]))
            continue
        if not groups:
            groups.append(("", [[]]))
        if token == ",":
            groups[-1][1].append([])
        else:
            groups[-1][1][-1].append(token)
    return tuple((name, tuple(map(tuple, words))) for name, words in groups)


def _equations(text: str) -> tuple[tuple[str, str], ...]:
    parts = re.split(r",\s*(?=\w+\s*=)", text.strip()) if text.strip() else []
    pairs = (part.partition("=")[::2] for part in parts)
    return tuple((name.strip(), value.strip()) for name, value in pairs)


def evaluate(text: str, sizes: dict[str, int]) -> Any:
    """Compute an axis or a setting, with the names of axes replaced by their sizes."""
    if text.startswith('"'):
        return text.strip('"')
    plain = text.replace("−", "-").replace("·", "*")
    plain = re.sub(r"⌊(.*?)/(.*?)⌋", r"(\1//\2)", plain)
    known = re.sub(r"[^\W\d]\w*", lambda m: str(sizes.get(m[0], m[0])), plain)
    return eval(known, {"__builtins__": {}, "min": min})  # our own docstrings only


class Drawn(NamedTuple):
    """Sizes for the axes of a signature, and for its ellipsis."""

    sizes: dict[str, int]
    ellipsis: tuple[int, ...]

    def shape(self, axes: Axes) -> tuple[int, ...]:
        """The shape that these axes have."""
        shape: list[int] = []
        for axis in axes:
            shape += self.ellipsis if axis == "..." else [evaluate(axis, self.sizes)]
        return tuple(shape)


def draw(signature: Signature, generator: dice.Random) -> Drawn:
    """Choose sizes until every axis has an element."""
    words = [w for _, some in (*signature.operands, *signature.results) for w in some]
    texts = [axis for word in words for axis in word if axis != "..."]
    texts += [value for _, value in signature.where]
    names = sorted({n for text in texts for n in re.findall(r"[^\W\d]\w*", text)} - {"min"})
    while True:
        sizes = {n: generator.randint(1, 5) for n in names}
        for name, value in signature.where:
            sizes[name] = evaluate(value, sizes)
        drawn = Drawn(sizes, tuple(generator.randint(1, 3) for _ in range(generator.randint(0, 2))))
        if all(n > 0 for word in words for n in drawn.shape(word)):
            return drawn


def value(name: str, axes: Axes, shape: tuple[int, ...], first: Axes) -> Any:
    """An operand that a function of any kind accepts: keys, labels, positive definite matrices."""
    if name == "key":
        return cr.random.key(0)
    if name in INTEGERS or (name == "targets" and axes != first):  # else they are probabilities
        return np.zeros(shape, np.int64)
    x = np.random.default_rng(0).uniform(0.1, 1, shape)
    if len(axes) > 1 and axes[-1] == axes[-2] != "...":
        return x @ np.swapaxes(x, -1, -2) + np.eye(shape[-1])
    return x


def call(thing: Callable[..., Any], signature: Signature, drawn: Drawn) -> list[Any]:
    """Call a function with operands of the sizes drawn, and give its results in a list."""
    given: dict[str, Any] = {n: evaluate(v, drawn.sizes) for n, v in signature.settings}
    for name, words in signature.operands:
        first = signature.operands[0][1][0]
        made = [value(name, axes, drawn.shape(axes), first) for axes in words]
        given[name] = made if len(made) > 1 else made[0]
    parameters = inspect.signature(thing).parameters
    assert given.keys() <= parameters.keys(), f"there is no {given.keys() - parameters.keys()}"
    positional: list[Any] = []
    for name, parameter in parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += given.pop(name)
        elif parameter.kind is parameter.POSITIONAL_ONLY and name in given:
            positional.append(given.pop(name))
    result = thing(*positional, **given)
    return _flat(result)


def _flat(result: Any) -> list[Any]:
    """The results in their order, those of nested tuples too."""
    return (
        [r for part in result for r in _flat(part)]
        if isinstance(result, tuple | list)
        else [result]
    )


def check(thing: Any, signature: Signature, drawn: Drawn) -> None:
    """Compare the shapes of the results, and of a layer's parameters, with what the line says."""
    if isinstance(thing, type):
        thing = LAYERS[thing.__name__](drawn.sizes)
        inside = [(n, words) for n, words in signature.operands if hasattr(thing, n)]
        for name, words in inside:
            assert getattr(thing, name).shape == drawn.shape(words[0]), name
        rest = tuple(o for o in signature.operands if o not in inside)
        signature = signature._replace(operands=rest)
    results = call(thing, signature, drawn)
    wanted = [drawn.shape(axes) for _, words in signature.results for axes in words] or [()]
    assert [r.shape for r in results] == wanted


def lines() -> Iterator[Any]:
    """Every line of every Shapes section, with the thing that it is about."""
    for place, _, text in docstrings(PACKAGE):
        for section in SECTION.finditer(text):
            for line in section["lines"].strip().splitlines():
                yield pytest.param(place, line.strip(), id=f"{place}: {line.strip()}")


@pytest.mark.parametrize(("place", "line"), list(lines()))
def test_results_have_the_shapes_that_the_docstring_says(place: str, line: str) -> None:
    module, name, _ = place.split(":")
    thing = getattr(importlib.import_module(module), name)
    signature = parse(line)
    generator = dice.Random(line)
    for _ in range(5):
        drawn = draw(signature, generator)
        try:
            check(thing, signature, drawn)
        except Exception as error:
            error.add_note(f"for {drawn.sizes}, ... = {drawn.ellipsis}")
            raise


# Modules whose functions change shapes: the docstring of each public function says how.
SHAPING = [
    "attention", "convolution", "cumulative", "embedding", "joining", "linalg", "manipulation",
    "normalization", "pooling", "reduction", "searching", "softmax", "sorting",
]  # fmt: skip
UNSAID = {
    "broadcast_arrays": "the shapes broadcast",
    "nonzero": "the shape depends on the values",
}


@pytest.mark.parametrize("module", SHAPING)
def test_functions_that_change_shapes_say_how(module: str) -> None:
    room = importlib.import_module(f"chainrule.functions.{module}")
    functions = [n for n in room.__all__ if inspect.isfunction(getattr(room, n))]
    silent = [n for n in functions if not SECTION.search(inspect.getdoc(getattr(room, n)) or "")]
    assert [n for n in silent if n not in UNSAID] == []


def test_a_line_is_parsed() -> None:
    assert parse("x: ... m n   y: n, 2·n   →   Q: ... k   R: k   for p=(1, 2)   where k = m") == (
        (("x", (("...", "m", "n"),)), ("y", (("n",), ("2·n",)))),
        (("Q", (("...", "k"),)), ("R", (("k",),))),
        (("p", "(1, 2)"),),
        (("k", "m"),),
    )
    assert evaluate("⌊(n−1)/2⌋+k·2", {"n": 6, "k": 3}) == 8


def test_a_wrong_line_is_found() -> None:
    drawn = Drawn({"n": 3}, (2,))
    check(cr.sum, parse("x: ... n   →   ...   for axis=-1"), drawn)
    with pytest.raises(AssertionError):
        check(cr.sum, parse("x: ... n   →   n   for axis=-1"), drawn)
    with pytest.raises(AssertionError, match="there is no"):
        check(cr.sum, parse("x: ... n   y: n   →   ..."), drawn)
