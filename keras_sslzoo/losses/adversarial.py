"""What the players of a two-player game minimise, as functions of the discriminator's scores."""

from keras import ops


def least_squares(scores, target):
    """1/2 (score - target)^2: `(B, ...)` -> `(B,)`, the mean over all but the first axis.

    With targets b on real and a on fake images it is the discriminator's loss of LSGAN, with c the generator's.
    Source: Mao et al. 2017, arXiv:1611.04076, equation 2.
    """
    scores = ops.cast(scores, "float32")
    return 0.5 * ops.mean(ops.square(ops.reshape(scores, (ops.shape(scores)[0], -1)) - target), axis=1)
