import keras
import numpy as np
import pytest
from contract import Contract

import keras_sslzoo as zoo


class TestContract(Contract):
    method = zoo.VAE


def test_elbo_is_that_of_a_model_whose_integral_is_known():
    """With a constant decoder the posterior should be the prior: KL -> 0 and -ELBO -> the data's negative log-likelihood."""
    x = (np.random.default_rng(0).random((256, 6)) < 0.3).astype("float32")
    blind = keras.Sequential([keras.layers.Input((2,)), zoo.nets.MLP((2,), (6,))])
    blind.layers[-1].set_weights([w * 0 for w in blind.layers[-1].get_weights()])
    model = zoo.VAE(zoo.nets.MLP((6,), (8, 4)), blind, latent_dim=2)
    model.compile(keras.optimizers.Adam(3e-2))
    model.fit(x, batch_size=64, epochs=60, verbose=0)
    p = x.mean(0).astype("float64")
    entropy = -256 / 256 * np.sum(p * np.log(p) + (1 - p) * np.log(1 - p))
    logs = model.evaluate(x, verbose=0, return_dict=True)
    assert -logs["elbo"] == pytest.approx(entropy, rel=0.02)
    assert -logs["elbo"] >= entropy - 0.02  # the bound's right side, up to the sampling of z


def test_gaussian_decoder_counts_nats():
    """-log N(x; m, sigma^2 I), with its constant, summed over the elements."""
    x = np.random.default_rng(0).normal(size=(32, 5)).astype("float32")
    model = zoo.VAE(zoo.nets.MLP((5,), (8, 4)), zoo.nets.MLP((3,), (5,)), likelihood="gaussian", sigma=0.5)
    output = np.zeros_like(x)
    nll = keras.ops.convert_to_numpy(model.nll(x, output))
    x64 = x.astype("float64")
    expected = np.sum(x64**2 / (2 * 0.25) + 0.5 * np.log(2 * np.pi * 0.25), axis=1)
    np.testing.assert_allclose(nll, expected, rtol=1e-5)


def test_beta_weights_the_kl(images):
    logs = []
    for beta in (1.0, 10.0):
        keras.utils.set_random_seed(0)
        model = zoo.VAE(image_shape=(12, 12, 1), beta=beta)
        model.compile()
        logs.append(model.evaluate(images, verbose=0, return_dict=True))
    assert logs[0]["elbo"] == logs[1]["elbo"]
    assert logs[0]["loss"] == pytest.approx(logs[0]["reconstruction"] + logs[0]["kl"], rel=1e-5)
    assert logs[1]["loss"] == pytest.approx(logs[1]["reconstruction"] + 10 * logs[1]["kl"], rel=1e-5)


def test_a_plane_of_latents_is_decoded_into_a_map(images):
    """The lectures' picture: z on a grid of normal quantiles, through the convolutional decoder."""
    model = zoo.VAE(image_shape=(12, 12, 1), latent_dim=2)
    model.compile()
    model.fit(images, batch_size=32, epochs=2, verbose=0)
    assert model.encode(images).shape == (64, 2)
    grid = np.stack(np.meshgrid(*[np.linspace(-1.6, 1.6, 5, dtype="float32")] * 2), axis=-1).reshape(-1, 2)
    decoded = model.decode(grid)
    assert decoded.shape == (25, 12, 12, 1)
    assert np.ptp(decoded, axis=0).max() > 1e-3


def test_generate_encode_decode(images):
    model = zoo.VAE(image_shape=(12, 12, 1), latent_dim=3)
    samples = model.generate(5, seed=1)
    assert samples.shape == (5, 12, 12, 1)
    assert samples.min() >= 0
    assert samples.max() <= 1
    np.testing.assert_array_equal(samples, model.generate(5, seed=1))
    assert (samples != model.generate(5, seed=2)).any()
    assert model.encode(images).shape == (64, 3)
    np.testing.assert_allclose(model.decode(model.encode(images)), model.reconstruct(images), atol=1e-6)
    np.testing.assert_array_equal(model.pretrained_encoder.predict(images, verbose=0).shape, (64, 3))


@pytest.mark.parametrize("kwargs", [{"likelihood": "laplace"}, {"sigma": 0.0}, {"beta": -1.0}])
def test_bad_arguments_are_refused(kwargs):
    with pytest.raises(ValueError, match="Received"):
        zoo.VAE(**kwargs)


def test_takes_a_sequential_encoder():
    encoder = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(5, "relu")])
    model = zoo.VAE(encoder, zoo.nets.MLP((2,), (6,)), latent_dim=2)
    assert model.encode(np.zeros((3, 6), "float32")).shape == (3, 2)
