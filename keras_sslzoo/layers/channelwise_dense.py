"""Channel-wise dense layer: information goes across the whole of each feature map, and not between them."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_sslzoo")
class ChannelwiseDense(keras.Layer):
    """y_jc = b_jc + sum_i x_ic W_cij over the places i, j of a map: `(B, h, w, C)` -> `(B, h, w, C)`.

    C (h w)^2 weights, where a dense layer would have C^2 (h w)^2. Pathak et al. 2016, arXiv:1604.07379, section 3.1, which
    puts a convolution of stride 1 after it, to carry information between the maps.

    Args:
        kernel_initializer: of the kernel `(C, h w, h w)`.
        **kwargs: `name`, `dtype` as in `keras.Layer`.

    Call arguments:
        x: `(B, h, w, C)`.
    """

    def __init__(self, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        """Create the weights; the size of the maps must be known."""
        _, height, width, channels = input_shape
        if None in (height, width, channels):
            raise ValueError(
                f"ChannelwiseDense needs maps of a known size. Received: input shape {input_shape}. Build the network for "
                "one image size."
            )
        places = height * width
        shape = (channels, places, places)
        self.kernel = self.add_weight(shape=shape, initializer=self.kernel_initializer, name="kernel")
        self.bias = self.add_weight(shape=(places, channels), initializer="zeros", name="bias")

    def call(self, x):
        """`(B, h, w, C)` -> `(B, h, w, C)`."""
        _, height, width, channels = x.shape
        flat = ops.reshape(x, (-1, height * width, channels))
        y = ops.einsum("bic,cij->bjc", flat, self.kernel) + self.bias
        return ops.reshape(y, (-1, height, width, channels))

    def compute_output_shape(self, input_shape):
        """The input's."""
        return input_shape

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "kernel_initializer": keras.initializers.serialize(self.kernel_initializer)}
