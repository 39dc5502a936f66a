"""The transformer's block, with the norms before each branch."""

import keras

from keras_sslzoo.layers.attention import Attention
from keras_sslzoo.layers.dropout import DropPath
from keras_sslzoo.layers.feed_forward import FeedForward
from keras_sslzoo.layers.layer_scale import LayerScale


@keras.saving.register_keras_serializable("keras_sslzoo")
class TransformerBlock(keras.Layer):
    """x + attention(norm(x)), then x + perceptron(norm(x)): `(B, T, D) -> (B, T, D)`.

    Dosovitskiy et al. 2021, arXiv:2010.11929, equations 2 and 3. Its parts are named as in timm's checkpoints: norm1, attn,
    ls1, norm2, mlp, ls2.

    Args:
        heads: See `Attention`.
        hidden: See `FeedForward`.
        activation: See `FeedForward`.
        qkv_bias, proj_bias: See `Attention`.
        mlp_bias: Whether the perceptron has biases.
        layer_scale: What `LayerScale` at the end of both branches starts from; None for none.
        drop_path: Probability at which a branch is left out for a sample in training: see `DropPath`.
        causal: See `Attention`.
        norm_epsilon: Of both layer norms.
        kernel_initializer: Of all kernels.
        mlp_initializer: Of the perceptron's first kernel, in its place.
        output_initializer: Of the kernel at the end of each branch, in its place.
        **kwargs: `name`, `dtype` as in `keras.Layer`.

    Call arguments:
        x: `(B, T, D)`.
        training: bool; whether paths are dropped.
    """

    def __init__(
        self,
        heads,
        hidden,
        activation="gelu",
        qkv_bias=True,
        proj_bias=True,
        mlp_bias=True,
        layer_scale=None,
        drop_path=0.0,
        causal=False,
        norm_epsilon=1e-6,
        kernel_initializer="glorot_uniform",
        mlp_initializer=None,
        output_initializer=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.heads = heads
        self.hidden = hidden
        self.activation = activation
        self.qkv_bias = qkv_bias
        self.proj_bias = proj_bias
        self.mlp_bias = mlp_bias
        self.layer_scale = layer_scale
        self.drop_path = drop_path
        self.causal = causal
        self.norm_epsilon = norm_epsilon
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.mlp_initializer = keras.initializers.get(mlp_initializer)
        self.output_initializer = keras.initializers.get(output_initializer)

    def build(self, input_shape):
        """Create the parts."""
        policy = {"dtype": self.dtype_policy}
        attn, ends = self.kernel_initializer, {"output_initializer": self.output_initializer, **policy}
        mlp = self.mlp_initializer or self.kernel_initializer
        self.norm1 = keras.layers.LayerNormalization(epsilon=self.norm_epsilon, name="norm1", **policy)
        self.attn = Attention(self.heads, self.qkv_bias, self.proj_bias, self.causal, attn, name="attn", **ends)
        self.ends1 = self._ends(1)
        self.norm2 = keras.layers.LayerNormalization(epsilon=self.norm_epsilon, name="norm2", **policy)
        self.mlp = FeedForward(self.hidden, self.activation, self.mlp_bias, mlp, name="mlp", **ends)
        self.ends2 = self._ends(2)
        for part in (self.norm1, self.attn, *self.ends1, self.norm2, self.mlp, *self.ends2):
            if not part.built:
                part.build(input_shape)

    def _ends(self, branch):
        """What a branch ends with."""
        ends = []
        if self.layer_scale is not None:
            ends.append(LayerScale(self.layer_scale, name=f"ls{branch}", dtype=self.dtype_policy))
        if self.drop_path:
            ends.append(DropPath(self.drop_path, name=f"drop_path{branch}", dtype=self.dtype_policy))
        return ends

    def call(self, x, training=None):
        """`(B, T, D)` -> `(B, T, D)`."""
        for norm, branch, ends in ((self.norm1, self.attn, self.ends1), (self.norm2, self.mlp, self.ends2)):
            y = branch(norm(x))
            for end in ends:
                y = end(y, training=training)
            x = x + y
        return x

    def attention_maps(self, x):
        """What the block's tokens attend to, `(B, T, D)` -> `(B, heads, T, T)`: see `Attention.maps`."""
        return self.attn.maps(self.norm1(x))

    def compute_output_shape(self, input_shape):
        """The input's."""
        return input_shape

    def get_config(self):
        """The constructor's arguments."""
        own = {
            "heads": self.heads,
            "hidden": self.hidden,
            "activation": self.activation,
            "qkv_bias": self.qkv_bias,
            "proj_bias": self.proj_bias,
            "mlp_bias": self.mlp_bias,
            "layer_scale": self.layer_scale,
            "drop_path": self.drop_path,
            "causal": self.causal,
            "norm_epsilon": self.norm_epsilon,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "mlp_initializer": keras.initializers.serialize(self.mlp_initializer),
            "output_initializer": keras.initializers.serialize(self.output_initializer),
        }
        return {**super().get_config(), **own}
