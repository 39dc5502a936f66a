"""Losses that tell the positive pair from the other pairs of the batch."""

from keras import ops

from keras_sslzoo.ops.normalize import l2_normalize


def nt_xent(z1, z2, temperature):
    """Normalised temperature-scaled cross entropy: one positive against the 2B - 2 other views of the batch.

    l(i, j) = -log( exp(s_ij / T) / sum_{k != i} exp(s_ik / T) ),  s = cosine similarity.

    Args:
        z1: Projections of the first views, `(B, P)`; normalised here.
        z2: Projections of the second views, `(B, P)`.
        temperature: T > 0.

    Returns:
        `(B,)`: (l(z1, z2) + l(z2, z1)) / 2 for each image. Its mean is the paper's L, log(2B - 1) where all embeddings
        are equal. The official code's scalar is twice that mean.

    Source: Chen et al. 2020, arXiv:2002.05709, equation 1.
    """
    z1, z2 = (l2_normalize(ops.cast(z, "float32")) for z in (z1, z2))
    z = ops.concatenate([z1, z2], axis=0)  # (2B, P)
    similarity = ops.matmul(z, ops.transpose(z)) / temperature  # (2B, 2B)
    itself = ops.eye(ops.shape(z)[0], dtype="float32")
    normaliser = ops.logsumexp(similarity - 1e9 * itself, axis=1)  # (2B,)
    positive = ops.sum(z1 * z2, axis=1) / temperature  # (B,)
    n1, n2 = ops.split(normaliser, 2)
    return 0.5 * (n1 + n2) - positive
