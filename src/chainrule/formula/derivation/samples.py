"""Arguments for a function whose shapes are known: random values of chosen kinds and sizes."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.algebra.sizes import RECORDINGS, Sizes
from chainrule.errors import FormulaError
from chainrule.transform.trace import annotated_axes

__all__ = ["FACTS", "Signature", "signature"]

Array = npt.NDArray[Any]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]

_RECORDED = (
    (5, 7, 12), (7, 17, 16), (11, 19, 24), (13, 23, 36), (17, 37, 42), (19, 53, 44), (23, 67, 46),
    (29, 79, 48), (31, 89, 50), (37, 101, 54), (41, 109, 56), (43, 127, 58), (47, 137, 60),
    (53, 149, 66), (59, 163, 68), (61, 173, 72), (67, 191, 74), (71, 193, 82), (73, 197, 98),
    (79, 199, 100),
)  # fmt: skip
"""The sizes of each name in the recordings: primes, then even numbers.

Neither a size plus a number nor a half, a third or a quarter of that is like another size in all
recordings, and of the first ten no difference of two is like another such difference.
"""
_STRETCHED = (2, 4, 4)  # how much longer long axes are in the recordings, where all are longer
_LONGER = (8, 16)


def _normal(g: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return g.normal(size=shape)


def _positive(g: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.exp(0.5 * g.normal(size=shape)) + 0.1


def _spd(g: np.random.Generator, shape: tuple[int, ...]) -> Array:
    b = g.normal(size=shape)
    return b @ b.T / shape[0] + 0.5 * np.eye(shape[0])


def _symmetric(g: np.random.Generator, shape: tuple[int, ...]) -> Array:
    b = g.normal(size=shape)
    return (b + b.T) / 2


def _simplex(g: np.random.Generator, shape: tuple[int, ...]) -> Array:
    e = np.exp(g.normal(size=shape))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _onehot(g: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.eye(shape[-1])[g.integers(0, shape[-1], shape[:-1])]


def _orthogonal(g: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.linalg.qr(g.normal(size=shape))[0]


def _definite(g: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Positive definite and not symmetric where the shape is square, else positive."""
    if len(shape) != 2 or shape[0] != shape[1]:
        return _positive(g, shape)
    b = g.normal(size=shape)
    return np.asarray(_spd(g, shape) + 0.2 * (b - b.T))


FACTS: Mapping[str, Draw] = {
    "": _normal,
    "positive": _positive,
    "probability": lambda g, shape: g.uniform(0.1, 0.9, shape),
    "spd": _spd,
    "definite": _definite,
    "symmetric": _symmetric,
    "simplex": _simplex,
    "onehot": _onehot,
    "orthogonal": _orthogonal,
    "invertible": lambda g, shape: g.normal(size=shape) + 2 * np.eye(shape[0]),
    "counts": lambda g, shape: g.poisson(3.0, shape).astype(np.float64),
    "sign": lambda g, shape: g.choice([-1.0, 1.0], shape),
    "mask": lambda g, shape: g.choice([0.0, 1.0], shape),
    "low": lambda g, shape: -4 - g.uniform(size=shape),
    "high": lambda g, shape: 4 + g.uniform(size=shape),
    "unit": lambda g, shape: (lambda x: x / np.linalg.norm(x))(g.normal(size=shape)),
}
"""What may be known of a value, and how such a value is drawn; "integer<k" is known too."""

_SQUARE = frozenset({"spd", "symmetric", "orthogonal", "invertible"})
_KINDS = ("", "positive", "counts", "mask", "probability", "simplex", "low", "high")
_MIXED = 3  # parameters whose kinds are guessed one by one
_GUESSES = ("", "positive", "probability", "definite")


