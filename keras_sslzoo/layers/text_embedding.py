"""Token embedding with learned positions: how a text enters a transformer."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_sslzoo")
class TextEmbedding(keras.Layer):
    """The vector of each token plus that of its place: `(B, T)` ids -> `(B, T, D)`.

    Radford et al. 2018 (GPT), section 3.1, equation 2.

    Args:
        vocabulary: Number of ids; they run from 0.
        context: T, number of places.
        width: D.
        token_initializer: Of the tokens' vectors.
        position_initializer: Of the places' vectors.
        **kwargs: `name`, `dtype` as in `keras.Layer`.

    Call arguments:
        tokens: Integers `(B, T)`.
    """

    def __init__(self, vocabulary, context, width, token_initializer="zeros", position_initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        self.vocabulary = vocabulary
        self.context = context
        self.width = width
        self.token_initializer = keras.initializers.get(token_initializer)
        self.position_initializer = keras.initializers.get(position_initializer)

    def build(self, input_shape):
        """Create the vectors, kept in float32: only those that are looked up are cast."""
        self.tokens = self.add_weight(
            shape=(self.vocabulary, self.width), initializer=self.token_initializer, autocast=False, name="tokens"
        )
        self.positions = self.add_weight(
            shape=(self.context, self.width), initializer=self.position_initializer, autocast=False, name="positions"
        )

    def call(self, tokens):
        """`(B, T)` -> `(B, T, D)`."""
        return ops.cast(ops.take(self.tokens, tokens, axis=0) + self.positions, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        """`(B, T)` -> `(B, T, D)`."""
        return (*input_shape, self.width)

    def get_config(self):
        """The constructor's arguments."""
        own = {
            "vocabulary": self.vocabulary,
            "context": self.context,
            "width": self.width,
            "token_initializer": keras.initializers.serialize(self.token_initializer),
            "position_initializer": keras.initializers.serialize(self.position_initializer),
        }
        return {**super().get_config(), **own}
