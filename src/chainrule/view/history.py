"""From the records of the epochs to what the charts show.

>>> records = [{"epoch": 1, "loss": 2.0, "validation_loss": 2.5, "learning_rate": 0.1}]
>>> [(c.title, [s.name for s in c.series]) for c in figure_charts(records)]
[('Loss', ['training', 'validation']), ('Learning rate', [''])]
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from chainrule.view import figures
from chainrule.view.chart import Axis, Curves, Series, ramp
from chainrule.view.scale import is_drawable

Record = Mapping[str, object]
VALIDATION = "validation_"
FIRST = ("loss", "accuracy")
LAST = ("learning_rate", "samples_per_second")
NO_CURVE = frozenset({"epoch", "step", "seconds"})
GROWS_BETTER = ("accuracy", "r_squared", "f1")
MOST_POINTS = 1000  # more do not fit on the pixels of a chart
MOST_LAYERS = 10  # curves in one chart that a reader can still follow


def epochs_of(history: Sequence[Record]) -> tuple[float, ...]:
    """Read each record's epoch; its place in the list stands in where one is missing.

    >>> epochs_of([{"epoch": 3}, {}])
    (3.0, 2.0)
    """
    numbers = [figures.to_float(entry.get("epoch")) for entry in history]
    return tuple(n if is_drawable(n) else float(i) for i, n in enumerate(numbers, start=1))


def figure_charts(history: Sequence[Record]) -> list[Curves]:
    """One chart for each figure, that of the validation part with its twin."""
    keys = [key for key in dict.fromkeys(k for e in history for k in e) if _is_figure(key, history)]
    bases = list(dict.fromkeys(key.removeprefix(VALIDATION) for key in keys))
    order = [
        *(base for base in FIRST if base in bases),
        *(base for base in bases if base not in FIRST + LAST),
        *(base for base in LAST if base in bases),
    ]
    return [_chart(base, keys, history) for base in order]


def norm_charts(history: Sequence[Record]) -> list[Curves]:
    """The norms of weights and of gradients, one curve for each layer."""
    charts = []
    for key, title in (("weight_norms", "Weights"), ("gradient_norms", "Gradients")):
        found = [entry.get(key) for entry in history]
        records = [dict(norms) if isinstance(norms, Mapping) else {} for norms in found]
        if any(records):
            charts.append(_norms(title, records, epochs_of(history)))
    return charts


def by_layer(paths: Sequence[str]) -> dict[str, list[str]]:
    """Put parameters together: by layer, and by larger parts of the model while too many are left.

    >>> by_layer(["layers.0.weight", "layers.0.bias", "layers.2.weight"])
    {'layers.0': ['layers.0.weight', 'layers.0.bias'], 'layers.2': ['layers.2.weight']}
    >>> by_layer(["weight", "bias"])
    {'weight': ['weight'], 'bias': ['bias']}
    """
    depth = max([1, *(path.count(".") for path in paths)])
    by_depth = [_grouped(paths, shown) for shown in range(1, depth + 1)]
    few = [groups for groups in by_depth if len(groups) <= MOST_LAYERS]
    deepest = few[-1] if few else by_depth[0]
    # One group would say less than too many.
    finer = (groups for groups in by_depth if len(groups) > 1)
    return deepest if len(deepest) > 1 else next(finer, deepest)


def _grouped(paths: Sequence[str], shown: int) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for path in paths:
        parents = path.split(".")[:-1] or [path]
        groups.setdefault(".".join(parents[:shown]), []).append(path)
    return groups


def thinned(curves: Curves, most: int = MOST_POINTS) -> Curves:
    """Leave out epochs that do not show, but none where a curve has a peak, a dip or a gap.

    >>> long = Curves("Loss", tuple(range(9000)), (Series("", (1.0,) * 5000 + (9.0,) * 4000),))
    >>> len(thinned(long).epochs) <= 1000, max(thinned(long).series[0].values)
    (True, 9.0)
    """
    count = len(curves.epochs)
    if count <= most:
        return curves
    width = math.ceil(4 * count * len(curves.series) / most)
    values = np.array([series.values for series in curves.series])
    kept = {round(place) for place in np.linspace(0, count - 1, most // 2)}
    for start in range(0, count, width):
        part = values[:, start : start + width]
        # NaN counts as lowest of all: a gap is kept.
        low = np.where(np.isnan(part), -np.inf, part).argmin(axis=1)
        high = np.where(np.isnan(part), -np.inf, part).argmax(axis=1)
        kept |= {start + place for place in (*low.tolist(), *high.tolist())}
    places = sorted(kept)
    series = (
        Series(s.name, tuple(s.values[place] for place in places), s.style) for s in curves.series
    )
    epochs = tuple(curves.epochs[place] for place in places)
    return Curves(curves.title, epochs, tuple(series), curves.axis, curves.best)


def _is_figure(key: str, history: Sequence[Record]) -> bool:
    known = key in FIRST + LAST or key.removeprefix(VALIDATION) in FIRST
    numbers = (isinstance(e.get(key), (int, float, np.number)) for e in history)
    return key not in NO_CURVE and (known or any(numbers))


def _chart(base: str, keys: Sequence[str], history: Sequence[Record]) -> Curves:
    validated = VALIDATION + base
    if base in LAST:
        names = [("", base, "plain")]
    else:
        names = [("training", base, "training"), ("validation", validated, "validation")]
    series = tuple(
        Series(name, tuple(figures.to_float(entry.get(key)) for entry in history), style)
        for name, key, style in names
        if key in keys
    )
    return thinned(
        Curves(figures.title(base), epochs_of(history), series, _axis(base), _better(base))
    )


def _axis(base: str) -> Axis:
    if base.endswith("accuracy"):
        return "percentages"
    return "from zero" if base in LAST else "fitting"


def _better(base: str) -> Callable[[Sequence[float]], float] | None:
    if base in LAST:
        return None
    return max if base.endswith(GROWS_BETTER) else min


def _norms(title: str, records: Sequence[Record], epochs: tuple[float, ...]) -> Curves:
    groups = by_layer(list(dict.fromkeys(path for record in records for path in record)))
    series = tuple(
        Series(name, tuple(_norm(record, paths) for record in records), ramp(place, len(groups)))
        for place, (name, paths) in enumerate(groups.items())
    )
    return thinned(Curves(title, epochs, series, "fitting"), most=400)


def _norm(record: Record, paths: Sequence[str]) -> float:
    """The norm of several parameters as one vector."""
    return math.hypot(*(figures.to_float(record.get(path)) for path in paths))
