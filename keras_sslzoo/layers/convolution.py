"""Convolutions of images, channels last, that torch runs without copying them to channels first and back."""

import keras
from keras import ops

from keras_sslzoo import backend


@keras.saving.register_keras_serializable("keras_sslzoo")
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`: the same arguments, weights, files and numbers.

    Args:
        *args, **kwargs: As in `keras.layers.Conv2D`.

    Call arguments:
        inputs: `(B, H, W, C)`, or `(B, C, H, W)` by `data_format`.
    """

    def convolution_op(self, inputs, kernel):
        """Keras' hook for the convolution alone."""
        if self.data_format != "channels_last":
            return super().convolution_op(inputs, kernel)
        kernel = ops.convert_to_tensor(kernel)
        return backend.conv(inputs, kernel, tuple(self.strides), self.padding, tuple(self.dilation_rate))


@keras.saving.register_keras_serializable("keras_sslzoo")
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose`: the same arguments, weights, files and numbers.

    Args:
        *args, **kwargs: As in `keras.layers.Conv2DTranspose`.

    Call arguments:
        inputs: `(B, H, W, C)`, or `(B, C, H, W)` by `data_format`.
    """

    def call(self, inputs):
        """`(B, H, W, C)` -> `(B, H', W', filters)`."""
        usual = self.data_format == "channels_last" and self.output_padding is None and set(self.dilation_rate) == {1}
        if not usual:
            return super().call(inputs)
        y = backend.conv_transpose(inputs, ops.convert_to_tensor(self.kernel), tuple(self.strides), self.padding)
        if self.use_bias:
            y = ops.add(y, self.bias)
        return y if self.activation is None else self.activation(y)
