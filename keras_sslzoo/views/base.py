"""What every random image operation is: a pure function of the images and of uniform numbers.

    apply(images (B, H, W, C) in [0, 1], u (B, draws) in [0, 1)) -> (B, h, w, C) in [0, 1]

Every sample has its own parameters, shapes are static, and nothing but `u` is random, so an operation compiles on every
backend and is easy to test. An operation that a coin decides costs the batch the same whatever the coins show: instead
of selecting, it gives the samples that are left out a parameter that changes nothing (factor 1, sigma near 0, ...).
"""

import inspect
import math

import keras
import numpy as np
from keras import ops

from keras_sslzoo.ops import random
from keras_sslzoo.ops.config import deserialize_config, signature_config
from keras_sslzoo.viz.figure import check_images as check_pictures
from keras_sslzoo.viz.grids import views_grid

MOST_PREVIEWED = 64


class View:
    """A random function of images. Subclasses set `draws` and `apply`; every argument is an attribute of its name.

    Call arguments:
        images: (B, H, W, C) floating-point in [0, 1]; only B may be unknown.
        key: `ops.random.Key`. The same key gives the same view on every backend.
    """

    draws = 0  # uniform numbers per sample

    def apply(self, images, u):
        """(B, H, W, C) float32 in [0, 1] and (B, draws) uniforms -> (B, h, w, C)."""
        raise NotImplementedError(f"{type(self).__name__} must define `apply(images, u)`.")

    def __call__(self, images, key):
        """Draw the uniforms that `apply` takes."""
        images = check_images(images)
        return self.apply(images, random.uniform(key, "views", (ops.shape(images)[0], self.draws)))

    def preview(self, images, seed=0):
        """A figure of images and their views, a row each: what to look at before training.

        Args:
            images: a few, (B, H, W, C), uint8 or floats in [0, 1].
            seed: of the views.

        Returns:
            matplotlib figure: a notebook shows it, `figure.savefig("views.png")` keeps it.
        """
        images = check_pictures("images", images)
        if len(images) > MOST_PREVIEWED:
            raise ValueError(
                f"A preview takes at most {MOST_PREVIEWED} images, a row each. Received: {len(images)}. Pass a few, such as "
                "`images[:8]`."
            )
        scaled = images / np.float32(255) if images.dtype == np.uint8 else images
        views = self(scaled, random.Key(seed, 0))
        views = [ops.convert_to_numpy(view) for view in (views if isinstance(views, tuple) else (views,))]
        return views_grid(images, views)

    def get_config(self):
        """The constructor's arguments, serialized."""
        return signature_config(self, object)

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`."""
        return cls(**deserialize_config(config))

    def __repr__(self):
        names = inspect.signature(type(self)).parameters
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"


class Coin(View):
    """An operation that takes place with probability `p`, decided for each sample."""

    parameters = 0  # uniforms per sample besides the coin

    @property
    def draws(self):
        """Uniforms per sample: the coin where there is a choice, and the parameters."""
        return (self.p < 1.0) + self.parameters if self.p > 0.0 else 0

    def apply(self, images, u):
        """Toss the coins and change the images."""
        if self.p == 0.0:
            return images
        return self._change(images, u, None) if self.p == 1.0 else self._change(images, u[:, 1:], u[:, 0] < self.p)

    def _change(self, images, u, coin):
        """`coin` is (B,) bool, or None where all samples take part; `u` is (B, parameters)."""
        raise NotImplementedError(f"{type(self).__name__} must define `_change(images, u, coin)`.")


def check_images(images):
    """Images as float32, or an error where views cannot be made of them."""
    images = ops.convert_to_tensor(images)
    dtype = keras.backend.standardize_dtype(images.dtype)
    if len(images.shape) != 4 or None in images.shape[1:]:
        raise ValueError(
            "Views are made of a batch of images (B, H, W, C) of known height, width and channels. "
            f"Received: shape={tuple(images.shape)}. Add the missing axis, or resize the images to one size."
        )
    if not keras.backend.is_float_dtype(dtype):
        raise ValueError(
            f"Views are made of floating-point images in [0, 1]. Received: dtype={dtype}. "
            'Use `ops.cast(images, "float32") / 255`.'
        )
    return ops.cast(images, "float32")


def check_probability(name, p):
    """`p` as a float in [0, 1]."""
    if not isinstance(p, (int, float)) or not 0.0 <= p <= 1.0:
        raise ValueError(f"`{name}` must be a number in [0, 1]. Received: {name}={p!r}.")
    return float(p)


def check_interval(name, value, low=0.0, high=math.inf):
    """The argument `name` as a pair (least, most) of floats within [low, high]."""
    try:
        a, b = (float(v) for v in value)
    except (TypeError, ValueError):
        a, b = math.nan, math.nan
    if not low <= a <= b <= high:
        raise ValueError(
            f"`{name}` must be a pair (least, most) within [{low:g}, {high:g}], the smaller first. Received: {name}={value}."
        )
    return a, b


def between(u, interval):
    """Uniforms in [0, 1) moved to the interval (least, most)."""
    low, high = interval
    return low + (high - low) * u


def whole_number(u, n):
    """Whole numbers in [0, n), as floats; `n` is an int or a tensor of u's shape."""
    return ops.floor(u * n)


def choose(coin, value, neutral):
    """`value` where the coin shows heads, else `neutral`; `coin=None` is heads for all."""
    return value if coin is None else ops.where(coin, value, neutral)


def first_that_fits(fits):
    """Of attempts (B, n) bool: the first that fits, marked in (B, n) bool, and whether there is one, (B,) bool."""
    n = fits.shape[1]
    rank = ops.where(fits, ops.arange(n, 0, -1, dtype="int32"), 0)
    best = ops.max(rank, axis=1, keepdims=True)
    return ops.logical_and(ops.equal(rank, best), fits), best[:, 0] > 0
