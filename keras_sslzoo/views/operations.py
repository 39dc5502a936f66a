"""Random image operations, each a pure function of the images and of uniform numbers.

    apply(images (B, H, W, C) in [0, 1], u (B, draws) in [0, 1)) -> (B, h, w, C) in [0, 1]

Every sample has its own parameters, shapes are static, and nothing but `u` is random, so an operation compiles on every
backend and is easy to test. An operation that a coin decides costs the batch the same whatever the coins show: instead
of selecting, it gives the samples that are left out a parameter that changes nothing (factor 1, sigma near 0, ...).
"""

import inspect
import itertools
import math

import keras
from keras import ops

from keras_sslzoo.ops import color, random
from keras_sslzoo.ops.config import deserialize_config, signature_config
from keras_sslzoo.ops.resample import blur_matrix, resample, resize_matrix

SHARP = 0.05  # a sigma whose kernel is 1 in the middle and 0 elsewhere, in float32


class View:
    """A random function of images. Subclasses set `draws` and `apply`; every argument is an attribute of its name.

    Call arguments:
        images: (B, H, W, C) floating-point in [0, 1]; only B may be unknown.
        key: `ops.random.Key`. The same key gives the same view on every backend.
    """

    draws = 0  # uniform numbers per sample

    def apply(self, images, u):
        """(B, H, W, C) float32 in [0, 1] and (B, draws) uniforms -> (B, h, w, C)."""
        raise NotImplementedError

    def __call__(self, images, key):
        """Draw the uniforms that `apply` takes."""
        images = _check_images(images)
        return self.apply(images, random.uniform(key, "views", (ops.shape(images)[0], self.draws)))

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


def _check_images(images):
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


def _probability(name, p):
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"`{name}` must be a probability in [0, 1]. Received: {name}={p}.")
    return float(p)


def _interval(name, value, low=0.0, high=math.inf):
    try:
        a, b = (float(v) for v in value)
    except (TypeError, ValueError):
        a, b = math.nan, math.nan
    if not low <= a <= b <= high:
        raise ValueError(
            f"`{name}` must be a pair (least, most) within [{low:g}, {high:g}], the smaller first. Received: {name}={value}."
        )
    return a, b


def _between(u, interval):
    low, high = interval
    return low + (high - low) * u


