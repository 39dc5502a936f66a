import keras
import numpy as np
import pytest
from contract import Contract, tiny_coders
from keras import ops

import keras_sslzoo as zoo
from keras_sslzoo import backend


class TestContract(Contract):
    method = zoo.SemanticHashing
    learning_rate = 1e-2
    overfit_factor = 0.95  # the noise takes much of a short run

    def build(self, **kwargs):
        return super().build(**{**tiny_coders(12), **kwargs})


def build(**kwargs):
    keras.utils.set_random_seed(0)
    return zoo.SemanticHashing(**tiny_coders(12), **kwargs)


def test_bits_are_the_signs_of_the_code_and_decode_to_the_reconstruction(images):
    model = build()
    bits = model.encoder.predict(images, verbose=0) > 0
    assert 0.1 < bits.mean() < 0.9
    np.testing.assert_array_equal(model.encode(images), bits)
    np.testing.assert_allclose(model.decode(bits.astype("float32")), model.reconstruct(images), atol=1e-6)
    packed = model.hash(images)
    assert packed.dtype == np.uint8
    assert packed.shape == (64, 2)
    for row, code in zip(packed, bits, strict=True):
        text = "".join("1" if bit else "0" for bit in code) + "0000"  # 12 bits in two bytes
        assert list(row) == [int(text[:8], 2), int(text[8:], 2)]


def test_noise_is_added_before_the_sigmoid(images):
    """Over many draws, sigmoid(a + sigma eps) has the mean of a numerical integral over the normal density."""
    model = build(sigma=2.0)
    a = np.linspace(-3, 3, 12, dtype="float32")
    code = ops.convert_to_numpy(model.training_code(ops.convert_to_tensor(np.tile(a, (20000, 1)))))
    eps = np.linspace(-8, 8, 4001)
    density = np.exp(-0.5 * eps**2) / np.exp(-0.5 * eps**2).sum()
    expected = [(density / (1 + np.exp(-(t + 2.0 * eps)))).sum() for t in a]
    np.testing.assert_allclose(code.mean(0), expected, atol=0.015)


def test_straight_through_is_a_bit_forwards_and_a_sigmoid_backwards():
    model = build(binarize="straight_through")
    a = ops.convert_to_tensor(np.array([[-2.0, -0.1, 0.1, 3.0]], "float32"))
    np.testing.assert_allclose(ops.convert_to_numpy(model.training_code(a)), [[0.0, 0.0, 1.0, 1.0]], atol=1e-6)
    p = 1 / (1 + np.exp(-ops.convert_to_numpy(a)))
    np.testing.assert_allclose(
        ops.convert_to_numpy(backend.input_grad(model, model.training_code, a)), p * (1 - p), rtol=1e-5
    )


def test_after_training_with_noise_rounding_loses_nothing(images):
    """With noise, codes get certain and the error from bits is no larger than from noisy codes; without, it grows."""
    certain, ratio = [], []
    for sigma in (0.0, 4.0):
        model = build(sigma=sigma)
        model.compile(keras.optimizers.Adam(1e-2))
        history = model.fit(np.concatenate([images] * 20), batch_size=16, epochs=6, verbose=0).history
        logs = model.evaluate(images, verbose=0, return_dict=True)
        certain.append(logs["certainty"])
        ratio.append(logs["loss"] / history["loss"][-1])
    assert certain[1] > max(0.93, certain[0])
    assert ratio[1] < 1.1 < 1.3 < ratio[0]


def test_logs_say_how_a_bit_is_shared(images):
    model = build()
    model.compile()
    logs = model.evaluate(images, batch_size=64, verbose=0, return_dict=True)
    share = model.encode(images).mean(0).astype("float64")
    entropies = [-sum(q * np.log2(q) for q in (p, 1 - p) if q > 0) for p in share]
    assert logs["bit_entropy"] == pytest.approx(np.mean(entropies), rel=1e-4)
    p = 1 / (1 + np.exp(-model.encoder.predict(images, verbose=0)))
    assert logs["certainty"] == pytest.approx(np.abs(2 * p - 1).mean(), rel=1e-4)


@pytest.mark.parametrize("kwargs", [{"binarize": "sign"}, {"sigma": -1.0}])
def test_bad_arguments_are_refused(kwargs):
    with pytest.raises(ValueError, match="Received"):
        build(**kwargs)
