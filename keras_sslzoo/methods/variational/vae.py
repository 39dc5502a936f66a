"""Variational autoencoder: an autoencoder whose code is a distribution, and a generative model.

    x (B, ...) --encoder--> h (B, D) --dense--> m, log s^2 (B, Z);   z = m + s * eps, eps ~ N(0, I)
    z --decoder--> p(x | z)

    -ELBO = E_q[-log p(x | z)] + beta KL( q(z | x) || N(0, I) )      in nats per sample     (equations 7, 10, appendix B)
    KL    = -1/2 sum (1 + log s^2 - m^2 - s^2)

The KL term keeps codes near the prior, so that samples of the prior decode to data. Where it is too strong, codes
carry nothing: `kl` and `active_units` fall to 0 (posterior collapse).
"""

import keras
from keras import layers, ops

from keras_sslzoo import losses
from keras_sslzoo.engine.autoencoding import AutoEncodingMethod, default_range
from keras_sslzoo.engine.latent import LatentPrior
from keras_sslzoo.engine.paper import Paper, Recipe, adam
from keras_sslzoo.nets.initializers import GlorotUniform
from keras_sslzoo.ops import random
from keras_sslzoo.ops.diagnostics import active_units


class VAE(LatentPrior, AutoEncodingMethod):
    """Auto-encoding variational Bayes, with a Gaussian posterior and a standard normal prior.

    Args:
        encoder: Built Keras model `(B, *image_shape) -> (B, D)`; two dense layers on it give m and log s^2. By default
            `nets.ConvEncoder` for images and `nets.MLP` for other ranks.
        decoder: Keras model `(B, Z) -> (B, *image_shape)`: logits for "bernoulli", the mean for "gaussian".
        image_shape: Of one sample, where the networks are the default ones.
        latent_dim: Z.
        likelihood: "bernoulli" (data in [0, 1]; nats where it is binary, else a cross entropy) or "gaussian".
        sigma: Standard deviation of a pixel under "gaussian", in units of the data after scaling.
        beta: Weight of the KL term; 1 is the VAE's.
        value_range: Of float data, mapped to [0, 1]. By default (0, 1) with the default decoder or "bernoulli", else
            None: any values, as they are.
        **kwargs: `seed`, `name`, `dtype`: see `Method`.

    Call arguments:
        x: `(B, ...)`. Returns the reconstruction from the mean code, `(B, ...)`.

    Fit data:
        Data `(B, ...)`. With `fit(x, y)`, y of the same shape is what is reconstructed from x; other labels are ignored.
    """

    paper = Paper(
        title="Auto-Encoding Variational Bayes",
        authors="Kingma and Welling",
        year=2013,
        url="https://arxiv.org/abs/1312.6114",
    )
    recipe = Recipe(
        source="section 5: minibatches of 100, one sample of z, Adagrad with a step size from {0.01, 0.02, 0.1}",
        batch_size=100,
        epochs=None,
        players={"model": lambda *_: keras.optimizers.Adagrad(0.02)},
        laptop={"model": adam(1e-3)},
        values={"samples": 1, "hidden": 500},
    )
    log_names = ("elbo", "reconstruction", "kl", "active_units")

    def __init__(
        self,
        encoder=None,
        decoder=None,
        image_shape=(28, 28, 1),
        latent_dim=16,
        likelihood="bernoulli",
        sigma=1.0,
        beta=1.0,
        value_range=None,
        **kwargs,
    ):
        if likelihood not in ("bernoulli", "gaussian"):
            raise ValueError(f'`likelihood` must be "bernoulli" or "gaussian". Received: likelihood={likelihood!r}.')
        if not sigma > 0 or not beta >= 0:
            raise ValueError(f"`sigma` must be positive and `beta` at least 0. Received: sigma={sigma}, beta={beta}.")
        logits = likelihood == "bernoulli"
        super().__init__(value_range=default_range(value_range, decoder, logits), **kwargs)
        self.set_networks(encoder, decoder, image_shape, latent_dim, code_width=256, logits=logits)
        self.likelihood, self.sigma, self.beta = likelihood, sigma, beta
        h = self.encoder.outputs[0]
        mean = layers.Dense(self.latent_dim, kernel_initializer=GlorotUniform(), name="mean")(h)
        log_variance = layers.Dense(self.latent_dim, kernel_initializer=GlorotUniform(), name="log_variance")(h)
        self.posterior = keras.Model(self.encoder.inputs[0], [mean, log_variance], name="posterior")
        self.mean_encoder = keras.Model(self.encoder.inputs[0], mean, name="mean_encoder")

    @property
    def pretrained_encoder(self):
        """The mean of the posterior: `(B, ...) -> (B, Z)`."""
        return self.mean_encoder

    def nll(self, target, output):
        """-log p(target | z), `(B,)`, from the decoder's output."""
        if self.likelihood == "bernoulli":
            return losses.bernoulli_nll(target, output)
        return losses.gaussian_nll(target, output, self.sigma)

    def objective(self, inputs, training=True):
        """-ELBO with one sample of z, `(B,)` nats."""
        x, target = inputs
        mean, log_variance = (ops.cast(t, "float32") for t in self.posterior(x, training=training))
        noise = random.normal(self.key, "latent", ops.shape(mean))
        z = mean + ops.exp(0.5 * log_variance) * noise
        reconstruction = self.nll(target, self.decoder(z, training=training))
        kl = ops.sum(losses.kl_to_standard_normal(mean, log_variance), axis=-1)
        logs = {
            "elbo": -reconstruction - kl,
            "reconstruction": reconstruction,
            "kl": kl,
            "active_units": active_units(mean),
        }
        return reconstruction + self.beta * kl, logs
