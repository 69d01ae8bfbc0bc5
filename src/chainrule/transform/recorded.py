"""Recorded: one recording of a function under jit, its program, and the short way to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from chainrule import tree
from chainrule.ir import build
from chainrule.ir.graph import Graph, Node, frontier
from chainrule.passes.pipeline import optimize
from chainrule.recording import Recording, current, innermost, modes, recording, users_place
from chainrule.runtime.building import Build
from chainrule.runtime.call_code import is_ready
from chainrule.runtime.matching import Match
from chainrule.runtime.native import NativeProgram
from chainrule.runtime.programs import is_native, ready
from chainrule.tensors import Tensor, node_of, of_node, of_values, tensor, weak
from chainrule.transform.arguments import Inputs, called, matched
from chainrule.transform.closure import Get, Watch, watches
from chainrule.transform.debug import tie_effects
from chainrule.transform.donation import Donation, Gift, taking
from chainrule.transform.results import built
from chainrule.transform.scope import INPUTS, Function, outputs
from chainrule.transform.watching import watched

__all__ = ["Options", "Recorded", "Shortcut", "say"]


Place = tuple[Watch, int]
"""Where a closed-over Tensor is found: a watched name, and the number of a leaf."""


class Options(NamedTuple):
    """What ``jit`` was told about a function; with ``threads`` 0, as many are used as pay.

    level  how well LLVM translates; the results have the same bits
    """

    name: str
    threads: int
    donation: Donation | None
    precision: str
    level: int = 2


class Recorded:
    """One recording of a function: its graph, and where the hidden inputs come from."""

    def __init__(
        self, function: Function, options: Options, leaves: list[Any], structure: Any
    ) -> None:
        self.watches = watches(function)
        self.options = options
        with recording("jit", opaque=True) as opened:
            self.parameters = _parameters(leaves)
            places, nodes_of = self._register(opened)
            args, kwargs = tree.unflatten(structure, self._inside(opened, leaves))
            with watched(t for t, _ in opened.constants.values() if isinstance(t, Tensor)):
                result = function(*args, **kwargs)
            nodes, self.structure = outputs("jit", opened, result)
            self.cells_written = list(opened.writes)
            nodes += [node_of(t, opened) for t in opened.writes.values()]
            nodes = tie_effects(opened, nodes)
            self.cells_read = list(opened.reads)
            cell_nodes = [t._node for t in opened.reads.values()]
        given = [p for p in self.parameters if p is not None]
        # With nothing recorded around it, older nodes (a pullback's) have values: all are inside.
        since = opened.since if opened.parent else -1
        free = frontier(nodes, [*given, *cell_nodes], since)
        self.sources = [nodes_of.get(n) for n in free]
        self.free = [None if s else n for n, s in zip(free, self.sources, strict=True)]
        self.fixed = [
            place for found, where in places.items() for place in where if found in opened.touched
        ]
        self.shared = [where for where in places.values() if len(where) > 1]
        self.reusable = all(self.sources)
        self.graph = Graph((*given, *cell_nodes, *free), tuple(nodes))
        self.given = len(given)
        self.gifts = self._gifts(structure, leaves)
        self.settled = [(watch.get, watch.held) for watch in self.watches]
        self.host = None if self.reusable else opened.parent
        self.programs: dict[bool, Callable[..., list[Any]]] = {}
        self.calls, self.looked = 0, False
        self.shortcut: Shortcut | None = None
        self.rebound = False

    def _register(self, opened: Recording) -> tuple[dict[int, list[Place]], dict[Node, Place]]:
        """Make a watched Tensor a hidden input, so that binding another one is no new program.

        Gives the places of every watched Tensor, by its identity, and one for every such input.
        """
        places: dict[int, list[Place]] = {}
        nodes: dict[Node, Place] = {}
        for watch in self.watches:
            for number, found in watch.tensors():
                where = places.setdefault(id(found), [])
                where.append((watch, number))
                if len(where) > 1:
                    continue
                node = found._node
                if node is None:
                    node = build.parameter(found.shape, found.dtype, watch.name)
                    opened.constants[id(found)] = (found, node)
                nodes[node] = (watch, number)
        return places, nodes

    def _gifts(self, structure: Any, leaves: list[Any]) -> dict[int, Gift]:
        """What is left of the inputs that are given away, by number."""
        chosen = self.options.donation
        inputs, function = self.graph.inputs, self.options.name
        return {
            k: Gift(inputs[k].shape, inputs[k].dtype.numpy, name, function)
            for k, name in (chosen.inputs(structure, leaves) if chosen else {}).items()
        }

    def _inside(self, opened: Recording, leaves: list[Any]) -> list[Any]:
        make = {True: weak, False: of_node}
        return [
            leaf if p is None else make[isinstance(leaf, float)](p, opened)
            for leaf, p in zip(leaves, self.parameters, strict=True)
        ]

    def operands(self, leaves: list[Any]) -> list[Tensor]:
        """Those of a call's leaves that are no part of the program, as Tensors."""
        pairs = zip(leaves, self.parameters, strict=True)
        return [tensor(leaf) for leaf, p in pairs if p is not None]

    def hidden(
        self, *, recorded: bool = False, tell: Callable[..., None] | None = None
    ) -> list[Tensor] | None:
        """The hidden inputs now; ``None`` if what the function closes over no longer fits.

        recorded  as they were recorded: the function may change what it closes over
        tell      is told what does not fit
        """
        if recorded or _hold(self.settled):
            if not self.graph.inputs[self.given :]:
                return []
            return self._hidden({watch: watch.leaves for watch in self.watches})
        now: dict[Watch, list[Any]] = {}
        misfit = self._look(now)
        if misfit is None:
            return self._hidden(now)
        if tell is not None:
            tell(f"jit records again: {misfit[0]}", misfit[1].name)
        return None

    def _look(self, now: dict[Watch, list[Any]]) -> tuple[str, Watch] | None:
        """Note the leaves of what is watched, up to the first that no longer fits.

        That is given, after what is wrong with it.
        """
        for watch in self.watches:
            leaves = watch.current()
            if leaves is None:
                return "%s is bound to something else", watch
            now[watch] = leaves
        for watch, number in self.fixed:
            if now[watch][number] is not watch.leaves[number]:
                return "the value of %s is part of the program", watch
        for (first, place), *others in self.shared:
            if any(now[watch][number] is not now[first][place] for watch, number in others):
                return "%s was the same Tensor as another", first
        return None

    def _hidden(self, now: Mapping[Watch, Sequence[Any]]) -> list[Tensor]:
        """The hidden inputs, given the leaves of what is watched."""
        found = [cell.value for cell in self.cells_read]
        for source, node in zip(self.sources, self.free, strict=True):
            if source is not None:
                found.append(now[source[0]][source[1]])
            else:
                assert node is not None
                assert self.host is not None
                found.append(of_node(node, self.host))
        return found

    def run(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The results for these operands: computed now, or recorded as a Block."""
        hosts = [t._recording for t in tensors if t._recording is not None]
        if hosts:
            host = innermost(hosts)
            nodes = [node_of(t, host) for t in tensors]
            return [of_node(n, host) for n in build.block(self.options.name, self.graph, nodes)]
        arrays = [t._value for t in tensors]
        if self.gifts:
            return self.run_taking(arrays, [tensors[k] for k in self.gifts])
        return of_values(self._program()(*arrays))

    def run_taking(self, arrays: list[Any], given: Sequence[Tensor]) -> list[Tensor]:
        """The results for arrays of which those of some Tensors are given away."""
        found = taking(self._program(), arrays, given, self.gifts)
        return of_values(found)

    def finish(self, made: list[Tensor]) -> Any:
        """Commit what was written, and give the rest in the function's own form."""
        count = len(made) - len(self.cells_written)
        self.commit(made[count:])
        return tree.unflatten(self.structure, made[:count])

    def commit(self, written: list[Tensor]) -> None:
        """Write cells."""
        for cell, value in zip(self.cells_written, written, strict=True):
            cell.commit(value, current())

    def find_shortcut(self, leaves: list[Any], structure: Any) -> Shortcut | None:
        """The short way for calls like this one, if it is computed natively, without the host.

        It is None too while the machine code that it needs is made: then it is looked for again.
        """
        program = self._program()
        self.looked = True
        if not isinstance(program, NativeProgram) or not program.native.by_object:
            return None
        self.looked = is_ready()
        if not self.looked:
            return None
        way = _at_once(self, leaves, structure, program)
        # What is written over has to be ours alone; Python makes a copy where it is not.
        if way is None or program.taken:
            match = matched(leaves, structure, self.gifts)
            other = _in_python(self, match, program) if match else None
            way = _either(way, other) if way and other else way or other
        return Shortcut(self, way) if way else None

    def is_bound_anew(self) -> bool:
        """Whether there is a shortcut that expects what a name was bound to before.

        This is asked after a call that it did not take. The next one expects no such thing.
        """
        if self.shortcut is None or self.rebound or _hold(self.settled):
            return False
        self.rebound = True
        return True

    def prepare(self) -> None:
        """Optimize and compile the program, if that was not done yet."""
        self._program()

    def _program(self) -> Callable[..., list[Any]]:
        found = self.programs.get(is_native())
        if found is None:
            graph, donated = optimize(self.graph), tuple(self.gifts)
            _, threads, _, precision, level = self.options
            found = self.programs[is_native()] = ready(graph, threads, donated, precision, level)
        return found


Way = Callable[[tuple[Any, ...], dict[str, Any]], Any]
"""What the function gives for args and kwargs, with what it writes written.

It gives NotImplemented, before anything has happened, where the call is not like the last one.
"""


class Shortcut(NamedTuple):
    """The way from a call's arguments to its results for calls like the last one."""

    recorded: Recorded
    way: Way


def _at_once(
    recorded: Recorded, leaves: list[Any], structure: Any, program: NativeProgram
) -> Way | None:
    """A way in machine code, from the arguments to the Tensors; None where there is none."""
    hidden = recorded.hidden()
    if hidden is None:
        return None
    # What is settled is compared by machine code; where anything else is, Python looks at all.
    read = recorded.cells_read
    settled = not recorded.rebound and all(watch.is_settled for watch in recorded.watches)
    changing = len(read) if settled else len(hidden)
    cells = recorded.cells_written
    build = built(recorded.structure, len(program.outputs) - len(cells), len(cells))
    names = recorded.settled if settled else ()
    inputs = Inputs(leaves, structure, hidden, changing, recorded.gifts)
    found = called(inputs, names, program, build or Build())
    if found is None:
        return None
    (call, others), then, gives = found, modes(), bool(recorded.gifts)

    def cells_now() -> list[Tensor]:
        return [cell.value for cell in read]

    now: Callable[[], list[Tensor] | None] | None = recorded.hidden
    if settled:
        now = cells_now if read else None

    def at_once(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if modes() != then or (others and not _hold(others)):
            return NotImplemented
        values = None
        if now is not None:
            values = now()
            if values is None:
                return NotImplemented
        return call(args, kwargs, values, users_place(3) if gives else None)

    if build is not None and not cells:
        return at_once
    return _finishing(recorded, at_once, whole=build is not None)


def _finishing(recorded: Recorded, way: Way, whole: bool) -> Way:
    """Write what the function writes after a way; ``whole`` if that gives the rest put together."""

    def finishing(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        made = way(args, kwargs)
        if made is NotImplemented:
            return made
        if not whole:
            return recorded.finish(made)
        result, written = made
        recorded.commit(written)
        return result

    return finishing


def _either(way: Way, other: Way) -> Way:
    """A way, and another one for calls that the first does not take."""

    def either(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        made = way(args, kwargs)
        return other(args, kwargs) if made is NotImplemented else made

    return either


def _in_python(recorded: Recorded, match: Match, program: NativeProgram) -> Way:
    """A way for inputs that are written over and seen by others, or that do not lie in order."""
    then = modes()

    def in_python(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        arrays = match((args, kwargs))
        if not arrays or modes() != then:
            return NotImplemented
        hidden = recorded.hidden()
        if hidden is None or any(t._recording is not None for t in hidden):
            return NotImplemented
        if recorded.gifts:
            given = arrays[recorded.given :]
            arrays[recorded.given :] = [t._value for t in hidden]
            return recorded.finish(recorded.run_taking(arrays, given))
        arrays += [t._value for t in hidden]
        return recorded.finish(of_values(program.taking(arrays)))

    return in_python


def _parameters(leaves: list[Any]) -> list[Node | None]:
    found: list[Node | None] = []
    for leaf in leaves:
        if isinstance(leaf, INPUTS):
            own = tensor(leaf)
            found.append(build.parameter(own.shape, own.dtype))
        else:
            found.append(None)
    return found


def _hold(names: Iterable[tuple[Get, Any]]) -> bool:
    """Whether all these names are bound to what they were bound to."""
    try:
        return all([get() is held for get, held in names])  # noqa: C419  faster
    except Exception:  # an attribute may be computed by anyone's code
        return False


def say(message: str, *details: object) -> None:
    """Tell the log why a function is recorded again; logging is slow to import, so not before."""
    import logging

    logging.getLogger("chainrule.jit").info(message, *details)
