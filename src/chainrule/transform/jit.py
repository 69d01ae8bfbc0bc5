"""jit: record once for each kind of argument, optimize, and run the program from then on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial, update_wrapper
from typing import Any, Final, overload

import numpy as np

from chainrule import tree
from chainrule.codegen.cost import Cost, cost
from chainrule.codegen.listing import listing
from chainrule.codegen.outline import Native
from chainrule.codegen.program import compile_graph
from chainrule.codegen.target import check_precision
from chainrule.errors import ArgumentError
from chainrule.ir import build
from chainrule.ir.graph import Graph, Node, frontier
from chainrule.passes.pipeline import optimize
from chainrule.recording import Recording, current, innermost, modes, recording
from chainrule.runtime.engine import host_target
from chainrule.runtime.matching import Match
from chainrule.runtime.native import NativeProgram
from chainrule.runtime.profile import Profile, profile
from chainrule.runtime.programs import is_native, ready, soon
from chainrule.runtime.team_layout import CAPACITY
from chainrule.runtime.translation import assembly
from chainrule.tensors import Tensor, node_of, of_node, of_value, tensor, watched, weak
from chainrule.transform.arguments import matched
from chainrule.transform.closure import Watch, watches
from chainrule.transform.debug import tie_effects
from chainrule.transform.donation import Donate, Donation, taking
from chainrule.transform.scope import Function, outputs, require_function


def _say(message: str, *details: object) -> None:
    """Tell the log why a function is recorded again; logging is slow to import, so not before."""
    import logging

    logging.getLogger("chainrule.jit").info(message, *details)


_SHORTENED: Final = 3  # calls of one kind from which on a shortcut pays

Place = tuple[Watch, int]
"""Where a closed-over Tensor is found: a watched name, and the number of a leaf."""


class Recorded:
    """One recording of a function: its graph, and where the hidden inputs come from."""

    def __init__(self, jitted: Jitted, leaves: list[Any], structure: Any) -> None:
        self.watches = watches(jitted.function)
        self.threads, self.name = jitted.threads, jitted.__name__
        self.precision = jitted.precision
        with recording("jit", opaque=True) as opened:
            self.parameters = _parameters(leaves)
            places, nodes_of = self._register(opened)
            args, kwargs = tree.unflatten(structure, self._inside(opened, leaves))
            with watched(t for t, _ in opened.constants.values() if isinstance(t, Tensor)):
                result = jitted.function(*args, **kwargs)
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
        self.donated = jitted.donation.inputs(structure, leaves) if jitted.donation else {}
        self.settled = [(watch.get, watch.held) for watch in self.watches]
        self.host = None if self.reusable else opened.parent
        self.programs: dict[bool, Callable[..., list[Any]]] = {}
        self.calls = 0
        self.shortcut: Shortcut | None = None

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

    def _inside(self, opened: Recording, leaves: list[Any]) -> list[Any]:
        make = {True: weak, False: of_node}
        return [
            leaf if p is None else make[isinstance(leaf, float)](p, opened)
            for leaf, p in zip(leaves, self.parameters, strict=True)
        ]

    def hidden(self, *, recorded: bool = False) -> list[Tensor] | None:
        """The hidden inputs now; ``None`` if what the function closes over no longer fits.

        With ``recorded``, as they were recorded: the function may change what it closes over.
        """
        if recorded or all([get() is held for get, held in self.settled]):  # noqa: C419  faster
            if not self.graph.inputs[self.given :]:
                return []
            return self._hidden({watch: watch.leaves for watch in self.watches})
        now: dict[Watch, list[Any]] = {}
        for watch in self.watches:
            leaves = watch.current()
            if leaves is None:
                _say("jit records again: %s is bound to something else", watch.name)
                return None
            now[watch] = leaves
        for watch, number in self.fixed:
            if now[watch][number] is not watch.leaves[number]:
                _say("jit records again: the value of %s is part of the program", watch.name)
                return None
        for (first, place), *others in self.shared:
            if any(now[watch][number] is not now[first][place] for watch, number in others):
                _say("jit records again: %s was the same Tensor as another", first.name)
                return None
        return self._hidden(now)

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
            return [of_node(n, host) for n in build.block(self.name, self.graph, nodes)]
        arrays = [t._value for t in tensors]
        if self.donated:
            return self.run_taking(arrays, [tensors[k] for k in self.donated])
        return [of_value(v) for v in self._program()(*arrays)]

    def run_taking(self, arrays: list[Any], given: Sequence[Tensor]) -> list[Tensor]:
        """The results for arrays of which those of some Tensors are given away."""
        found = taking(self._program(), arrays, given, self.donated, self.name)
        return [of_value(v) for v in found]

    def find_shortcut(self, leaves: list[Any], structure: Any) -> Shortcut | None:
        """The short way for calls like this one, if it is computed natively, without the host."""
        program = self._program()
        if not isinstance(program, NativeProgram) or not program.native.by_object:
            return None
        match = matched(leaves, structure, self.donated)
        return match and Shortcut(self, match, program)

    def prepare(self) -> None:
        """Optimize and compile the program, if that was not done yet."""
        self._program()

    def _program(self) -> Callable[..., list[Any]]:
        found = self.programs.get(is_native())
        if found is None:
            graph, donated = optimize(self.graph), tuple(self.donated)
            found = self.programs[is_native()] = ready(graph, self.threads, donated, self.precision)
        return found


class Shortcut:
    """The way from a call's arguments to its results for calls like the last one.

    It gives None for any other call, before anything happened.
    """

    def __init__(self, recorded: Recorded, match: Match, program: NativeProgram) -> None:
        self.recorded = recorded
        self.match = match
        self.program = program
        self.modes = modes()

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor] | None:
        arrays = self.match((args, kwargs))
        if not arrays or modes() != self.modes:
            return None
        recorded = self.recorded
        hidden = recorded.hidden()
        if hidden is None:
            return None
        if hidden and any(t._recording is not None for t in hidden):
            return None
        if recorded.donated:
            given = arrays[recorded.given :]
            arrays[recorded.given :] = [t._value for t in hidden]
            return recorded.run_taking(arrays, given)
        if hidden:
            arrays += [t._value for t in hidden]
            return [of_value(v) for v in self.program.taking(arrays)]
        return [of_value(v) for v in self.program.at_once(arrays)]


def _parameters(leaves: list[Any]) -> list[Node | None]:
    found: list[Node | None] = []
    for leaf in leaves:
        if isinstance(leaf, Tensor | np.ndarray | float):
            own = tensor(leaf)
            found.append(build.parameter(own.shape, own.dtype))
        else:
            found.append(None)
    return found


def _signature(leaf: Any) -> Any:
    if isinstance(leaf, Tensor):
        return leaf.shape, leaf.dtype
    if isinstance(leaf, np.ndarray):
        return leaf.shape, leaf.dtype, "array"
    if isinstance(leaf, float):
        return float
    try:
        hash(leaf)
    except TypeError:
        raise ArgumentError(
            f"jit: an argument holds a {type(leaf).__name__}, which is neither a Tensor nor "
            "hashable\n\n"
            "  Tensors and floats may change from call to call; everything else is part of the "
            "program\n  and must be hashable."
        ) from None
    return type(leaf), leaf


class Jitted:
    """A function that records itself once for each kind of argument and then runs the program."""

    def __init__(
        self,
        function: Function,
        threads: int = 0,
        donate: Donate | None = None,
        precision: str = "float32",
    ) -> None:
        self.function = function
        self.threads = threads
        self.precision = precision
        self.cache: dict[Any, Recorded] = {}
        self.recordings = 0
        self.shortcut: Shortcut | None = None
        self.__name__: str = getattr(
            function, "__name__", type(function).__name__
        )  # a partial has none
        self.donation = None if donate is None else Donation(function, self.__name__, donate)
        update_wrapper(self, function, updated=())  # its __dict__ may be that of another Jitted

    def __repr__(self) -> str:
        return f"jit({self.__name__})"

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else _bound(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        shortcut = self.shortcut
        if shortcut is not None:
            made = shortcut(args, kwargs)
            if made is not None:
                return self._results(shortcut.recorded, made)
        leaves, structure = tree.flatten((args, kwargs))
        key = (structure, modes(), tuple([_signature(leaf) for leaf in leaves]))
        found = self.cache.get(key)
        hidden = found.hidden() if found is not None else None
        if found is None or hidden is None:
            found = self._record(key, leaves, structure)
            hidden = found.hidden(recorded=True)
            assert hidden is not None
        given = [
            tensor(leaf) for leaf, p in zip(leaves, found.parameters, strict=True) if p is not None
        ]
        made = found.run([*given, *hidden])
        self._shorten(found, leaves, structure)
        return self._results(found, made)

    def prepare(self, *args: Any, **kwargs: Any) -> None:
        """Make the program for calls like this one, and run nothing.

        Raises:  RecordingError: f asks for a value, which is not known while recording.

        >>> double = cr.jit(lambda x: 2 * x)
        >>> double.prepare(cr.ones(3))
        >>> double(cr.ones(3)), double.recordings
        (Tensor([2., 2., 2.]), 1)
        """
        leaves, structure = tree.flatten((args, kwargs))
        key = (structure, modes(), tuple([_signature(leaf) for leaf in leaves]))
        found = self.cache.get(key) or self._record(key, leaves, structure)
        found.prepare()

    def _shorten(self, found: Recorded, leaves: list[Any], structure: Any) -> None:
        """From the third call of a kind on, let the next one go the short way."""
        found.calls += 1
        if found.calls == _SHORTENED:
            found.shortcut = found.find_shortcut(leaves, structure)
        if found.calls >= _SHORTENED:
            self.shortcut = found.shortcut

    def _results(self, found: Recorded, made: list[Tensor]) -> Any:
        """Commit what was written, and give the rest in the function's own form."""
        count = len(made) - len(found.cells_written)
        for cell, value in zip(found.cells_written, made[count:], strict=True):
            cell.commit(value, current())
        return tree.unflatten(found.structure, made[:count])

    def _record(self, key: Any, leaves: list[Any], structure: Any) -> Recorded:
        if self.cache:
            reason = "new shapes, dtypes, modes or static arguments"
            _say("jit records %s again: %s", self.__name__, reason)
        self.recordings += 1
        soon()
        found = Recorded(self, leaves, structure)
        if found.reusable:
            self.cache[key] = found
        return found

    def graph(self, *args: Any, **kwargs: Any) -> Graph:
        """Give the optimized graph for these arguments."""
        return self._recorded(args, kwargs)[1]

    def loops(self, *args: Any, **kwargs: Any) -> str:
        """Write the loops of the native program for these arguments, kernel by kernel.

        >>> print(cr.jit(lambda x: 2 * cr.relu(x)).loops(cr.ones((3, 4))))
        arena 0 bytes, scratch 0 bytes a thread
        <BLANKLINE>
        k1  1 statement by rows 3×4, 1 tile
          for i < 3, j < 4:
            %3[i,j] = 2 · relu(%0[4i+j])
        """
        return listing(self._native(args, kwargs))

    def llvm(self, *args: Any, **kwargs: Any) -> str:
        """Give the native program for these arguments in LLVM's language, before its passes."""
        return self._native(args, kwargs).text

    def assembly(self, *args: Any, **kwargs: Any) -> str:
        """Give the native program for these arguments in the processor's assembly language."""
        return assembly(self._native(args, kwargs).text, host_target(self.precision))

    def cost(self, *args: Any, **kwargs: Any) -> Cost:
        """Give the operations, the bytes moved and the bytes held of the program, unrun.

        >>> print(cr.jit(lambda x: cr.exp(x) + 1).cost(cr.ones((100,))))
        200 operations, 1,600 bytes moved, 800 held
        """
        return cost(self._native(args, kwargs))

    def profile(self, *args: Any, **kwargs: Any) -> Profile:
        """Run the program some times and tell how long each kernel takes, and what it computes.

        State cells stay as they are.

        Raises:  CompileError: NumPy computes a part of the program.
        """
        _, graph, tensors = self._recorded(args, kwargs)
        return profile(graph, [t.numpy() for t in tensors], self.precision)

    def _native(self, args: Any, kwargs: Any) -> Native:
        found, graph, _ = self._recorded(args, kwargs)
        return compile_graph(graph, host_target(self.precision), donated=tuple(found.donated))

    def _recorded(self, args: Any, kwargs: Any) -> tuple[Recorded, Graph, list[Tensor]]:
        """A recording for these arguments, its optimized graph, and the operands."""
        leaves, structure = tree.flatten((args, kwargs))
        found = Recorded(self, leaves, structure)
        hidden = found.hidden(recorded=True)
        assert hidden is not None
        pairs = zip(leaves, found.parameters, strict=True)
        given = [tensor(leaf) for leaf, p in pairs if p is not None]
        return found, optimize(found.graph), [*given, *hidden]


