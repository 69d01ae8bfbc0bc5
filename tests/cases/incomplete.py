"""The incomplete gamma and beta functions, their inverses and that of the normal distribution."""

import scipy.special

from chainrule.functions import incomplete
from tests.cases.case import Case, Spec

ARGUMENTS = {
    "gammainc": ("positive", "positive"),
    "gammaincc": ("positive", "positive"),
    "gammaincinv": ("positive", "probability"),
    "betainc": ("positive", "positive", "probability"),
    "betaincinv": ("positive", "positive", "probability"),
    "ndtri": ("probability",),
}

CASES: list[Case] = [
    Case(name, getattr(incomplete, name), tuple(Spec(kind, (2, 3)) for kind in kinds),
         getattr(scipy.special, name))
    for name, kinds in ARGUMENTS.items()
]  # fmt: skip
