"""What the monitors share: when they look, and the features that they look at."""

import keras
import numpy as np

from keras_sslzoo.eval.features import as_model, check_vectors, outputs, samples, scaling


class Periodic(keras.callbacks.Callback):
    """A callback that looks after the first epoch, after each `every`-th, and after the last one that `fit` was asked for.

    Args:
        every: Number of epochs.
    """

    writes_logs = False  # `Method.fit` calls those that do before the other callbacks

    def __init__(self, every=1):
        super().__init__()
        if not (isinstance(every, int) and every > 0):
            raise ValueError(f"`every` must be a number of epochs, at least 1. Received: every={every!r}.")
        self.every = every

    def due(self, epoch):
        """Whether to look after this epoch, counted from 0."""
        return epoch == 0 or (epoch + 1) % self.every == 0 or epoch + 1 == self.params["epochs"]

    def require(self, names, purpose):
        """The first of these attributes that the model has, or an error that says for what it is needed."""
        for name in names:
            if hasattr(self.model, name):
                return getattr(self.model, name)
        raise ValueError(
            f"{type(self).__name__} {purpose}: the model must have `{'` or `'.join(names)}`. Received: "
            f"{type(self.model).__name__}, which has not. Leave the callback out."
        )

    def encode(self, images, batch_size=256):
        """Features of the model's `pretrained_encoder`, float32 (N, D), finite or not."""
        images = samples(images)
        features = outputs(as_model(self.model), images, batch_size, scaling(self.model))
        check_vectors(features.shape, images.shape)
        return features


def subset(n, limit, seed=0):
    """At most `limit` of n row numbers, the same ones each time: all of them in order, or a random draw."""
    return np.arange(n) if n <= limit else np.sort(np.random.default_rng(seed).permutation(n)[:limit])
