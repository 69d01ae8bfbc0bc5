"""Sums of products over windows, with register tiles: convolutions and their derivatives."""
