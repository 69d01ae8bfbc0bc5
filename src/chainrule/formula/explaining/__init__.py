"""explain: a formula with its names, its kinks, its steps and its check."""
