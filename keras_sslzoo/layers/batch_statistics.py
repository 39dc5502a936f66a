"""Batch norm that stays with the statistics of the batch at inference.

y = gamma (x - mean) / sqrt(var + epsilon) + beta, mean and var over the batch and all axes but the last
"""

import keras
from keras import ops

from keras_sslzoo import backend
from keras_sslzoo.layers.batch_normalization import BatchNormalization


@keras.saving.register_keras_serializable("keras_sslzoo")
class BatchStatisticsNormalization(BatchNormalization):
    """`keras.layers.BatchNormalization` that normalises by the batch in inference too, without moving anything.

    pix2pix's generator has it (Isola et al. 2017, arXiv:1611.07004, section 3.3); with one image in the batch it is
    instance norm. A sample's output depends on the others in its batch. The running statistics are kept, so the weights
    are those of Keras' layer and go from one to the other.

    Args:
        **kwargs: see `keras.layers.BatchNormalization`; the last axis is the normalised one.

    Call arguments:
        inputs: `(B, ..., C)`.
        training: bool; True moves the running statistics too.
    """

    def call(self, inputs, training=False, mask=None):
        """`(B, ..., C)` -> `(B, ..., C)`."""
        if training and self.trainable:
            return super().call(inputs, training=True, mask=mask)
        gamma, beta = (None if v is None else ops.cast(v, "float32") for v in (self.gamma, self.beta))
        return ops.cast(backend.batch_norm(inputs, gamma, beta, self.epsilon)[0], self.compute_dtype)
