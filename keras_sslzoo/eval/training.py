"""Classifiers trained by Keras' `fit`, in an order and on views that depend on the seed alone."""

import keras
import numpy as np
from keras import layers, ops

from keras_sslzoo.data.batches import OrderedBatches
from keras_sslzoo.eval.features import to_numpy
from keras_sslzoo.ops.random import Key


class LabelledBatches(OrderedBatches):
    """Full batches of samples and class numbers in a new order each epoch.

    Args:
        x: samples (N, ...).
        y: class numbers (N,).
        batch_size: at most N.
        seed: of the order and the views.
        prepare: function `(samples, key) -> array` of each batch, or None.
    """

    def __init__(self, x, y, batch_size, seed, prepare=None):
        self.x, self.y, self.prepare = x, y, prepare
        super().__init__(len(x), batch_size, shuffle=True, drop_remainder=True, seed=seed)

    def read(self, rows):
        """See `OrderedBatches.read`."""
        x = self.x[rows]
        if self.prepare is not None:
            x = self.prepare(
                x, Key(self.seed, self.epoch * self.size + int(rows[0]))
            )  # a row begins one batch an epoch
        return x, self.y[rows]


def view(scale, views):
    """The function `(samples, key) -> float32 array` that scales a batch and takes one view of it."""
    if views is not None and not callable(views):
        raise ValueError(
            "`views` must be a callable (images, key) -> images, such as `views.Pipeline([...])`, or None. "
            f"Received: views={views!r}."
        )

    def prepare(x, key):
        x = scale(np.asarray(x))
        if views is None:
            return x
        seen = views(ops.convert_to_tensor(x), key)
        return to_numpy(seen[0] if isinstance(seen, tuple | list) else seen).astype("float32")

    return prepare


def linear_head(n_classes):
    """A linear layer to logits that starts from zeros: the same on every backend."""
    return layers.Dense(n_classes, kernel_initializer="zeros", dtype="float32", name="logits")


def fit(classifier, batches, optimizer, epochs):
    """Train with the cross entropy of the logits; gives the mean loss of each epoch."""
    classifier.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = classifier.fit(batches, epochs=epochs, shuffle=False, verbose=0)
    losses = [float(loss) for loss in history.history["loss"]]
    if not np.isfinite(losses).all():
        raise ValueError(
            f"Training the classifier diverged. Received: a loss of {losses[-1]} after {epochs} epochs. "
            "Lower `learning_rate`."
        )
    return losses


def check_training(epochs, learning_rate, train_batch_size):
    """Refuse settings with which nothing would be trained."""
    if epochs < 1 or not learning_rate > 0 or train_batch_size < 1:
        raise ValueError(
            "`epochs` and `train_batch_size` must be at least 1, `learning_rate` positive. Received: "
            f"epochs={epochs}, train_batch_size={train_batch_size}, learning_rate={learning_rate}."
        )
