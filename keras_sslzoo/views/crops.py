"""Crops: the part of the image that a view shows, and its size."""

import math

import keras
from keras import ops

from keras_sslzoo.ops.resample import resample, resize_matrix
from keras_sslzoo.views.base import View, between, check_interval, check_probability, whole_number


@keras.saving.register_keras_serializable("keras_sslzoo")
class RandomResizedCrop(View):
    """Crop a box of random area and aspect ratio and resize it (bilinear, antialiased); torchvision's semantics.

    Ten attempts at a box that fits in the image; if none does, the largest central box of an allowed ratio.

    Args:
        size: int or (h, w), of the view.
        scale: (least, most) share of the image's area.
        ratio: (least, most) width / height of the box.
        flip: probability of a horizontal mirror image. It is part of the same resampling, so it costs nothing.
    """

    attempts = 10

    def __init__(self, size, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), flip=0.0):
        pair = (size, size) if isinstance(size, int) else tuple(size)
        if len(pair) != 2 or not all(isinstance(n, int) and n > 0 for n in pair):
            raise ValueError(f"`size` must be a positive int or a pair of them, (h, w). Received: size={size}.")
        self.size = pair
        self.scale = check_interval("scale", scale, high=1.0)
        self.ratio = check_interval("ratio", ratio)
        if self.scale[0] == 0.0 or self.ratio[0] == 0.0:
            raise ValueError(f"A box needs an area and a ratio above 0. Received: scale={scale}, ratio={ratio}.")
        self.flip = check_probability("flip", flip)

    @property
    def draws(self):
        """Uniforms per sample: area and ratio of each attempt, the box's position, the coin of `flip`."""
        return 2 * self.attempts + 2 + (0.0 < self.flip < 1.0)

    def box(self, u, height, width):
        """The crop boxes of a batch, whole numbers: (top, left, h, w), each (B,) float32."""
        n = self.attempts
        log_ratio = tuple(math.log(r) for r in self.ratio)
        side = ops.sqrt(height * width * between(u[:, :n], self.scale))
        stretch = ops.exp(0.5 * between(u[:, n : 2 * n], log_ratio))
        w, h = ops.round(side * stretch), ops.round(side / stretch)
        fits = ops.logical_and(ops.logical_and(w >= 1, w <= width), ops.logical_and(h >= 1, h <= height))
        rank = ops.where(fits, ops.arange(n, 0, -1, dtype="int32"), 0)
        best = ops.max(rank, axis=1, keepdims=True)
        first = ops.logical_and(ops.equal(rank, best), fits)
        found = best[:, 0] > 0
        fallback_h, fallback_w = self._fallback(height, width)
        h = ops.where(found, ops.sum(ops.where(first, h, 0.0), axis=1), float(fallback_h))
        w = ops.where(found, ops.sum(ops.where(first, w, 0.0), axis=1), float(fallback_w))
        top = ops.where(found, whole_number(u[:, 2 * n], height - h + 1), float((height - fallback_h) // 2))
        left = ops.where(found, whole_number(u[:, 2 * n + 1], width - w + 1), float((width - fallback_w) // 2))
        return top, left, h, w

    def _fallback(self, height, width):
        if width / height < self.ratio[0]:
            return round(width / self.ratio[0]), width
        if width / height > self.ratio[1]:
            return height, round(height * self.ratio[1])
        return height, width

    def apply(self, images, u):
        """Crop, resize and mirror."""
        _, height, width, _ = images.shape
        top, left, h, w = self.box(u, height, width)
        if self.flip == 1.0:
            left, w = left + w, -w
        elif self.flip > 0.0:
            mirrored = u[:, 2 * self.attempts + 2] < self.flip
            left, w = ops.where(mirrored, left + w, left), ops.where(mirrored, -w, w)
        return resample(
            images, resize_matrix(top, h, height, self.size[0]), resize_matrix(left, w, width, self.size[1])
        )
