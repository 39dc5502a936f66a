"""Fixed position embeddings of a grid."""

import numpy as np


def sincos_positions(height, width, dim):
    """Sines and cosines of the column and of the row, as in MAE.

        [sin(x w), cos(x w), sin(y w), cos(y w)],   w_i = 10000^(-4 i / D),  i = 0 .. D / 4 - 1

    He et al. 2022, arXiv:2111.06377, appendix A.1 (facebookresearch/mae: util/pos_embed.py); the frequencies are those of
    Vaswani et al. 2017, arXiv:1706.03762, section 3.5.

    Args:
        height, width: ints; x counts columns from 0, y rows.
        dim: D, a multiple of 4.

    Returns:
        `(height, width, dim)` float32 NumPy array.
    """
    if dim % 4:
        raise ValueError(
            f"Sine-cosine positions need a width that is a multiple of 4. Received: {dim}. Use e.g. {-(-dim // 4) * 4}."
        )
    frequency = 10000.0 ** (-np.arange(dim // 4) / (dim / 4))
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    angles = [n[:, :, None] * frequency for n in (x, y)]
    return np.concatenate([f(a) for a in angles for f in (np.sin, np.cos)], axis=-1).astype("float32")
