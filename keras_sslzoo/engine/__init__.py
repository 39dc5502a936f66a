"""What every method shares: the training step, players, targets, data, recipes."""
