"""The sizes of axes in Python: n, which is X.shape[0], n - 1, n * k."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from chainrule.formula.printing.kinds import identifier

__all__ = ["Lengths"]

_PYTHON = {"+": "+", "−": "-", "·": "*"}


class Lengths:
    """Writes sizes, and notes which names of axes have to be defined first.

    axes     the axes of the arguments
    taken    the names that stand for something else
    defined  the names of axes that were used, and where their size is read
    """

    def __init__(self, axes: Mapping[str, tuple[str, ...]], taken: Iterable[str]) -> None:
        self.axes = axes
        self.taken = {*axes, *taken}
        self.defined: dict[str, str] = {}

    def __call__(self, dim: str) -> str:
        """The text of the size of an axis: a number, a name, or a sum or product of them."""
        if dim[:2] == "⌊(":
            whole, step = dim[2:-1].split(")/")
            return f"(({self(whole)}) // {step})"
        for sign, python in _PYTHON.items():
            if sign in dim:
                left, right = dim.split(sign, 1)
                return f"{self(left)} {python} {self(right)}"
        if dim.isdigit():
            return dim
        if dim[:1] in ("⌈", "⌊"):
            whole, step = dim[1:-1].split("/")
            return f"-(-{self(whole)} // {step})" if dim[0] == "⌈" else f"({self(whole)} // {step})"
        if dim[:1].isdigit():
            return f"{dim[0]} * {self(dim[1:])}"
        return self._named(dim)

    def shape(self, dims: Sequence[str]) -> str:
        """The text of a shape."""
        sizes = [self(d) for d in dims]
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"

    def has(self, name: str) -> bool:
        """Whether an argument has an axis of this name."""
        return any(name in axes for axes in self.axes.values())

    def _named(self, dim: str) -> str:
        for name, axes in self.axes.items():
            if dim in axes:
                place = f"{identifier(name)}.shape[{axes.index(dim)}]"
                if dim in self.taken or not dim.isidentifier():
                    return place
                self.defined[dim] = place
                return dim
        return identifier(dim)
