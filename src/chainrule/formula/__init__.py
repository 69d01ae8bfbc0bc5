"""Formulas: the derivative of a program as mathematics, checked before it is shown."""

from chainrule.formula.check import Check, check
from chainrule.formula.compare import Comparison, compare
from chainrule.formula.explain import explain
from chainrule.formula.explanation import Explanation

__all__ = ["Check", "Comparison", "Explanation", "check", "compare", "explain"]
