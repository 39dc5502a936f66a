import keras
import numpy as np
from keras import ops

from keras_sslzoo.layers import RunningMean


def test_follows_the_batches_once_an_update(tmp_path):
    batches = np.random.default_rng(0).normal(size=(4, 6, 3)).astype("float32")
    layer, mean = RunningMean(3, momentum=0.8, initial=0.5), np.full(3, 0.5)
    for first, second in batches.reshape(2, 2, 6, 3):
        for batch in (first, second):  # two calls before an update: accumulated gradients
            np.testing.assert_allclose(ops.convert_to_numpy(layer(batch, training=True)), mean, rtol=1e-5)
        layer(np.full((6, 3), 1e6, "float32"))  # not in training: not noted
        layer.update()
        mean = 0.8 * mean + 0.2 * (first.mean(0) + second.mean(0)) / 2
    np.testing.assert_allclose(ops.convert_to_numpy(layer.mean.value), mean, rtol=1e-5)
    again = RunningMean.from_config(layer.get_config())
    assert again.initial == 0.5
    assert not keras.ops.any(again.mean.value != 0.5)
