"""Colour operations against Pillow and colorsys."""

import colorsys

import numpy as np
import pytest
from keras import ops
from PIL import Image, ImageEnhance, ImageOps

from keras_sslzoo import views
from keras_sslzoo.ops import color

FACTORS = np.array([0.0, 0.4, 1.0, 1.3, 2.0], "float32")
PIXELS = np.random.default_rng(0).integers(0, 256, (len(FACTORS), 9, 11, 3)).astype("uint8")
GREY = np.repeat(PIXELS[..., :1], 3, axis=-1)


def run(function, pixels, *args):
    images = ops.convert_to_tensor(pixels.astype("float32") / 255)
    args = (ops.convert_to_tensor(a) if isinstance(a, np.ndarray) else a for a in args)
    return ops.convert_to_numpy(function(images, *args))


@pytest.mark.parametrize("pixels", [PIXELS, GREY])
@pytest.mark.parametrize(
    ("function", "enhance"),
    [
        (color.adjust_brightness, ImageEnhance.Brightness),
        (color.adjust_contrast, ImageEnhance.Contrast),
        (color.adjust_saturation, ImageEnhance.Color),
    ],
)
def test_blends_equal_pillow(function, enhance, pixels):
    got = run(function, pixels, FACTORS)
    for b, factor in enumerate(FACTORS):
        want = np.asarray(enhance(Image.fromarray(pixels[b])).enhance(float(factor)))
        rounding = 1.01 + abs(1.0 - factor)  # Pillow rounds the grey it blends with, and cuts off the result
        np.testing.assert_allclose(got[b] * 255, want, atol=rounding)


def test_grayscale_equals_pillow():
    got = run(color.grayscale, PIXELS)
    for b, pixels in enumerate(PIXELS):
        want = np.asarray(Image.fromarray(pixels).convert("L"))
        np.testing.assert_allclose(got[b] * 255, np.repeat(want[..., None], 3, -1), atol=0.51)


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_posterize_equals_pillow(bits):
    want = np.stack([np.asarray(ImageOps.posterize(Image.fromarray(pixels), bits)) for pixels in PIXELS])
    view = views.Posterize(bits, p=1.0)
    got = run(lambda x: view.apply(x, None), PIXELS)
    np.testing.assert_allclose(got * 255, want, atol=1e-3)


def test_solarize_equals_pillow():
    want = np.stack([np.asarray(ImageOps.solarize(Image.fromarray(pixels), 128)) for pixels in PIXELS])
    np.testing.assert_allclose(run(color.solarize, PIXELS, 0.5) * 255, want, atol=1e-3)
    each = run(color.solarize, PIXELS, np.array([0.5, 2.0, 0.5, 2.0, 2.0], "float32")) * 255
    np.testing.assert_allclose(each, np.where([[[[b]]] for b in (1, 0, 1, 0, 0)], want, PIXELS), atol=1e-3)


def test_hue_equals_colorsys():
    edges = np.array([[0, 0, 0], [255, 255, 255], [9, 9, 9], [255, 0, 0], [0, 255, 0], [0, 0, 255]])
    ties = np.array([[9, 9, 5], [9, 5, 9], [5, 9, 9], [255, 255, 0], [1, 0, 0]])
    pixels = PIXELS.copy()
    pixels[:, 0, :] = np.concatenate([edges, ties])
    factors = np.array([-0.5, -0.2, 0.0, 0.1, 0.5], "float32")
    got = run(color.adjust_hue, pixels, factors)
    for b, factor in enumerate(factors):
        for y, x in np.ndindex(pixels.shape[1:3]):
            h, s, v = colorsys.rgb_to_hsv(*(pixels[b, y, x] / 255.0))
            np.testing.assert_allclose(got[b, y, x], colorsys.hsv_to_rgb((h + factor) % 1.0, s, v), atol=1e-5)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_other_channels(channels):
    pixels = np.random.default_rng(1).integers(0, 256, (2, 4, 4, channels)).astype("uint8")
    factor = np.array([0.3, 1.0], "float32")
    images = pixels.astype("float32") / 255
    for function in (color.adjust_saturation, color.adjust_hue):
        np.testing.assert_array_equal(run(function, pixels, factor), images)
    np.testing.assert_array_equal(run(color.grayscale, pixels), images)
    want = images[0] * 0.3 + images[0].mean() * 0.7
    np.testing.assert_allclose(run(color.adjust_contrast, pixels, factor), [want, images[1]], atol=1e-6)
