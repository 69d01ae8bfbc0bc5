"""Numbers as a reader wants them: percentages, durations, counts, names of metrics."""

import math
from collections.abc import Mapping

import numpy as np

DASH = "–"


def number(value: float) -> str:
    """Write a number with four significant digits.

    >>> [number(x) for x in (0.123456, 12345.6, 1e-7, -2.0, float("nan"))]
    ['0.1235', '12,346', '1e-07', '-2', 'not a number']
    """
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def decimal(value: float) -> str:
    """Write a loss or another figure in a column: four decimals, where they say something.

    >>> [decimal(x) for x in (0.25, 0.0, 285638376.9, 0.0000123)]
    ['0.2500', '0.0000', '285,638,377', '1.23e-05']
    """
    return f"{value:.4f}" if value == 0 or 5e-5 <= abs(value) < 1e4 else number(value)


def percent(value: float) -> str:
    """Write a fraction as a percentage.

    >>> percent(0.97222), percent(1.0), percent(float("inf"))
    ('97.22%', '100.00%', '∞')
    """
    return f"{value:.2%}" if math.isfinite(value) and abs(value) < 1e6 else number(value)


def count(value: int) -> str:
    """Write a whole number with separators.

    >>> count(669706)
    '669,706'
    """
    return f"{value:,}"


def duration(seconds: float) -> str:
    """Write seconds in the units that fit.

    >>> [duration(x) for x in (0.0123, 2.5, 59.96, 192, 7500)]
    ['12.3 ms', '2.5 s', '1 min 0 s', '3 min 12 s', '2 h 5 min']
    """
    if not math.isfinite(seconds):
        return number(seconds)
    if abs(seconds) < 1:
        return f"{seconds * 1000:.3g} ms"
    if abs(seconds) < 59.95:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def to_float(value: object) -> float:
    """Read a metric that may be missing or no number at all; that is NaN.

    >>> to_float(3), to_float(None), to_float("soon")
    (3.0, nan, nan)
    """
    if isinstance(value, (bool, int, float, np.number)):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    return math.nan


def by_name(name: str, value: object) -> str:
    """Write a metric in the unit that its name tells.

    >>> by_name("validation_accuracy", 0.5), by_name("seconds", 90), by_name("loss", 0.25)
    ('50.00%', '1 min 30 s', '0.25')
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        return plain(value)
    if name.endswith("accuracy"):
        return percent(to_float(value))
    if name == "seconds" or name.endswith("_seconds"):
        return duration(to_float(value))
    return count(int(value)) if isinstance(value, (int, np.integer)) else number(float(value))


def plain(value: object) -> str:
    """Write any setting on one line, exactly: a reader may want to type it in again.

    >>> plain([64, 0.123456, None]), plain(True), plain(np.float32(0.5)), plain(20261121)
    ('64, 0.123456, –', 'true', '0.5', '20261121')
    """
    match value:
        case None:
            return DASH
        case bool() | np.bool_():
            return "true" if value else "false"
        case np.number():
            return plain(value.item())
        case list() | tuple():
            return ", ".join(plain(item) for item in value) or "none"
        case _:
            return str(value)


def title(name: str) -> str:
    """Turn a metric's key into words.

    >>> title("validation_accuracy"), title("test_r_squared")
    ('Validation accuracy', 'Test R²')
    """
    words = name.replace("r_squared", "R²").replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def flatten(settings: Mapping[str, object]) -> dict[str, object]:
    """Lay nested settings out under dotted names, in order.

    >>> flatten({"optimizer": {"name": "adam", "betas": (0.9, 0.999)}, "seed": 0})
    {'optimizer.name': 'adam', 'optimizer.betas': (0.9, 0.999), 'seed': 0}
    """
    flat: dict[str, object] = {}
    pending = [(str(name), value) for name, value in reversed([*settings.items()])]
    while pending:
        name, value = pending.pop()
        if isinstance(value, Mapping) and value:
            pending += [(f"{name}.{key}", inner) for key, inner in reversed([*value.items()])]
        else:
            flat[name] = None if isinstance(value, Mapping) else value
    return flat


def shorten(text: str, length: int) -> str:
    """Cut a long name, with a sign that it was cut.

    >>> shorten("automobile", 6)
    'autom…'
    """
    return text if len(text) <= length else text[: length - 1] + "…"


def printable(name: str) -> str:
    r"""Write a class so that it can be seen: one may be a line break.

    >>> printable("cat"), printable("\n")
    ('cat', "'\\n'")
    """
    return name if name.isprintable() and name.strip() else repr(name)
