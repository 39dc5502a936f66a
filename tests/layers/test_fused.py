"""Our batch norm and convolutions against Keras' own layers, which they replace, and batch norm against NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_sslzoo import backend
from keras_sslzoo.layers import BatchNormalization, Conv2D, Conv2DTranspose, Dense

SHAPES = [(16, 5), (4, 7, 5), (4, 6, 3, 5), (2, 3, 2, 2, 5)]


def numpy_of(x):
    return ops.convert_to_numpy(ops.cast(x, "float32"))


class Stand:
    """What `backend` takes for a model: whatever has `state`."""

    def __init__(self, layer):
        self.state = layer.variables


def pair(cls, shape, **options):
    """Our layer and Keras' of the same name, built, with the same weights."""
    rng = np.random.default_rng(0)
    layers = cls(**options), getattr(keras.layers, cls.__name__)(**options)
    for layer in layers:
        layer.build(shape)
    weights = [rng.uniform(0.5, 1.5, w.shape).astype("float32") for w in layers[0].weights]
    for layer in layers:
        layer.set_weights(weights)
    return layers


def weighted_sum(y):
    """A scalar in which each element has a weight of its own."""
    return ops.sum(y * ops.convert_to_tensor(np.random.default_rng(1).normal(size=tuple(y.shape)).astype("float32")))


def run(layer, x, **call):
    """Output, gradients in the input and in the trained weights, and the other weights afterwards."""

    def total(x):
        return weighted_sum(layer(x, **call))

    moved = [numpy_of(w) for w in layer.non_trainable_weights]
    slope = numpy_of(backend.input_grad(Stand(layer), total, ops.convert_to_tensor(x)))
    for w, value in zip(layer.non_trainable_weights, moved, strict=True):
        w.assign(value)
    _, gradients = backend.value_and_grad(
        Stand(layer), lambda: (total(ops.convert_to_tensor(x)), {}), layer.trainable_variables
    )
    after = [numpy_of(w) for w in layer.non_trainable_weights]
    return [numpy_of(layer(x)), slope, *map(numpy_of, gradients), *after]


def assert_equal_runs(ours, keras_layer, x, tolerance=2e-5, **call):
    for a, b in zip(run(ours, x, **call), run(keras_layer, x, **call), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, np.abs(b).max()))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_is_keras_own(shape, training):
    x = np.random.default_rng(2).normal(0.3, 1.5, shape).astype("float32")
    assert_equal_runs(*pair(BatchNormalization, shape, momentum=0.9, epsilon=1e-3), x, training=training)


@pytest.mark.parametrize("options", [{"scale": False}, {"center": False}, {"axis": 1}, {"renorm": True}])
def test_batch_norm_options_of_keras(options):
    x = np.random.default_rng(2).normal(0.3, 1.5, (4, 6, 3, 6)).astype("float32")
    assert_equal_runs(*pair(BatchNormalization, x.shape, **options), x, training=True)


@pytest.mark.parametrize("shape", [*SHAPES, (1, 5)])
def test_moving_variance_is_the_biased_one(shape):
    x = np.random.default_rng(3).normal(2.0, 3.0, shape).astype("float32")
    layer = BatchNormalization(momentum=0.8, epsilon=1e-5)
    layer.build(shape)
    y = numpy_of(layer(x, training=True))
    axes = tuple(range(len(shape) - 1))
    mean, variance = x.mean(axes, dtype="float64"), x.var(axes, dtype="float64")
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(variance + 1e-5), atol=2e-5 if len(x) > 1 else 1e-3)
    np.testing.assert_allclose(numpy_of(layer.moving_mean), 0.2 * mean, rtol=1e-5)
    np.testing.assert_allclose(numpy_of(layer.moving_variance), 0.8 + 0.2 * variance, rtol=1e-5)


