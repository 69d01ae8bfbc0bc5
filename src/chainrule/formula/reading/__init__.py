"""Reading derivations: NumPy-like text, Unicode mathematics or LaTeX to a typeset tree."""
