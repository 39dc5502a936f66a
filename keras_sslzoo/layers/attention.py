"""Multi-head self-attention."""

import keras
from keras import ops

from keras_sslzoo import backend
from keras_sslzoo.layers.dense import Dense


def check_heads(heads, width):
    """Raises unless `width` splits into that many heads."""
    if width % heads:
        raise ValueError(
            f"`heads` must divide the width of the tokens. Received: heads={heads}, width {width}. Heads of 64 numbers are "
            "usual."
        )


@keras.saving.register_keras_serializable("keras_sslzoo")
class Attention(keras.Layer):
    """softmax(q k^T / sqrt(d)) v in each head, then a dense layer: `(B, T, D) -> (B, T, D)`, d = D / heads.

    Vaswani et al. 2017, arXiv:1706.03762, section 3.2. Queries, keys and values come from one dense layer `qkv` with
    3 D outputs in that order, head by head within each, as in timm's checkpoints. Computed by the backend's fused kernel
    where it has one, so that the attention itself is never stored; `maps` computes it.

    Args:
        heads: Must divide D.
        qkv_bias: Whether `qkv` has a bias.
        proj_bias: Whether the last dense layer has one.
        causal: Whether a token sees only itself and those before it.
        kernel_initializer: Of both kernels.
        output_initializer: Of that of the last dense layer, in its place.
        **kwargs: `name`, `dtype` as in `keras.Layer`.

    Call arguments:
        x: `(B, T, D)`.
    """

    def __init__(
        self,
        heads,
        qkv_bias=True,
        proj_bias=True,
        causal=False,
        kernel_initializer="glorot_uniform",
        output_initializer=None,
        **kwargs,
    ):
        if not isinstance(heads, int) or isinstance(heads, bool) or heads < 1:
            raise ValueError(f"`heads` must be an integer >= 1. Received: heads={heads!r}. A ViT-S has 6.")
        super().__init__(**kwargs)
        self.heads = heads
        self.qkv_bias = qkv_bias
        self.proj_bias = proj_bias
        self.causal = causal
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.output_initializer = keras.initializers.get(output_initializer)

    def build(self, input_shape):
        """Create the dense layers."""
        width = input_shape[-1]
        check_heads(self.heads, width)
        first, last = self.kernel_initializer, self.output_initializer or self.kernel_initializer
        dense = {"dtype": self.dtype_policy}
        self.qkv = Dense(3 * width, use_bias=self.qkv_bias, kernel_initializer=first, name="qkv", **dense)
        self.proj = Dense(width, use_bias=self.proj_bias, kernel_initializer=last, name="proj", **dense)
        self.qkv.build(input_shape)
        self.proj.build(input_shape)

    def _split(self, x):
        """Queries, keys and values, each `(B, T, heads, d)`."""
        shape = (-1, ops.shape(x)[1], self.heads, x.shape[-1] // self.heads)
        return [ops.reshape(part, shape) for part in ops.split(self.qkv(x), 3, axis=-1)]

    def call(self, x):
        """`(B, T, D)` -> `(B, T, D)`."""
        y = backend.attention(*self._split(x), self.causal)
        return self.proj(ops.reshape(y, (-1, ops.shape(x)[1], x.shape[-1])))

    def maps(self, x):
        """How much each token (third axis) attends to each (fourth): `(B, T, D)` -> `(B, heads, T, T)`, float32."""
        q, k, _ = (ops.cast(part, "float32") for part in self._split(x))
        logits = ops.einsum("bqhd,bkhd->bhqk", q, k) * (x.shape[-1] // self.heads) ** -0.5
        if self.causal:
            order = ops.arange(ops.shape(x)[1])
            logits = ops.where(order[:, None] >= order[None, :], logits, float("-inf"))
        return ops.softmax(logits, axis=-1)

    def compute_output_shape(self, input_shape):
        """The input's."""
        return input_shape

    def get_config(self):
        """The constructor's arguments."""
        own = {
            "heads": self.heads,
            "qkv_bias": self.qkv_bias,
            "proj_bias": self.proj_bias,
            "causal": self.causal,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "output_initializer": keras.initializers.serialize(self.output_initializer),
        }
        return {**super().get_config(), **own}
