"""Matrices against Pillow's resize and SciPy's correlation."""

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image
from scipy import ndimage

from keras_sslzoo.ops import resample as module
from keras_sslzoo.ops.resample import blur_matrix, resample, resize_matrix

BOXES = ((0, 0, 1, 1), (0, 0, 17, 23), (3, 5, 9, 9), (2, 0, 15, 23), (10, 20, 2, 3))  # top, left, h, w of 17 x 23


def tensor(x):
    return ops.convert_to_tensor(np.asarray(x, "float32"))


def image(*shape):
    return np.random.default_rng(0).random(shape, "float32")


def compiled(function):
    if keras.backend.backend() != "jax":
        return function
    import jax  # where running uncompiled means compiling every operation by itself

    return jax.jit(function)


def crop_resize(images, boxes, size, interpolation="bilinear"):
    @compiled
    def function(images, top, left, h, w):
        return module.crop_resize(images, top, left, h, w, size, interpolation)

    return ops.convert_to_numpy(function(tensor(images), *(tensor(side) for side in zip(*boxes, strict=True))))


@pytest.fixture(params=["matrices", "gathering"])
def path(request, monkeypatch):
    monkeypatch.setattr(module, "gathers", lambda *_: request.param == "gathering")


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(17, 23), (8, 8), (5, 40), (40, 5), (1, 1), (64, 96)])
def test_crop_and_resize_equals_pillow(size, interpolation):
    images = image(len(BOXES), 17, 23, 3)
    got = crop_resize(images, BOXES, size, interpolation)
    for b, (top, left, h, w) in enumerate(BOXES):
        for c in range(3):
            box = Image.fromarray(images[b, :, :, c]).crop((left, top, left + w, top + h))
            want = np.asarray(box.resize(size[::-1], Image.Resampling[interpolation.upper()]))
            np.testing.assert_allclose(got[b, :, :, c], want, atol=1e-4)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_bytes_equal_pillow(interpolation):
    """What users have: uint8 images, which Pillow resizes with rounding between the two passes."""
    y, x = np.mgrid[:64, :48]
    waves = 127.5 + 127.5 * np.sin(0.3 * x + 0.011 * x * y)[..., None] * np.cos(0.2 * y[..., None] + np.arange(3))
    picture = np.round(waves).astype("uint8")
    boxes = [(3, 5, 50, 40), (10, 0, 9, 12), (0, 0, 64, 48)]
    got = crop_resize(np.repeat(picture[None] / 255, 3, axis=0), boxes, (24, 32), interpolation)
    for (top, left, h, w), view in zip(boxes, np.clip(got, 0, 1), strict=True):
        box = Image.fromarray(picture).crop((left, top, left + w, top + h))
        want = np.asarray(box.resize((32, 24), Image.Resampling[interpolation.upper()])) / 255
        assert np.abs(view - want).max() <= 3 / 255
        assert np.abs(view - want).mean() <= 1 / 255


def test_large_images_are_gathered_where_it_is_faster():
    fast = keras.config.backend() != "torch"
    assert module.gathers(224, 224, "bilinear") == fast
    assert module.gathers(500, 224, "bilinear") == fast
    assert not module.gathers(224, 224, "bicubic")
    assert not module.gathers(32, 32, "bilinear")
    images, box = image(2, 224, 224, 3), [(10, 20, 150, 130), (0, 0, 224, 224)]
    got = crop_resize(images, box, (224, 224))
    rows = lambda a, n: resize_matrix(tensor(a), tensor(n), 224, 224)  # noqa: E731
    want = compiled(lambda x: resample(x, rows([10, 0], [150, 224]), rows([20, 0], [130, 224])))(tensor(images))
    np.testing.assert_allclose(got, ops.convert_to_numpy(want), atol=5e-5)


@pytest.mark.usefixtures("path")
def test_negative_length_mirrors():
    images = image(len(BOXES), 17, 23, 2)
    mirrored = [(top, left + w, h, -w) for top, left, h, w in BOXES]
    np.testing.assert_allclose(
        crop_resize(images, mirrored, (7, 9)), crop_resize(images, BOXES, (7, 9))[:, :, ::-1], atol=1e-5
    )


def test_whole_image_at_its_size_is_the_identity():
    matrix = ops.convert_to_numpy(compiled(lambda a, n: resize_matrix(a, n, 9, 9))(tensor([0.0]), tensor([9.0])))
    np.testing.assert_allclose(matrix[0], np.eye(9), atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("radius", [1, 4, 8])
def test_blur_equals_scipy(radius, channels):
    images, sigma = image(3, 9, 14, channels), np.array([0.1, 1.0, 6.0])
    function = compiled(lambda x, sigma: resample(x, blur_matrix(sigma, 9, radius), blur_matrix(sigma, 14, radius)))
    got = ops.convert_to_numpy(function(tensor(images), tensor(sigma)))
    for b, s in enumerate(sigma):
        kernel = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * s**2))
        want = images[b]
        for axis in (0, 1):
            want = ndimage.correlate1d(want, kernel / kernel.sum(), axis=axis, mode="mirror")
        np.testing.assert_allclose(got[b], want, atol=1e-5)


def test_small_sigma_is_exactly_the_identity():
    matrix = ops.convert_to_numpy(blur_matrix(tensor([0.05]), 6, 2))
    np.testing.assert_array_equal(matrix[0], np.eye(6))
