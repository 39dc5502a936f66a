"""Crops: the part of the image that a view shows, and its size."""

import math

import keras
from keras import ops

from keras_sslzoo.ops.resample import FILTERS, crop_resize
from keras_sslzoo.views.base import (
    View,
    between,
    check_interval,
    check_probability,
    choose,
    first_that_fits,
    whole_number,
)


@keras.saving.register_keras_serializable("keras_sslzoo")
class RandomResizedCrop(View):
    """Crop a box of random area and aspect ratio and resize it with antialiasing; torchvision's semantics.

    Ten attempts at a box that fits in the image; if none does, the largest central box of an allowed ratio.

    Args:
        size: int or (h, w), of the view.
        scale: (least, most) share of the image's area.
        ratio: (least, most) width / height of the box.
        flip: probability of a horizontal mirror image. It is part of the same resampling, so it costs nothing.
        interpolation: "bilinear" or "bicubic".
    """

    attempts = 10

    def __init__(self, size, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), flip=0.0, interpolation="bilinear"):
        self.size = _pair(size)
        self.scale = check_interval("scale", scale, high=1.0)
        self.ratio = check_interval("ratio", ratio)
        if self.scale[0] == 0.0 or self.ratio[0] == 0.0:
            raise ValueError(f"A box needs an area and a ratio above 0. Received: scale={scale}, ratio={ratio}.")
        self.flip = check_probability("flip", flip)
        self.interpolation = _check_interpolation(interpolation)

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
        first, found = first_that_fits(fits)
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
        return _clipped(crop_resize(images, top, left, h, w, self.size, self.interpolation), self.interpolation)


@keras.saving.register_keras_serializable("keras_sslzoo")
class Resize(View):
    """Resize the whole image, antialiased, whatever its aspect ratio. Nothing is random.

    Args:
        size: int or (h, w), of the view.
        interpolation: "bilinear" or "bicubic".
    """

    def __init__(self, size, interpolation="bilinear"):
        self.size = _pair(size)
        self.interpolation = _check_interpolation(interpolation)

    def apply(self, images, u):
        """Resize."""
        batch, height, width = ops.shape(images)[0], images.shape[1], images.shape[2]
        zero, h, w = (ops.full((batch,), n, dtype="float32") for n in (0.0, height, width))
        return _clipped(crop_resize(images, zero, zero, h, w, self.size, self.interpolation), self.interpolation)


@keras.saving.register_keras_serializable("keras_sslzoo")
class CenterCrop(View):
    """The middle of the image, its pixels as they are. Nothing is random.

    Args:
        size: int or (h, w), of the view, at most the image's.
    """

    def __init__(self, size):
        self.size = _pair(size)

    def apply(self, images, u):
        """Crop."""
        _, height, width, _ = images.shape
        _check_fits(self.size, height, width)
        top, left = (height - self.size[0]) // 2, (width - self.size[1]) // 2
        return images[:, top : top + self.size[0], left : left + self.size[1]]


@keras.saving.register_keras_serializable("keras_sslzoo")
class RandomCrop(View):
    """Pad the image and crop a box at a random place, its pixels as they are; torchvision's semantics.

    Args:
        size: int or (h, w), of the view.
        padding: pixels added on each side.
        fill: value of the added pixels.
        mode: "constant" for `fill`, or "reflect".
        flip: probability of a horizontal mirror image.
    """

    def __init__(self, size, padding=0, fill=0.0, mode="constant", flip=0.0):
        self.size = _pair(size)
        if not isinstance(padding, int) or padding < 0:
            raise ValueError(f"`padding` must be an int of at least 0. Received: padding={padding}.")
        if mode not in ("constant", "reflect"):
            raise ValueError(f'`mode` must be "constant" or "reflect". Received: mode={mode!r}.')
        self.padding = padding
        self.fill = check_probability("fill", fill)
        self.mode = mode
        self.flip = check_probability("flip", flip)

    @property
    def draws(self):
        """Uniforms per sample: the box's position, and the coin of `flip`."""
        return 2 + (0.0 < self.flip < 1.0)

    def apply(self, images, u):
        """Pad, crop and mirror."""
        if self.padding:
            widths = ((0, 0), (self.padding, self.padding), (self.padding, self.padding), (0, 0))
            fill = {"constant_values": self.fill} if self.mode == "constant" else {}
            images = ops.pad(images, widths, self.mode, **fill)
        _, height, width, channels = images.shape
        _check_fits(self.size, height, width, f", padded by {self.padding}" if self.padding else "")
        h, w = self.size
        top = ops.cast(whole_number(u[:, 0], height - h + 1), "int32")[:, None]
        left = ops.cast(whole_number(u[:, 1], width - w + 1), "int32")[:, None]
        rows, cols = top + ops.arange(h, dtype="int32"), left + ops.arange(w, dtype="int32")
        if self.flip > 0.0:
            mirrored = None if self.flip == 1.0 else u[:, 2:3] < self.flip
            cols = choose(mirrored, ops.flip(cols, axis=1), cols)
        first = ops.arange(ops.shape(images)[0], dtype="int32")[:, None, None] * (height * width)
        pixels = ops.reshape(first + rows[:, :, None] * width + cols[:, None, :], (-1,))
        flat = ops.reshape(images, (-1, channels))
        return ops.reshape(ops.take(flat, pixels, axis=0), (-1, h, w, channels))


def _pair(size):
    pair = (size, size) if isinstance(size, int) else tuple(size)
    if len(pair) != 2 or not all(isinstance(n, int) and n > 0 for n in pair):
        raise ValueError(f"`size` must be a positive int or a pair of them, (h, w). Received: size={size}.")
    return pair


def _check_interpolation(interpolation):
    if interpolation not in FILTERS:
        raise ValueError(f"`interpolation` must be one of {list(FILTERS)}. Received: interpolation={interpolation!r}.")
    return interpolation


def _check_fits(size, height, width, padded=""):
    if size[0] > height or size[1] > width:
        raise ValueError(
            f"A crop must fit in the image. Received: size={size}, image size {(height, width)}{padded}. "
            "Use a smaller crop, larger images, or `RandomResizedCrop`, which enlarges."
        )


def _clipped(images, interpolation):
    return ops.clip(images, 0.0, 1.0) if interpolation == "bicubic" else images
