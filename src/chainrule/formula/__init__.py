"""Formulas: the derivative of a program as mathematics, checked before it is shown."""

from chainrule.formula.comparing.compare import Comparison, compare
from chainrule.formula.explaining.explain import explain
from chainrule.formula.explaining.explanation import Explanation
from chainrule.formula.grading.check import Check, check

__all__ = ["Check", "Comparison", "Explanation", "check", "compare", "explain"]
