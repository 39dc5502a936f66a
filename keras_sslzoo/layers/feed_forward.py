"""The transformer's perceptron with one hidden layer, plain or gated."""

import keras

from keras_sslzoo.layers.dense import Dense
from keras_sslzoo.ops.activations import ACTIVATIONS, check_activation


@keras.saving.register_keras_serializable("keras_sslzoo")
class FeedForward(keras.Layer):
    """Dense, activation, dense: `(..., D) -> (..., D)`.

    Vaswani et al. 2017, arXiv:1706.03762, section 3.3. With the activation "swiglu" the first dense layer has 2 M outputs:
    the gate a, then the value b, and the hidden layer is silu(a) b (Shazeer 2020, arXiv:2002.05202, equation 6), packed as
    DINOv2's checkpoints are.

    Args:
        hidden: M, size of the hidden layer.
        activation: "gelu", "gelu_tanh", "quick_gelu" or "swiglu": see `ops.activations`.
        use_bias: Whether the dense layers have biases.
        kernel_initializer: Of both kernels.
        output_initializer: Of the second one, in its place.
        **kwargs: `name`, `dtype` as in `keras.Layer`.

    Call arguments:
        x: `(..., D)`.
    """

    def __init__(
        self,
        hidden,
        activation="gelu",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        output_initializer=None,
        **kwargs,
    ):
        if not isinstance(hidden, int) or isinstance(hidden, bool) or hidden < 1:
            raise ValueError(
                f"`hidden` must be an integer >= 1. Received: hidden={hidden!r}. 4 times the width is usual."
            )
        super().__init__(**kwargs)
        self.hidden = hidden
        self.activation = check_activation(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.output_initializer = keras.initializers.get(output_initializer)

    def build(self, input_shape):
        """Create the dense layers."""
        width = input_shape[-1]
        first, last = self.kernel_initializer, self.output_initializer or self.kernel_initializer
        dense = {"use_bias": self.use_bias, "dtype": self.dtype_policy}
        units = self.hidden * (2 if self.activation == "swiglu" else 1)
        self.fc1 = Dense(units, kernel_initializer=first, name="fc1", **dense)
        self.fc2 = Dense(width, kernel_initializer=last, name="fc2", **dense)
        self.fc1.build(input_shape)
        self.fc2.build((*input_shape[:-1], self.hidden))

    def call(self, x):
        """`(..., D)` -> `(..., D)`."""
        return self.fc2(ACTIVATIONS[self.activation](self.fc1(x)))

    def compute_output_shape(self, input_shape):
        """The input's."""
        return input_shape

    def get_config(self):
        """The constructor's arguments."""
        own = {
            "hidden": self.hidden,
            "activation": self.activation,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "output_initializer": keras.initializers.serialize(self.output_initializer),
        }
        return {**super().get_config(), **own}
