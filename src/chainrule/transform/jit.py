"""jit: record once for each kind of argument, optimize, and run the program from then on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import partial, update_wrapper
from typing import Any, Final, overload

import numpy as np

from chainrule import tree
from chainrule.codegen.assembly.target import check_precision
from chainrule.codegen.cost import Cost, cost
from chainrule.codegen.listing import listing
from chainrule.codegen.outline import Native
from chainrule.codegen.program import compile_graph
from chainrule.elsewhere import spelled
from chainrule.errors import ArgumentError
from chainrule.ir.graph import Graph
from chainrule.passes.pipeline import optimize
from chainrule.recording import modes
from chainrule.runtime.engine import host_target
from chainrule.runtime.profile import Profile, profile
from chainrule.runtime.programs import soon
from chainrule.runtime.team_layout import CAPACITY
from chainrule.runtime.translation import assembly
from chainrule.tensors import Tensor
from chainrule.transform.donation import Donate, Donation
from chainrule.transform.recorded import Options, Recorded, Shortcut, say
from chainrule.transform.scope import Function, fields_hint, require_function
from chainrule.transform.statics import warn_of_values

_SHORTENED: Final = 3  # calls of one kind from which on a shortcut pays
_MANY: Final = 16  # recordings of a function that are kept, at which their reason is looked for
_TRIED: Final = 8  # shortcuts of a function; one that does not fit costs half a microsecond


def _signature(leaf: Any) -> Any:
    if isinstance(leaf, Tensor):
        return leaf.shape, leaf.dtype
    if isinstance(leaf, np.ndarray):
        return leaf.shape, leaf.dtype, "array"
    if isinstance(leaf, float):
        return float
    try:
        hash(leaf)
    except (TypeError, ValueError):  # the latter of a memoryview that can be written to
        raise _static(leaf, "which is neither a Tensor nor hashable") from None
    if is_dataclass(leaf) and _holds_tensors(leaf):
        raise _static(leaf, "a dataclass that holds Tensors and is no Module")
    return type(leaf), leaf


def _static(leaf: Any, what: str) -> ArgumentError:
    return ArgumentError(
        f"jit: an argument holds a {type(leaf).__name__}, {what}\n\n"
        "  Tensors and floats may change from call to call; everything else is part of the "
        f"program\n  and must be hashable.{fields_hint(leaf)}"
    )


def _holds_tensors(leaf: Any) -> bool:
    """Whether a field of a dataclass is a Tensor, or a tree with one.

    It would be equal to no other one, so that each call with a new one would be recorded.
    """
    held = tree.flatten([getattr(leaf, f.name, None) for f in fields(leaf)])[0]
    return any(isinstance(part, Tensor) for part in held)


class Jitted:
    """A function that records itself once for each kind of argument and then runs the program."""

    def __init__(
        self,
        function: Function,
        threads: int = 0,
        donate: Donate | None = None,
        precision: str = "float32",
        level: int = 2,
    ) -> None:
        self.function = function
        self.cache: dict[Any, Recorded] = {}
        self.recordings = 0
        self.shortcuts: tuple[Shortcut, ...] = ()
        self.__name__: str = getattr(
            function, "__name__", type(function).__name__
        )  # a partial has none
        donation = None if donate is None else Donation(function, self.__name__, donate)
        self.options = Options(self.__name__, threads, donation, precision, level)
        update_wrapper(self, function, updated=())  # its __dict__ may be that of another Jitted

    def __repr__(self) -> str:
        return f"jit({self.__name__})"

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else _bound(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for shortcut in self.shortcuts:
            result = shortcut.way(args, kwargs)
            if result is not NotImplemented:
                return result
        return self._called(args, kwargs, often=True)

    def seldom(self, *args: Any, **kwargs: Any) -> Any:
        """Call it, and prepare nothing for further calls: for a few long ones.

        >>> cr.jit(lambda x: 2 * x).seldom(cr.ones(3))
        Tensor([2., 2., 2.])
        """
        return self._called(args, kwargs, often=False)

    def _called(self, args: Any, kwargs: Any, *, often: bool) -> Any:
        leaves, structure = tree.flatten((args, kwargs))
        found, hidden = self._found(leaves, structure)
        made = found.run([*found.operands(leaves), *hidden])
        if often:
            self._shorten(found, leaves, structure)
        return found.finish(made)

    def prepare(self, *args: Any, **kwargs: Any) -> None:
        """Make the program for calls like this one, and run nothing.

        Raises:  RecordingError: f asks for a value, which is not known while recording.

        >>> double = cr.jit(lambda x: 2 * x)
        >>> double.prepare(cr.ones(3))
        >>> double(cr.ones(3)), double.recordings
        (Tensor([2., 2., 2.]), 1)
        """
        found, _ = self._found(*tree.flatten((args, kwargs)))
        found.prepare()

    def recorded(self, *args: Any, **kwargs: Any) -> Graph:
        """Give the graph of calls like this one as it was recorded; it is kept for them.

        >>> len(cr.jit(lambda x: 2 * x).recorded(cr.ones(3)).inputs)
        1
        """
        return self._found(*tree.flatten((args, kwargs)))[0].graph

    def _found(self, leaves: list[Any], structure: Any) -> tuple[Recorded, list[Tensor]]:
        """The recording for these arguments, which is made if need be, and its hidden inputs."""
        key = (structure, modes(), tuple([_signature(leaf) for leaf in leaves]))
        found = self.cache.get(key)
        hidden = found.hidden(tell=say) if found is not None else None
        if found is None or hidden is None:
            found = self._record(key, leaves, structure)
            hidden = found.hidden(recorded=True)
            assert hidden is not None
        return found, hidden

    def _shorten(self, found: Recorded, leaves: list[Any], structure: Any) -> None:
        """From the third call of a kind on, let the next one go the short way."""
        found.calls += 1
        is_due = found.calls >= _SHORTENED and not found.looked
        if is_due or found.is_bound_anew():
            self._forget(found)
            found.shortcut = found.find_shortcut(leaves, structure)
        own = found.shortcut
        if own is not None and own not in self.shortcuts:
            self.shortcuts = (own, *self.shortcuts)[:_TRIED]

    def _forget(self, found: Recorded | None) -> None:
        """Do not try the shortcut of a recording any more."""
        self.shortcuts = tuple(s for s in self.shortcuts if s.recorded is not found)

    def _record(self, key: Any, leaves: list[Any], structure: Any) -> Recorded:
        if self.cache:
            reason = "new shapes, dtypes, modes or static arguments"
            say("jit records %s again: %s", self.__name__, reason)
        self.recordings += 1
        soon()
        found = Recorded(self.function, self.options, leaves, structure)
        if found.reusable:
            self._forget(self.cache.get(key))
            self.cache[key] = found
            if len(self.cache) == _MANY:
                warn_of_values(self.__name__, list(self.cache), leaves)
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
        return assembly(self._native(args, kwargs).text, host_target(self.options.precision))

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
        return profile(graph, [t.numpy() for t in tensors], self.options.precision)

    def _native(self, args: Any, kwargs: Any) -> Native:
        found, graph, _ = self._recorded(args, kwargs)
        return compile_graph(graph, host_target(self.options.precision), donated=tuple(found.gifts))

    def _recorded(self, args: Any, kwargs: Any) -> tuple[Recorded, Graph, list[Tensor]]:
        """A recording for these arguments, its optimized graph, and the operands."""
        leaves, structure = tree.flatten((args, kwargs))
        found = Recorded(self.function, self.options, leaves, structure)
        hidden = found.hidden(recorded=True)
        assert hidden is not None
        return found, optimize(found.graph), [*found.operands(leaves), *hidden]


def _bound(jitted: Jitted, instance: Any) -> Callable[..., Any]:
    return lambda *args, **kwargs: jitted(instance, *args, **kwargs)


_STATIC: Final = (
    "It is not needed: ints, bools, strings and functions are part of the program, and new ones "
    "make a\n  new recording. Tensors, arrays and floats are inputs."
)


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


@spelled(static=_STATIC, static_argnums=_STATIC, static_argnames=_STATIC)
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

    With precision="bf16", the factors of large matrix products and convolutions of float32 are
    rounded to bfloat16, eight bits, and their products added in float32; everything else stays
    float32, as do sums of less than 65,536 multiply-adds, products with so few rows, columns or
    terms that vectors go through them another way, and convolutions without two channels, images or
    lines to go side by side: those of one channel, and depthwise ones. Where AMX multiplies, so
    does what fills none of its tiles. ``.loops(…)`` tells which are "in bf16". The rounding moves
    each term of a sum by a share of 2⁻⁷ at most. It is done where the processor has an instruction
    for it (AMX, AVX512-BF16, NEON); elsewhere, and where the system refuses AMX's tiles, products
    stay in float32, which ``.cost(…)``, ``.profile(…)`` and ``.loops(…)`` say.
    CHAINRULE_BF16=emulated computes the bits of AVX512-BF16 on any machine, slowly. Programs inside
    of another one have its precision.

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
