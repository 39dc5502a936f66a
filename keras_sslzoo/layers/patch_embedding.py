"""Patch embedding: each patch of an image becomes a vector."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_sslzoo")
class PatchEmbedding(keras.Layer):
    """One dense layer on every square patch: `(B, H, W, C) -> (B, h, w, D)`, h = H / p.

    Dosovitskiy et al. 2021, arXiv:2010.11929, section 3.1. The kernel `(p, p, C, D)` is that of the convolution with the
    stride p that it equals.

    Args:
        width: D.
        patch_size: p, in pixels; must divide H and W.
        use_bias: Whether a bias is added.
        kernel_initializer: Of the kernel.
        bias_initializer: Of the bias.
        **kwargs: `name`, `dtype` as in `keras.Layer`.

    Call arguments:
        images: `(B, H, W, C)`.
    """

    def __init__(
        self,
        width,
        patch_size=16,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.width = width
        self.patch_size = patch_size
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape):
        """Create the kernel and the bias."""
        shape = (self.patch_size, self.patch_size, input_shape[-1], self.width)
        self.kernel = self.add_weight(shape=shape, initializer=self.kernel_initializer, name="kernel")
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.width,), initializer=self.bias_initializer, name="bias")

    def call(self, images):
        """`(B, H, W, C)` -> `(B, h, w, D)`."""
        p, channels = self.patch_size, images.shape[-1]
        self.compute_output_shape(images.shape)
        h, w = (n // p for n in ops.shape(images)[1:3])
        x = ops.transpose(ops.reshape(images, (-1, h, p, w, p, channels)), (0, 1, 3, 2, 4, 5))
        x = ops.reshape(x, (-1, h, w, p * p * channels))
        x = ops.matmul(x, ops.reshape(self.kernel, (p * p * channels, self.width)))
        return x if self.bias is None else x + self.bias

    def compute_output_shape(self, input_shape):
        """`(B, H, W, C)` -> `(B, h, w, D)`."""
        batch, *size, _ = input_shape
        if any(n is not None and n % self.patch_size for n in size):
            raise ValueError(
                f"`patch_size` must divide the image size. Received: patch_size={self.patch_size}, image size "
                f"{tuple(size)}. Use another, or resize."
            )
        return (batch, *(n if n is None else n // self.patch_size for n in size), self.width)

    def get_config(self):
        """The constructor's arguments."""
        own = {
            "width": self.width,
            "patch_size": self.patch_size,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
        return {**super().get_config(), **own}