def _bound(jitted: Jitted, instance: Any) -> Callable[..., Any]:
    return lambda *args, **kwargs: jitted(instance, *args, **kwargs)


@overload
def jit(
    f: Function,
    *,
    threads: int | None = None,
    donate: Donate | None = None,
    precision: str = "float32",
) -> Jitted: ...


@overload
def jit(
    *, threads: int | None = None, donate: Donate | None = None, precision: str = "float32"
) -> Callable[[Function], Jitted]: ...


def jit(
    f: Function | None = None,
    *,
    threads: int | None = None,
    donate: Donate | None = None,
    precision: str = "float32",
) -> Jitted | Callable[[Function], Jitted]:
    """Make a function that runs as one optimized program.

    Tensors, arrays and floats may change from call to call; ints, bools, strings, functions and
    everything else are part of the program, which is recorded again for new ones, and for new
    shapes and dtypes. Tensors that f closes over are hidden inputs: binding the name to another one
    is noticed. State cells are read and written. ``jitted.recordings`` counts; the logger
    ``chainrule.jit`` says why.

    A native program uses as many threads as pay, at most ``threads``; without that, as many as
    CHAINRULE_THREADS says or the machine has. The results have the same bits for any number.

    ``donate`` names parameters of f, or gives their positions, whose Tensors the caller gives away:
    trees such as a model and the state of an optimizer, for which a step gives new ones. Results
    are then written into their memory, which saves time and half of the space. What was given away
    has no numbers any more, and says so when it is used. Memory that others see too, through NumPy
    arrays or other Tensors, is copied first, so that theirs never changes. If f fails, or another
    transform records the call, nothing is given away; Ctrl-C in the middle of a call may come too
    late for that.

    With precision="bf16", the factors of large matrix products of float32 are rounded to bfloat16,
    eight bits, and their products added in float32; everything else stays float32, as do
    convolutions, products of less than 65,536 multiply-adds, and those with so few rows, columns or
    terms that vectors go through them another way. The rounding moves each term of a sum by a share
    of 2⁻⁷ at most. It is done where the processor has an instruction for it (AMX, AVX512-BF16,
    NEON); elsewhere products stay in float32, which ``.cost(…)``, ``.profile(…)`` and
    ``.loops(…)`` say. CHAINRULE_BF16=emulated computes the bits of AVX512-BF16 on any machine,
    slowly. Programs inside of another one have its precision.

    Without f, it gives the decorator with these settings.

    Raises:  RecordingError: f asks for a value, which is not known while recording.
             ArgumentError: threads is no number from 1 to 256, f has no parameter to donate, or
             there is no such precision.
             DonatedError: an argument was given away before.

    >>> step = cr.jit(lambda x, rate: x - rate * x)
    >>> step(cr.tensor([1.0, 2.0]), 0.5)
    Tensor([0.5, 1. ])

    >>> adam = cr.optim.Adam(0.1)
    >>> @cr.jit(donate=("w", "state"))
    ... def descend(w, state, x):
    ...     return adam.update(cr.grad(lambda w: cr.sum(w * x))(w), state, w)
    >>> w = cr.tensor([1.0, 1.0])
    >>> w, state = descend(w, adam.init(w), cr.tensor([300.0, -0.2]))
    >>> w
    Tensor([0.9, 1.1])
    """
    if threads is not None and (type(threads) is not int or not 1 <= threads <= CAPACITY):
        raise ArgumentError(
            f"jit: threads={threads!r} is no number of threads from 1 to {CAPACITY}"
        )
    check_precision("jit", precision)
    if f is None:
        return partial(jit, threads=threads, donate=donate, precision=precision)
    require_function("jit", f)
    return Jitted(f, threads or 0, donate, precision)
