"""Training: the loop, its metrics, checkpoints and the run folder."""
