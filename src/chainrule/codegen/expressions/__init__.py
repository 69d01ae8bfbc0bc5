"""Expressions as instructions, inside of loops that are open."""
