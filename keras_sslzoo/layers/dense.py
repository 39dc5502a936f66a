"""The dense layer of the transformers, whose bias torch adds in the product itself."""

import keras
from keras import ops

from keras_sslzoo import backend


@keras.saving.register_keras_serializable("keras_sslzoo")
class Dense(keras.layers.Dense):
    """`keras.layers.Dense`: the same arguments, weights, files and numbers.

    Args:
        *args, **kwargs: As in `keras.layers.Dense`.

    Call arguments:
        inputs: `(..., D)`.
    """

    def call(self, inputs, training=None):
        """`(..., D)` -> `(..., units)`."""
        if self.bias is None:
            return super().call(inputs, training)
        y = backend.dense(inputs, ops.convert_to_tensor(self.kernel), ops.convert_to_tensor(self.bias))
        return y if self.activation is None else self.activation(y)
