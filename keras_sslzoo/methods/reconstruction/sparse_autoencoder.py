"""Sparse autoencoder: many units, few of them active at a time.

    x (B, ...) --encoder--> code h (B, D) --decoder--> reconstruction (B, ...)

    L = 1/n [ sum over elements of (x - x')^2 + weight * penalty ]          n elements: the mean error, as AutoEncoder's

    penalty = sum_j KL( rho || m_j ),  m_j = mean of h_j over the data set          penalty="kl" (section 3)
    penalty = sum_j |h_j|                                                           penalty="l1"

m is a mean over the whole data set, and a step sees a batch. A batch's own mean in its place is biased: KL is convex, so
noise in the mean looks like a lack of sparsity. Here m is a running mean over batches; the penalty takes its value from m
and its gradient from the batch, dKL/dm (m) * d(batch mean), which for m the true mean is the true gradient on average.

The penalty keeps a code as wide as the data, or wider, from being the identity.
"""

from keras import ops

from keras_sslzoo import losses
from keras_sslzoo.engine.networks import ends_with
from keras_sslzoo.engine.paper import Paper, Recipe, adam
from keras_sslzoo.layers import RunningMean
from keras_sslzoo.methods.reconstruction.autoencoder import AutoEncoder


class SparseAutoEncoder(AutoEncoder):
    """An autoencoder with a penalty on the activity of its code.

    Args:
        encoder, decoder: See `AutoEncoder`; by default one layer each, the code a sigmoid with "kl", a ReLU with "l1".
        latent_dim: D, where the networks are the default ones.
        penalty: "kl", for codes in (0, 1), or "l1", for any.
        weight: Of the penalty beside the error summed over elements. By default 6 with "kl" (the notes' exercise has 3
            beside half the squared error) and 0.1 with "l1" (ours).
        rho: Mean activation that "kl" wants of each unit.
        momentum: Of the running mean that "kl" looks at.
        **kwargs: See `AutoEncoder`.

    Call arguments:
        x: `(B, ...)`. Returns the reconstruction, `(B, ...)`.

    Fit data:
        See `AutoEncoder`.
    """

    paper = Paper(
        title="Sparse Autoencoder, CS294A Lecture Notes",
        authors="Ng",
        year=2011,
        url="https://web.stanford.edu/class/cs294a/sparseAutoencoder.pdf",
    )
    recipe = Recipe(
        source="ours: the notes train on the whole data set at a time, by L-BFGS",
        batch_size=128,
        epochs=20,
        players={"model": adam(1e-3)},
        laptop={"model": adam(1e-3)},
        values={"rho": 0.05},
    )
    log_names = ("reconstruction", "sparsity", "active_fraction")
    shallow = True

    def __init__(
        self,
        encoder=None,
        decoder=None,
        latent_dim=196,
        penalty="kl",
        weight=None,
        rho=0.05,
        momentum=0.9,
        **kwargs,
    ):
        if penalty not in ("kl", "l1"):
            raise ValueError(f'`penalty` must be "kl" or "l1". Received: penalty={penalty!r}.')
        if not 0.0 < rho < 1.0 or (weight is not None and not weight >= 0.0):
            raise ValueError(f"`rho` must lie in (0, 1) and `weight` be at least 0. Received: {rho=}, {weight=}.")
        kwargs.setdefault("code_activation", "sigmoid" if penalty == "kl" else "relu")
        super().__init__(encoder, decoder, latent_dim=latent_dim, **kwargs)
        if penalty == "kl" and not ends_with(self.encoder, "sigmoid"):
            raise ValueError(
                "KL compares mean activations in (0, 1), so `encoder` must end with a sigmoid. Received: one that does not. "
                'Change its last activation, or use penalty="l1".'
            )
        self.penalty, self.rho, self.momentum = penalty, rho, momentum
        self.weight = (6.0 if penalty == "kl" else 0.1) if weight is None else weight
        self.mean_activation = RunningMean(self.latent_dim, momentum, initial=rho) if penalty == "kl" else None

    def sparsity(self, code, training):
        """The penalty: a scalar with "kl", `(B,)` with "l1"."""
        if self.penalty == "l1":
            return losses.l1(code)
        batch = ops.mean(ops.cast(code, "float32"), axis=0)
        mean = batch + ops.stop_gradient(self.mean_activation(code, training=training) - batch)
        return ops.sum(losses.kl_sparsity(self.rho, mean))

    def objective(self, inputs, training=True):
        """The error and the penalty, `(B,)`. A unit counts as active above the middle of its sigmoid, or above 0."""
        x, target = inputs
        code = self.encoder(x, training=training)
        error, penalty = self.error(target, code, training), self.sparsity(code, training)
        active = ops.abs(code) > (0.5 if self.penalty == "kl" else 0.0)
        logs = {"reconstruction": error, "sparsity": penalty, "active_fraction": active}
        return error + self.weight / self.elements * penalty, logs

    def after_update(self):
        """The running mean moves."""
        if self.mean_activation is not None:
            self.mean_activation.update()
