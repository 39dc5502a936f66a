"""What makes a code sparse or binary at inference, as layers, so that a saved encoder holds them."""

import keras
from keras import ops

from keras_sslzoo.ops.sparsify import keep_top_k


@keras.saving.register_keras_serializable("keras_sslzoo")
class KeepTopK(keras.Layer):
    """The k largest elements of each row, the others 0: see `ops.sparsify.keep_top_k`.

    Args:
        k: Integer in [1, D].
        **kwargs: `name` as in `keras.Layer`.

    Call arguments:
        code: `(B, D)`. Returns float32 `(B, D)`.
    """

    def __init__(self, k, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.k = k

    def call(self, code):
        """`(B, D)` -> `(B, D)`."""
        return keep_top_k(code, self.k)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "k": self.k}


@keras.saving.register_keras_serializable("keras_sslzoo")
class Bits(keras.Layer):
    """1 where an element is positive, else 0.

    Args:
        **kwargs: `name` as in `keras.Layer`.

    Call arguments:
        code: `(B, D)`. Returns float32 `(B, D)`.
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, code):
        """`(B, D)` -> `(B, D)`."""
        return ops.cast(ops.greater(code, 0.0), "float32")
