"""Reading derivations: NumPy-like text or Unicode mathematics to a typeset tree."""
