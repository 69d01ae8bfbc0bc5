"""Derivatives, graph to graph: linearize (forward), transpose (reverse), batch (vmap)."""
