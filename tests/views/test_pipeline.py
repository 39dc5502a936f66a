"""Pipelines, several views, presets: keys, compilation, serialization, equality of the backends."""

import functools
import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_sslzoo import views
from keras_sslzoo.ops.random import Key

PRESETS = {
    "simclr": views.simclr((12, 10, 3), color_strength=1.0, blur=0.5),
    "byol": views.byol((30, 20, 3)),
    "grey": views.simclr((9, 9, 1)),
}
GOLDEN = {"simclr": (960.1388, 799.4037), "byol": (5720.5648, 4621.4912)}


def images(batch=6, height=20, width=16, channels=3):
    y, x, b = np.arange(height)[:, None, None], np.arange(width)[:, None], np.arange(batch)[:, None, None, None]
    return (0.5 + 0.5 * np.sin(0.7 * y + 0.3 * x * (b + 1) + np.arange(channels))).astype("float32")


@functools.cache
def compiled(view):
    function = lambda x, seed, step: view(x, Key(seed, step))  # noqa: E731
    if keras.backend.backend() != "jax":
        return function
    import jax  # where running uncompiled means compiling every operation by itself

    return jax.jit(function)


def make(view, x=None, step=0, seed=0):
    return [ops.convert_to_numpy(v) for v in compiled(view)(images() if x is None else x, seed, step)]


def kinds(pipeline):
    return [type(operation).__name__ for operation in pipeline.operations]


@keras.saving.register_keras_serializable("test_views")
class Holder(keras.Model):
    def __init__(self, views):
        super().__init__()
        self.views = views
        self.built = True

    def call(self, x):
        return self.views(x, Key(3, ops.convert_to_tensor(5, "int32")))

    def get_config(self):
        return {"views": keras.saving.serialize_keras_object(self.views)}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["views"]))


def test_key_decides():
    view = PRESETS["simclr"]
    first, second = make(view)
    assert first.shape == second.shape == (6, 12, 10, 3)
    np.testing.assert_array_equal(make(view), [first, second])
    assert np.abs(first - second).max() > 0.1
    for other in (make(view, step=1), make(view, seed=1)):
        assert np.abs(other[0] - first).max() > 0.1


def test_samples_of_a_batch_differ():
    same = np.repeat(images(1), 6, axis=0)
    first = make(PRESETS["simclr"], same)[0]
    assert all(np.abs(first[i] - first[j]).max() > 0.02 for i in range(6) for j in range(i))


def test_a_sample_does_not_depend_on_the_batch_size():
    view = PRESETS["byol"]
    np.testing.assert_allclose(make(view)[0][:2], make(view, images(2))[0], atol=1e-6)


def test_views_may_differ_in_size_and_operations():
    small = views.Pipeline([views.RandomResizedCrop(5), views.RandomFlip()])
    large = views.RandomResizedCrop((9, 7), scale=(0.4, 1.0))
    shapes = [v.shape for v in make(views.MultiView([large, small, small]))]
    assert shapes == [(6, 9, 7, 3), (6, 5, 5, 3), (6, 5, 5, 3)]


def test_pipeline_is_its_operations_in_order():
    crop, solarize = views.RandomResizedCrop(7), views.Solarize(0.5, p=0.5)
    pipeline = views.Pipeline([crop, views.RandomFlip(0.0), solarize])
    x = ops.convert_to_tensor(images())
    u = ops.convert_to_tensor(np.random.default_rng(0).random((6, pipeline.draws), "float32"))
    want = solarize.apply(crop.apply(x, u[:, :22]), u[:, 22:])
    got = pipeline.apply(x, u)
    np.testing.assert_array_equal(ops.convert_to_numpy(got), ops.convert_to_numpy(want))


@pytest.mark.parametrize("name", PRESETS)
def test_range_serialization_and_compilation(name, tmp_path):
    view, x = PRESETS[name], images(channels=1 if name == "grey" else 3)
    want = make(view, x, seed=3, step=5)
    assert all(v.min() >= -1e-6 and v.max() <= 1 + 1e-6 for v in want)

    config = json.loads(json.dumps(keras.saving.serialize_keras_object(view)))
    copy = keras.saving.deserialize_keras_object(config)
    assert repr(copy) == repr(view)
    assert repr(type(view).from_config(view.get_config())) == repr(view)

    Holder(view).save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert repr(loaded.views) == repr(view)
    for got, v in zip(loaded.predict(x, verbose=0), want, strict=True):  # compiled on JAX and TensorFlow
        np.testing.assert_allclose(got, v, atol=1e-5)


