"""check: what is wrong with a derivation, and where."""
