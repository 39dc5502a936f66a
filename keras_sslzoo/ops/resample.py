"""Cropping, resizing, mirroring and blurring as two matrices per sample: one for the rows, one for the columns.

    images (B, H, W, C) --rows (B, h, H)--> (B, h, W, C) --cols (B, w, W)--> (B, h, w, C)

Every sample has its own crop box or sigma, yet the batch takes two batched matrix products with static shapes, which
each backend compiles and runs fast. Gathering pixels does neither.
"""

import numpy as np
from keras import ops

OUTSIDE = 1e6  # a pixel coordinate that no filter reaches


def resize_matrix(start, length, in_size, out_size):
    """Crop to a box and resize it along one axis, as Pillow's `crop(box).resize(size, BILINEAR)` does.

    The filter is a triangle, widened when shrinking (antialiasing). Pixels outside the box never contribute.

    Args:
        start: (B,) first pixel of the box, a whole number.
        length: (B,) pixels in the box, a whole number. Negative: the box lies before `start` and is read backwards,
            so that `start + length, -length` mirrors `start, length`.
        in_size, out_size: int.

    Returns:
        (B, out_size, in_size), rows sum to 1.
    """
    start, length = start[:, None], length[:, None]
    pixel = ops.arange(in_size, dtype="float32") + 0.5
    inside = ops.logical_and(pixel > ops.minimum(start, start + length), pixel < ops.maximum(start, start + length))
    scale = length / out_size
    support = ops.maximum(ops.abs(scale), 1.0)
    centre = (start + scale * (ops.arange(out_size, dtype="float32") + 0.5)) / support  # (B, out_size)
    pixel = ops.where(inside, pixel / support, OUTSIDE)  # (B, in_size)
    weights = ops.relu(1.0 - ops.abs(pixel[:, None, :] - centre[:, :, None]))
    return weights / ops.sum(weights, axis=-1, keepdims=True)


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
