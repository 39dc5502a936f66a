"""Matrices against Pillow's resize and SciPy's correlation."""

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image
from scipy import ndimage

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


def crop_resize(images, boxes, size):
    @compiled
    def function(images, top, left, h, w):
        rows, cols = resize_matrix(top, h, images.shape[1], size[0]), resize_matrix(left, w, images.shape[2], size[1])
        return resample(images, rows, cols)

    return ops.convert_to_numpy(function(tensor(images), *(tensor(side) for side in zip(*boxes, strict=True))))


@pytest.mark.parametrize("size", [(17, 23), (8, 8), (5, 40), (40, 5), (1, 1), (64, 96)])
def test_crop_and_resize_equals_pillow(size):
    images = image(len(BOXES), 17, 23, 3)
    got = crop_resize(images, BOXES, size)
    for b, (top, left, h, w) in enumerate(BOXES):
        for c in range(3):
            box = Image.fromarray(images[b, :, :, c]).crop((left, top, left + w, top + h))
            want = np.asarray(box.resize(size[::-1], Image.Resampling.BILINEAR))
            np.testing.assert_allclose(got[b, :, :, c], want, atol=1e-4)


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
