"""Masks and noise: counts, places, moments."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_sslzoo import views
from keras_sslzoo.ops import random


def images(batch=8, height=16, width=12, channels=3):
    return (0.25 + 0.5 * np.random.default_rng(0).random((batch, height, width, channels))).astype("float32")


def apply(view, x, u=None):
    u = np.random.default_rng(1).random((len(x), view.draws)) if u is None else u
    function = view.apply
    if keras.config.backend() == "jax":
        import jax

        function = jax.jit(function)
    return ops.convert_to_numpy(function(ops.convert_to_tensor(x), ops.convert_to_tensor(np.asarray(u, "float32"))))


def erased_box(u, height, width, scale, ratio):
    """torchvision.transforms.RandomErasing.get_params, with given uniforms."""
    for a, r in zip(u[:10], u[10:20], strict=True):
        area = height * width * (scale[0] + (scale[1] - scale[0]) * a)
        aspect = math.exp(math.log(ratio[0]) + (math.log(ratio[1]) - math.log(ratio[0])) * r)
        h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if h < height and w < width:
            return int(u[20] * (height - h + 1)), int(u[21] * (width - w + 1)), h, w
    return None


@pytest.mark.parametrize(
    ("scale", "ratio"), [((0.02, 0.33), (0.3, 3.3)), ((0.8, 1.0), (0.3, 3.3)), ((1.0, 1.0), (9, 9))]
)
def test_erasing_equals_torchvision(scale, ratio):
    x, view = images(30), views.RandomErasing(1.0, scale, ratio, fill=1.0)
    u = np.random.default_rng(2).random((30, 22), "float32")
    got = apply(view, x, u)
    boxes = [erased_box(row.astype("float64"), 16, 12, scale, ratio) for row in u]
    for b, box in enumerate(boxes):
        want = x[b].copy()
        if box is not None:
            top, left, h, w = box
            want[top : top + h, left : left + w] = 1.0
        np.testing.assert_array_equal(got[b], want)
    assert (None in boxes) == (scale[0] > 0.5)


def test_erasing_by_noise():
    x = images()
    got = apply(views.RandomErasing(1.0, (0.3, 0.5), fill="noise"), x)
    changed = (got != x).all(-1)
    assert 0.2 < changed.mean() < 0.6
    assert 0.4 < got[changed].mean() < 0.6
    assert got[changed].std() > 0.2


def test_cutout_is_cut_off_at_the_border():
    x = images(2)
    got = apply(views.Cutout(5, fill=1.0), x, [[0.0, 0.0], [0.5, 0.99]])
    want = x.copy()
    want[0, :3, :3] = 1.0  # rows -2 to 2
    want[1, 6:11, 9:] = 1.0
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_channel_drop(channels):
    x = images(200, 3, 3, channels)
    got = apply(views.ChannelDrop(1.0), x)
    dropped = (got == 0).all(axis=(1, 2))
    np.testing.assert_array_equal(dropped.sum(axis=1), 0 if channels == 1 else 1)
    assert channels == 1 or dropped.any(axis=0).all()
    np.testing.assert_array_equal(got, np.where(dropped[:, None, None, :], 0, x))


def test_gaussian_noise():
    x = np.full((4, 64, 64, 3), 0.5, "float32")
    got = apply(
        views.GaussianNoise((0.0, 0.1)), x, [[0.0, 0.1, 0.2], [0.5, 0.1, 0.2], [0.999, 0.3, 0.4], [0.999, 0.5, 0.4]]
    )
    np.testing.assert_allclose(got.std(axis=(1, 2, 3)), [0.0, 0.05, 0.0999, 0.0999], rtol=0.03, atol=1e-6)
    np.testing.assert_allclose(got.mean(axis=(1, 2, 3)), 0.5, atol=0.003)
    assert abs(np.corrcoef(got[2].ravel(), got[3].ravel())[0, 1]) < 0.03
    assert apply(views.GaussianNoise((5.0, 5.0)), x).max() == 1.0


def test_masked_pixels():
    x = images(6, 64, 64)
    got = apply(views.MaskPixels(0.3), x)
    masked = (got == 0).all(-1)
    np.testing.assert_array_equal(masked, (got == 0).any(-1))
    share = masked.mean(axis=(1, 2))
    assert np.all(np.abs(share - 0.3) < 4 * math.sqrt(0.3 * 0.7 / 64**2))
    assert abs(np.corrcoef(masked[0].ravel(), masked[1].ravel())[0, 1]) < 0.06


@pytest.mark.parametrize(("share", "count"), [(0.75, 9), (0.0, 0), (1.0, 12), (0.3, 4)])
def test_masked_patches_are_counted(share, count):
    got = apply(views.MaskPatches(4, share, fill=1.0), images(50))
    patches = got.reshape(50, 4, 4, 3, 4, 3).transpose(0, 1, 3, 2, 4, 5).reshape(50, 12, -1)
    masked = (patches == 1).all(-1)
    np.testing.assert_array_equal(masked, (patches == 1).any(-1))
    np.testing.assert_array_equal(masked.sum(axis=1), count)
    if 0 < count < 12:
        assert 0.5 * count / 12 < masked.mean(axis=0).min()  # no place is favoured
        assert len({tuple(row) for row in masked}) > 40


def test_words_are_equal_to_the_bit_on_each_backend():
    u = np.array([[0.0, 0.0], [0.5, 2.0**-24], [1 - 2.0**-24, 0.25]], "float32")
    words = ops.convert_to_numpy(random.words_from(ops.convert_to_tensor(u), 3))

    def lowbias(x, k):  # with the key added after the first round
        x = (x ^ x >> 16) * 0x7FEB352D + k & 0xFFFFFFFF
        x = (x ^ x >> 15) * 0x846CA68B & 0xFFFFFFFF
        return x ^ x >> 16

    keys = [[int(v * 2**24) * 256 for v in row] for row in u]
    want = np.array([[lowbias(i + k0 & 0xFFFFFFFF, k1) for i in range(3)] for k0, k1 in keys], "uint32")
    np.testing.assert_array_equal(words.view("uint32"), want)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: views.RandomErasing(scale=(0.1, 2.0)), r"scale=\(0.1, 2.0\)"),
        (lambda: views.RandomErasing(fill="blue"), "fill"),
        (lambda: views.Cutout(0), "size=0"),
        (lambda: views.MaskPatches(0), "patch_size=0"),
        (lambda: apply(views.MaskPatches(5), images()), r"patch_size=\(5, 5\), image size \(16, 12\)"),
        (lambda: views.MaskPixels(1.5), "share=1.5"),
        (lambda: views.GaussianNoise((0.2, 0.1)), r"sigma=\(0.2, 0.1\)"),
    ],
)
def test_slips(make, message):
    with pytest.raises(ValueError, match=message):
        make()
