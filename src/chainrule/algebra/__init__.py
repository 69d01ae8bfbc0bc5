"""Index algebra: what a program says, as sums of products of labelled factors in a normal form.

Formulas are printed from it, and structured Jacobians and Hessians are found in it.
"""
