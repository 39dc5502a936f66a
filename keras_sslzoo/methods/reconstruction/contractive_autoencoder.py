"""Contractive autoencoder: a code that moves little when the data do.

    x (B, ...) --encoder f--> code h (B, D) --decoder--> reconstruction (B, ...);   J = df/dx (D, n)

    L = 1/n [ sum over elements of (x - x')^2 + weight ||J||_F^2 ]     n elements: the mean error, as AutoEncoder's

    ||J||_F^2 = sum_j (h_j (1 - h_j))^2 sum_i W_ij^2     penalty="closed_form": one sigmoid layer
              = sum_j ||J^T e_j||^2                      penalty="exact": a backward pass for each unit
              = E ||J^T v||^2,  v_j = -1 or 1            penalty="stochastic": one for each v; Hutchinson's estimate

The error asks the code to keep apart what the data tell apart, the penalty to forget all else: what is left are the
directions along the data.
"""

from keras import ops

from keras_sslzoo import backend
from keras_sslzoo.engine.networks import ends_with
from keras_sslzoo.engine.paper import Paper, Recipe, adam
from keras_sslzoo.losses import sigmoid_contraction
from keras_sslzoo.methods.reconstruction.autoencoder import AutoEncoder
from keras_sslzoo.ops import random

PENALTIES = ("auto", "closed_form", "exact", "stochastic")
EXACT_UP_TO = 16  # units: more backward passes take longer to compile than they are worth


class ContractiveAutoEncoder(AutoEncoder):
    """An autoencoder with a penalty on its encoder's Jacobian. The paper ties the decoder's weights; ours are free.

    J is that of the encoder in inference mode: without dropout, with batch norm's running statistics.

    Args:
        encoder, decoder: See `AutoEncoder`; by default one layer each, the encoder's a sigmoid.
        weight: Of the penalty beside the error summed over elements.
        penalty: How ||J||_F^2 is computed. "auto": "closed_form" where the encoder is one sigmoid layer, else "exact" up to
            16 units, else "stochastic".
        projections: Number of v that "stochastic" averages over.
        **kwargs: See `AutoEncoder`.

    Call arguments:
        x: `(B, ...)`. Returns the reconstruction, `(B, ...)`.

    Fit data:
        See `AutoEncoder`.
    """

    paper = Paper(
        title="Contractive Auto-Encoders: Explicit Invariance During Feature Extraction",
        authors="Rifai et al.",
        year=2011,
        url="https://icml.cc/2011/papers/455_icmlpaper.pdf",
    )
    recipe = Recipe(
        source="ours: the paper chooses weight and rate on held-out data",
        batch_size=128,
        epochs=20,
        players={"model": adam(1e-3)},
        laptop={"model": adam(1e-3)},
    )
    log_names = ("reconstruction", "contraction")
    shallow = True

    def __init__(self, encoder=None, decoder=None, weight=0.1, penalty="auto", projections=1, **kwargs):
        if penalty not in PENALTIES:
            raise ValueError(f"`penalty` must be one of {', '.join(PENALTIES)}. Received: penalty={penalty!r}.")
        if not weight >= 0.0 or not projections >= 1:
            raise ValueError(
                f"`weight` must be at least 0 and `projections` at least 1. Received: {weight=}, {projections=}."
            )
        kwargs.setdefault("code_activation", "sigmoid")
        super().__init__(encoder, decoder, **kwargs)
        one_layer = [type(layer).__name__ for layer in self._weighted] == ["Dense"] and ends_with(
            self.encoder, "sigmoid"
        )
        if penalty == "closed_form" and not one_layer:
            raise ValueError(
                'penalty="closed_form" is for an encoder of one dense sigmoid layer. Received: layers '
                f'{[layer.name for layer in self.encoder.layers]}. Use "exact" or "stochastic".'
            )
        self.weight, self.penalty, self.projections = weight, penalty, projections
        otherwise = "exact" if self.latent_dim <= EXACT_UP_TO else "stochastic"
        self.computed_as = penalty if penalty != "auto" else "closed_form" if one_layer else otherwise

    @property
    def _weighted(self):
        return [layer for layer in self.encoder.layers if layer.weights]

    def pulled_back(self, x, v):
        """||J^T v||^2: `(B, ...)`, `(B, D)` or `(D,)` -> `(B,)`."""
        gradient = backend.input_grad(self, lambda x: ops.cast(self.encoder(x, training=False), "float32") * v, x)
        return ops.sum(ops.reshape(ops.square(gradient), (-1, self.elements)), axis=1)

    def contraction(self, x, code):
        """||J||_F^2 at each sample, or its estimate: `(B, ...)`, `(B, D)` -> `(B,)`."""
        if self.computed_as == "closed_form":
            return sigmoid_contraction(code, self._weighted[0].kernel)
        if self.computed_as == "exact":
            units = ops.eye(self.latent_dim)
            return sum(self.pulled_back(x, units[i]) for i in range(self.latent_dim))
        shape = (self.projections, ops.shape(x)[0], self.latent_dim)
        signs = ops.cast(random.bernoulli(self.key, "projections", shape, 0.5), "float32") * 2.0 - 1.0
        return sum(self.pulled_back(x, signs[i]) for i in range(self.projections)) / self.projections

    def objective(self, inputs, training=True):
        """The error and the penalty, `(B,)`."""
        x, target = inputs
        code = self.encoder(x, training=training)
        error, contraction = self.error(target, code, training), self.contraction(x, code)
        loss = error + self.weight / self.elements * contraction
        return loss, {"reconstruction": error, "contraction": contraction}
