"""Pooling without weights: from tokens to one vector."""

import keras
from keras import ops

POOLINGS = ("class", "mean", "class_mean")


@keras.saving.register_keras_serializable("keras_sslzoo")
class TokenPooling(keras.Layer):
    """One vector of the tokens: `(B, P + N, D) -> (B, D)`, or `(B, 2 D)`.

    Args:
        kind: "class": the first token. "mean": the mean of the patches, in float32 under every dtype policy. "class_mean":
            both, one after the other, DINOv2's features for linear probes (Oquab et al. 2023, arXiv:2304.07193).
        prefix: P, how many tokens stand before the patches.
        **kwargs: `name`, `dtype` as in `keras.Layer`.

    Call arguments:
        x: `(B, P + N, D)`.
    """

    def __init__(self, kind="class", prefix=1, **kwargs):
        if kind not in POOLINGS:
            raise ValueError(f"`kind` must be one of {POOLINGS}. Received: kind={kind!r}.")
        super().__init__(**kwargs)
        self.kind = kind
        self.prefix = prefix

    def call(self, x):
        """`(B, P + N, D)` -> `(B, D)` or `(B, 2 D)`."""
        if self.kind == "class":
            return x[:, 0]
        mean = ops.cast(ops.mean(ops.cast(x[:, self.prefix :], "float32"), axis=1), x.dtype)
        return mean if self.kind == "mean" else ops.concatenate([x[:, 0], mean], axis=-1)

    def compute_output_shape(self, input_shape):
        """`(B, P + N, D)` -> `(B, D)` or `(B, 2 D)`."""
        return (input_shape[0], input_shape[-1] * (2 if self.kind == "class_mean" else 1))

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "kind": self.kind, "prefix": self.prefix}
