"""Batch norm by the batch's own statistics, against its formula and against Keras' layer in training."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_sslzoo.layers import BatchStatisticsNormalization

X = np.random.default_rng(0).normal(2.0, 3.0, size=(4, 5, 6, 3)).astype("float32")


def built(cls=BatchStatisticsNormalization, **kwargs):
    layer = cls(epsilon=1e-5, momentum=0.9, **kwargs)
    layer.build((None, 5, 6, 3))
    layer.set_weights([np.array([1, 2, 3.0]), np.array([0, 1, -1.0]), np.full(3, 0.5), np.full(3, 2.0)])
    return layer


@pytest.mark.parametrize("batch", [1, 4])
def test_inference_is_the_formula_and_moves_nothing(batch):
    layer, x = built(), X[:batch]
    before = layer.get_weights()
    y = ops.convert_to_numpy(layer(x, training=False))
    mean, var = x.astype("float64").mean((0, 1, 2)), x.astype("float64").var((0, 1, 2))
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(var + 1e-5) * [1, 2, 3] + [0, 1, -1], rtol=1e-4, atol=1e-5)
    for a, b in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_training_is_keras():
    layer, plain = built(), built(keras.layers.BatchNormalization)
    outputs = [ops.convert_to_numpy(one(X, training=True)) for one in (layer, plain)]
    np.testing.assert_allclose(*outputs, rtol=1e-4, atol=1e-5)
    for a, b in zip(layer.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_a_frozen_layer_still_takes_the_batch():
    layer = built()
    layer.trainable = False
    before = layer.get_weights()
    x = ops.convert_to_numpy(layer(X, training=True))
    np.testing.assert_array_equal(x, ops.convert_to_numpy(layer(X, training=False)))
    np.testing.assert_array_equal(before[2], layer.get_weights()[2])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_takes_its_statistics_in_float32(policy):
    layer = built(dtype=policy)
    y = layer(1000 * X, training=False)  # whose squares float16 does not hold
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    expected = ops.convert_to_numpy(built()(1000 * X, training=False))
    np.testing.assert_allclose(ops.convert_to_numpy(ops.cast(y, "float32")), expected, atol=0.1)
