"""The common part of methods that paint what is missing in images."""

import numpy as np
from keras import Model, layers, ops

from keras_sslzoo import nets
from keras_sslzoo.engine import feed
from keras_sslzoo.engine.method import Method
from keras_sslzoo.engine.networks import check_built
from keras_sslzoo.ops import random


class InpaintingMethod(Method):
    """A generator from images with a hole to whole images, and the encoder in it. The constructor calls `set_networks`."""

    fill = 0.5  # what stands in the hole

    def set_networks(self, encoder, decoder, image_shape):
        """Take the user's networks, or build the default ones for `image_shape`; a bottleneck joins them."""
        self.encoder = nets.InpaintingEncoder(tuple(image_shape)) if encoder is None else encoder
        check_built(self.encoder, "encoder", "(B, H, W, C) -> (B, h, w, m)")
        self.image_shape = tuple(self.encoder.input_shape[1:])
        self.decoder = nets.InpaintingDecoder(self.image_shape) if decoder is None else decoder
        check_built(self.decoder, "decoder", "(B, h, w, m) -> (B, H, W, C)")
        maps = self.encoder.output_shape
        if maps != self.decoder.input_shape or tuple(self.decoder.output_shape[1:]) != self.image_shape:
            raise ValueError(
                "`decoder` must take the maps that `encoder` returns, and return images such as it takes. Received: encoder "
                f"{self.encoder.input_shape} -> {maps}, decoder {self.decoder.input_shape} -> {self.decoder.output_shape}."
            )
        self.bottleneck = nets.InpaintingBottleneck(maps[1:])
        painted = self.decoder(self.bottleneck(self.encoder.outputs[0]))
        self.generator = Model(self.encoder.inputs[0], painted, name="generator")
        pooled = layers.GlobalAveragePooling2D(data_format="channels_last", name="pool")(self.encoder.outputs[0])
        self.pooled_encoder = Model(self.encoder.inputs[0], pooled, name="pooled_encoder")

    @property
    def pretrained_encoder(self):
        """The encoder's maps, averaged: `(B, H, W, C) -> (B, m)`."""
        return self.pooled_encoder

    def block(self, n=None, margin=0):
        """bool `(n, H, W, 1)`: a block of half the height and width less a margin, anywhere; without n in the centre."""
        height, width, _ = self.image_shape
        room = ops.convert_to_tensor([height - height // 2, width - width // 2], "float32")
        share = 0.5 * room[None] if n is None else random.uniform(self.key, "region", (n, 2)) * (room + 1.0)
        corner = ops.floor(share)[:, :, None, None, None]
        y = ops.arange(height, dtype="float32")[:, None, None] - corner[:, 0]
        x = ops.arange(width, dtype="float32")[None, :, None] - corner[:, 1]
        rows = ops.logical_and(y >= margin, y < height // 2 - margin)
        return ops.logical_and(rows, ops.logical_and(x >= margin, x < width // 2 - margin))

    def paint(self, images, hole, training=False):
        """The generator's image of images with the hole filled: `(B, H, W, C)`."""
        return self.generator(ops.where(hole, self.fill, images), training=training)

    def call(self, images, training=False):
        """The images with the block in the centre painted."""
        hole = self.block()
        return ops.where(hole, ops.cast(self.paint(images, hole, training), images.dtype), images)

    def prepare(self, x, y):
        """The images; labels are ignored."""
        feed.check_shape(x.shape, self.image_shape, "Images")
        return self.to_unit_range(x)

    def check_input(self, x):
        """See `Method.check_input`."""
        feed.check_array(x, self.image_shape, self.value_range, type(self).__name__)

    def reconstruct(self, x, batch_size=256):
        """The images with the block in the centre painted, the same as `predict`: NumPy `(N, H, W, C)` in [0, 1]."""
        return self.predict(x, batch_size=batch_size, verbose=0)

    def inpaint(self, images, mask, batch_size=256):
        """The images painted where the mask, bool `(N, H, W)`, holds: NumPy `(N, H, W, C)` in [0, 1]."""
        images, mask = ops.convert_to_numpy(self.to_unit_range(ops.convert_to_tensor(images))), np.asarray(mask, bool)
        if mask.shape != images.shape[:3]:
            raise ValueError(
                f"`mask` must be bool (N, H, W), True where to paint. Received: mask {mask.shape}, images {images.shape}."
            )
        both = np.concatenate([images, mask[..., None]], axis=-1)
        painted = self.in_batches(lambda t: self.paint(t[..., :-1], t[..., -1:] > 0.5), both, batch_size)
        return np.where(mask[..., None], painted, images)
