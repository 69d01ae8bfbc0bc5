"""The formula of a Derivative: what its blocks are, with the names that the user's program has.

The function is recorded once more, at the arguments it had. What it closes over has a name too; the
sizes are numbers, since they are those of these values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.algebra.sizes import Sizes
from chainrule.errors import ChainruleError, FormulaError
from chainrule.formula.derivation.derive import Derivation
from chainrule.formula.derivation.question import Order, Question, derivative
from chainrule.formula.derivation.samples import Signature
from chainrule.formula.explaining.explain import left_side
from chainrule.formula.explaining.naming import definitions, generated
from chainrule.formula.explaining.verify import difference, value_of
from chainrule.formula.matrix.structure import formula
from chainrule.formula.matrix.sums import averaged
from chainrule.formula.printing.notation import UNICODE, sides_at, spelled
from chainrule.formula.printing.windows import is_relation
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import labels_of, walk
from chainrule.ir.graph import Graph
from chainrule.tensors import Tensor
from chainrule.transform import Derivative, trace
from chainrule.transform.operators import Structured
from chainrule.transform.search import value_names
from chainrule.transform.trace import Trace

__all__ = ["formula_of"]

_CLOSE = 1e-6
_MOST_LABELS = 8  # of a term
_MOST_SLICED = 6  # of a term with slices: beyond, the structure says more
_MOST_WINDOWED = 2  # axes of windows: of images, the structure says more
_MOST = 1 << 22  # elements up to which a block is written out to compare it


def formula_of(found: Derivative) -> str:
    """The formula of each block, checked against its values; the structure where there is none.

    >>> X = cr.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> def loss(w):
    ...     return cr.sum((X @ w) ** 2)
    >>> print(formula_of(cr.hessian(loss)(cr.ones(2))))
    ∂²L/∂w∂wᵀ = 2XᵀX
    """
    if found.origin is None or found.size > _MOST or not all(map(_is_sayable, found.parts)):
        return found.structure
    try:
        return "\n".join(_blocks(found))
    except (ChainruleError, LookupError):  # no formula, or an annotation that is of no use here
        return found.structure


def _is_sayable(part: Any) -> bool:
    """Whether formulas have words for a block: not for loops and many axes."""
    if not isinstance(part, Structured) or part.is_pending:
        return False
    terms = part.form.poly.terms
    return all(
        len({i for f in t.factors for i in f.labels})
        <= (_MOST_SLICED if any(f.atom.head == "pick" for f in t.factors) else _MOST_LABELS)
        for t in terms
    )


def _blocks(found: Derivative) -> list[str]:
    origin = found.origin
    recorded = trace(origin.function)(*origin.args, **origin.kwargs)
    nodes = {n: n for n in recorded.graph.nodes()}
    names = {**value_names(origin.function, {}, {}, nodes), **recorded.names}
    lines = []
    for row, output in enumerate(found.outputs):
        outputs = recorded.graph.outputs[: 1 if origin.transform == "hessian" else None]
        result = outputs[min(row, len(outputs) - 1)]
        graph = Graph(recorded.graph.inputs, (result,))
        own = Trace(graph, names, recorded.lines, recorded.axes)
        for column, variable in enumerate(found.inputs):
            second = origin.transform == "hessian"
            asked = (output.name, variable.name) if second else (variable.name,)
            wanted = tuple(dict.fromkeys(asked))
            lines.append(_told(found, own, wanted, 2 if second else "jacobian", (row, column)))
    return lines


def _told(
    found: Derivative, recorded: Trace, names: tuple[str, ...], order: Order, place: tuple[int, int]
) -> str:
    derivation = Derivation([recorded], Sizes({}), {})
    shapes = {p.name: tuple(map(str, p.shape)) for p in found.inputs}
    question = Question(found.origin.function, names, order, Signature(shapes, {}, {}), "")
    poly = derivative(derivation, names, order)
    constants = derivation.lowering.constants
    known = {
        str(atom.params[0]): averaged(formula(definition))
        for atom, definition in derivation.lowering.definitions.items()
    }
    held = {n: t for n, t in known.items() if not _is_constant(t, constants)}
    rows = poly.rank - len(shapes[names[-1]])
    main, held = generated(formula(poly, rows), held, shapes)
    if any(len(p.dims) > _MOST_WINDOWED for p in walk(main) if _reads(p)):
        raise FormulaError("formula: windows of images say less than the structure does")
    values = _values(found, known, constants)
    with np.errstate(all="ignore"):  # 0/0 in a branch that is not taken
        own = value_of(main, held, values, {}, constants)
    error = difference(own, found.block(*place).numpy())
    if not error < _CLOSE:
        raise FormulaError(f"formula: {UNICODE(main)} is off by {error:.1e}")
    left = left_side(question, held)
    if any(isinstance(p, ts.Read) for p in walk(main)):
        left = sides_at(left, labels_of(main), len(shapes[names[-1]]))
    text = f"{left} = {UNICODE(main)}"
    where = [f"{spelled(n)} = {UNICODE(t)}" for n, t in definitions(main, held)]
    return text + ("\n   where  " + "   ".join(where) if where else "")


def _reads(tree: Tree) -> bool:
    return isinstance(tree, ts.Read) and not is_relation(tree)


def _is_constant(tree: Tree, constants: Mapping[str, Any]) -> bool:
    return isinstance(tree, ts.Symbol) and tree.name in constants


def _values(
    found: Derivative, known: Mapping[str, Tree], constants: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments and what the function closes over, by name."""
    origin = found.origin
    values = {
        name: constants[tree.name]
        for name, tree in known.items()
        if isinstance(tree, ts.Symbol) and tree.name in constants
    }
    for name, leaf in origin.leaves():
        array = leaf.numpy() if isinstance(leaf, Tensor) else np.asarray(leaf)
        values[name] = array if array.dtype.kind != "f" else array.astype(np.float64)
    return values
