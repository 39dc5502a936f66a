"""Colour operations on batches of images in [0, 1], one factor per sample, with torchvision's semantics.

Images are (B, H, W, C) float32, factors (B,). Grey values need red, green and blue: where C != 3, `grayscale`,
`adjust_saturation` and `adjust_hue` return their input, and `adjust_contrast` blends with the mean over all channels.
"""

from keras import ops

LUMA = (0.299, 0.587, 0.114)  # ITU-R 601-2, as Pillow and torchvision


def _per_sample(factor):
    return ops.reshape(factor, (-1, 1, 1, 1))


def _clip(x):
    return ops.minimum(ops.relu(x), 1.0)  # `ops.clip` takes twice as long on torch


def _luma(images):
    red, green, blue = (images[..., c : c + 1] for c in range(3))
    return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue


def _blend(images, other, factor):
    factor = _per_sample(factor)
    return _clip(images * factor + other * (1.0 - factor))


def grayscale(images):
    """The luma in every channel."""
    return ops.broadcast_to(_luma(images), ops.shape(images)) if images.shape[-1] == 3 else images


def adjust_brightness(images, factor):
    """Blend with black: 0 is black, 1 the image."""
    return _clip(images * _per_sample(factor))


def adjust_contrast(images, factor):
    """Blend with the image's mean grey: 0 is uniform grey, 1 the image."""
    mean = ops.mean(images, axis=(1, 2), keepdims=True)
    mean = _luma(mean) if images.shape[-1] == 3 else ops.mean(mean, axis=-1, keepdims=True)
    return _blend(images, mean, factor)


def adjust_saturation(images, factor):
    """Blend with the greyscale image: 0 is grey, 1 the image."""
    return _blend(images, _luma(images), factor) if images.shape[-1] == 3 else images


def adjust_hue(images, factor):
    """Turn the hue by `factor` turns, in [-0.5, 0.5]; saturation and value stay."""
    if images.shape[-1] != 3:
        return images
    red, green, blue = (images[..., c] for c in range(3))  # planes: three channels do not fill a vector register
    value = ops.maximum(ops.maximum(red, green), blue)
    chroma = value - ops.minimum(ops.minimum(red, green), blue)
    sixths = ops.where(
        ops.equal(value, red),
        green - blue,
        ops.where(ops.equal(value, green), blue - red + 2.0 * chroma, red - green + 4.0 * chroma),
    )
    turn = sixths / ops.maximum(6.0 * chroma, 1e-12) + ops.reshape(factor, (-1, 1, 1))

    def channel(pure):
        """A channel falls from `value` with the distance of the hue from its pure colour, at `pure` turns."""
        away = turn - pure
        away = ops.abs(away - ops.round(away))
        return value - chroma * _clip(6.0 * away - 1.0)

    return ops.stack([channel(0.0), channel(1 / 3), channel(2 / 3)], axis=-1)


def solarize(images, threshold):
    """Invert the values at and above the threshold, a number or (B,)."""
    threshold = threshold if isinstance(threshold, (int, float)) else _per_sample(threshold)
    return ops.abs(ops.cast(images >= threshold, "float32") - images)
