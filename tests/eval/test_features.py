import keras
import numpy as np
import pytest
from keras import ops

from keras_sslzoo import eval as ev


def encoder(shape=(4, 4, 1), dim=3):
    return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(dim), keras.layers.ReLU()])


def images(n, shape=(4, 4, 1), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), dtype="uint8")


@pytest.mark.parametrize("n", [3, 8, 21])
def test_features_are_those_of_one_forward_pass(n):
    model, x = encoder(), images(n)
    f = ev.features(model, x, batch_size=8)
    assert f.shape == (n, 3)
    assert f.dtype == np.float32
    np.testing.assert_allclose(f, ops.convert_to_numpy(model(x.astype("float32") / 255, training=False)), atol=1e-5)
    np.testing.assert_array_equal(f, ev.features(model, (x / 255).astype("float32"), batch_size=8))


def test_extraction_is_in_inference_mode():
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dropout(0.9)])
    x = images(9)
    np.testing.assert_allclose(ev.features(model, x, batch_size=4), x.reshape(9, 16) / np.float32(255), atol=1e-7)


def test_batches_have_one_shape():
    shapes = []

    class Spy(keras.Model):
        def call(self, x):
            shapes.append(tuple(x.shape))
            return ops.reshape(x, (-1, 16))

    model = Spy()
    model.compile(run_eagerly=True)
    ev.features(model, images(10), batch_size=4)
    assert {s for s in shapes if None not in s} == {(4, 4, 4, 1)}


def test_none_takes_pixels_and_features():
    x = images(5)
    np.testing.assert_array_equal(ev.features(None, x), x.reshape(5, 16).astype("float32") / 255)
    f = np.ones((5, 7), "float32")
    assert ev.features(None, f) is f or np.shares_memory(ev.features(None, f), f)
    assert ev.features(None, np.ones((5, 7), "int64")).dtype == np.float32


def test_tensors_and_lists():
    x = images(5).astype("float32")
    np.testing.assert_array_equal(ev.features(None, ops.convert_to_tensor(x)), x.reshape(5, 16))
    np.testing.assert_array_equal(ev.features(None, list(x)), x.reshape(5, 16))


def test_pretrained_encoder_of_a_method_is_taken():
    class Method(keras.Model):
        def __init__(self):
            super().__init__()
            self.online, self.pretrained_encoder = encoder(dim=2), encoder(dim=5)

    method, x = Method(), images(6)
    np.testing.assert_array_equal(ev.features(method, x), ev.features(method.pretrained_encoder, x))


def test_maps_are_rejected():
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3)])
    with pytest.raises(ValueError, match=r"2-D features.*\(5, 2, 2, 2\).*GlobalAveragePooling2D"):
        ev.features(model, images(5))


def test_several_outputs_are_rejected():
    inputs = keras.Input((4, 4, 1))
    flat = keras.layers.Flatten()(inputs)
    with pytest.raises(ValueError, match=r"2-D features.*Received: dict"):
        ev.features(keras.Model(inputs, {"a": flat, "b": flat}), images(5))


@pytest.mark.parametrize(("bad", "word"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_features_that_are_not_finite(bad, word):
    x = np.ones((10, 4), "float32")
    x[[3, 7], 1] = bad
    with pytest.raises(ValueError, match=f"features contain {word} in 2 of 10 rows, first at row 3"):
        ev.features(None, x)


@pytest.mark.parametrize("wrong", ["simclr_convnet", keras.layers.Flatten, np.ones((3, 2))])
def test_encoder_that_is_no_model(wrong):
    with pytest.raises(TypeError, match=r"`encoder` must be a Keras model.*Received: .*from_pretrained"):
        ev.features(wrong, images(3))


def test_inputs_that_are_no_array():
    with pytest.raises(ValueError, match="one non-empty array"):
        ev.features(encoder(), np.empty((0, 4, 4, 1)))
    with pytest.raises(ValueError, match="one non-empty array"):
        ev.features(encoder(), iter([1]))
    with pytest.raises(ValueError, match="Received: dtype int32"):
        ev.features(encoder(), images(3).astype("int32"))
