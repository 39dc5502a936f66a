"""Operations: torchvision's crop boxes, coins, ranges, errors."""

import itertools
import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_sslzoo import views
from keras_sslzoo.ops import color
from keras_sslzoo.ops.random import Key

OPERATIONS = [
    views.RandomResizedCrop((6, 9), flip=0.5),
    views.RandomFlip(),
    views.ColorJitter(0.4, 0.4, 0.4, 0.1, p=0.8),
    views.Grayscale(0.5),
    views.GaussianBlur(3, p=0.5),
    views.Solarize(p=0.5),
]
COINS = {
    "flip": lambda p: views.RandomFlip(p),
    "jitter": lambda p: views.ColorJitter((0.5, 0.5), 0.4, 0.4, (0.1, 0.1), p=p, order="fixed"),
    "grayscale": lambda p: views.Grayscale(p),
    "blur": lambda p: views.GaussianBlur(5, sigma=(1.0, 2.0), p=p),
    "solarize": lambda p: views.Solarize(0.5, p=p),
}


def images(batch=4, height=12, width=8, channels=3):
    return np.random.default_rng(0).random((batch, height, width, channels), "float32")


def uniforms(*shape):
    return np.random.default_rng(1).random(shape, "float32")


def apply(operation, x, u=None):
    u = uniforms(len(x), operation.draws) if u is None else u
    function = operation.apply
    if keras.backend.backend() == "jax":
        import jax  # where running uncompiled means compiling every operation by itself

        function = jax.jit(function)
    return ops.convert_to_numpy(function(ops.convert_to_tensor(x), ops.convert_to_tensor(u)))


def get_params(u, height, width, scale, ratio):
    """torchvision.transforms.RandomResizedCrop.get_params, with given uniforms."""
    for area_u, ratio_u in zip(u[:10], u[10:20], strict=True):
        target = height * width * (scale[0] + (scale[1] - scale[0]) * area_u)
        low, high = math.log(ratio[0]), math.log(ratio[1])
        aspect = math.exp(low + (high - low) * ratio_u)
        w, h = round(math.sqrt(target * aspect)), round(math.sqrt(target / aspect))
        if 0 < w <= width and 0 < h <= height:
            return int(u[20] * (height - h + 1)), int(u[21] * (width - w + 1)), h, w
    in_ratio = width / height
    if in_ratio < min(ratio):
        w, h = width, round(width / min(ratio))
    elif in_ratio > max(ratio):
        w, h = round(height * max(ratio)), height
    else:
        w, h = width, height
    return (height - h) // 2, (width - w) // 2, h, w


@pytest.mark.parametrize(
    ("height", "width", "scale"),
    [(32, 32, (0.08, 1.0)), (28, 50, (0.2, 1.0)), (60, 20, (0.9, 1.0)), (21, 64, (0.9, 1.0)), (30, 31, (0.999, 1.0))],
)
def test_boxes_equal_torchvision(height, width, scale):
    crop, u = views.RandomResizedCrop(8, scale=scale), uniforms(600, 22)
    got = np.stack([ops.convert_to_numpy(side) for side in crop.box(ops.convert_to_tensor(u), height, width)], axis=1)
    want = np.array([get_params(row.astype("float64"), height, width, scale, crop.ratio) for row in u])
    assert np.mean(np.any(got != want, axis=1)) < 0.004  # float32 may round the other way, once in thousands
    assert np.all(got[:, :2] + got[:, 2:] <= (height, width))


def test_crop_flips_at_no_cost():
    u = uniforms(4, 22)
    plain = apply(views.RandomResizedCrop(6), images(), u)
    always = apply(views.RandomResizedCrop(6, flip=1.0), images(), u)
    coin = np.array([[0.1], [0.9], [0.49], [0.51]], "float32")
    some = apply(views.RandomResizedCrop(6, flip=0.5), images(), np.concatenate([u, coin], axis=1))
    np.testing.assert_allclose(always, plain[:, :, ::-1], atol=1e-5)
    np.testing.assert_allclose(some, np.where(coin[:, :, None, None] < 0.5, always, plain), atol=1e-6)


