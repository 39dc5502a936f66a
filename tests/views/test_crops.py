"""Crops whose pixels stay as they are, and resizing."""

import numpy as np
import pytest
from keras import ops

from keras_sslzoo import views
from keras_sslzoo.ops.random import Key


def images(batch=5, height=10, width=8, channels=3):
    return np.random.default_rng(0).random((batch, height, width, channels), "float32")


def apply(view, x, u=None):
    u = np.random.default_rng(1).random((len(x), view.draws), "float32") if u is None else np.asarray(u, "float32")
    return ops.convert_to_numpy(view.apply(ops.convert_to_tensor(x), ops.convert_to_tensor(u)))


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("mode", ["constant", "reflect"])
def test_random_crop_takes_boxes_of_the_padded_image(mode, channels):
    x = images(channels=channels)
    u = np.array([[0.0, 0.0, 0.9], [0.999, 0.999, 0.1], [0.5, 0.5, 0.4], [0.1, 0.9, 0.6], [0.3, 0.2, 0.5]])
    got = apply(views.RandomCrop((7, 8), padding=2, fill=0.25, mode=mode, flip=0.5), x, u)
    for b in range(5):
        options = {"constant_values": 0.25} if mode == "constant" else {}
        padded = np.pad(x[b], ((2, 2), (2, 2), (0, 0)), mode, **options)
        top, left = int(u[b, 0] * (14 - 7 + 1)), int(u[b, 1] * (12 - 8 + 1))
        want = padded[top : top + 7, left : left + 8]
        np.testing.assert_array_equal(got[b], want[:, ::-1] if u[b, 2] < 0.5 else want)


def test_random_crop_reaches_every_place():
    x = np.arange(25, dtype="float32").reshape(1, 5, 5, 1) / 25
    view = views.RandomCrop(3)
    corners = {float(apply(view, x, [u])[0, 0, 0, 0]) for u in np.random.default_rng(0).random((300, 2))}
    np.testing.assert_allclose(sorted(corners), sorted(x[0, :3, :3, 0].ravel()))
    assert views.RandomCrop(3, flip=1.0).draws == 2
    np.testing.assert_array_equal(apply(views.RandomCrop(5, flip=1.0), x), x[:, :, ::-1])


@pytest.mark.parametrize("size", [10, (4, 3), (5, 8), 1])
def test_center_crop(size):
    x = images(height=10, width=11)
    h, w = (size, size) if isinstance(size, int) else size
    top, left = (10 - h) // 2, (11 - w) // 2
    np.testing.assert_array_equal(apply(views.CenterCrop(size), x), x[:, top : top + h, left : left + w])


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_resize_is_a_crop_of_everything(interpolation):
    x = np.round(images())  # hard edges: bicubic overshoots, and is clipped
    view = views.Resize((6, 12), interpolation)
    assert view.draws == 0
    got = apply(view, x)
    assert got.shape == (5, 6, 12, 3)
    assert got.min() >= 0
    assert got.max() <= 1
    everything = views.RandomResizedCrop((6, 12), scale=(1, 1), ratio=(0.8, 0.8), interpolation=interpolation)
    np.testing.assert_allclose(apply(everything, x), got, atol=1e-6)
    np.testing.assert_allclose(apply(views.Resize((10, 8), interpolation), x), x, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: views.RandomCrop(0), "size=0"),
        (lambda: views.RandomCrop(4, padding=-1), "padding=-1"),
        (lambda: views.RandomCrop(4, mode="wrap"), "mode='wrap'"),
        (lambda: views.RandomCrop(4, fill=2.0), "fill=2.0"),
        (lambda: views.Resize(4, "nearest"), "interpolation='nearest'"),
        (lambda: views.RandomResizedCrop(4, interpolation="area"), "interpolation='area'"),
        (lambda: apply(views.CenterCrop(9), images()), r"size=\(9, 9\), image size \(10, 8\)"),
        (lambda: apply(views.RandomCrop(13, padding=2), images()), r"image size \(14, 12\), padded by 2"),
    ],
)
def test_slips(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_keys_decide():
    view = views.RandomCrop(6, padding=2, flip=0.5)
    one, same, other = (ops.convert_to_numpy(view(images(40), Key(seed, 0))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
