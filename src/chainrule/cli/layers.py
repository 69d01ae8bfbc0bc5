"""The formulas of a trained run: score, loss, the gradient of every parameter, update.

The model is recorded on symbolic sizes (n examples, features, classes) with the run's own loss, so
what is printed is what was trained. Layers are numbered: Z₁ is what the first linear layer gives,
H₁ what its activation makes of it, S are the scores.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any

import click

from chainrule import nn, tree
from chainrule.cli.optimization import make_loss, make_optimizer, make_schedule
from chainrule.cli.trained import Trained, open_trained
from chainrule.cli.units import Units
from chainrule.errors import ChainruleError
from chainrule.formula.explaining.explain import explain
from chainrule.formula.explaining.explanation import Explanation
from chainrule.formula.printing.notation import UNICODE, spelled
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import replaced, walk
from chainrule.functions.elementwise import add, multiply
from chainrule.loss import l1, l2
from chainrule.tensors import Tensor
from chainrule.view.formula import lines
from chainrule.wording import plural

__all__ = ["show_run"]

_HELD = "values"


@dataclass(frozen=True)
class Parameter:
    """A parameter of a layer: its name in formulas, its path in the model and its axes."""

    name: str
    path: str
    axes: str


@dataclass(frozen=True)
class Layer:
    """A layer, what its result is called, and its parameters."""

    call: Any
    result: str
    parameters: tuple[Parameter, ...]


def show_run(path: str, wrt: str | None, latex: bool) -> int:
    """Print the formulas of a run; 1 if its gradients have none."""
    trained = open_trained(path)
    layers = list(_layers(trained))
    names = [p for layer in layers for p in layer.parameters]
    chosen = [p for p in names if wrt in (None, p.name, p.path)]
    if not chosen:
        known = ", ".join(f"{p.name} ({p.path})" for p in names)
        raise click.UsageError(f"--wrt: the model has no parameter {wrt!r}\n\n  It has: {known}.")
    objective, axes, facts = _objective(trained, layers)
    size = plural(nn.count(trained.model), "parameter")
    click.echo(f"{trained.title}: {trained.config.model}, {size}\n")
    try:
        found = [_explained(objective, p.name, axes, facts) for p in chosen]
    except ChainruleError as error:
        click.echo(f"the gradients have no formula here: {str(error).splitlines()[0]}", err=True)
        return 1
    if latex:
        click.echo("\n".join(f"{f.latex}" for f in found))
        return 0
    _tell(trained, layers, found)
    return 0


def _explained(f: Any, name: str, axes: Mapping[str, str], facts: Mapping[str, str]) -> Explanation:
    with nn.evaluation():
        found = explain(f, name, axes=axes, facts=facts)
    where = tuple((_bare(n), _named(t)) for n, t in found.where)
    notes = tuple(note.replace(f"{_HELD}.", "") for note in found.notes)
    return replace(found, tree=_named(found.tree), where=where, notes=notes)


def _bare(name: str) -> str:
    return name.removeprefix(f"{_HELD}.")


def _named(formula: Tree) -> Tree:
    """The formula with values by their bare names."""
    for part in {p for p in walk(formula) if isinstance(p, ts.Symbol)}:
        if _bare(part.name) != part.name:
            formula = replaced(formula, part, replace(part, name=_bare(part.name)))
    return formula


# ---------------------------------------------------------------- the program


def _layers(trained: Trained) -> Iterator[Layer]:
    """The layers in their order, with names; a model that is no sequence is one layer."""
    model, number = trained.model, count(1)
    calls = tuple(model) if isinstance(model, nn.Sequential) else (model,)
    linear = [c for c in calls if isinstance(c, nn.Linear)]
    symbolic = all(isinstance(c, nn.Linear) or not _has_numbers(c) for c in calls)
    width, place = "features", 0
    for at, call in enumerate(calls):
        last = at == len(calls) - 1
        if not isinstance(call, nn.Linear):
            own = tuple(_others(call, f"layers.{at}.", next(number))) if _has_numbers(call) else ()
            yield Layer(call, "S" if last else f"H{max(place, 1)}", own)
            continue
        place = next(number)
        out = _outputs(trained) if call is linear[-1] else f"h{place}"
        sizes = (out, width) if symbolic else tuple(map(str, call.weight.shape))
        suffix = "" if len(linear) == 1 else str(place)
        prefix = f"layers.{at}." if isinstance(model, nn.Sequential) else ""
        own = (Parameter(f"W{suffix}", f"{prefix}weight", " ".join(sizes)),)
        if call.bias is not None:
            own += (Parameter(f"b{suffix}", f"{prefix}bias", sizes[0]),)
        yield Layer(call, "S" if last else f"Z{place}", own)
        width = out


def _has_numbers(call: Any) -> bool:
    return any(isinstance(leaf, Tensor) for leaf in tree.flatten(call)[0])


def _others(call: Any, prefix: str, number: int) -> Iterator[Parameter]:
    for path, leaf in tree.paths(call):
        name = f"{path.rpartition('.')[2]}{number}"
        yield Parameter(name, prefix + path, " ".join(map(str, leaf.shape)))


def _outputs(trained: Trained) -> str:
    return "outputs" if trained.form.classes is None else "classes"


def _objective(
    trained: Trained, layers: list[Layer]
) -> tuple[Callable[..., Any], dict[str, str], dict[str, str]]:
    """The loss as a function of all parameters, the inputs X and the targets; axes and facts."""
    loss, config = make_loss(trained.config, trained.form), trained.config
    shape = trained.form.shape
    symbolic = bool(layers[0].parameters) and layers[0].parameters[0].axes.endswith("features")
    inputs = "n features" if symbolic else " ".join(["n", *map(str, shape)])
    labeled = trained.form.classes is not None
    more = trained.form.targets.shape[1:]
    target = "y" if labeled or not more else "Y"
    targets = "n outputs" if more and not labeled and len(more) == 1 else " ".join(
        ["n", *map(str, more)])  # fmt: skip
    axes = {p.name: p.axes for layer in layers for p in layer.parameters}
    axes |= {"X": inputs, target: targets}
    if any(isinstance(layer.call, Units) for layer in layers):
        axes |= dict.fromkeys(("center", "scale"), "outputs" if more else "")

    def objective(**given: Any) -> Any:
        values: dict[str, Any] = {}
        passed, held = given["X"], []
        for layer in layers:
            own = [given[p.name] for p in layer.parameters]
            call = tree.unflatten(tree.flatten(layer.call)[1], own) if own else layer.call
            held += [call] if own else []
            if isinstance(call, Units):  # by its names, which say more than its numbers
                call = partial(_in_units, given["center"], given["scale"])
            passed = values[layer.result] = call(passed)
        total = loss(passed, given[target])
        for penalty, strength in ((l2, config.l2), (l1, config.l1)):
            if strength:
                total = total + penalty(held, strength)
        return total

    objective.__name__ = "loss"
    kind = inspect.Parameter.KEYWORD_ONLY
    objective.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, kind) for name in axes]
    )
    facts = {target: f"integer<{_classes(trained, symbolic)}"} if labeled else {}
    return objective, axes, facts


def _in_units(center: Any, scale: Any, z: Any) -> Any:
    return add(center, multiply(scale, z))


def _classes(trained: Trained, symbolic: bool) -> str:
    return "classes" if symbolic else str(len(trained.form.classes or ()))


# ---------------------------------------------------------------- words


def _tell(trained: Trained, layers: list[Layer], found: list[Explanation]) -> None:
    """Print what the score, the loss, the gradients and the update are."""
    said = _definitions(layers, found)
    click.echo("score")
    for name, formula in said.items():
        shape = "×".join(formula.dims)
        click.echo(f"   {spelled(name)} = {UNICODE(formula)}          {shape}")
    loss = make_loss(trained.config, trained.form)
    _tell_lines("loss", getattr(loss, "func", loss))
    click.echo("\ngradients")
    for explanation in found:
        rest = tuple((n, t) for n, t in explanation.where if n not in said)
        shown = str(replace(explanation, where=rest))
        click.echo("\n".join(f"   {line}" for line in shown.splitlines()))
    optimizer = make_optimizer(trained.config, make_schedule(trained.config, 1))
    _tell_lines("update", type(optimizer))


def _definitions(layers: list[Layer], found: list[Explanation]) -> dict[str, Tree]:
    """The values between the inputs and the probabilities, each once, in the program's order."""
    places = {layer.result: k for k, layer in enumerate(layers)}
    all_ = {name: formula for f in found for name, formula in f.where if not name.startswith("δ")}
    return dict(sorted(all_.items(), key=lambda item: places.get(item[0], len(places))))


def _tell_lines(title: str, definition: Any) -> None:
    """The formula lines of a docstring: each fact is written once, where it is computed."""
    click.echo(f"\n{title}")
    for text in lines(inspect.getdoc(definition)):
        click.echo(f"   {text}")
