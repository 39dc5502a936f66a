"""Cropping, resizing, mirroring and blurring, a box or sigma for each sample.

    images (B, H, W, C) --rows (B, h, H)--> (B, h, W, C) --cols (B, w, W)--> (B, h, w, C)

The batch takes two batched matrix products with static shapes, which each backend compiles and runs fast. Where images are
so large that most of a matrix is zeros, `crop_resize` reads the few pixels of each output row instead (`gathers`).

Milliseconds an image on one CPU core, matrices / gathering, on JAX, TensorFlow and torch:
    bilinear   32 ->  32   0.01 / 0.03   0.02 / 0.02   0.02 / 0.05
    bilinear  224 -> 224    1.9 / 1.7     1.8 / 0.7     2.7 / 2.6
    bicubic   224 -> 224    1.9 / 3.2     1.9 / 1.2     2.8 / 5.1
    bilinear  500 -> 224    5.8 / 3.0     5.6 / 2.6     6.1 / 11
"""

import math

import numpy as np
from keras import ops

from keras_sslzoo import backend

OUTSIDE = 1e6  # a pixel coordinate that no filter reaches


def _triangle(x):
    return ops.relu(1.0 - ops.abs(x))


def _cubic(x):
    """Keys' cubic with a = -0.5."""
    x = ops.minimum(ops.abs(x), 2.0)
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return ops.where(x < 1.0, near, far)


FILTERS = {"bilinear": (_triangle, 1.0), "bicubic": (_cubic, 2.0)}  # by name: the function, and where it ends


def _grid(start, length, out_size):
    """Of a box along one axis: output centres (B, out_size) in pixels, the filter's stretch (B, 1), the ends (B, 1)."""
    start, length = start[:, None], length[:, None]
    scale = length / out_size
    centre = start + scale * (ops.arange(out_size, dtype="float32") + 0.5)
    ends = ops.minimum(start, start + length), ops.maximum(start, start + length)
    return centre, ops.maximum(ops.abs(scale), 1.0), ends


def resize_matrix(start, length, in_size, out_size, interpolation="bilinear"):
    """Crop to a box and resize it along one axis, as Pillow's `crop(box).resize(size)` does.

    The filter is widened when shrinking (antialiasing). Pixels outside the box never contribute.

    Args:
        start: (B,) first pixel of the box, a whole number.
        length: (B,) pixels in the box, a whole number. Negative: the box lies before `start` and is read backwards,
            so that `start + length, -length` mirrors `start, length`.
        in_size, out_size: int.
        interpolation: "bilinear" or "bicubic".

    Returns:
        (B, out_size, in_size), rows sum to 1.
    """
    weigh, _ = FILTERS[interpolation]
    centre, stretch, (low, high) = _grid(start, length, out_size)
    pixel = ops.arange(in_size, dtype="float32") + 0.5
    inside = ops.logical_and(pixel > low, pixel < high)
    pixel = ops.where(inside, pixel / stretch, OUTSIDE)  # (B, in_size)
    weights = weigh(pixel[:, None, :] - (centre / stretch)[:, :, None])
    return weights / ops.sum(weights, axis=-1, keepdims=True)


def number_of_taps(in_size, out_size, interpolation):
    """Pixels that an output pixel may read, for boxes up to the whole image."""
    _, end = FILTERS[interpolation]
    return min(in_size, math.ceil(2 * end * max(in_size / out_size, 1.0)))


def gathers(in_size, out_size, interpolation):
    """Whether reading the pixels of each output row is faster than a matrix product; never where no compiler fuses it."""
    return backend.name != "torch" and 64 * number_of_taps(in_size, out_size, interpolation) < in_size


def resize_taps(start, length, in_size, out_size, interpolation="bilinear"):
    """As `resize_matrix`, without its zeros: which pixels each output reads, and their weights.

    Returns:
        (B, out_size, taps) int32 in [0, in_size), and (B, out_size, taps) float32 whose rows sum to 1. The number of taps
        is that of a box as large as the image.
    """
    weigh, end = FILTERS[interpolation]
    taps = number_of_taps(in_size, out_size, interpolation)
    centre, stretch, (low, high) = _grid(start, length, out_size)
    first = ops.clip(ops.floor(centre - end * stretch + 0.5), 0, in_size - taps)
    pixel = first[:, :, None] + ops.arange(taps, dtype="float32")  # (B, out_size, taps)
    middle = pixel + 0.5
    inside = ops.logical_and(middle > low[:, :, None], middle < high[:, :, None])
    weights = ops.where(inside, weigh((middle - centre[:, :, None]) / stretch[:, :, None]), 0.0)
    return ops.cast(pixel, "int32"), weights / ops.sum(weights, axis=-1, keepdims=True)


