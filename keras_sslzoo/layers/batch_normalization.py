"""Batch norm by the framework's own kernel, where Keras composes it of small operations."""

import keras
from keras import ops

from keras_sslzoo import backend


@keras.saving.register_keras_serializable("keras_sslzoo")
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization`, faster in training: the same arguments, weights, files and statistics.

    Ioffe and Szegedy 2015, arXiv:1502.03167, algorithm 1. As in Keras the moving variance is that of the biased one,
    statistics are float32 whatever the policy, and `trainable = False` means inference.

    Renorm, synchronised statistics, a mask, float64 and an axis other than the last are left to Keras.

    Args:
        *args, **kwargs: As in `keras.layers.BatchNormalization`.

    Call arguments:
        inputs: `(B, ..., C)`.
        training: Bool; False normalises by the moving statistics.
        mask: See `keras.layers.BatchNormalization`.
    """

    def call(self, inputs, training=None, mask=None):
        """`(B, ..., C)` -> `(B, ..., C)`."""
        own = self.axis in (-1, len(inputs.shape) - 1) and mask is None and not self.renorm and not self.synchronized
        own = own and keras.backend.standardize_dtype(inputs.dtype) in ("float32", "float16", "bfloat16")
        if not (own and training and self.trainable):
            return super().call(inputs, training=training, mask=mask)
        gamma = ops.cast(self.gamma, "float32") if self.scale else None
        beta = ops.cast(self.beta, "float32") if self.center else None
        y, mean, variance = backend.batch_norm(inputs, gamma, beta, self.epsilon)
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(ops.cast(moving, "float32") * self.momentum + batch * (1.0 - self.momentum))
        return ops.cast(y, self.compute_dtype)
