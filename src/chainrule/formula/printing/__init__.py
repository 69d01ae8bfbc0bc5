"""A typeset tree in every notation: lines, terminal layout, LaTeX, MathML, Python."""
