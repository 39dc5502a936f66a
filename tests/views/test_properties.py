"""What holds for every operation, on examples that hypothesis chooses."""

import functools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from keras_sslzoo import views
from keras_sslzoo.ops.random import Key

SIZE = (12, 8)
OPERATIONS = {
    "RandomResizedCrop": lambda p: views.RandomResizedCrop((6, 9), flip=p),
    "bicubic": lambda p: views.RandomResizedCrop((6, 9), flip=p, interpolation="bicubic"),
    "RandomCrop": lambda p: views.RandomCrop((8, 8), padding=2, flip=p),
    "Resize": lambda p: views.Resize((6, 9)),
    "CenterCrop": lambda p: views.CenterCrop((6, 5)),
    "RandomFlip": lambda p: views.RandomFlip(p),
    "vertical": lambda p: views.RandomFlip(p, direction="vertical"),
    "RandomRotate90": lambda p: views.RandomRotate90(p),
    "RandomRotation": lambda p: views.RandomRotation(45, p),
    "RandomAffine": lambda p: views.RandomAffine(30, (0.1, 0.1), (0.8, 1.2), 10, p),
    "ColorJitter": lambda p: views.ColorJitter(0.4, 0.4, 0.4, 0.1, p, order="fixed"),
    "ColorJitter, an order each": lambda p: views.ColorJitter(0.4, 0.4, 0.4, 0.1, p, order="sample"),
    "Grayscale": lambda p: views.Grayscale(p),
    "Solarize": lambda p: views.Solarize(0.5, p),
    "Posterize": lambda p: views.Posterize(3, p),
    "GaussianBlur": lambda p: views.GaussianBlur(3, (0.5, 2.0), p),
    "GaussianNoise": lambda p: views.GaussianNoise((0.05, 0.1), p),
    "RandomErasing": lambda p: views.RandomErasing(p, (0.1, 0.3)),
    "Cutout": lambda p: views.Cutout(4, p),
    "ChannelDrop": lambda p: views.ChannelDrop(p),
    "MaskPixels": lambda p: views.MaskPixels(0.5, p),
    "MaskPatches": lambda p: views.MaskPatches(4, 0.5, p),
}
NOTHING_FOR_GREY = ("Grayscale", "ChannelDrop")
# a crop for those that treat all channels alike, and those that do not
CHANNELS = dict.fromkeys(("RandomResizedCrop", "ColorJitter", "Grayscale", "Solarize", "ChannelDrop"), (1, 3, 5))
few = settings(deadline=None, max_examples=5, derandomize=True)


@functools.cache
def compiled(name, p):
    view = OPERATIONS[name](p)
    if keras.config.backend() != "jax":
        return view.apply
    import jax

    return jax.jit(view.apply)


def apply(name, p, x, u):
    return ops.convert_to_numpy(compiled(name, p)(ops.convert_to_tensor(x), ops.convert_to_tensor(u)))


def draw(seed, draws, channels, batch=3):
    rng = np.random.default_rng(seed)
    x = rng.random((batch, *SIZE, channels), "float32")
    return (np.round(x) if seed % 3 == 0 else x), rng.random((batch, draws), "float32")


@pytest.mark.parametrize(("name", "channels"), [(name, c) for name in OPERATIONS for c in CHANNELS.get(name, (3,))])
@few
@given(seed=st.integers(0, 10**6))
def test_shape_range_and_independence(name, channels, seed):
    view = OPERATIONS[name](0.5)
    x, u = draw(seed, view.draws, channels)
    got = apply(name, 0.5, x, u)
    size = view.size if isinstance(getattr(view, "size", None), tuple) else SIZE
    assert got.shape == (3, *size, channels)
    assert got.dtype == np.float32
    assert got.min() >= -1e-6
    assert got.max() <= 1 + 1e-6
    other, v = draw(seed + 1, view.draws, channels)
    x[1], u[1] = other[1], v[1]
    again = apply(name, 0.5, x, u)
    np.testing.assert_array_equal(again[[0, 2]], got[[0, 2]])


@pytest.mark.parametrize("name", OPERATIONS)
def test_probabilities_0_and_1(name):
    never, always = OPERATIONS[name](0.0), OPERATIONS[name](1.0)
    if not hasattr(never, "p"):
        pytest.skip("always takes place")
    assert never.draws == 0
    for channels in (1, 3):
        x, u = draw(1, always.draws, channels)
        np.testing.assert_array_equal(apply(name, 0.0, x, u[:, :0]), x)
        changed = np.abs(apply(name, 1.0, x, u) - x).max(axis=(1, 2, 3))
        assert np.all(changed > 1e-4) or (channels == 1 and name in NOTHING_FOR_GREY)


@pytest.mark.parametrize("name", OPERATIONS)
def test_config_and_key(name):
    view = OPERATIONS[name](0.5)
    config = keras.saving.serialize_keras_object(view)
    again = keras.saving.deserialize_keras_object(config)
    assert repr(again) == repr(view)
    x, _ = draw(1, 0, 3)
    one, same = (ops.convert_to_numpy(v(x, Key(4, 5))) for v in (view, again))
    np.testing.assert_array_equal(one, same)
