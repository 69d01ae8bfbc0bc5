"""From a graph to statements, and to kernels of them: what is computed, still as data."""
