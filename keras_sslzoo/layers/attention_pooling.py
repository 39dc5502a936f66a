"""Attention pooling: a learned query reads the tokens."""

import keras
from keras import ops

from keras_sslzoo import backend
from keras_sslzoo.layers.attention import check_heads
from keras_sslzoo.layers.dense import Dense
from keras_sslzoo.layers.feed_forward import FeedForward


@keras.saving.register_keras_serializable("keras_sslzoo")
class AttentionPooling(keras.Layer):
    """Multi-head attention from one learned query to all tokens, then y + perceptron(norm(y)): `(B, T, D) -> (B, D)`.

    The "MAP head" of Zhai et al. 2022, arXiv:2106.04560, section 3.3, that SigLIP ends with. No residual goes around the
    attention. Its parts are named as in timm's checkpoints: latent, q, kv (keys, then values), proj, norm, mlp.

    Args:
        heads: Must divide D.
        hidden, activation: See `FeedForward`.
        norm_epsilon: Of the layer norm.
        kernel_initializer: Of all kernels.
        latent_initializer: Of the query `(1, D)`.
        **kwargs: `name`, `dtype` as in `keras.Layer`.

    Call arguments:
        x: `(B, T, D)`.
    """

    def __init__(
        self,
        heads,
        hidden,
        activation="gelu",
        norm_epsilon=1e-6,
        kernel_initializer="glorot_uniform",
        latent_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.heads = heads
        self.hidden = hidden
        self.activation = activation
        self.norm_epsilon = norm_epsilon
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.latent_initializer = keras.initializers.get(latent_initializer)

    def build(self, input_shape):
        """Create the query and the layers."""
        width = input_shape[-1]
        check_heads(self.heads, width)
        self.latent = self.add_weight(shape=(1, width), initializer=self.latent_initializer, name="latent")
        policy = {"dtype": self.dtype_policy}
        kernels = {"kernel_initializer": self.kernel_initializer, **policy}
        self.q = Dense(width, name="q", **kernels)
        self.kv = Dense(2 * width, name="kv", **kernels)
        self.proj = Dense(width, name="proj", **kernels)
        self.norm = keras.layers.LayerNormalization(epsilon=self.norm_epsilon, name="norm", **policy)
        self.mlp = FeedForward(self.hidden, self.activation, name="mlp", **kernels)
        for part in (self.q, self.kv, self.proj, self.norm, self.mlp):
            part.build((None, width))

    def call(self, x):
        """`(B, T, D)` -> `(B, D)`."""
        batch, tokens, width = ops.shape(x)
        split = (self.heads, width // self.heads)
        q = ops.broadcast_to(ops.reshape(self.q(self.latent), (1, 1, *split)), (batch, 1, *split))
        k, v = (ops.reshape(part, (-1, tokens, *split)) for part in ops.split(self.kv(x), 2, axis=-1))
        y = self.proj(ops.reshape(backend.attention(q, k, v, False), (-1, width)))
        return y + self.mlp(self.norm(y))

    def compute_output_shape(self, input_shape):
        """`(B, T, D)` -> `(B, D)`."""
        return (input_shape[0], input_shape[-1])

    def get_config(self):
        """The constructor's arguments."""
        own = {
            "heads": self.heads,
            "hidden": self.hidden,
            "activation": self.activation,
            "norm_epsilon": self.norm_epsilon,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "latent_initializer": keras.initializers.serialize(self.latent_initializer),
        }
        return {**super().get_config(), **own}