@pytest.mark.parametrize("name", COINS)
def test_coin(name):
    x, u = images(200), uniforms(200, 8)
    never, always, sometimes = (COINS[name](p) for p in (0.0, 1.0, 0.3))
    assert never.draws == 0
    np.testing.assert_array_equal(apply(never, x), x)
    changed = apply(always, x, u)
    assert np.all(np.abs(changed - x).max(axis=(1, 2, 3)) > 1e-3)
    assert sometimes.draws == always.draws + 1
    heads = u[:, 0] < 0.3
    assert 0.2 < heads.mean() < 0.4
    want = np.where(heads[:, None, None, None], apply(always, x, u[:, 1:]), x)
    np.testing.assert_allclose(apply(sometimes, x, u), want, atol=2e-6)


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: type(operation).__name__)
def test_shape_and_range(operation, channels):
    for x in (images(6, channels=channels), np.round(images(6, channels=channels))):
        got = apply(operation, x)
        size = getattr(operation, "size", x.shape[1:3])
        assert got.shape == (6, *size, channels)
        assert got.dtype == np.float32
        assert got.min() >= -1e-6
        assert got.max() <= 1 + 1e-6


@pytest.mark.parametrize("order", [0, 7, 13, 23])
def test_jitter_applies_the_order_drawn(order):
    jitter, x, u = views.ColorJitter(0.8, 0.8, 0.8, 0.2), images(), uniforms(4, 5)
    u[0, -1] = (order + 0.5) / 24
    ranges = (("brightness", 0.2, 1.8), ("contrast", 0.2, 1.8), ("saturation", 0.2, 1.8), ("hue", -0.2, 0.2))
    want = ops.convert_to_tensor(x)
    for i in list(itertools.permutations(range(4)))[order]:
        name, low, high = ranges[i]
        want = getattr(color, f"adjust_{name}")(want, ops.convert_to_tensor(low + (high - low) * u[:, i]))
    np.testing.assert_allclose(apply(jitter, x, u), ops.convert_to_numpy(want), atol=2e-6)


def test_jitter_without_strength_draws_nothing():
    assert views.ColorJitter().draws == 0
    np.testing.assert_array_equal(apply(views.ColorJitter(p=0.5), images()), images())


def test_blur_width_is_drawn_for_each_sample():
    x, u = np.repeat(images(1), 2, axis=0), np.array([[0.0], [0.9]], "float32")
    sharp, soft = apply(views.GaussianBlur(5), x, u)
    np.testing.assert_allclose(sharp, x[0], atol=1e-6)
    assert soft.std() < 0.8 * sharp.std()


def test_float64_and_float16_images_are_cast():
    for dtype in ("float64", "float16"):
        got = views.RandomFlip(1.0)(images().astype(dtype), Key(0, 0))
        assert keras.backend.standardize_dtype(got.dtype) == "float32"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: views.RandomResizedCrop(0), "`size`"),
        (lambda: views.RandomResizedCrop((8, 8, 3)), "`size`"),
        (lambda: views.RandomResizedCrop(8, scale=(0.0, 1.0)), "above 0"),
        (lambda: views.RandomResizedCrop(8, scale=(0.5, 1.5)), "`scale`"),
        (lambda: views.RandomResizedCrop(8, ratio=(2.0, 1.0)), "`ratio`"),
        (lambda: views.RandomFlip(1.5), "`p`"),
        (lambda: views.ColorJitter(brightness=-1.0), "`brightness`"),
        (lambda: views.ColorJitter(hue=0.6), "`hue`"),
        (lambda: views.GaussianBlur(4), "odd"),
        (lambda: views.GaussianBlur(3, sigma=2.0), "`sigma`"),
        (lambda: views.Solarize(3.0), "`threshold`"),
        (lambda: apply(views.GaussianBlur(17), images()), "smaller kernel"),
        (lambda: views.RandomFlip()(images()[0], Key(0, 0)), "missing axis"),
        (lambda: views.RandomFlip()((images() * 255).astype("uint8"), Key(0, 0)), "255"),
    ],
)
def test_errors_teach(make, message):
    with pytest.raises(ValueError, match=message):
        make()
