"""Centering: subtracts a moving average of the outputs, so that no output dimension can dominate."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_sslzoo")
class Centering(keras.Layer):
    """x - c, where c follows the mean of x over the batches.

        c <- momentum * c + (1 - momentum) * mean of x over the samples         (equation 4)

    Caron et al. 2021 (DINO), arXiv:2104.14294, section 3.1. A call in training notes the mean of its batch and `update`
    moves the centre, so that a loss sees the centre of the batches before it; of several calls (accumulated gradients) the
    mean counts. Computes in float32 under every dtype policy. c starts at 0.

    Args:
        units: K, size of the inputs.
        momentum: in [0, 1]; 1 keeps the centre at 0.
        **kwargs: `name` as in `keras.Layer`.

    Call arguments:
        x: `(B, K)`.
        training: bool; whether to note the mean.
    """

    def __init__(self, units, momentum=0.9, **kwargs):
        if not 0.0 <= momentum <= 1.0:
            raise ValueError(f"`momentum` must lie in [0, 1]. Received: momentum={momentum}. DINO uses 0.9.")
        super().__init__(**{"dtype": "float32", **kwargs})
        self.units = units
        self.momentum = momentum
        self.center = self._state("center", (units,))
        self._noted = self._state("noted", (units,))
        self._calls = self._state("calls", ())
        self.built = True

    def _state(self, name, shape):
        return self.add_weight(shape=shape, initializer="zeros", trainable=False, name=name)

    def call(self, x, training=False):
        """`(B, K)` -> `(B, K)`, float32."""
        if training:
            self._noted.assign_add(ops.stop_gradient(ops.mean(x, axis=0)))
            self._calls.assign_add(1.0)
        return x - self.center

    def update(self):
        """Move the centre by what was noted since the last update."""
        mean = self._noted.value / ops.maximum(self._calls.value, 1.0)
        self.center.assign(self.momentum * self.center.value + (1.0 - self.momentum) * mean)
        self._noted.assign(ops.zeros_like(self._noted.value))
        self._calls.assign(ops.zeros_like(self._calls.value))

    def compute_output_shape(self, input_shape):
        """The input's."""
        return input_shape

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "units": self.units, "momentum": self.momentum}
