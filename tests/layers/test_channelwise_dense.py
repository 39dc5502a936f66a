import keras
import numpy as np
import pytest
from keras import ops

from keras_sslzoo.layers import ChannelwiseDense


def test_each_channel_has_a_matrix_of_its_own():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
    layer = ChannelwiseDense()
    layer.build(x.shape)
    kernel, bias = (np.random.default_rng(i).normal(size=w.shape) for i, w in enumerate(layer.weights))
    layer.set_weights([kernel, bias])
    expected = np.empty(x.shape)
    for b in range(2):
        for c in range(5):
            expected[b, :, :, c] = (x[b, :, :, c].reshape(-1) @ kernel[c] + bias[:, c]).reshape(3, 4)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-4, atol=1e-5)
    assert layer.count_params() == 5 * 12**2 + 5 * 12


def test_it_is_saved_with_a_model(tmp_path):
    model = keras.Sequential([keras.layers.Input((2, 2, 3)), ChannelwiseDense("ones")])
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    x = np.ones((1, 2, 2, 3), "float32")
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))


def test_maps_of_unknown_size_are_refused():
    with pytest.raises(ValueError, match="known size"):
        ChannelwiseDense().build((None, None, None, 3))
