"""Batch norm that stays with the statistics of the batch at inference.

y = gamma (x - mean) / sqrt(var + epsilon) + beta, mean and var over the batch and all axes but the last
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_sslzoo")
class BatchStatisticsNormalization(keras.layers.BatchNormalization):
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
        x = ops.cast(inputs, "float32")
        mean, variance = ops.moments(x, axes=list(range(len(x.shape) - 1)))
        beta, gamma = (None if v is None else ops.cast(v, "float32") for v in (self.beta, self.gamma))
        x = ops.batch_normalization(x, mean, variance, -1, offset=beta, scale=gamma, epsilon=self.epsilon)
        return ops.cast(x, self.compute_dtype)
