"""What the nets share: checks of arguments, normalisation, batch norm, and grids that double up to an image."""

import math

import numpy as np
from keras import layers

from keras_sslzoo.layers import BatchNormalization


def is_positive_integer(value):
    """True for integers >= 1 (a bool is none)."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 1


def check_positive(**arguments):
    """Raises unless every named argument is an integer >= 1."""
    for name, value in arguments.items():
        if not is_positive_integer(value):
            raise ValueError(f"`{name}` must be an integer >= 1. Received: {name}={value!r}. Pass e.g. {name}=64.")


def check_shape(**arguments):
    """The one named shape as a tuple of Python integers; raises unless it is a tuple of integers >= 1."""
    ((name, shape),) = arguments.items()
    if not isinstance(shape, tuple | list) or not all(is_positive_integer(n) for n in shape):
        raise ValueError(
            f"`{name}` must be a tuple of integers >= 1, without the batch axis. "
            f"Received: {name}={shape!r}. Pass e.g. {name}=(28, 28, 1)."
        )
    return tuple(int(n) for n in shape)


def check_image_shape(smallest=1, any_size=False, **arguments):
    """The one named shape as `(H, W, C)`; raises unless H, W >= `smallest` (or None, where `any_size`) and C >= 1."""
    ((name, shape),) = arguments.items()

    def is_side(n):
        return (any_size and n is None) or (is_positive_integer(n) and n >= smallest)

    good = isinstance(shape, tuple | list) and len(shape) == 3
    if not (good and is_side(shape[0]) and is_side(shape[1]) and is_positive_integer(shape[2])):
        raise ValueError(
            f"`{name}` must be (height, width, channels), without the batch axis, with height and width >= {smallest}"
            f"{' or None' if any_size else ''}. Received: {name}={shape!r}. Pass e.g. {name}=(32, 32, 3)."
        )
    return tuple(n if n is None else int(n) for n in shape)


def check_normalization(normalization, channels):
    """`None`, or (mean, std) as two float arrays of shape () or (1, 1, C)."""
    if normalization is None:
        return None
    try:
        mean, std = (np.asarray(v, "float64") for v in normalization)
    except (TypeError, ValueError):
        mean = std = np.zeros(0)
    if not (mean.shape in ((), (channels,)) and std.shape in ((), (channels,)) and np.all(std > 0)):
        raise ValueError(
            "`normalization` must be (mean, std), each a float or one float per channel, with std > 0. Received: "
            f"normalization={normalization!r} for {channels} channels. Pass e.g. normalization=(0.5, 0.25)."
        )
    # (1, 1, C): Rescaling reshapes a (C,) scale where Keras' global image format is channels_first
    return tuple(v if v.ndim == 0 else v.reshape(1, 1, channels) for v in (mean, std))


def normalize(x, normalization):
    """Applies (x - mean) / std from `check_normalization` as a Rescaling layer; the identity if None."""
    if normalization is None:
        return x
    mean, std = normalization
    scale, offset = (1 / std).tolist(), (-mean / std).tolist()
    return layers.Rescaling(scale, offset, name="normalization")(x)


def batch_norm(name, gamma_initializer="ones", center=True, layer=BatchNormalization):
    """Batch norm over the last axis with torch's constants (Keras' defaults are 1e-3 and 0.99)."""
    return layer(axis=-1, momentum=0.9, epsilon=1e-5, center=center, gamma_initializer=gamma_initializer, name=name)


def doublings(height, width):
    """How often a grid whose shorter side is 4 to 7 doubles to reach the image; at least once."""
    return max(1, math.floor(math.log2(min(height, width) / 4)))


def first_grid(height, width, times):
    """The smallest (h, w) that covers the image after doubling `times` times."""
    return -(-height // 2**times), -(-width // 2**times)


def crop(x, height, width, name="crop"):
    """The central (height, width) of images; the identity where they have that size."""
    extra_h, extra_w = x.shape[1] - height, x.shape[2] - width
    if not extra_h and not extra_w:
        return x
    top, left = extra_h // 2, extra_w // 2
    sides = ((top, extra_h - top), (left, extra_w - left))
    return layers.Cropping2D(sides, data_format="channels_last", name=name)(x)
