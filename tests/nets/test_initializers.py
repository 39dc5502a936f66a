"""Initial weights: their law, their seeds, and the same bits on every backend."""

import math
import zlib

import keras
import numpy as np
import pytest

from keras_sslzoo import nets
from keras_sslzoo.nets.initializers import GlorotUniform, HeNormal, Normal

KERNEL = (3, 3, 40, 90)  # fan_in 360, fan_out 810


def draw(initializer, shape=KERNEL):
    return keras.ops.convert_to_numpy(initializer(shape))


def checksum(net):
    """CRC-32 of all weights, in order, as little-endian float32."""
    crc = 0
    for w in net.get_weights():
        crc = zlib.crc32(np.ascontiguousarray(w, "<f4").tobytes(), crc)
    return crc


# Written once; the point is that the three backends must agree on them.
GOLDEN = {
    "mlp": (lambda: nets.MLP((5, 4), (8, 3), batch_norm=True), 0x2C6896EC),
    "convnet": (lambda: nets.ConvNet((28, 28, 1)), 0x6FCFFF63),
    "conv_decoder": (lambda: nets.ConvDecoder(32), 0x3EA95750),
    "resnet18": (lambda: nets.ResNet18(), 0xD7C80905),
    "resnet50": (lambda: nets.ResNet50((32, 32, 3), "small", width=8), 0xD86C495C),
    "dcgan_generator": (lambda: nets.DCGANGenerator(), 0x4FCFCD9A),
    "dcgan_discriminator": (lambda: nets.DCGANDiscriminator(), 0xAB4416A8),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_same_bits_on_every_backend(name):
    build, expected = GOLDEN[name]
    keras.utils.set_random_seed(0)
    assert hex(checksum(build())) == hex(expected)


@pytest.mark.parametrize(
    ("initializer", "stddev"),
    [
        (Normal(0.02, seed=1), 0.02),
        (HeNormal(seed=1), math.sqrt(2 / 360)),
        (HeNormal("fan_out", seed=1), math.sqrt(2 / 810)),
        (GlorotUniform(seed=1), math.sqrt(2 / (360 + 810))),
    ],
    ids=["normal", "he_fan_in", "he_fan_out", "glorot"],
)
def test_law(initializer, stddev):
    w = draw(initializer).astype("float64")
    n = w.size
    assert abs(w.mean()) < 4 * stddev / math.sqrt(n)
    kurtosis = np.mean(w**4) / np.mean(w**2) ** 2
    if isinstance(initializer, GlorotUniform):
        assert np.abs(w).max() <= math.sqrt(6 / (360 + 810)) * (1 + 1e-6)
        assert kurtosis == pytest.approx(1.8, abs=0.05)
        assert w.std() == pytest.approx(stddev, rel=4 * math.sqrt(0.8 / (4 * n)))
    else:
        assert np.abs(w).max() > 3.5 * stddev  # Keras' truncated normal ends at 2.3
        assert kurtosis == pytest.approx(3.0, abs=0.1)
        assert w.std() == pytest.approx(stddev, rel=4 / math.sqrt(2 * n))


def test_each_draw_is_its_own_without_a_seed():
    keras.utils.set_random_seed(0)
    a, b = Normal(), Normal()
    first, second, other = draw(a), draw(a), draw(b)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 4 / math.sqrt(first.size)
    keras.utils.set_random_seed(0)
    a, b = Normal(), Normal()
    np.testing.assert_array_equal([first, second, other], [draw(a), draw(a), draw(b)])
    keras.utils.set_random_seed(1)
    assert not np.array_equal(first, draw(Normal()))


def test_a_seed_gives_the_same_weights_on_every_call():
    a = HeNormal(seed=3)
    np.testing.assert_array_equal(draw(a), draw(a))
    np.testing.assert_array_equal(draw(a), draw(HeNormal(seed=np.int64(3))))
    assert not np.array_equal(draw(a), draw(HeNormal(seed=4)))


@pytest.mark.parametrize("initializer", [Normal(0.5, 2), HeNormal("fan_out", 2), GlorotUniform(2), GlorotUniform()])
def test_config_round_trip(initializer):
    config = keras.saving.serialize_keras_object(initializer)
    assert config["registered_name"] == f"keras_sslzoo>{type(initializer).__name__}"
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == initializer.get_config()
    if initializer.seed is not None:
        np.testing.assert_array_equal(draw(again), draw(initializer))


def test_clones_are_fixed_by_the_global_seed():
    keras.utils.set_random_seed(0)
    net = nets.MLP((4,), (3,))
    clones = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        clones.append(keras.models.clone_model(net).get_weights())
    np.testing.assert_array_equal(clones[0][0], clones[1][0])
    assert not np.array_equal(clones[0][0], net.get_weights()[0])


def test_dtype():
    assert keras.backend.standardize_dtype(Normal(seed=0)((2, 3), "float16").dtype) == "float16"
    assert keras.backend.standardize_dtype(Normal(seed=0)((2, 3)).dtype) == "float32"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HeNormal("fan_avg"), "`mode`.*Received: mode='fan_avg'"),
        (lambda: Normal(-1.0), "`stddev`.*Received: stddev=-1.0"),
        (lambda: Normal(seed=-1), "`seed`.*Received: seed=-1"),
        (lambda: Normal(seed=0.5), "`seed`.*Received: seed=0.5"),
        (lambda: GlorotUniform(seed=0)((3,)), "`shape`.*Received: shape=\\(3,\\)"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
