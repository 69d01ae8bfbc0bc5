"""Checks of the text of a value: of an option, or in a file. A misspelt one is told the nearest.

A check takes the text and gives the value; what is wrong with it is the text of a ValueError.
"""

import math
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

import click

__all__ = [
    "CLOSED",
    "MODELS",
    "Check",
    "callback",
    "count",
    "count_or_share",
    "model_name",
    "number",
    "one_of",
    "place",
    "size",
]

Check = Callable[[str], Any]

CLOSED = ("naive-bayes", "logistic", "ridge")
"""Models that are found at once, by a formula or by Newton's method."""

MODELS = ("linear", "mlp", "lenet", "resnet", "transformer", "bag", *CLOSED)
_MODEL = re.compile(
    r"linear|lenet|naive-bayes|logistic|ridge|mlp:[1-9]\d{0,6}(,[1-9]\d{0,6})*|resnet(:[1-9]\d{0,4}(,[1-9]\d{0,4})?)?"
    r"|bag(:[1-9]\d{0,4})?|transformer(:[1-9]\d{0,3},[1-9]\d{0,3},[1-9]\d{0,4})?"
)
_MODEL_FORMS = {
    "mlp": "mlp:512,512, the sizes of its hidden layers",
    "resnet": "resnet, resnet:16, its width, or resnet:32,16, width and stem",
    "bag": "bag or bag:64, the width of its embeddings",
    "transformer": "transformer or transformer:4,4,128, its layers, heads and width",
}


def callback(check: Check) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Make what click calls with the text of an option; None is an option that is not given."""

    def checked(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        try:
            return None if value is None else check(value)
        except ValueError as error:
            raise click.BadParameter(str(error), context, parameter) from None

    return checked


def one_of(names: Sequence[str]) -> Check:
    """Make a check that takes one of some names.

    >>> one_of(("adam", "sgd"))("adam")
    'adam'
    """

    def check(text: str) -> str:
        if text in names:
            return text
        near = get_close_matches(text.lower(), names, n=1)
        remedy = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names)}."
        raise ValueError(f"there is no {text!r}\n\n  {remedy}")

    return check


def model_name(text: str) -> str:
    """Take the name of a model, perhaps with its sizes.

    >>> model_name("mlp:512,256")
    'mlp:512,256'
    """
    if _MODEL.fullmatch(text):
        return text
    near = get_close_matches(text.partition(":")[0].lower(), MODELS, n=1)
    if not near:
        raise ValueError(f"there is no model {text!r}\n\n  There are: {', '.join(MODELS)}.")
    form = _MODEL_FORMS.get(near[0])
    if text == near[0]:
        raise ValueError(f"{text} needs sizes\n\n  It is {form}.")
    remedy = f"Did you mean {near[0]}?" if form is None else f"It is {form}."
    raise ValueError(f"there is no model {text!r}\n\n  {remedy}")


def number(low: float = 0.0, high: float = math.inf, above: bool = False) -> Check:
    """Make a check that takes a number from ``low``, or above it, to less than ``high``.

    >>> number(high=1.0)("0.25")
    0.25
    """

    def check(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a number") from None
        if not math.isfinite(found):
            raise ValueError(f"{text} is not a finite number")
        if (low < found if above else low <= found) and found < high:
            return found
        range_ = f"greater than {low:g}" if above else f"{low:g} or more"
        if high < math.inf:
            range_ += f" and less than {high:g}"
        raise ValueError(f"{text} is not {range_}")

    return check


def count(low: int, high: int | None = None) -> Check:
    """Make a check that takes a whole number from ``low``, up to ``high`` if there is an end.

    >>> count(1)("128")
    128
    """

    def check(text: str) -> int:
        try:
            found = int(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a whole number") from None
        if low <= found and (high is None or found <= high):
            return found
        range_ = f"{low} or more" if high is None else f"from {low} to {high}"
        raise ValueError(f"{text} is not {range_}")

    return check


def count_or_share(text: str) -> float:
    """Take a whole number from 1, or a share between 0 and 1.

    >>> count_or_share("16"), count_or_share("0.95")
    (16, 0.95)
    """
    try:
        found = int(text) if text.lstrip("+-").isdecimal() else float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if (isinstance(found, int) and found >= 1) or (isinstance(found, float) and 0 < found < 1):
        return found
    raise ValueError(f"{text} is neither a whole number from 1 nor a share between 0 and 1")


def place(text: str) -> str:
    """Take a name or a path. An empty one is an unset shell variable, and never this folder."""
    if not text:
        raise ValueError("nothing is given")
    return text


def size(text: str) -> str:
    """Take the size of an image: 64, or 48x64 for 48 rows of 64 pixels.

    >>> size("48x64")
    '48x64'
    """
    if re.fullmatch(r"[1-9]\d{0,4}(x[1-9]\d{0,4})?", text):
        return text
    raise ValueError(f"{text!r} is not a size\n\n  It is 64, or 48x64 for 48 rows of 64 pixels.")
