"""Centering: subtracts a moving average of the outputs, so that no output dimension can dominate."""

import keras

from keras_sslzoo.layers.running_mean import RunningMean


@keras.saving.register_keras_serializable("keras_sslzoo")
class Centering(RunningMean):
    """x - c, where c follows the mean of x over the batches: a `RunningMean` that starts at 0.

        c <- momentum * c + (1 - momentum) * mean of x over the samples         (equation 4)

    Caron et al. 2021 (DINO), arXiv:2104.14294, section 3.1.

    Args:
        units: K, size of the inputs.
        momentum: in [0, 1]; 1 keeps the centre at 0.
        **kwargs: `name` as in `keras.Layer`.

    Call arguments:
        x: `(B, K)`.
        training: bool; whether to note the mean.
    """

    def __init__(self, units, momentum=0.9, **kwargs):
        super().__init__(units, momentum, **kwargs)

    @property
    def center(self):
        """c, a variable `(K,)`."""
        return self.mean

    def call(self, x, training=False):
        """`(B, K)` -> `(B, K)`, float32."""
        return x - super().call(x, training)

    def compute_output_shape(self, input_shape):
        """The input's."""
        return input_shape

    def get_config(self):
        """The constructor's arguments."""
        config = super().get_config()
        del config["initial"]
        return config