def gather(images, rows, weights):
    """Weighted sums of rows: (B, H, W, C) and the taps of `resize_taps` -> (B, h, W, C)."""
    _, height, width, channels = images.shape
    _, out_height, taps = rows.shape
    rows = rows + ops.arange(ops.shape(rows)[0], dtype="int32")[:, None, None] * height
    flat = ops.reshape(images, (-1, width * channels))  # whole rows, contiguous in memory

    def tap(t):
        read = ops.take(flat, ops.reshape(rows[:, :, t], (-1,)), axis=0)
        return weights[:, :, t : t + 1] * ops.reshape(read, (-1, out_height, width * channels))

    return ops.reshape(sum(tap(t) for t in range(taps)), (-1, out_height, width, channels))


def crop_resize(images, top, left, h, w, size, interpolation="bilinear"):
    """Crop a box of each image and resize it.

    Args:
        images: (B, H, W, C).
        top, left, h, w: (B,) whole numbers; see `resize_matrix`.
        size: (out_height, out_width).
        interpolation: "bilinear" or "bicubic". Bicubic weights may be negative, so that values overshoot.

    Returns:
        (B, out_height, out_width, C).
    """
    _, height, width, _ = images.shape
    if gathers(height, size[0], interpolation) and gathers(width, size[1], interpolation):
        x = gather(images, *resize_taps(top, h, height, size[0], interpolation))
        x = gather(ops.transpose(x, (0, 2, 1, 3)), *resize_taps(left, w, width, size[1], interpolation))
        return ops.transpose(x, (0, 2, 1, 3))
    rows = resize_matrix(top, h, height, size[0], interpolation)
    return resample(images, rows, resize_matrix(left, w, width, size[1], interpolation))


def blur_matrix(sigma, size, radius):
    """Gaussian blur along one axis with a kernel of `2 * radius + 1` taps and reflected borders, as torchvision's.

    Args:
        sigma: (B,), above 0. Below 0.05 the matrix is the identity.
        size: int, above `radius` (a border reflects once).
        radius: int.

    Returns:
        (B, size, size), rows sum to 1.
    """
    taps = np.arange(radius + 1)
    near, far = np.arange(size)[:, None], np.arange(size)[None, :]
    mirrors = [far] + [
        np.where(m == far, size + radius, m) for m in (-far, 2 * (size - 1) - far)
    ]  # edges: counted once
    basis = sum(
        (np.abs(m - near) == taps[:, None, None]).astype("float32") for m in mirrors
    )  # (radius + 1, size, size)
    kernel = ops.exp(-0.5 * ops.square(ops.arange(radius + 1, dtype="float32") / sigma[:, None]))
    kernel = kernel / (2.0 * ops.sum(kernel, axis=1, keepdims=True) - kernel[:, :1])  # (B, radius + 1)
    basis = ops.convert_to_tensor(basis.reshape(radius + 1, size * size))
    return ops.reshape(ops.matmul(kernel, basis), (-1, size, size))


def resample(images, rows, cols):
    """Apply a row and a column matrix to every channel.

    Args:
        images: (B, H, W, C).
        rows: (B, h, H).
        cols: (B, w, W).

    Returns:
        (B, h, w, C).
    """
    _, height, width, channels = images.shape
    out_height, out_width = rows.shape[1], cols.shape[1]
    x = ops.matmul(rows, ops.reshape(images, (-1, height, width * channels)))
    x = ops.reshape(x, (-1, out_height, width, channels))
    x = ops.reshape(ops.transpose(x, (0, 1, 3, 2)), (-1, out_height * channels, width))
    x = ops.matmul(x, ops.transpose(cols, (0, 2, 1)))
    return ops.transpose(ops.reshape(x, (-1, out_height, channels, out_width)), (0, 1, 3, 2))
