"""Linear autoencoder: one linear layer each way, which finds the subspace of principal component analysis.

    x (B, ...) --V x + a--> code (B, D) --W h + b--> reconstruction (B, ...)

    L = mean over elements of (x - x')^2

Each minimum has W V = the projection onto the D leading principal directions, and there are no other local minima. The
columns of W span that subspace; they are in general not the principal directions themselves.
"""

import numpy as np
from keras import ops

from keras_sslzoo.engine.autoencoding import AutoEncodingMethod
from keras_sslzoo.engine.paper import Paper, Recipe, adam
from keras_sslzoo.losses import mean_squared_error


class LinearAutoEncoder(AutoEncodingMethod):
    """Linear autoencoder over data of any rank; its biases take the place of PCA's centring.

    Args:
        image_shape: Of one sample.
        latent_dim: D, the dimensions of the subspace.
        value_range: Of float data, mapped to [0, 1]. None: any values, as they are.
        **kwargs: `seed`, `name`, `dtype`: see `Method`.

    Call arguments:
        x: `(B, ...)`. Returns the reconstruction, `(B, ...)`.

    Fit data:
        Data `(B, ...)`. With `fit(x, y)`, y of the same shape is what is reconstructed from x; other labels are ignored.
    """

    paper = Paper(
        title="Neural Networks and Principal Component Analysis: Learning from Examples Without Local Minima",
        authors="Baldi and Hornik",
        year=1989,
        url="https://doi.org/10.1016/0893-6080(89)90014-2",
    )
    recipe = Recipe(
        source="ours: the paper analyses the minima, and names no optimizer",
        batch_size=128,
        epochs=20,
        players={"model": adam(1e-3)},
        laptop={"model": adam(1e-3)},
    )
    shallow = True
    output_activation = None

    def __init__(self, image_shape=(28, 28, 1), latent_dim=32, value_range=None, **kwargs):
        super().__init__(value_range=value_range, **kwargs)
        self.set_networks(None, None, image_shape, latent_dim, code_width=latent_dim, logits=False)

    def objective(self, inputs, training=True):
        """The mean squared error of an element, `(B,)`."""
        x, target = inputs
        return mean_squared_error(target, self.decoder(self.encoder(x, training=training), training=training)), {}

    def subspace(self):
        """An orthonormal basis of what the decoder can reach from its bias: NumPy `(n, D)`, n elements of a sample."""
        kernel = self.decoder.trainable_variables[0]
        return np.linalg.qr(ops.convert_to_numpy(kernel).T)[0]
