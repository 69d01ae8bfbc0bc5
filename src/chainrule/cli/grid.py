"""Plain tables: columns set with spaces, as a terminal or a file shows them."""

from collections.abc import Sequence

__all__ = ["grid"]


def grid(
    heads: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1, last: bool = False
) -> str:
    """Set rows in columns under their heads.

    The first ``left`` columns are texts, and with ``last`` the last one; the others are numbers.

    >>> print(grid(("run", "loss"), [("a", "0.25"), ("long", "1.5")]))
    run   loss
    a     0.25
    long   1.5
    """
    whole = [heads, *rows]
    widths = [max(len(row[k]) for row in whole) for k in range(len(heads))]
    lines = (
        "  ".join(
            f"{cell:<{width}}"
            if place < left or (last and place == len(widths) - 1)
            else f"{cell:>{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in whole
    )
    return "\n".join(lines)