@dataclass(frozen=True)
class Signature:
    """The parameters of a function with the names of their axes.

    axes      for each parameter its axis names or numbers
    fixed     parameters with a value of their own
    facts     what is known of parameters
    examples  the sizes of the axes in the example arguments
    tied      whether the function runs only at sizes that grow together
    long      axes that are longer than all others by this number, as those of an image are than
              those of a kernel
    """

    axes: Mapping[str, tuple[str, ...]]
    fixed: Mapping[str, Any]
    facts: Mapping[str, str]
    examples: Mapping[str, int] = field(default_factory=dict)
    tied: bool = False
    long: Mapping[str, int] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The axis names, in order of appearance."""
        words = [w for axes in self.axes.values() for w in axes]
        return list(dict.fromkeys(w for w in words if not w.isdigit()))

    def sizes(self) -> Sizes:
        """Pairwise different sizes for several recordings; those of the examples, if they matter.

        Sizes that depend on one another, as those of a signal and of its windows, grow together.
        """
        if self.tied:
            return Sizes({
                name: tuple(size + 2 * r for r in range(RECORDINGS))
                for name, size in self.examples.items()
            })  # fmt: skip
        short = [name for name in self.names if name not in self.long]
        places = {name: k for k, name in enumerate(short)}
        for name in self.long:
            places[name] = len(places)
        return Sizes({
            name: tuple(
                n + times * self.long.get(name, 0)
                for n, times in zip(_RECORDED[place % len(_RECORDED)], _STRETCHED, strict=True)
            )
            for name, place in places.items()
        })  # fmt: skip

    def points(self, generator: np.random.Generator) -> dict[str, int]:
        """Random sizes at which to compare, 1 among them."""
        if self.tied:
            more = int(generator.integers(0, 4))
            return {name: size + more for name, size in self.examples.items()}
        return {name: int(generator.integers(1, 6)) + self.long.get(name, 0) for name in self.names}

    def longer(self) -> Iterator[Signature]:
        """The signature with the last axes of one parameter longer than all others."""
        for count, more, axes in itertools.product((1, 2, 3), _LONGER, self.axes.values()):
            names = [name for name in axes[-count:] if not name.isdigit()]
            if len(names) == count:
                yield replace(self, long=dict.fromkeys(names, more))

    def draw(
        self, sizes: Mapping[str, int], generator: np.random.Generator, usual: str = ""
    ) -> dict[str, Any]:
        """Random arguments of these sizes; ``usual`` is the kind where no fact is known."""
        drawn: dict[str, Any] = dict(self.fixed)
        for name, axes in self.axes.items():
            shape = tuple(int(w) if w.isdigit() else sizes[w] for w in axes)
            drawn[name] = _draw(self.facts.get(name, usual), generator, shape, sizes)
        return drawn


def _draw(
    fact: str, generator: np.random.Generator, shape: tuple[int, ...], sizes: Mapping[str, int]
) -> Array:
    if fact.startswith("integer<"):
        word = fact.removeprefix("integer<")
        return generator.integers(0, int(word) if word.isdigit() else sizes[word], shape)
    return np.asarray(FACTS[fact](generator, shape))


def guesses() -> Sequence[str]:
    """The kinds of values to try until the function is finite there."""
    return _GUESSES


def mixtures(names: Sequence[str]) -> Iterator[dict[str, str]]:
    """Different kinds of values for these parameters, as counts beside a positive rate."""
    if len(names) <= _MIXED:
        for kinds in itertools.product(_KINDS, repeat=len(names)):
            yield {name: kind for name, kind in zip(names, kinds, strict=True) if kind}


def signature(
    f: Callable[..., Any],
    examples: Sequence[Any] = (),
    axes: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
) -> Signature:
    """Read the axes of a function's parameters: annotations, ``axes``, or example arguments.

    Raises:  FormulaError: a parameter has neither axes nor a default nor an example; an unknown
             fact; examples that do not fit the axes.
    """
    notes = inspect.get_annotations(inspect.unwrap(f))
    given = dict(axes or {})
    parameters = inspect.signature(f).parameters
    shown = dict(zip(parameters, map(_shape_of, examples), strict=False))
    shapes: dict[str, tuple[str, ...]] = {}
    fixed: dict[str, Any] = {}
    for name, parameter in parameters.items():
        words = annotated_axes(given.get(name, notes.get(name)))
        if words is not None:
            shapes[name] = tuple(words.split())
        elif shown.get(name) is not None:
            shapes[name] = tuple(str(n) for n in shown[name] or ())
        elif name in dict(zip(parameters, examples, strict=False)):
            fixed[name] = dict(zip(parameters, examples, strict=False))[name]
        elif parameter.default is not parameter.empty:
            fixed[name] = parameter.default
        else:
            raise FormulaError(
                f"the shape of {name} is not known\n\n"
                f'  Annotate it with the names of its axes, as in {name}: "n d", pass '
                f'axes={{"{name}": "n d"}}, or example arguments.\n'
                f'  On the command line: --axes {name}="n d".'
            )
    known = _checked_facts(facts or {}, shapes)
    return Signature(shapes, fixed, known, _example_sizes(shapes, shown))


def _shape_of(value: Any) -> tuple[int, ...] | None:
    """The shape of an array or a float; None for anything else."""
    if isinstance(value, float):
        return ()
    return tuple(value.shape) if hasattr(value, "shape") else None


def _checked_facts(facts: Mapping[str, str], shapes: Mapping[str, Any]) -> dict[str, str]:
    for name, fact in facts.items():
        if name not in shapes:
            raise FormulaError(
                f"explain: facts name {name!r}; the parameters are {', '.join(shapes)}"
            )
        if fact not in FACTS and not fact.startswith("integer<"):
            raise FormulaError(
                f"explain: there is no fact {fact!r}\n\n  There are "
                + ", ".join(sorted(f for f in FACTS if f))
                + " and integer<k."
            )
        axes = shapes[name]
        if fact in _SQUARE and (len(axes) != 2 or axes[0] != axes[1]):
            raise FormulaError(
                f"explain: {fact} is a fact about a square matrix, and {name} has the axes "
                f'"{" ".join(axes)}"'
            )
    return dict(facts)


def _example_sizes(
    shapes: Mapping[str, tuple[str, ...]], shown: Mapping[str, tuple[int, ...] | None]
) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for name, axes in shapes.items():
        found = shown.get(name)
        if found is None:
            continue
        if len(found) != len(axes):
            raise FormulaError(
                f'explain: {name} has the axes "{" ".join(axes)}", and the example has shape '
                f"{list(found)}"
            )
        for axis, size in zip(axes, found, strict=True):
            if not axis.isdigit() and sizes.setdefault(axis, size) != size:
                raise FormulaError(
                    f"explain: axis '{axis}' has two sizes in the examples, {sizes[axis]} and "
                    f"{size} (in {name})"
                )
    return sizes
