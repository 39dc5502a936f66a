"""Autoencoder: squeeze the data through a small code and reconstruct it.

    x (B, ...) --encoder--> code (B, D) --decoder--> reconstruction (B, ...)

    L = mean over elements of (x - x')^2                    loss="mse"
    L = mean over elements of -x log p - (1 - x) log(1 - p)   loss="bce", p = sigmoid(decoder's output)

The narrow code keeps the network from learning the identity.
"""

from keras_sslzoo import losses
from keras_sslzoo.engine.autoencoding import AutoEncodingMethod, default_range
from keras_sslzoo.engine.networks import check_built, check_head
from keras_sslzoo.engine.paper import Paper, Recipe, adam


class AutoEncoder(AutoEncodingMethod):
    """Deterministic autoencoder over data of any rank.

    Args:
        encoder: Built Keras model `(B, *image_shape) -> (B, D)`; by default `nets.ConvEncoder` for images and `nets.MLP` for
            other ranks, with a linear code of `latent_dim` numbers.
        decoder: Keras model `(B, D) -> (B, *image_shape)`, by default the mirror image. With `loss="bce"` it returns
            logits.
        image_shape: Of one sample, where the networks are the default ones.
        latent_dim: D, where the networks are the default ones.
        code_activation: Of the default encoder's code, None for a linear one.
        loss: "mse" or "bce" (for data in [0, 1]).
        value_range: Of float data, mapped to [0, 1]. By default (0, 1) with the default decoder or "bce", else None: any
            values, as they are.
        **kwargs: `seed`, `name`, `dtype`: see `Method`.

    Call arguments:
        x: `(B, ...)`. Returns the reconstruction, `(B, ...)`.

    Fit data:
        Data `(B, ...)`. With `fit(x, y)`, y of the same shape is what is reconstructed from x; other labels are ignored.
    """

    paper = Paper(
        title="Reducing the Dimensionality of Data with Neural Networks",
        authors="Hinton and Salakhutdinov",
        year=2006,
        url="https://doi.org/10.1126/science.1127647",
    )
    recipe = Recipe(
        source="ours: the paper pretrains layer by layer with RBMs and ends with conjugate gradients (supporting material)",
        batch_size=128,
        epochs=20,
        players={"model": adam(1e-3)},
        laptop={"model": adam(1e-3)},
    )

    def __init__(
        self,
        encoder=None,
        decoder=None,
        image_shape=(28, 28, 1),
        latent_dim=32,
        code_activation=None,
        loss="mse",
        value_range=None,
        **kwargs,
    ):
        if loss not in ("mse", "bce"):
            raise ValueError(f'`loss` must be "mse" or "bce". Received: loss={loss!r}.')
        if encoder is not None:
            check_built(encoder, "encoder")
            latent_dim = encoder.output_shape[-1]
        if decoder is not None:
            check_built(decoder, "decoder", "(B, D) -> (B, ...)")
            latent_dim = decoder.input_shape[-1] if encoder is None else latent_dim
            check_head(decoder, latent_dim, "decoder", vectors=False)
        logits = loss == "bce"
        super().__init__(value_range=default_range(value_range, decoder, logits), **kwargs)
        self.set_networks(encoder, decoder, image_shape, latent_dim, latent_dim, logits, code_activation)
        self.code_activation = code_activation
        self.loss = loss

    def error(self, target, code, training):
        """The mean error of an element of what is decoded from the code, `(B,)`."""
        measure = losses.binary_cross_entropy if self.loss == "bce" else losses.mean_squared_error
        return measure(target, self.decoder(code, training=training))

    def objective(self, inputs, training=True):
        """The mean error of an element, `(B,)`."""
        x, target = inputs
        return self.error(target, self.encoder(x, training=training), training), {}
