"""Training: the loop, its state, and what a run leaves behind."""
