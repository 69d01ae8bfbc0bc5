"""Formulas: the derivative of a program as mathematics, checked before it is shown."""

from chainrule.formula.explain import Explanation, explain

__all__ = ["Explanation", "explain"]