def test_unknown_batch_size_and_xla():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("TensorFlow only: elsewhere shapes are static")
    import tensorflow as tf

    view = PRESETS["simclr"]
    signature = [tf.TensorSpec((None, 20, 16, 3)), tf.TensorSpec((), tf.int32)]
    function = tf.function(lambda x, step: view(x, Key(0, step)), input_signature=signature)
    for jit_compile in (False, True):
        function = tf.function(
            lambda x, step: view(x, Key(0, step)), input_signature=signature, jit_compile=jit_compile
        )
        for got, want in zip(function(images(), 4), make(view, step=4), strict=True):
            assert got.shape[1:] == (12, 10, 3)
            np.testing.assert_allclose(got, want, atol=1e-5)


def test_simclr_has_the_papers_values():
    crop, jitter, grey, blur = views.simclr((224, 224, 3)).pipelines[1].operations
    assert (crop.size, crop.scale, crop.ratio, crop.flip) == ((224, 224), (0.08, 1.0), (3 / 4, 4 / 3), 0.5)
    assert (jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue, jitter.p) == (0.8, 0.8, 0.8, 0.2, 0.8)
    assert grey.p == 0.2
    assert (blur.kernel_size, blur.sigma, blur.p) == (23, (0.1, 2.0), 0.5)


def test_simclr_scales_with_the_size():
    assert views.simclr((96, 128, 3)).pipelines[0].operations[-1].kernel_size == 9
    cifar = views.simclr((32, 32, 3)).pipelines[0]
    assert kinds(cifar) == ["RandomResizedCrop", "ColorJitter", "Grayscale"]
    assert cifar.operations[1].brightness == 0.4
    assert kinds(views.simclr((28, 28, 1), blur=0.5).pipelines[0]) == [
        "RandomResizedCrop",
        "ColorJitter",
        "GaussianBlur",
    ]
    assert kinds(views.simclr((16, 16, 1), blur=0.5).pipelines[0]) == ["RandomResizedCrop", "ColorJitter"]
    chosen = views.simclr((64, 64, 3), color_strength=0.0, crop_scale=(0.5, 1.0), flip=0.0, blur=0.1, num_views=3)
    assert len(chosen.pipelines) == 3
    crop, jitter, _, blur = chosen.pipelines[0].operations
    assert (crop.scale, crop.flip, jitter.draws, blur.p) == ((0.5, 1.0), 0.0, 0, 0.1)


def test_byol_has_the_papers_values():
    first, second = views.byol((224, 224, 3)).pipelines
    assert kinds(first) == ["RandomResizedCrop", "ColorJitter", "Grayscale", "GaussianBlur"]
    assert kinds(second) == [*kinds(first), "Solarize"]
    assert (first.operations[3].p, second.operations[3].p, second.operations[4].p) == (1.0, 0.1, 0.2)
    jitter = first.operations[1]
    assert (jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue, jitter.p) == (0.4, 0.4, 0.2, 0.1, 0.8)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_sums(name):
    sums = [v.sum(dtype="float64") for v in make(PRESETS[name], step=1)]
    np.testing.assert_allclose(sums, GOLDEN[name], rtol=1e-5)


@pytest.mark.parametrize("shape", [(28, 28), (None, 32, 3), 32, (32, 32, 0), (1.5, 2, 3)])
@pytest.mark.parametrize("preset", [views.simclr, views.byol])
def test_preset_errors(preset, shape):
    with pytest.raises(ValueError, match=r"`image_shape`.*Received"):
        preset(shape)


@pytest.mark.parametrize("parts", [[], [lambda x: x], "flip", [views.MultiView([views.RandomFlip()])]])
def test_part_errors(parts):
    with pytest.raises(ValueError, match="`pipelines`"):
        views.MultiView(parts)
