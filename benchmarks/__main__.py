"""Run the measurements named on the command line, or all quick ones."""

from __future__ import annotations

import importlib
import sys

QUICK = ("core", "training")
ALL = (
    *QUICK, "hessians", "accuracy", "sentiment", "shakespeare", "pca", "images", "streaming",
    "classical",
)  # fmt: skip


def main() -> int:
    """Print one table after another."""
    names = sys.argv[1:] or QUICK
    for name in names:
        if name not in ALL:
            print(f"no measurement {name!r}; there are {', '.join(ALL)}", file=sys.stderr)
            return 2
        importlib.import_module(f"benchmarks.{name}").main()
    return 0


sys.exit(main())
