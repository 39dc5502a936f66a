"""Operations on colours and values, pixel by pixel."""

import itertools
import math

import keras
from keras import ops

from keras_sslzoo.ops import color
from keras_sslzoo.views.base import Coin, between, check_interval, check_probability, choose, whole_number


@keras.saving.register_keras_serializable("keras_sslzoo")
class ColorJitter(Coin):
    """Change brightness, contrast, saturation and hue in random order; torchvision's ranges and semantics.

    One order is drawn per step and shared by the batch (torchvision: per image), since each order is another program;
    `order="sample"` draws one for each sample, at four times the work. Where C != 3 only brightness and contrast have an
    effect.

    Args:
        brightness, contrast, saturation: a strength s for factors in [max(0, 1 - s), 1 + s], or a pair
            (least, most).
        hue: a strength h in [0, 0.5] for shifts in [-h, h] turns, or a pair.
        p: probability that a sample is changed. Those that are not may differ by rounding (1e-6) if hue is jittered.
        order: "batch" or "sample", which shares a random order, or "fixed" for that of the arguments.
    """

    def __init__(self, brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0, p=1.0, order="batch"):
        self.brightness, self.contrast, self.saturation, self.hue = brightness, contrast, saturation, hue
        if order not in ("batch", "sample", "fixed"):
            raise ValueError(f'`order` must be "batch", "sample" or "fixed". Received: order={order!r}.')
        self.p, self.order = check_probability("p", p), order
        factors = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
        intervals = {name: _strength(name, value, 1.0, 0.0, math.inf) for name, value in factors.items()}
        intervals["hue"] = _strength("hue", hue, 0.0, -0.5, 0.5)
        neutral = {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.0}
        self._intervals = {name: pair for name, pair in intervals.items() if pair != (neutral[name], neutral[name])}

    @property
    def parameters(self):
        """Uniforms per sample: each factor's, and the order's (where the batch shares one, that of the first sample)."""
        return len(self._intervals) + (self.order != "fixed") if self._intervals else 0

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
            factors[name] = choose(coin, between(u[:, i], interval), 0.0 if name == "hue" else 1.0)
        steps = [(getattr(color, f"adjust_{name}"), factors[name]) for name in names]
        if self.order == "fixed" or len(steps) < 2:
            for adjust, factor in steps:
                images = adjust(images, factor)
            return images
        orders = ops.convert_to_tensor(list(itertools.permutations(range(len(steps)))), dtype="int32")
        if self.order == "sample":
            table = ops.take(
                orders, ops.cast(whole_number(u[:, -1], math.factorial(len(steps))), "int32"), axis=0
            )  # (B, steps)
            for i, (k, name) in itertools.product(range(len(steps)), enumerate(names)):
                neutral = 0.0 if name == "hue" else 1.0
                images = steps[k][0](images, ops.where(ops.equal(table[:, i], k), steps[k][1], neutral))
            return images
        table = ops.take(orders, ops.cast(whole_number(u[0, -1], math.factorial(len(steps))), "int32"), axis=0)
        branches = [lambda x, step=step: step[0](x, step[1]) for step in steps]
        # A loop around one switch: XLA under TensorFlow takes minutes to compile four switches in a row.
        return ops.fori_loop(0, len(steps), lambda i, x: ops.switch(table[i], branches, x), images)


def _strength(name, value, centre, low, high):
    if not isinstance(value, (int, float)):
        return check_interval(name, value, low, high)
    if not 0.0 <= value <= high:
        raise ValueError(f"`{name}` must be a strength in [0, {high:g}] or a pair. Received: {name}={value}.")
    return max(low, centre - value), centre + value


@keras.saving.register_keras_serializable("keras_sslzoo")
class Grayscale(Coin):
    """Replace the channels by their luma with probability `p`; does nothing where C != 3."""

    def __init__(self, p=0.1):
        self.p = check_probability("p", p)

    def _change(self, images, u, coin):
        return color.grayscale(images) if coin is None else color.adjust_saturation(images, ops.where(coin, 0.0, 1.0))


@keras.saving.register_keras_serializable("keras_sslzoo")
class Solarize(Coin):
    """Invert the values at and above `threshold` with probability `p`."""

    def __init__(self, threshold=0.5, p=0.5):
        if not 0.0 <= threshold <= 1.0:
            raise ValueError(f"`threshold` must be in [0, 1]. Received: threshold={threshold}.")
        self.threshold, self.p = float(threshold), check_probability("p", p)

    def _change(self, images, u, coin):
        return color.solarize(images, choose(coin, self.threshold, 2.0))  # no value reaches 2


@keras.saving.register_keras_serializable("keras_sslzoo")
class Posterize(Coin):
    """Keep the upper `bits` of each value's 8 with probability `p`; Pillow's semantics.

    Args:
        bits: int from 1 to 8.
        p: probability.
    """

    def __init__(self, bits, p=0.5):
        if not isinstance(bits, int) or not 1 <= bits <= 8:
            raise ValueError(f"`bits` must be an int from 1 to 8. Received: bits={bits}.")
        self.bits = bits
        self.p = check_probability("p", p)

    def _change(self, images, u, coin):
        step = 2.0 ** (8 - self.bits)
        posterized = ops.floor(ops.round(images * 255.0) / step) * (step / 255.0)
        return choose(None if coin is None else coin[:, None, None, None], posterized, images)
