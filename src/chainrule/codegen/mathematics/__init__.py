"""Elementwise mathematics of our own, for any number of lanes.

float32 is right to 2 units in the last place, float64 to 4, infinities, NaN and signed zeros are
the standard's. Programs run with subnormal numbers flushed to zero: operands below the smallest
normal number count as zeros, and results below it may be zero.
"""
