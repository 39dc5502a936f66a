"""Operations that take parts of the image away, or bury it in noise."""

import math

import keras
from keras import ops

from keras_sslzoo.ops.random import normal_from, uniform_from, words_from
from keras_sslzoo.views.base import (
    Coin,
    between,
    check_interval,
    check_probability,
    choose,
    first_that_fits,
    whole_number,
)


def _put(images, mask, coin, fill):
    """`fill` where the mask (B, H, W, 1) holds and the coin shows heads."""
    if coin is not None:
        mask = ops.logical_and(mask, coin[:, None, None, None])
    return ops.where(mask, fill, images)


def _box(images, top, left, height, width):
    """(B, H, W, 1) bool: inside the boxes, whose sides are (B,)."""
    y = ops.arange(images.shape[1], dtype="float32")[None, :, None, None]
    x = ops.arange(images.shape[2], dtype="float32")[None, None, :, None]
    top, left, height, width = (side[:, None, None, None] for side in (top, left, height, width))
    rows = ops.logical_and(y >= top, y < top + height)
    return ops.logical_and(rows, ops.logical_and(x >= left, x < left + width))


@keras.saving.register_keras_serializable("keras_sslzoo")
class RandomErasing(Coin):
    """Fill a box of random area and aspect ratio with probability `p`; torchvision's semantics.

    Ten attempts at a box that is smaller than the image; if none is, the image stays as it is.

    Args:
        p: probability.
        scale: (least, most) share of the image's area.
        ratio: (least, most) height / width of the box.
        fill: value of the box, or "noise" for uniform noise.

    Source: Zhong et al. 2017, arXiv:1708.04896.
    """

    attempts = 10

    def __init__(self, p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), fill=0.0):
        self.p = check_probability("p", p)
        self.scale = check_interval("scale", scale, high=1.0)
        self.ratio = check_interval("ratio", ratio)
        if self.ratio[0] == 0.0:
            raise ValueError(f"A box needs a ratio above 0. Received: ratio={ratio}.")
        self.fill = fill if fill == "noise" else check_probability("fill", fill)

    @property
    def parameters(self):
        """Uniforms per sample besides the coin: area and ratio of each attempt, the position, the noise."""
        return 2 * self.attempts + 2 + 2 * (self.fill == "noise")

    def _change(self, images, u, coin):
        _, height, width, _ = images.shape
        n = self.attempts
        side = ops.sqrt(height * width * between(u[:, :n], self.scale))
        stretch = ops.exp(0.5 * between(u[:, n : 2 * n], tuple(math.log(r) for r in self.ratio)))
        h, w = ops.round(side * stretch), ops.round(side / stretch)
        first, _ = first_that_fits(ops.logical_and(h < height, w < width))
        h, w = (ops.sum(ops.where(first, sides, 0.0), axis=1) for sides in (h, w))  # 0 where no box fits
        top, left = whole_number(u[:, 2 * n], height - h + 1), whole_number(u[:, 2 * n + 1], width - w + 1)
        fill = uniform_from(u[:, -2:], images.shape) if self.fill == "noise" else self.fill
        return _put(images, _box(images, top, left, h, w), coin, fill)


@keras.saving.register_keras_serializable("keras_sslzoo")
class Cutout(Coin):
    """Fill a square around a random pixel, cut off at the border, with probability `p`.

    Args:
        size: side of the square in pixels.
        p: probability.
        fill: value of the square.

    Source: DeVries and Taylor 2017, arXiv:1708.04552; the square is as in the official code.
    """

    parameters = 2

    def __init__(self, size, p=1.0, fill=0.0):
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"`size` must be a positive int. Received: size={size}.")
        self.size = size
        self.p = check_probability("p", p)
        self.fill = check_probability("fill", fill)

    def _change(self, images, u, coin):
        _, height, width, _ = images.shape
        half = self.size // 2
        top, left = whole_number(u[:, 0], height) - half, whole_number(u[:, 1], width) - half
        side = ops.full_like(top, self.size)
        return _put(images, _box(images, top, left, side, side), coin, self.fill)


