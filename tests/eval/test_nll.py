import json
import math

import keras
import numpy as np
import pytest
from keras import layers

import keras_sslzoo as zoo
from keras_sslzoo import eval as ev


@pytest.mark.parametrize("importance_samples", [1, 9])
def test_with_the_true_posterior_it_is_the_likelihood(importance_samples, linear_gaussian):
    vae, x, truth, _ = linear_gaussian()
    result = ev.nll(vae, x, importance_samples)
    assert result.nll == pytest.approx(truth.mean(), rel=1e-5)
    assert result.negative_elbo == pytest.approx(truth.mean(), rel=1e-5)
    assert result.standard_error == pytest.approx(truth.std(ddof=1) / math.sqrt(7), rel=1e-4)
    assert result.bits_per_dim == pytest.approx(truth.mean() / 6 / math.log(2), rel=1e-5)


def test_with_another_posterior_it_tightens(linear_gaussian):
    vae, x, truth, kl = linear_gaussian(mean_error=0.3, log_variance_error=0.5)
    x = np.tile(x, (150, 1))  # each copy has noise of its own
    results = [ev.nll(vae, x, s) for s in (1, 4, 40)]
    gaps = [r.nll - truth.mean() for r in results]
    assert gaps[0] == pytest.approx(kl, rel=0.1)  # the ELBO's gap is the divergence of the posteriors
    assert results[0].nll == results[0].negative_elbo
    assert results[2].negative_elbo - truth.mean() == pytest.approx(kl, rel=0.02)
    assert gaps[0] > 2 * gaps[1] > 8 * gaps[2] > 0


@pytest.mark.parametrize("batch_size", [1, 8, 20, 1000])
def test_batches_do_not_matter(batch_size, linear_gaussian):
    vae, x, _, _ = linear_gaussian(0.3, 0.5)
    one, other = ev.nll(vae, x, 5), ev.nll(vae, x, 5, batch_size=batch_size)
    assert one.nll == pytest.approx(other.nll, rel=1e-6)
    assert ev.nll(vae, x, 5, seed=1).nll != pytest.approx(one.nll, rel=1e-6)
    assert ev.nll(vae, x[2:], 5).nll != one.nll


def test_bernoulli_by_summing_over_codes():
    """A decoder of one code dimension: the integral over z by the trapezoidal rule."""
    encoder = zoo.nets.MLP((5,), (3,))
    decoder = keras.Sequential([keras.Input((1,)), layers.Dense(5)])
    vae = zoo.VAE(encoder, decoder, likelihood="bernoulli")
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(1, 5)), rng.normal(size=5)
    decoder.set_weights([W, b])
    x = rng.integers(0, 2, (4, 5)).astype("float32")
    z = np.linspace(-8, 8, 4001)
    p = 1 / (1 + np.exp(-(z[:, None] * W + b)))
    joint = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi) * np.prod(np.where(x[:, None] == 1, p, 1 - p), axis=-1)
    truth = -np.log(np.trapezoid(joint, z, axis=1)).mean()
    assert ev.nll(vae, x, 2000).nll == pytest.approx(truth, abs=0.03)


def test_images_and_result():
    vae = zoo.VAE(image_shape=(8, 8, 1), latent_dim=3)
    x = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), dtype="uint8")
    result = ev.nll(vae, x, 4)
    assert result.nll <= result.negative_elbo
    assert str(result).startswith("nll/1: NLL ")
    assert json.loads(json.dumps(result.as_dict())) == result.as_dict()
    assert ev.nll(vae, x[:1], 4).standard_error is None


def test_wrong_arguments(linear_gaussian):
    vae, x, _, _ = linear_gaussian()
    with pytest.raises(ValueError, match="importance_samples=0"):
        ev.nll(vae, x, 0)
    with pytest.raises(TypeError, match="AutoEncoder without posterior, nll"):
        ev.nll(zoo.AutoEncoder(image_shape=(8, 8, 1)), np.zeros((2, 8, 8, 1)))
    with pytest.raises(ValueError, match=r"must be finite. Received: 7 of 7"):
        ev.nll(vae, x * np.nan)
