"""Bicubic resizing of a grid of vectors, as PyTorch interpolates position embeddings.

    grid (h, w, D) --rows (h', h)--> (h', w, D) --cols (w', w)--> (h', w', D)

Keras' own resizing without antialiasing uses another cubic on torch (a = -0.75) than on JAX and TensorFlow (a = -0.5).
"""

import numpy as np
from keras import ops


def _cubic(xp, x, a):
    """Keys 1981: the cubic convolution kernel with the slope a at 1."""
    x = xp.abs(x)
    near = ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    far = a * (((x - 5.0) * x + 8.0) * x - 4.0)
    return xp.where(x < 1.0, near, xp.where(x < 2.0, far, xp.zeros_like(x)))


def bicubic_matrix(in_size, out_size, antialias=False, offset=0.0):
    """The resizing along one axis as a matrix; pixels are areas (`align_corners=False`).

    Output i lies at s (i + 1/2) on the input's axis, with the scale s = in_size / (out_size + offset).

    Args:
        in_size: int.
        out_size: int, or a scalar integer tensor where the size is known only when run.
        antialias: False: four taps with a = -0.75, those past the border read its pixel. True: a = -0.5, the kernel is
            widened by s where s > 1, and taps past the border are left out.
        offset: added to the output's size in the scale alone. The official code of DINO adds 0.1, so that the size does
            not round down (facebookresearch/dino: vision_transformer.py interpolate_pos_encoding).

    Returns:
        `(out_size, in_size)`, rows sum to 1: a float32 NumPy array, or a tensor where `out_size` is one.
    """
    xp = np if isinstance(out_size, int) else ops
    dtype = "float64" if xp is np else "float32"
    size = out_size if xp is np else ops.cast(out_size, dtype)
    scale = in_size / (size + offset)
    center = scale * (xp.arange(out_size, dtype=dtype) + 0.5)[:, None]
    if antialias:
        stretch = xp.maximum(scale, 1.0)
        weights = _cubic(xp, (xp.arange(in_size, dtype=dtype) + 0.5 - center) / stretch, a=-0.5)
        weights = weights / xp.sum(weights, axis=1, keepdims=True)
    else:
        center = center - 0.5
        first = xp.floor(center)
        pixel = xp.arange(in_size, dtype=dtype)
        taps = [
            (xp.clip(first + k, 0.0, in_size - 1.0), _cubic(xp, center - first - k, a=-0.75)) for k in (-1, 0, 1, 2)
        ]
        weights = sum(xp.where(pixel == at, weight, xp.zeros_like(weight)) for at, weight in taps)
    return weights.astype("float32") if xp is np else weights


def resize_grid(grid, size, antialias=False, offset=0.0):
    """Resize a grid of vectors; the identity where it has that size already, whatever the offset.

    Args:
        grid: `(h, w, D)` float32, of a known shape.
        size: `(h', w')`, ints or scalar integer tensors.
        antialias, offset: see `bicubic_matrix`.

    Returns:
        `(h', w', D)`.
    """
    height, width, channels = grid.shape
    if all(isinstance(n, int) for n in size):
        if tuple(size) == (height, width):
            return grid
    else:
        same = ops.logical_and(ops.equal(size[0], height), ops.equal(size[1], width))
        offset = ops.where(same, 0.0, offset)
    rows, cols = (
        ops.convert_to_tensor(bicubic_matrix(n, m, antialias, offset), "float32")
        for n, m in zip((height, width), size, strict=True)
    )
    x = ops.matmul(rows, ops.reshape(grid, (height, width * channels)))
    return ops.matmul(cols, ops.reshape(x, (size[0], width, channels)))
