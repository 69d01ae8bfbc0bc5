"""Measurements: each prints a table, alternating competitors in one run."""
