"""Pooling of a text: the vector at one of its tokens."""

import keras
from keras import ops

TEXT_POOLINGS = ("end", "last")


@keras.saving.register_keras_serializable("keras_sslzoo")
class TextPooling(keras.Layer):
    """The vector at the end of each text: `(B, T, D)`, `(B, T)` -> `(B, D)`.

    Args:
        kind: "end": at the end token, which is the largest id (the first one where there are several), as in OpenAI's CLIP.
            "last": at the last place, whatever stands there, as in SigLIP.
        **kwargs: `name`, `dtype` as in `keras.Layer`.

    Call arguments:
        x: `(B, T, D)`.
        tokens: Integers `(B, T)`.
    """

    def __init__(self, kind="end", **kwargs):
        if kind not in TEXT_POOLINGS:
            raise ValueError(f"`kind` must be one of {TEXT_POOLINGS}. Received: kind={kind!r}.")
        super().__init__(**kwargs)
        self.kind = kind

    def call(self, x, tokens):
        """`(B, T, D)`, `(B, T)` -> `(B, D)`."""
        if self.kind == "last":
            return x[:, -1]
        end = ops.argmax(tokens, axis=1)
        return ops.take_along_axis(x, end[:, None, None], axis=1)[:, 0]

    def compute_output_shape(self, x_shape, tokens_shape):
        """`(B, T, D)`, `(B, T)` -> `(B, D)`."""
        return (x_shape[0], x_shape[-1])

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "kind": self.kind}
