"""Rewrites, graph to graph, one idea per file; ``pipeline.py`` holds the order."""
