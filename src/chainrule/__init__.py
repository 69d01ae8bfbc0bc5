"""A deep-learning library whose mathematics you can see."""

__version__ = "0.1.0"