def _integer(u, n):
    """Whole numbers in [0, n), as floats; `n` is an int or a tensor of u's shape."""
    return ops.floor(u * n)


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
        self.scale = _interval("scale", scale, high=1.0)
        self.ratio = _interval("ratio", ratio)
        if self.scale[0] == 0.0 or self.ratio[0] == 0.0:
            raise ValueError(f"A box needs an area and a ratio above 0. Received: scale={scale}, ratio={ratio}.")
        self.flip = _probability("flip", flip)

    @property
    def draws(self):
        """Uniforms per sample: area and ratio of each attempt, the box's position, the coin of `flip`."""
        return 2 * self.attempts + 2 + (0.0 < self.flip < 1.0)

    def box(self, u, height, width):
        """The crop boxes of a batch, whole numbers: (top, left, h, w), each (B,) float32."""
        n = self.attempts
        log_ratio = tuple(math.log(r) for r in self.ratio)
        side = ops.sqrt(height * width * _between(u[:, :n], self.scale))
        stretch = ops.exp(0.5 * _between(u[:, n : 2 * n], log_ratio))
        w, h = ops.round(side * stretch), ops.round(side / stretch)
        fits = ops.logical_and(ops.logical_and(w >= 1, w <= width), ops.logical_and(h >= 1, h <= height))
        rank = ops.where(fits, ops.arange(n, 0, -1, dtype="int32"), 0)
        best = ops.max(rank, axis=1, keepdims=True)
        first = ops.logical_and(ops.equal(rank, best), fits)
        found = best[:, 0] > 0
        fallback_h, fallback_w = self._fallback(height, width)
        h = ops.where(found, ops.sum(ops.where(first, h, 0.0), axis=1), float(fallback_h))
        w = ops.where(found, ops.sum(ops.where(first, w, 0.0), axis=1), float(fallback_w))
        top = ops.where(found, _integer(u[:, 2 * n], height - h + 1), float((height - fallback_h) // 2))
        left = ops.where(found, _integer(u[:, 2 * n + 1], width - w + 1), float((width - fallback_w) // 2))
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


class _Coin(View):
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
        raise NotImplementedError


def _where(coin, value, neutral):
    return value if coin is None else ops.where(coin, value, neutral)


@keras.saving.register_keras_serializable("keras_sslzoo")
class RandomFlip(_Coin):
    """Mirror horizontally with probability `p`. After a crop, `RandomResizedCrop(flip=p)` does it at no cost."""

    def __init__(self, p=0.5):
        self.p = _probability("p", p)

    def _change(self, images, u, coin):
        return _where(None if coin is None else coin[:, None, None, None], ops.flip(images, axis=2), images)


@keras.saving.register_keras_serializable("keras_sslzoo")
class ColorJitter(_Coin):
    """Change brightness, contrast, saturation and hue in random order; torchvision's ranges and semantics.

    One order is drawn per step and shared by the batch (torchvision: per image), since each order is another program.
    Where C != 3 only brightness and contrast have an effect.

    Args:
        brightness, contrast, saturation: a strength s for factors in [max(0, 1 - s), 1 + s], or a pair
            (least, most).
        hue: a strength h in [0, 0.5] for shifts in [-h, h] turns, or a pair.
        p: probability that a sample is changed. Those that are not may differ by rounding (1e-6) if hue is jittered.
        shuffle: whether the order is random; else it is that of the arguments.
    """

    def __init__(self, brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0, p=1.0, shuffle=True):
        self.brightness, self.contrast, self.saturation, self.hue = brightness, contrast, saturation, hue
        self.p, self.shuffle = _probability("p", p), bool(shuffle)
        factors = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
        intervals = {name: _strength(name, value, 1.0, 0.0, math.inf) for name, value in factors.items()}
        intervals["hue"] = _strength("hue", hue, 0.0, -0.5, 0.5)
        neutral = {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.0}
        self._intervals = {name: pair for name, pair in intervals.items() if pair != (neutral[name], neutral[name])}

    @property
    def parameters(self):
        """Uniforms per sample: the order's (that of the first sample is used) and each factor's."""
        return len(self._intervals) + self.shuffle if self._intervals else 0

    @property
    def draws(self):
        """Uniforms per sample; none where nothing is jittered."""
        return super().draws if self._intervals else 0

    def apply(self, images, u):
        """Toss the coins and change the images."""
        return super().apply(images, u) if self._intervals else images

    def _change(self, images, u, coin):
        names = [name for name in self._intervals if images.shape[-1] == 3 or name in ("brightness", "contrast")]
        factors = {}
        for i, (name, interval) in enumerate(self._intervals.items()):
            factors[name] = _where(coin, _between(u[:, i], interval), 0.0 if name == "hue" else 1.0)
        steps = [(getattr(color, f"adjust_{name}"), factors[name]) for name in names]
        if not self.shuffle or len(steps) < 2:
            for adjust, factor in steps:
                images = adjust(images, factor)
            return images
        orders = list(itertools.permutations(range(len(steps))))
        order = ops.cast(_integer(u[0, -1], len(orders)), "int32")
        table = ops.take(ops.convert_to_tensor(orders, dtype="int32"), order, axis=0)
        branches = [lambda x, step=step: step[0](x, step[1]) for step in steps]
        # A loop around one switch: XLA under TensorFlow takes minutes to compile four switches in a row.
        return ops.fori_loop(0, len(steps), lambda i, x: ops.switch(table[i], branches, x), images)


def _strength(name, value, centre, low, high):
    if not isinstance(value, (int, float)):
        return _interval(name, value, low, high)
    if not 0.0 <= value <= high:
        raise ValueError(f"`{name}` must be a strength in [0, {high:g}] or a pair. Received: {name}={value}.")
    return max(low, centre - value), centre + value


@keras.saving.register_keras_serializable("keras_sslzoo")
class Grayscale(_Coin):
    """Replace the channels by their luma with probability `p`; does nothing where C != 3."""

    def __init__(self, p=0.1):
        self.p = _probability("p", p)

    def _change(self, images, u, coin):
        return color.grayscale(images) if coin is None else color.adjust_saturation(images, ops.where(coin, 0.0, 1.0))


@keras.saving.register_keras_serializable("keras_sslzoo")
class GaussianBlur(_Coin):
    """Blur with probability `p` by a Gaussian of random width, cut to a fixed kernel; torchvision's semantics.

    Args:
        kernel_size: odd int, the pixels that the kernel spans. 1 does nothing.
        sigma: (least, most) standard deviation in pixels.
        p: probability.
    """

    parameters = 1

    def __init__(self, kernel_size, sigma=(0.1, 2.0), p=1.0):
        if not isinstance(kernel_size, int) or kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f"`kernel_size` must be an odd int above 0. Received: kernel_size={kernel_size}.")
        self.kernel_size = kernel_size
        self.sigma = _interval("sigma", sigma)
        self.p = _probability("p", p)

    def _change(self, images, u, coin):
        _, height, width, _ = images.shape
        radius = self.kernel_size // 2
        if radius >= min(height, width):
            raise ValueError(
                "Half of `kernel_size` must be smaller than the image, whose border it reflects. "
                f"Received: kernel_size={self.kernel_size}, image size {(height, width)}. Use a smaller kernel."
            )
        if radius == 0:
            return images
        sigma = _where(coin, ops.maximum(_between(u[:, 0], self.sigma), SHARP), SHARP)
        rows = blur_matrix(sigma, height, radius)
        return resample(images, rows, rows if height == width else blur_matrix(sigma, width, radius))


@keras.saving.register_keras_serializable("keras_sslzoo")
class Solarize(_Coin):
    """Invert the values at and above `threshold` with probability `p`."""

    def __init__(self, threshold=0.5, p=0.5):
        if not 0.0 <= threshold <= 1.0:
            raise ValueError(f"`threshold` must be in [0, 1]. Received: threshold={threshold}.")
        self.threshold, self.p = float(threshold), _probability("p", p)

    def _change(self, images, u, coin):
        return color.solarize(images, _where(coin, self.threshold, 2.0))  # no value reaches 2