@keras.saving.register_keras_serializable("keras_sslzoo")
class ChannelDrop(Coin):
    """Fill one random channel with probability `p`; does nothing where C = 1.

    Args:
        p: probability.
        fill: value of the channel.
    """

    parameters = 1

    def __init__(self, p=0.5, fill=0.0):
        self.p = check_probability("p", p)
        self.fill = check_probability("fill", fill)

    def _change(self, images, u, coin):
        channels = images.shape[-1]
        if channels == 1:
            return images
        dropped = whole_number(u[:, :1, None, None], channels)
        return _put(images, ops.equal(ops.arange(channels, dtype="float32"), dropped), coin, self.fill)


@keras.saving.register_keras_serializable("keras_sslzoo")
class GaussianNoise(Coin):
    """Add normal noise with probability `p`, and clip to [0, 1].

    Args:
        sigma: (least, most) standard deviation, drawn for each sample.
        p: probability.
    """

    parameters = 3

    def __init__(self, sigma=(0.0, 0.1), p=1.0):
        self.sigma = check_interval("sigma", sigma)
        self.p = check_probability("p", p)

    def _change(self, images, u, coin):
        sigma = choose(coin, between(u[:, 0], self.sigma), 0.0)[:, None, None, None]
        return ops.clip(images + sigma * normal_from(u[:, 1:], images.shape), 0.0, 1.0)


@keras.saving.register_keras_serializable("keras_sslzoo")
class MaskPixels(Coin):
    """Fill each pixel, all its channels, independently of the others.

    Args:
        share: probability of a pixel.
        p: probability that a sample is changed.
        fill: value of the pixels.
    """

    parameters = 2

    def __init__(self, share=0.5, p=1.0, fill=0.0):
        self.share = check_probability("share", share)
        self.p = check_probability("p", p)
        self.fill = check_probability("fill", fill)

    def _change(self, images, u, coin):
        _, height, width, _ = images.shape
        return _put(images, uniform_from(u, (None, height, width, 1)) < self.share, coin, self.fill)


@keras.saving.register_keras_serializable("keras_sslzoo")
class MaskPatches(Coin):
    """Fill a fixed share of the patches of each sample, chosen at random, as masked autoencoders do.

    Args:
        patch_size: int or (h, w), which divides the image's size.
        share: of the N patches; round(share * N) are filled.
        p: probability that a sample is changed.
        fill: value of the patches.

    Source: He et al. 2021, arXiv:2111.06377, section 3.
    """

    parameters = 2

    def __init__(self, patch_size, share=0.75, p=1.0, fill=0.0):
        pair = (patch_size, patch_size) if isinstance(patch_size, int) else tuple(patch_size)
        if len(pair) != 2 or not all(isinstance(n, int) and n > 0 for n in pair):
            raise ValueError(
                f"`patch_size` must be a positive int or a pair, (h, w). Received: patch_size={patch_size}."
            )
        self.patch_size = pair
        self.share = check_probability("share", share)
        self.p = check_probability("p", p)
        self.fill = check_probability("fill", fill)

    def _change(self, images, u, coin):
        _, height, width, _ = images.shape
        h, w = self.patch_size
        if height % h or width % w:
            raise ValueError(
                f"`patch_size` must divide the image size. Received: patch_size={self.patch_size}, image size "
                f"{(height, width)}. Use another patch size, or resize the images."
            )
        rows, cols = height // h, width // w
        masked = round(self.share * rows * cols)
        if masked == 0:
            return images
        words = words_from(u, rows * cols)  # all different, so that exactly `masked` of them are below the next one
        mask = words <= ops.sort(words, axis=1)[:, masked - 1 : masked]
        mask = ops.repeat(ops.repeat(ops.reshape(mask, (-1, rows, cols, 1)), h, axis=1), w, axis=2)
        return _put(images, mask, coin, self.fill)
