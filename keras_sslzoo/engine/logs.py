"""The running means that `fit` and `evaluate` report."""

import keras


class Logs:
    """One `keras.metrics.Mean` for each log of a method.

    A plain object, so that Keras neither tracks nor saves the means with the weights.

    Args:
        owner: Name of the method, for messages.
        names: Names of the logs, in the order in which they are shown.
    """

    def __init__(self, owner, names):
        self.owner = owner
        self.means = {name: keras.metrics.Mean(name=name) for name in names}

    def update(self, values, batch_size):
        """Count scalars, each a mean over `batch_size` samples, and return the running means."""
        if set(values) != set(self.means):
            raise ValueError(
                f"{self.owner} declares the logs {list(self.means)} (`log_names`, and one loss for each player), and its "
                f"step must return these. Received: {list(values)}. Make the two agree."
            )
        for name, value in values.items():
            self.means[name].update_state(value, sample_weight=batch_size)
        return {name: mean.result() for name, mean in self.means.items()}
