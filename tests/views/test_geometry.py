"""Flips, rotations, affine moves: against NumPy, Pillow and SciPy."""

import math

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image
from scipy import ndimage

from keras_sslzoo import views


def smooth(batch=4, height=24, width=24, channels=3):
    y, x = np.mgrid[:height, :width]
    waves = np.sin(0.31 * x + 0.17 * y)[..., None] * np.cos(0.23 * y[..., None] - np.arange(channels))
    return np.stack([0.5 + 0.5 * np.roll(waves, 3 * b, axis=1) for b in range(batch)]).astype("float32")


def apply(view, x, u):
    function = view.apply
    if keras.config.backend() == "jax":
        import jax

        function = jax.jit(function)
    return ops.convert_to_numpy(function(ops.convert_to_tensor(x), ops.convert_to_tensor(np.asarray(u, "float32"))))


def test_flips():
    x, u = smooth(), [[0.1], [0.6], [0.4], [0.9]]
    for direction, axis in (("horizontal", 2), ("vertical", 1)):
        got = apply(views.RandomFlip(0.5, direction), x, u)
        np.testing.assert_array_equal(got[[0, 2]], np.flip(x, axis)[[0, 2]])
        np.testing.assert_array_equal(got[[1, 3]], x[[1, 3]])


def test_quarter_turns():
    x = smooth()
    got = apply(views.RandomRotate90(1.0), x, [[0.1], [0.4], [0.9], [0.0]])
    for b, k in enumerate((1, 2, 3, 1)):
        np.testing.assert_array_equal(got[b], np.rot90(x[b], k))
    wide = smooth(width=20)
    np.testing.assert_array_equal(apply(views.RandomRotate90(1.0), wide, [[0.1]] * 4), wide[:, ::-1, ::-1])


@pytest.mark.parametrize(("height", "width"), [(24, 24), (20, 31)])
def test_rotation_equals_pillow(height, width):
    x = smooth(height=height, width=width)
    u = np.array([[0.0], [0.3], [0.62], [0.99]])
    got = apply(views.RandomRotation((-40, 120)), x, u)
    y, z = np.mgrid[:height, :width]
    inner = np.hypot(y - (height - 1) / 2, z - (width - 1) / 2) < min(height, width) / 2 - 2
    for b in range(4):
        angle = -40 + 160 * float(u[b, 0])
        for c in range(3):
            picture = Image.fromarray(x[b, :, :, c])
            want = np.asarray(picture.rotate(angle, Image.Resampling.BILINEAR))
            np.testing.assert_allclose(got[b, :, :, c][inner], want[inner], atol=1e-3)
    np.testing.assert_allclose(apply(views.RandomRotation((90, 90)), smooth(), u)[0], np.rot90(smooth()[0]), atol=1e-4)


def inverse_matrix(angle, translate, scale, shear, height, width):
    """torchvision.transforms.functional._get_inverse_affine_matrix, as product of matrices: output pixel -> input pixel."""

    def move(x, y):
        return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])

    rot, sx, sy = (math.radians(v) for v in (angle, *shear))
    rotation = np.array(
        [
            [math.cos(rot - sy) / math.cos(sy), -math.cos(rot - sy) * math.tan(sx) / math.cos(sy) - math.sin(rot), 0],
            [math.sin(rot - sy) / math.cos(sy), -math.sin(rot - sy) * math.tan(sx) / math.cos(sy) + math.cos(rot), 0],
            [0, 0, 1 / scale],
        ]
    )
    rotation = rotation * scale
    forward = move(*translate) @ move(width / 2, height / 2) @ rotation @ move(-width / 2, -height / 2)
    return np.linalg.inv(forward)


def test_affine_equals_scipy():
    height, width = 22, 28
    x = smooth(5, height, width)
    view = views.RandomAffine(
        degrees=(-60, 30), translate=(0.2, 0.3), scale=(0.7, 1.5), shear=(-20, 10, -5, 15), fill=0.25
    )
    u = np.random.default_rng(3).random((5, 6))
    got = apply(view, x, u)
    for b in range(5):

        def draw(i, low, high, row=u[b]):
            return low + (high - low) * row[i]

        translate = round(draw(4, -0.2 * width, 0.2 * width)), round(draw(5, -0.3 * height, 0.3 * height))
        shear = draw(1, -20, 10), draw(2, -5, 15)
        inverse = inverse_matrix(draw(0, -60, 30), translate, draw(3, 0.7, 1.5), shear, height, width)
        rows, cols = np.mgrid[:height, :width] + 0.5
        points = np.einsum("ij,jhw->ihw", inverse, np.stack([cols, rows, np.ones_like(rows)])) - 0.5
        for c in range(3):
            want = ndimage.map_coordinates(
                x[b, :, :, c].astype("float64"), points[1::-1], order=1, mode="grid-constant", cval=0.25
            )
            np.testing.assert_allclose(got[b, :, :, c], want, atol=2e-4)


def test_affine_of_nothing_is_the_identity():
    x = smooth()
    np.testing.assert_allclose(apply(views.RandomAffine(), x, np.random.default_rng(0).random((4, 6))), x, atol=1e-5)
    coin, u = views.RandomAffine(30, (0.1, 0.1), (0.5, 2.0), 10, p=0.5), np.random.default_rng(0).random((4, 7))
    u[:, 0] = [0.1, 0.9, 0.5, 0.2]
    got = apply(coin, x, u)
    np.testing.assert_allclose(got[1:3], x[1:3], atol=1e-5)
    assert np.abs(got[[0, 3]] - x[[0, 3]]).max(axis=(1, 2, 3)).min() > 0.01


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: views.RandomFlip(direction="left"), "direction='left'"),
        (lambda: views.RandomRotation(-3), "degrees=-3"),
        (lambda: views.RandomAffine(scale=(0.0, 1.0)), r"scale=\(0.0, 1.0\)"),
        (lambda: views.RandomAffine(translate=(2, 0)), "translate=2"),
        (lambda: views.RandomAffine(shear=(-95, 0)), r"shear=\(-95, 0\)"),
    ],
)
def test_slips(make, message):
    with pytest.raises(ValueError, match=message):
        make()
