"""The letters and digits that Unicode has for formulas: Greek by name, raised, lowered, fractions.

What is printed, what is read and what a derivative calls its own values go by the same tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_lowercase
from typing import Final

__all__ = [
    "FRACTIONS", "GREEK", "LOWERED", "RAISED", "UNLOWERED", "lowered", "raised",
    "with_plain_digits",
]  # fmt: skip

_NAMES: Final = (
    "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi "
    "psi omega ell Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
)
GREEK: Final[Mapping[str, str]] = dict(
    zip(_NAMES.split(), "αβγδεζηθκλμνξπρστφχψωℓΓΔΘΛΞΠΣΦΨΩ", strict=True)
)
RAISED: Final[Mapping[str, str]] = dict(zip("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻", strict=True))
LOWERED: Final[Mapping[str, str]] = dict(
    zip("0123456789aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True)
)
FRACTIONS: Final[Mapping[str, str]] = dict(
    zip(("1/2", "1/4", "3/4", "1/3", "2/3"), "½¼¾⅓⅔", strict=True)
)
UNLOWERED: Final = frozenset(ascii_lowercase) - LOWERED.keys()
"""Letters that have no such sign."""

_RAISING: Final = str.maketrans({**RAISED, "−": "⁻", "⊤": "ᵀ"})
_LOWERING: Final = str.maketrans(dict(LOWERED))
_PLAIN_DIGITS: Final = {ord(LOWERED[digit]): digit for digit in "0123456789"}


def raised(text: str) -> str:
    """A text with its digits, minus signs and ⊤ raised.

    >>> raised("-12")
    '⁻¹²'
    """
    return text.translate(_RAISING)


def lowered(text: str) -> str:
    """A text with its digits and letters lowered, as far as there are such letters.

    >>> lowered("12"), lowered("id")
    ('₁₂', 'ᵢd')
    """
    return text.translate(_LOWERING)


def with_plain_digits(text: str) -> str:
    """A text with its lowered digits as plain ones.

    >>> with_plain_digits("δ₁₂")
    'δ12'
    """
    return text.translate(_PLAIN_DIGITS)
