"""Dropout and drop path: the masks' statistics, the same masks on every backend, in the gradient and after a resume."""

import random
import zlib

import keras
import numpy as np
import pytest
from keras import ops

from keras_sslzoo import SimCLR, backend, nets
from keras_sslzoo.layers import Dropout, DropPath

LAYERS = [Dropout, DropPath]


def numpy_of(x):
    return ops.convert_to_numpy(x)


def masks(layer, shape, calls=1):
    return np.stack([numpy_of(layer(ops.ones(shape), training=True)) for _ in range(calls)])


def dropout_net(dropout, units=8):
    images = keras.Input((units,))
    return keras.Model(images, keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(dropout(images)))


@pytest.mark.parametrize("cls", LAYERS)
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_mean_is_kept(cls, rate):
    x = masks(cls(rate, seed=3), (500, 16), calls=8)
    np.testing.assert_allclose(np.unique(x), [0, 1 / (1 - rate)], rtol=1e-6)
    draws = x.size if cls is Dropout else x.size / 16
    assert abs(x.mean() - 1) < 5 * np.sqrt(rate / (1 - rate) / draws)


def test_dropout_differs_between_elements_samples_and_calls():
    x = masks(Dropout(0.5, seed=1), (200, 50), calls=2)
    for a, b in ((x[0], x[1]), (x[0, 1:], x[0, :-1]), (x[0, :, 1:], x[0, :, :-1])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / np.sqrt(a.size)


def test_drop_path_drops_whole_samples():
    x = masks(DropPath(0.4, seed=1), (300, 3, 2, 5)).reshape(300, -1)
    assert (x == x[:, :1]).all()
    assert 0.3 < (x[:, 0] == 0).mean() < 0.5


def test_the_same_masks_on_every_backend():
    x = [masks(cls(0.3, seed=11), (64, 5, 3), calls=3) > 0 for cls in LAYERS]
    assert [hex(zlib.crc32(np.packbits(m).tobytes())) for m in x] == GOLDEN


GOLDEN = ["0x54178080", "0x757c503e"]


@pytest.mark.parametrize("cls", LAYERS)
def test_identity_in_inference_and_at_rate_0(cls):
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    for layer, training in ((cls(0.5), False), (cls(0.5), None), (cls(0.0), True)):
        np.testing.assert_array_equal(numpy_of(layer(x, training=training)), x)
        assert int(numpy_of(layer.get_weights()[1])) == 0


@pytest.mark.parametrize("cls", LAYERS)
def test_input_gradients_see_the_mask_of_the_forward_pass(cls):
    layer, again = cls(0.5, seed=5), cls(0.5, seed=5)

    class Holder:
        state = layer.variables

    gradient = backend.input_grad(Holder, lambda x: layer(x, training=True), ops.ones((32, 6)))
    np.testing.assert_array_equal(numpy_of(gradient), masks(again, (32, 6))[0])
    np.testing.assert_array_equal(masks(layer, (32, 6)), masks(again, (32, 6)))  # both have counted one call


@pytest.mark.parametrize("jit_compile", [False, "auto"])
def test_weight_gradients_see_the_mask_of_the_forward_pass_in_fit(jit_compile):
    """sum_i w_i m_i has the gradient m, so two steps of rate 1 from w = 0 give -(m_1 + m_2)."""
    net = dropout_net(Dropout(0.5, seed=9))
    net.compile(keras.optimizers.SGD(1.0), loss=lambda y, prediction: prediction, jit_compile=jit_compile)
    net.fit(np.ones((2, 8)), np.ones((2, 1)), batch_size=1, verbose=0)
    expected = -masks(Dropout(0.5, seed=9), (1, 8), calls=2).sum((0, 1))
    np.testing.assert_allclose(net.get_weights()[-1][:, 0], expected)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
@pytest.mark.parametrize("cls", LAYERS)
def test_output_has_the_compute_dtype(cls, policy):
    layer = cls(0.25, seed=2, dtype=policy)
    y = layer(ops.ones((64, 8)), training=True)
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    assert layer(keras.Input((8,))).dtype == layer.compute_dtype
    kept = numpy_of(ops.cast(y, "float32")) > 0
    np.testing.assert_array_equal(kept, masks(cls(0.25, seed=2), (64, 8))[0] > 0)


def test_masks_pass_and_shapes_stay():
    for cls in LAYERS:
        assert cls(0.5).supports_masking
        assert cls(0.5)(keras.Input((None, None, 3))).shape == (None, None, None, 3)


@pytest.mark.parametrize("cls", LAYERS)
def test_config_and_clone_keep_the_seed(cls):
    layer = cls(0.2)
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert (again.rate, again.seed) == (0.2, layer.seed)
    net = keras.Sequential([keras.Input((4,)), layer])
    masks(layer, (4, 4))
    copy = keras.models.clone_model(net)
    assert [int(w) for w in copy.get_weights()] == [layer.seed, 0]
    assert [int(w) for w in net.get_weights()] == [layer.seed, 1]


def test_keras_global_seed_fixes_the_seeds():
    seeds = []
    for _ in range(2):
        keras.utils.set_random_seed(4)
        seeds.append((Dropout(0.5).seed, DropPath(0.5).seed))
    assert seeds[0] == seeds[1]
    assert seeds[0][0] != seeds[0][1]
    random.seed(4)
    assert Dropout(0.5).seed == seeds[0][0]


@pytest.mark.parametrize("cls", LAYERS)
def test_bad_arguments_are_refused(cls):
    for rate in (-0.1, 1.0, 2, "0.5", None):
        with pytest.raises(ValueError, match="Received: rate="):
            cls(rate)
    for seed in (-1, 1 << 31, 0.5):
        with pytest.raises(ValueError, match="Received: seed="):
            cls(0.5, seed=seed)


def simclr():
    images = keras.Input((12, 12, 1))
    x = nets.ConvNet((12, 12, 1), width=4, features=8)(images)
    x = keras.layers.Add()([x, DropPath(0.3)(keras.layers.Dense(8)(x))])
    model = SimCLR(keras.Model(images, Dropout(0.4)(x)))
    model.compile()
    return model


def assert_equal_runs(first, second, images):
    losses = [m.fit(images, batch_size=16, epochs=2, verbose=0).history["loss"] for m in (first, second)]
    assert losses[0] == losses[1]
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_loaded_run_goes_on_exactly(images, tmp_path):
    model = simclr()
    model.fit(images, batch_size=16, verbose=0)
    dropout = model.encoder.layers[-1]
    assert int(numpy_of(dropout.get_weights()[1])) == 8  # 4 steps, 2 views
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert_equal_runs(model, loaded, images)


def test_weights_loaded_into_another_seed_draw_what_was_saved(tmp_path):
    net, other = dropout_net(Dropout(0.5, seed=1)), dropout_net(Dropout(0.5, seed=2))
    masks(net.layers[1], (4, 8), calls=3)
    net.save_weights(tmp_path / "m.weights.h5")
    other.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(masks(net.layers[1], (4, 8), 2), masks(other.layers[1], (4, 8), 2))


def test_dropout_at_inference_is_one_draw_for_each_place_in_the_batch():
    layer = Dropout(0.5, seed=1, at_inference=True)
    x = np.stack([numpy_of(layer(ops.ones((400, 50)), training=False)) for _ in range(2)])
    np.testing.assert_array_equal(x[0], x[1])
    assert int(numpy_of(layer.get_weights()[1])) == 0
    np.testing.assert_allclose(np.unique(x), [0, 2])
    assert abs(x[0].mean() - 1) < 5 / np.sqrt(x[0].size)
    training = masks(layer, (400, 50))[0]
    for a, b in ((x[0, 1:], x[0, :-1]), (x[0], training)):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / np.sqrt(a.size)
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    np.testing.assert_array_equal(numpy_of(again(ops.ones((400, 50)))), x[0])


def test_dropout_at_inference_is_the_same_in_predict():
    net = keras.Sequential([keras.Input((8,)), Dropout(0.5, seed=1, at_inference=True)])
    x = np.ones((6, 8), "float32")
    expected = numpy_of(net.layers[0](x, training=False))
    for _ in range(2):
        np.testing.assert_array_equal(net.predict(x, verbose=0), expected)
    np.testing.assert_array_equal(net.predict(x, batch_size=2, verbose=0), np.tile(expected[:2], (3, 1)))
