"""Denoising autoencoder: reconstruct the clean data from a corrupted copy.

    x (B, ...) --corruption--> x~ --encoder--> code (B, D) --decoder--> reconstruction (B, ...)

    L = mean over elements of (x - g(f(x~)))^2

What the corruption took away can be put back only by knowing how data look, so even a code wider than the data is not
the identity: the reconstruction moves corrupted points towards where data are.
"""

from keras import ops

from keras_sslzoo.engine.paper import Paper, Recipe, adam
from keras_sslzoo.methods.reconstruction.autoencoder import AutoEncoder
from keras_sslzoo.ops import corruption as corruptions
from keras_sslzoo.ops.random import Key

KINDS = ("masking", "gaussian", "salt_and_pepper")


class DenoisingAutoEncoder(AutoEncoder):
    """An autoencoder that sees corrupted data, of any rank, and is asked for the clean ones.

    Args:
        encoder, decoder: See `AutoEncoder`.
        corruption: "masking" (elements become 0), "gaussian" (noise is added), "salt_and_pepper" (elements become one of
            `extremes`), or any function `(x, key) -> x` such as `views.MaskPatches(7)`.
        level: Share of the elements of each sample, exact up to rounding; for "gaussian" the standard deviation.
        extremes: What salt and pepper are, (low, high).
        **kwargs: See `AutoEncoder`.

    Call arguments:
        x: `(B, ...)`, corrupted by whoever calls. Returns the reconstruction, `(B, ...)`.

    Fit data:
        Clean data `(B, ...)`. With `fit(x, y)`, y of the same shape is what is reconstructed from corrupted x.
    """

    paper = Paper(
        title="Stacked Denoising Autoencoders: Learning Useful Representations in a Deep Network with a Local Denoising "
        "Criterion",
        authors="Vincent et al.",
        year=2010,
        url="https://jmlr.org/papers/v11/vincent10a.html",
    )
    recipe = Recipe(
        source="ours: the paper stacks layers trained one after the other by gradient descent",
        batch_size=128,
        epochs=20,
        players={"model": adam(1e-3)},
        laptop={"model": adam(1e-3)},
    )

    def __init__(self, encoder=None, decoder=None, corruption="masking", level=0.25, extremes=(0.0, 1.0), **kwargs):
        if corruption not in KINDS and not callable(corruption):
            raise ValueError(
                f"`corruption` must be one of {', '.join(map(repr, KINDS))}, or a function (x, key) -> x. Received: "
                f"corruption={corruption!r}."
            )
        if not level >= 0.0 or (corruption in KINDS and corruption != "gaussian" and level > 1.0):
            raise ValueError(
                f"`level` must be a share in [0, 1], or a deviation of at least 0. Received: level={level}."
            )
        super().__init__(encoder, decoder, **kwargs)
        self.corruption, self.level, self.extremes = corruption, level, tuple(extremes)

    def corrupted(self, x, key):
        """x~ of a batch `(B, ...)`."""
        if callable(self.corruption):
            return self.corruption(x, key)
        if self.corruption == "salt_and_pepper":
            return corruptions.salt_and_pepper(key, x, self.level, *self.extremes)
        return getattr(corruptions, self.corruption)(key, x, self.level)

    def objective(self, inputs, training=True):
        """The mean error of an element, `(B,)`."""
        x, target = inputs
        return self.error(target, self.encoder(self.corrupted(x, self.key), training=training), training), {}

    def corrupt(self, x, seed=0):
        """Corrupted data, in `value_range` where there is one: NumPy `(N, ...)`, to look at or to `reconstruct`."""
        low, high = self.value_range or (0.0, 1.0)
        x = self.corrupted(self.to_unit_range(ops.convert_to_tensor(x)), Key(seed, 0))
        return ops.convert_to_numpy(x * (high - low) + low)