def test_batch_norm_trains_compiled_by_xla_too():
    if keras.config.backend() != "tensorflow":
        pytest.skip("XLA by request is TensorFlow's")
    import tensorflow as tf

    x = np.random.default_rng(3).normal(2.0, 3.0, (4, 3, 3, 5)).astype("float32")
    layer = BatchNormalization(momentum=0.8)
    layer.build(x.shape)
    tf.function(lambda x: layer(x, training=True), jit_compile=True)(tf.constant(x))
    np.testing.assert_allclose(numpy_of(layer.moving_variance), 0.8 + 0.2 * x.var((0, 1, 2)), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_batch_norm_in_other_precisions(dtype):
    x = np.random.default_rng(2).normal(0.3, 1.5, (4, 6, 3, 5)).astype("float32")
    ours, keras_layer = pair(BatchNormalization, x.shape, dtype=dtype)
    y, z = ours(x, training=True), keras_layer(x, training=True)
    assert keras.backend.standardize_dtype(y.dtype) == keras.backend.standardize_dtype(z.dtype)
    np.testing.assert_allclose(numpy_of(y), numpy_of(z), atol=2e-2 if dtype == "mixed_bfloat16" else 3e-3)
    for a, b in zip(ours.get_weights(), keras_layer.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parametrize("shape", [(16, 5), (4, 6, 3, 5)])
def test_batch_norm_is_differentiable_twice(shape):
    """The gradient in gamma of the squared slope in the input, as a gradient penalty takes it."""
    x = ops.convert_to_tensor(np.random.default_rng(2).normal(0.3, 1.5, shape).astype("float32"))
    found = []
    for layer in pair(BatchNormalization, shape):
        model = Stand(layer)

        def penalty(layer=layer, model=model):
            slope = backend.input_grad(model, lambda t: weighted_sum(layer(t, training=True) ** 3), x)
            return ops.sum(slope**2), {}

        (loss, _), gradients = backend.value_and_grad(model, penalty, layer.trainable_variables)
        found.append([numpy_of(loss), *map(numpy_of, gradients)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-4 * np.abs(b).max())


def test_frozen_batch_norm_is_inference():
    x = np.random.default_rng(2).normal(0.3, 1.5, (4, 6, 3, 5)).astype("float32")
    layer, _ = pair(BatchNormalization, x.shape)
    before = layer.get_weights()
    layer.trainable = False
    np.testing.assert_array_equal(numpy_of(layer(x, training=True)), numpy_of(layer(x, training=False)))
    for a, b in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("options", [{}, {"activation": "relu"}, {"use_bias": False}], ids=str)
@pytest.mark.parametrize("shape", [(3, 5), (2, 4, 5), (2, 3, 4, 5)])
def test_dense_is_keras_own(shape, options):
    x = np.random.default_rng(2).normal(size=shape).astype("float32")
    assert_equal_runs(*pair(Dense, shape, units=6, **options), x)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "float16"])
def test_dense_in_other_dtypes_is_keras_own(dtype):
    x = np.random.default_rng(2).normal(size=(2, 4, 5)).astype("float32")
    ours, keras_layer = pair(Dense, x.shape, units=6, dtype=dtype)
    y, expected = ours(x), keras_layer(x)
    assert y.dtype == expected.dtype
    np.testing.assert_allclose(*(numpy_of(ops.cast(v, "float32")) for v in (y, expected)), rtol=0.02, atol=0.05)


CONVOLUTIONS = [
    {"kernel_size": 3, "strides": 1, "padding": "same"},
    {"kernel_size": 3, "strides": 2, "padding": "same"},
    {"kernel_size": 4, "strides": 2, "padding": "same"},
    {"kernel_size": (2, 5), "strides": (1, 3), "padding": "same"},
    {"kernel_size": 3, "dilation_rate": 2, "padding": "same"},
    {"kernel_size": 7, "strides": 2, "padding": "valid"},
    {"kernel_size": 1, "strides": 2, "padding": "valid"},
    {"kernel_size": 3, "groups": 2, "padding": "same"},
]


@pytest.mark.parametrize("size", [(9, 12), (8, 11)])
@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
def test_convolution_is_keras_own(options, size):
    x = np.random.default_rng(2).normal(size=(2, *size, 4)).astype("float32")
    ours, keras_layer = pair(Conv2D, x.shape, filters=6, activation="relu", data_format="channels_last", **options)
    assert_equal_runs(ours, keras_layer, x)


TRANSPOSED = [
    {"kernel_size": 4, "strides": 2, "padding": "same"},
    {"kernel_size": 3, "strides": 2, "padding": "same"},
    {"kernel_size": 3, "strides": 1, "padding": "same"},
    {"kernel_size": (4, 3), "strides": (2, 1), "padding": "same"},
    {"kernel_size": 2, "strides": 3, "padding": "same"},
    {"kernel_size": 4, "strides": 2, "padding": "valid"},
    {"kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 1},
]


@pytest.mark.parametrize("options", TRANSPOSED, ids=str)
def test_transposed_convolution_is_keras_own(options):
    x = np.random.default_rng(2).normal(size=(2, 5, 6, 4)).astype("float32")
    ours, keras_layer = pair(
        Conv2DTranspose, x.shape, filters=3, activation="tanh", data_format="channels_last", **options
    )
    assert tuple(ours(x).shape) == tuple(ours.compute_output_shape(x.shape))
    assert_equal_runs(ours, keras_layer, x)


def small_net(layers):
    """A net of the three layers of `layers`."""
    images = keras.Input((8, 8, 2))
    x = layers.Conv2D(4, 3, 2, "same", data_format="channels_last")(images)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2DTranspose(2, 4, 2, "same", data_format="channels_last")(x)
    return keras.Model(images, x)


def test_files_of_weights_fit_those_of_keras_layers(tmp_path):
    from keras_sslzoo import layers as ours

    x = np.random.default_rng(2).normal(size=(3, 8, 8, 2)).astype("float32")
    for source, target in ((ours, keras.layers), (keras.layers, ours)):
        first, second = small_net(source), small_net(target)
        first(x, training=True)
        first.save_weights(tmp_path / "m.weights.h5")
        second.load_weights(tmp_path / "m.weights.h5")
        np.testing.assert_allclose(numpy_of(first(x)), numpy_of(second(x)), rtol=1e-5, atol=1e-5)


def test_models_are_saved_and_cloned_with_our_layers(tmp_path):
    from keras_sslzoo import layers as ours

    net = small_net(ours)
    net.save(tmp_path / "m.keras")
    kinds = [type(layer) for layer in net.layers]
    for again in (keras.saving.load_model(tmp_path / "m.keras"), keras.models.clone_model(net)):
        assert [type(layer) for layer in again.layers] == kinds
