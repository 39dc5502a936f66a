"""The running means that `fit` and `evaluate` report."""

import keras
from keras import ops


class RunningMean(keras.metrics.Mean):
    """`keras.metrics.Mean` of scalars, without the ten small operations that it needs for tensors of any shape."""

    def update_state(self, value, sample_weight):
        """Count a scalar that is a mean over `sample_weight` samples."""
        self.total.assign(self.total.value + value * sample_weight)
        self.count.assign(self.count.value + sample_weight)


class Logs:
    """One running mean for each log of a method.

    A plain object, so that Keras neither tracks nor saves the means with the weights.

    Args:
        owner: Name of the method, for messages.
        names: Names of the logs, in the order in which they are shown.
        of_training: Names of those that only a training step has.
    """

    def __init__(self, owner, names, of_training=()):
        self.owner = owner
        self.of_training = set(of_training)
        self.means = {name: RunningMean(name=name) for name in (*names, *of_training)}

    def update(self, values, batch_size):
        """Count scalars, each a mean over `batch_size` samples, and return the running means."""
        if not set(self.means) - self.of_training <= set(values) <= set(self.means):
            raise ValueError(
                f"{self.owner} declares the logs {list(self.means)} (`log_names`, and one loss for each player), and its "
                f"step must return these. Received: {list(values)}. Make the two agree."
            )
        batch_size = ops.cast(batch_size, "float32")
        for name, value in values.items():
            self.means[name].update_state(value, batch_size)
        return {name: mean.total.value / mean.count.value for name, mean in self.means.items() if name in values}
