import keras
import numpy as np
import pytest
from keras import layers
from scipy.stats import multivariate_normal

import keras_sslzoo as zoo

SIGMA = 0.6


@pytest.fixture
def linear_gaussian():
    """Makes a VAE whose likelihood has a closed form: (vae, x, -log p(x) of each, KL of its posterior to the true one)."""

    def make(mean_error=0.0, log_variance_error=0.0):
        """x = W z + b + sigma e, with W of orthogonal columns, whose posterior is a diagonal Gaussian in closed form."""
        rng = np.random.default_rng(0)
        W = np.linalg.qr(rng.normal(size=(6, 2)))[0] * [2.0, 0.7]
        b = rng.normal(size=6)
        inputs = keras.Input((6,))
        encoder = keras.Model(inputs, layers.Dense(6, kernel_initializer="identity")(inputs))
        decoder = keras.Sequential([keras.Input((2,)), layers.Dense(6)])
        vae = zoo.VAE(encoder, decoder, likelihood="gaussian", sigma=SIGMA)
        decoder.set_weights([W.T, b])
        precision = 1 + (W**2).sum(axis=0) / SIGMA**2
        to_mean = (W / SIGMA**2) / precision
        mean, log_variance = vae.posterior.get_layer("mean"), vae.posterior.get_layer("log_variance")
        mean.set_weights([to_mean, -b @ to_mean + mean_error])
        log_variance.set_weights([np.zeros((6, 2)), -np.log(precision) + log_variance_error])
        x = rng.normal(size=(7, 2)) @ W.T + b + SIGMA * rng.normal(size=(7, 6))
        truth = -multivariate_normal(b, W @ W.T + SIGMA**2 * np.eye(6)).logpdf(x)
        kl = 0.5 * (np.exp(log_variance_error) + precision * mean_error**2 - 1 - log_variance_error).sum()
        return vae, x.astype("float32"), truth, kl

    return make
