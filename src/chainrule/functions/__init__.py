"""The vocabulary: plain functions composed of primitives, under the array API standard's names."""

import chainrule.functions.methods  # noqa: F401 — attaches the operators of Tensor
