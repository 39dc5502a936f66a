"""Numbers that tell a collapse, cheap enough for every step."""

import math

from keras import ops

from keras_sslzoo.ops.normalize import l2_normalize


def embedding_std(z):
    """How far embeddings spread: 1 where they are uniform on the sphere, 0 where all are equal.

    The standard deviation over the batch of z / |z|, mean over its dimensions, times sqrt(D): uniform embeddings have
    1 / sqrt(D) in each. Chen and He 2021 (SimSiam), arXiv:2011.10566, section 4.1 and figure 2.

    Args:
        z: `(B, D)`.

    Returns:
        float32 scalar in [0, 1].
    """
    z = l2_normalize(ops.cast(z, "float32"))
    return ops.mean(ops.std(z, axis=0)) * math.sqrt(z.shape[-1])


def active_units(mean, threshold=0.01):
    """How many dimensions of a variational code depend on the data: those whose posterior mean has a larger variance.

    Burda, Grosse, Salakhutdinov 2016, arXiv:1509.00519, section 5.2: Cov_x(E[u]) > 10^-2.

    Args:
        mean: Posterior means of a batch, `(B, Z)`.
        threshold: Of the variance.

    Returns:
        float32 scalar in [0, Z].
    """
    return ops.sum(ops.cast(ops.var(ops.cast(mean, "float32"), axis=0) > threshold, "float32"))
