"""Run the measurements named on the command line, or all quick ones; some take options."""

from __future__ import annotations

import importlib
import sys

QUICK = ("core", "native")
ALL = (
    *QUICK, "hessians", "accuracy", "sentiment", "shakespeare", "pca", "images", "streaming",
    "classical", "routines", "streaming_pca",
)  # fmt: skip
WITH_OPTIONS = ("native", "accuracy")


def main() -> int:
    """Print one table after another."""
    given = sys.argv[1:]
    cut = next((k for k, word in enumerate(given) if word.startswith("-")), len(given))
    names, options = given[:cut] or QUICK, given[cut:]
    for name in names:
        if name not in ALL:
            print(f"no measurement {name!r}; there are {', '.join(ALL)}", file=sys.stderr)
            return 2
    if options == ["--routines"] and names == ["classical"]:
        names, options = ["routines"], []
    if options and (len(names) > 1 or names[0] not in WITH_OPTIONS):
        print(f"only {' and '.join(WITH_OPTIONS)} take options, one at a time", file=sys.stderr)
        return 2
    for name in names:
        importlib.import_module(f"benchmarks.{name}").main(*[options] * bool(options))
    return 0


sys.exit(main())
