"""A module as text for LLVM: as one, or as several of about one length.

Of several, one has the program itself and no kernel. Programs that have kernels in common, such as
strides of different numbers of steps, then have texts in common, which are translated once.
Internal functions that say the same are one function, and short ones, or those that are called once
or twice, are written out where they are called.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from chainrule.codegen.assembly.llvm import Module

__all__ = ["module_text", "module_texts"]

_FEW_CALLS: Final = 2  # a function that is called no more often is written out there
_FEW_LINES: Final = 160  # and one of which all calls together have no more lines than this
_LINES: Final = 1500  # of a text of several: some 70 ms of work; each costs 10 ms more
_MOST_TEXTS: Final = 8


class _Plan(NamedTuple):
    """Which functions are written out where they are called, and what stands for whom."""

    inlined: Collection[str]
    twins: Mapping[str, str]


def module_text(module: Module) -> str:
    """The whole module; of internal functions that say the same, it has the first.

    >>> module = Module()
    >>> f = module.function("minus", [("x", "double")], "double")
    >>> f.ret(f.fneg(f.arguments[0]))
    >>> print(module_text(module))
    define double @minus(double %x) #0 {
    entry:
      %v1 = fneg double %x
      ret double %v1
    }
    attributes #0 = { nounwind }
    <BLANKLINE>
    """
    plan = _plan(module)
    return _written(module, [n for n in module.builders if n not in plan.twins], plan)


def module_texts(module: Module) -> list[str]:
    """The module as several that call each other's functions, and are about as long.

    Internal functions are in each of those that call them. Nothing but the module says how
    many there are. The programs come last, in a text of their own if there are others.
    """
    plan, builders = _plan(module), module.builders
    outer = [n for n, b in builders.items() if not b.internal]
    needs = {name: _needs(module, name, plan.twins) for name in outer}
    sizes = {name: sum(len(builders[n].lines) for n in needs[name]) for name in outer}
    count = max(1, min(sum(sizes.values()) // _LINES, len(outer), _MOST_TEXTS))
    parts: list[set[str]] = [set() for _ in range(count)]
    lengths = [0] * count
    own = set() if count == 1 else module.programs
    for name in sorted((n for n in outer if n not in own), key=lambda n: -sizes[n]):
        k = lengths.index(min(lengths))
        parts[k] |= needs[name]
        lengths[k] += sizes[name]
    parts.append(set().union(*(needs[name] for name in own)))
    return [_written(module, [n for n in builders if n in part], plan) for part in parts if part]


def _plan(module: Module) -> _Plan:
    inlined = set()
    for name, builder in module.builders.items():
        count = module.calls.get(name, 0)
        few = count <= _FEW_CALLS or count * len(builder.lines) <= _FEW_LINES
        if builder.internal and count and few:
            inlined.add(name)
    twins = _twins(module, inlined)
    return _Plan(inlined - set(twins.values()), twins)


def _twins(module: Module, inlined: Collection[str]) -> dict[str, str]:
    """The internal functions that say what an earlier one does, with the name of that one."""
    firsts: dict[str, str] = {}
    found: dict[str, str] = {}
    for name, builder in module.builders.items():
        if not builder.internal:
            continue
        first = firsts.setdefault(builder.text("", {}, inlined=name in inlined), name)
        if first != name:
            found[name] = first
    return found


def _needs(module: Module, name: str, twins: Mapping[str, str]) -> set[str]:
    """A function, and the internal ones that it calls, directly or not."""
    found, waiting = {name}, [name]
    while waiting:
        for called in module.builders[waiting.pop()].called:
            own = twins.get(called, called)
            if own in module.builders and module.builders[own].internal and own not in found:
                found.add(own)
                waiting.append(own)
    return found


def _written(module: Module, names: Sequence[str], plan: _Plan) -> str:
    """Some functions, and what they need of elsewhere."""
    own, twins = module.builders, plan.twins
    made = [own[n].text(n, twins, inlined=n in plan.inlined) for n in names]
    used = {twins.get(c, c) for n in names for c in own[n].called} - set(names)
    outside = [d for n, d in module.declarations.items() if n in used and n not in own]
    outside += [b.declaration() for n, b in own.items() if n in used]
    marks = ["!0 = !{i32 1}"] if module.has_streams else []
    marks += ['!1 = !{!"branch_weights", i32 1, i32 2000}'] if module.has_rare else []
    return "\n".join([*module.extra, *made, *outside, module.attributes, *marks, ""])
