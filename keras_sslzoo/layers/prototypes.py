"""Prototypes: cosines between features and learned directions, as logits."""

import keras
from keras import ops

from keras_sslzoo.ops.normalize import l2_normalize


@keras.saving.register_keras_serializable("keras_sslzoo")
class Prototypes(keras.Layer):
    """y_k = g_k cos(x, w_k): `(B, D)` -> `(B, K)`, K directions w_k that are learned with a gain g_k of 1.

    A dense layer without bias between an L2-normalised input and a weight-normalised kernel (Salimans and Kingma 2016,
    arXiv:1602.07868, equation 2): the last layer of DINO's head (Caron et al. 2021, arXiv:2104.14294, section 3.1). Norms
    are computed in float32 under every dtype policy.

    Args:
        units: K.
        train_gain: whether g is learned. DINO's code: not learned, or learned for ViT-S (`--norm_last_layer false`).
        kernel_initializer: of the kernel `(D, K)`; the length of a column only sets how fast it turns.
        **kwargs: `name`, `dtype` as in `keras.Layer`.

    Call arguments:
        x: `(B, D)`.
    """

    def __init__(self, units, train_gain=False, kernel_initializer="glorot_uniform", **kwargs):
        if not isinstance(units, int) or isinstance(units, bool) or units < 1:
            raise ValueError(f"`units` must be an integer >= 1. Received: units={units!r}. DINO uses 65536.")
        super().__init__(**kwargs)
        self.units = units
        self.train_gain = train_gain
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        """Create the kernel, and the gains where they are learned."""
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), initializer=self.kernel_initializer, autocast=False, name="kernel"
        )
        self.gain = None
        if self.train_gain:
            self.gain = self.add_weight(shape=(self.units,), initializer="ones", autocast=False, name="gain")

    def call(self, x):
        """`(B, D)` -> `(B, K)`."""
        kernel = l2_normalize(self.kernel.value, axis=0)
        if self.gain is not None:
            kernel = kernel * self.gain.value
        x = l2_normalize(ops.cast(x, "float32"))
        return ops.matmul(ops.cast(x, self.compute_dtype), ops.cast(kernel, self.compute_dtype))

    def compute_output_shape(self, input_shape):
        """`(B, D)` -> `(B, K)`."""
        return (*input_shape[:-1], self.units)

    def get_config(self):
        """The constructor's arguments."""
        initializer = keras.initializers.serialize(self.kernel_initializer)
        own = {"units": self.units, "train_gain": self.train_gain, "kernel_initializer": initializer}
        return {**super().get_config(), **own}
