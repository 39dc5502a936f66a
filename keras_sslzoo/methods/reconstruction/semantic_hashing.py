"""Semantic hashing: an autoencoder whose code is bits, so that neighbours are found by counting differing bits.

    x (B, ...) --encoder--> a (B, D) --> code b (B, D) --decoder--> reconstruction (B, ...)

    b = sigmoid(a + sigma eps), eps ~ N(0, I)           in training, binarize="noise"
    b = 1[a > 0], with the gradient of sigmoid(a)       in training, binarize="straight_through"
    b = 1[a > 0]                                        at inference

Noise drowns what a unit says by values near 1/2, so training drives each unit to 0 or 1, and rounding loses little.
"""

import keras
import numpy as np
from keras import ops

from keras_sslzoo.engine.paper import Paper, Recipe, adam
from keras_sslzoo.layers import Bits
from keras_sslzoo.losses import entropy
from keras_sslzoo.methods.reconstruction.autoencoder import AutoEncoder
from keras_sslzoo.ops import random


class SemanticHashing(AutoEncoder):
    """An autoencoder with a binary code, for retrieval. The paper starts from a stack of RBMs; here weights start at random.

    Args:
        encoder, decoder: See `AutoEncoder`. The encoder returns a, without activation.
        binarize: "noise" (the paper's) or "straight_through" (Bengio et al. 2013, arXiv:1308.3432).
        sigma: Standard deviation of the noise. The paper draws it once for each training sample; here each step draws anew.
        **kwargs: See `AutoEncoder`. `latent_dim` is the number of bits.

    Call arguments:
        x: `(B, ...)`. Returns the reconstruction from the bits, `(B, ...)`.

    Fit data:
        See `AutoEncoder`.
    """

    paper = Paper(
        title="Semantic Hashing",
        authors="Salakhutdinov and Hinton",
        year=2009,
        url="https://doi.org/10.1016/j.ijar.2008.11.006",
    )
    recipe = Recipe(
        source="ours: the paper pretrains layer by layer with RBMs",
        batch_size=128,
        epochs=20,
        players={"model": adam(1e-3)},
        laptop={"model": adam(1e-3)},
    )
    log_names = ("certainty", "bit_entropy")

    def __init__(self, encoder=None, decoder=None, binarize="noise", sigma=4.0, **kwargs):
        if binarize not in ("noise", "straight_through"):
            raise ValueError(f'`binarize` must be "noise" or "straight_through". Received: binarize={binarize!r}.')
        if not sigma >= 0.0:
            raise ValueError(f"`sigma` must be at least 0. Received: sigma={sigma}.")
        super().__init__(encoder, decoder, **kwargs)
        self.binarize, self.sigma = binarize, sigma
        self.bits = Bits(name="bits")
        self.bit_encoder = keras.Model(self.encoder.inputs[0], self.bits(self.encoder.outputs[0]), name="bit_encoder")

    @property
    def pretrained_encoder(self):
        """The bits as 0.0 and 1.0: `(B, ...) -> (B, D)`."""
        return self.bit_encoder

    def training_code(self, a):
        """b in training, `(B, D)`."""
        if self.binarize == "noise":
            return ops.sigmoid(a + self.sigma * random.normal(self.key, "code", ops.shape(a)))
        p = ops.sigmoid(a)
        return p + ops.stop_gradient(self.bits(a) - p)

    def objective(self, inputs, training=True):
        """The mean error of an element, `(B,)`. Logs: |2p - 1|, 1 for certain bits; and the entropy of a bit, at most 1."""
        x, target = inputs
        a = ops.cast(self.encoder(x, training=training), "float32")
        certainty = ops.abs(2.0 * ops.sigmoid(a) - 1.0)
        share = ops.mean(self.bits(a), axis=0)
        bit_entropy = entropy(ops.stack([share, 1.0 - share], axis=-1)) / np.log(2.0)
        code = self.training_code(a) if training else self.bits(a)
        return self.error(target, code, training), {"certainty": certainty, "bit_entropy": bit_entropy}

    def hash(self, x, batch_size=256):
        """Codes, eight bits a byte: NumPy uint8 `(N, D / 8)`, rounded up; for `eval.hamming_nearest`."""
        return np.packbits(self.encode(x, batch_size) > 0.5, axis=1)
