"""LayerScale: a learned gain for each channel at the end of a residual branch."""

import keras


@keras.saving.register_keras_serializable("keras_sslzoo")
class LayerScale(keras.Layer):
    """gamma x, `(..., D) -> (..., D)`, with gamma `(D,)` that starts small.

    Touvron et al. 2021, arXiv:2103.17239, equation 4.

    Args:
        value: What gamma starts from: 0.1, 1e-5 or 1e-6 in the paper, less for deeper nets.
        **kwargs: `name`, `dtype` as in `keras.Layer`.

    Call arguments:
        x: `(..., D)`.
    """

    def __init__(self, value=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.value = value

    def build(self, input_shape):
        """Create gamma."""
        initializer = keras.initializers.Constant(self.value)
        self.gamma = self.add_weight(shape=(input_shape[-1],), initializer=initializer, name="gamma")

    def call(self, x):
        """`(..., D)` -> `(..., D)`."""
        return x * self.gamma

    def compute_output_shape(self, input_shape):
        """The input's."""
        return input_shape

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "value": self.value}
