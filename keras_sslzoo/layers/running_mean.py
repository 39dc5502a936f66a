"""Running mean: what stands for a mean over the data set where each step sees one batch."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_sslzoo")
class RunningMean(keras.Layer):
    """m <- momentum * m + (1 - momentum) * mean of x over the samples.

    A call in training notes the mean of its batch and `update` moves m, so that a loss sees the mean of the batches before
    it; of several calls (accumulated gradients) the mean counts. Computes in float32 under every dtype policy.

    Args:
        units: K, size of the inputs.
        momentum: in [0, 1]; 1 keeps m where it starts.
        initial: value that m starts from.
        **kwargs: `name` as in `keras.Layer`.

    Call arguments:
        x: `(B, K)`. Returns m, `(K,)`, which carries no gradient.
        training: bool; whether to note the mean.
    """

    def __init__(self, units, momentum=0.9, initial=0.0, **kwargs):
        if not 0.0 <= momentum <= 1.0:
            raise ValueError(f"`momentum` must lie in [0, 1]. Received: momentum={momentum}. Usual is 0.9.")
        super().__init__(**{"dtype": "float32", **kwargs})
        self.units = units
        self.momentum = momentum
        self.initial = initial
        self.mean = self._state("mean", (units,), initial)
        self._noted = self._state("noted", (units,))
        self._calls = self._state("calls", ())
        self.built = True

    def _state(self, name, shape, value=0.0):
        constant = keras.initializers.Constant(value)
        return self.add_weight(shape=shape, initializer=constant, trainable=False, name=name)

    def call(self, x, training=False):
        """`(B, K)` -> `(K,)`, float32."""
        if training:
            self._noted.assign_add(ops.stop_gradient(ops.mean(x, axis=0)))
            self._calls.assign_add(1.0)
        return self.mean.value

    def update(self):
        """Move the mean by what was noted since the last update."""
        mean = self._noted.value / ops.maximum(self._calls.value, 1.0)
        self.mean.assign(self.momentum * self.mean.value + (1.0 - self.momentum) * mean)
        self._noted.assign(ops.zeros_like(self._noted.value))
        self._calls.assign(ops.zeros_like(self._calls.value))

    def compute_output_shape(self, input_shape):
        """`(B, K)` -> `(K,)`."""
        return input_shape[1:]

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "units": self.units, "momentum": self.momentum, "initial": self.initial}
