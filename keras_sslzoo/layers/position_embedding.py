"""Position embedding: tells patches where they are, on a grid of any size."""

import keras
from keras import ops

from keras_sslzoo.ops.interpolate import resize_grid
from keras_sslzoo.ops.positions import sincos_positions


def _sincos(shape, dtype=None):
    return ops.convert_to_tensor(sincos_positions(*shape), dtype)


@keras.saving.register_keras_serializable("keras_sslzoo")
class PositionEmbedding(keras.Layer):
    """Adds one vector for each place: `(B, h, w, D) -> (B, h, w, D)`.

    The vectors `(grid_h, grid_w, D)` are resized bicubically to other grids, in float32 under every dtype policy. Codes
    that share weights differ in how:

        official DINO and DINOv2                  antialias=False, offset=0.1
        official DINOv2 with registers            antialias=True
        Hugging Face ViT and DINOv2; MAE          antialias=False
        timm, open_clip                           antialias=True

    Args:
        grid: `(grid_h, grid_w)`, the size that the vectors are learned at.
        kind: "learned" (Dosovitskiy et al. 2021, arXiv:2010.11929, section 3.1), or "sincos": fixed, as in MAE (He et al.
            2022, arXiv:2111.06377, appendix A.1).
        antialias, offset: See `ops.interpolate.bicubic_matrix`.
        initializer: Of learned vectors.
        **kwargs: `name`, `dtype` as in `keras.Layer`.

    Call arguments:
        x: `(B, h, w, D)`.
    """

    def __init__(self, grid, kind="learned", antialias=False, offset=0.0, initializer="zeros", **kwargs):
        if kind not in ("learned", "sincos"):
            raise ValueError(f"`kind` must be 'learned' or 'sincos'. Received: kind={kind!r}. MAE's are 'sincos'.")
        super().__init__(**kwargs)
        self.grid = tuple(grid)
        self.kind = kind
        self.antialias = antialias
        self.offset = offset
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape):
        """Create the vectors."""
        learned = self.kind == "learned"
        self.positions = self.add_weight(
            shape=(*self.grid, input_shape[-1]),
            initializer=self.initializer if learned else _sincos,
            trainable=learned,
            autocast=False,
            name="positions",
        )

    def call(self, x):
        """`(B, h, w, D)` -> `(B, h, w, D)`."""
        positions = resize_grid(self.positions.value, ops.shape(x)[1:3], self.antialias, self.offset)
        return x + ops.cast(positions, x.dtype)

    def compute_output_shape(self, input_shape):
        """The input's."""
        return input_shape

    def get_config(self):
        """The constructor's arguments."""
        own = {
            "grid": self.grid,
            "kind": self.kind,
            "antialias": self.antialias,
            "offset": self.offset,
            "initializer": keras.initializers.serialize(self.initializer),
        }
        return {**super().get_config(), **own}
