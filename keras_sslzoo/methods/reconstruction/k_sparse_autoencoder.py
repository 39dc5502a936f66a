"""k-sparse autoencoder: a linear code of which only the k largest elements are kept.

    x (B, ...) --encoder--> h (B, D) --keep the k largest, others 0--> code (B, D) --decoder--> reconstruction (B, ...)

    L = mean over elements of (x - x')^2;  alpha k elements are kept at inference

The choice of the k largest is the only nonlinearity. Units that are never among them do not learn: look at `unit_usage`.
A k that falls from a larger one gives each unit its chance.
"""

import keras
from keras import ops

from keras_sslzoo.engine.paper import Paper, Recipe, adam
from keras_sslzoo.layers import KeepTopK
from keras_sslzoo.methods.reconstruction.autoencoder import AutoEncoder
from keras_sslzoo.ops.schedules import ramp
from keras_sslzoo.ops.sparsify import keep_top_k


class KSparseAutoEncoder(AutoEncoder):
    """An autoencoder whose code has k active units. The paper ties the decoder's weights to the encoder's; ours are free.

    Args:
        encoder, decoder: See `AutoEncoder`; by default one layer each, the encoder's linear.
        latent_dim: D, where the networks are the default ones.
        k: Elements of the code that are kept in training.
        alpha: alpha k of them are kept at inference, rounded; at least 1.
        first_k: Where not None, k falls linearly from here over the first half of the run.
        **kwargs: See `AutoEncoder`.

    Call arguments:
        x: `(B, ...)`. Returns the reconstruction from the alpha k largest, `(B, ...)`.

    Fit data:
        See `AutoEncoder`.
    """

    paper = Paper(
        title="k-Sparse Autoencoders",
        authors="Makhzani and Frey",
        year=2013,
        url="https://arxiv.org/abs/1312.5663",
    )
    recipe = Recipe(
        source="ours",
        batch_size=128,
        epochs=20,
        players={"model": adam(1e-3)},
        laptop={"model": adam(1e-3)},
    )
    log_names = ("unit_usage",)
    shallow = True

    def __init__(self, encoder=None, decoder=None, latent_dim=1000, k=25, alpha=1.0, first_k=None, **kwargs):
        super().__init__(encoder, decoder, latent_dim=latent_dim, **kwargs)
        first = k if first_k is None else first_k
        if not 1 <= k <= first <= self.latent_dim or not alpha >= 1.0:
            raise ValueError(
                "`k` and `first_k` must lie in 1 <= k <= first_k <= D, and `alpha` be at least 1. Received: "
                f"{k=}, {first_k=}, {alpha=}, D={self.latent_dim}."
            )
        self.k, self.alpha, self.first_k = k, alpha, first_k
        code = KeepTopK(min(round(alpha * k), self.latent_dim), name="keep_top_k")(self.encoder.outputs[0])
        self.sparse_encoder = keras.Model(self.encoder.inputs[0], code, name="sparse_encoder")

    @property
    def pretrained_encoder(self):
        """The sparse code at inference: `(B, ...) -> (B, D)`."""
        return self.sparse_encoder

    @property
    def current_k(self):
        """k at this step of the run."""
        if self.first_k is None:
            return self.k
        return ops.cast(ops.round(ramp(self.progress, float(self.first_k), float(self.k), 0.5)), "int32")

    def objective(self, inputs, training=True):
        """The mean error of an element, `(B,)`. A unit is used where a sample of the batch keeps it."""
        x, target = inputs
        if training:
            code = keep_top_k(self.encoder(x, training=True), self.current_k)
        else:
            code = self.sparse_encoder(x, training=False)
        used = ops.any(ops.not_equal(code, 0.0), axis=0)
        return self.error(target, code, training), {"unit_usage": used}
