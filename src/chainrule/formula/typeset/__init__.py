"""The typeset tree: what a formula is before it is printed, and its value."""
