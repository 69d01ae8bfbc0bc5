"""Numbers as they are printed: 0.3, and 7.5·10⁻⁷ where there are many zeros."""

from __future__ import annotations

from fractions import Fraction

from chainrule.algebra.signs import raised

__all__ = ["decimal", "with_power_of_ten"]


def decimal(value: float) -> tuple[str, int]:
    """Digits and the power of ten by which they are multiplied.

    >>> decimal(0.25), decimal(7.5e-7), decimal(-1e-5)
    (('0.25', 0), ('7.5', -7), ('-1', -5))
    """
    digits, _, exponent = f"{value:.12g}".partition("e")
    return digits, int(exponent or 0)


def with_power_of_ten(value: Fraction | float) -> str:
    """A number in Unicode.

    >>> [with_power_of_ten(x) for x in (0.25, 7.5e-7, -1e-5, Fraction(-1, 2))]
    ['0.25', '7.5·10⁻⁷', '−10⁻⁵', '−1/2']
    """
    if isinstance(value, Fraction):
        return str(value).replace("-", "−")
    digits, exponent = decimal(value)
    shown = digits.replace("-", "−")
    if not exponent:
        return shown
    power = "10" + raised(str(exponent))
    return shown[:-1] + power if shown in ("1", "−1") else f"{shown}·{power}"
