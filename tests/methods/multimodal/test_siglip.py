"""SigLIP: algorithm 1 of the paper on its embeddings; the rest is CLIP's."""

import math

import keras
import numpy as np
import pytest
from contract import Contract, tiny_encoder
from keras import ops

import keras_sslzoo as zoo


class TestContract(Contract):
    method = zoo.SigLIP
    learning_rate = 1e-2  # the bias has far to go


def siglip(**kwargs):
    keras.utils.set_random_seed(0)
    text = zoo.nets.TextTransformer(11, 5, 16, depth=1, heads=2)
    model = zoo.SigLIP(tiny_encoder(), text, projection_dim=8, **kwargs)
    model.compile(keras.optimizers.SGD(0.0))
    return model


def test_default_is_the_papers():
    model = siglip()
    assert float(ops.convert_to_numpy(model.log_scale.value)) == pytest.approx(math.log(10))
    assert float(ops.convert_to_numpy(model.logit_bias.value)) == -10
    assert model.max_scale is None
    assert {"log_scale", "logit_bias"} <= {v.name for v in model.trainable_variables}


@pytest.mark.parametrize("chunk_size", [None, 5])
def test_objective_is_algorithm_1(images, chunk_size):
    """Embeddings by `predict`, then the paper's pseudocode in float64."""
    model = siglip(chunk_size=chunk_size)
    data, _ = TestContract().fit_data(images[:8])
    z = model.predict(data, verbose=0)
    logits = z["image"].astype("float64") @ z["text"].astype("float64").T * 10 - 10
    labels = 2 * np.eye(8) - 1
    expected = sum(math.log1p(math.exp(-labels[i, j] * logits[i, j])) for i, j in np.ndindex(8, 8)) / 8
    logs = model.evaluate(data, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(expected, rel=1e-4)
    assert logs["bias"] == -10


def test_scale_has_no_bound_unless_it_is_given(images):
    for bound, expected in ((None, 6.0), (100.0, math.log(100))):
        model = siglip(max_scale=bound)
        model.log_scale.assign(6.0)
        model.fit(*TestContract().fit_data(images[:32]), batch_size=32, verbose=0)
        assert float(ops.convert_to_numpy(model.log_scale.value)) == pytest.approx(expected)
