"""Losses of a student that is taught by the class probabilities of a teacher."""

from keras import ops


def soft_targets(logits, temperature):
    """softmax(logits / T) in float32: `(B, K)` -> `(B, K)`. T < 1 sharpens, T > 1 softens.

    Source: Hinton et al. 2015, arXiv:1503.02531, equation 1; Caron et al. 2021 (DINO), arXiv:2104.14294, equation 1.
    """
    return ops.softmax(ops.cast(logits, "float32") / temperature, axis=-1)


def soft_cross_entropy(targets, logits, temperature=1.0):
    """H(p, q) = -sum_k p_k log q_k with q = softmax(logits / T): `(B, K)`, `(B, K)` -> `(B,)` nats.

    Linear in p, so the sum of several targets gives the sum of their losses.

    Args:
        targets: p, `(B, K)`: probabilities, or a sum of them.
        logits: `(B, K)`.
        temperature: T > 0.

    Returns:
        `(B,)`. Its minimum over the logits is the entropy of p, log K where p is uniform.

    Source: Caron et al. 2021 (DINO), arXiv:2104.14294, equation 2.
    """
    log_q = ops.log_softmax(ops.cast(logits, "float32") / temperature, axis=-1)
    return -ops.sum(ops.cast(targets, "float32") * log_q, axis=-1)


def entropy(probabilities):
    """-sum_k p_k log p_k, 0 log 0 = 0: `(B, K)` -> `(B,)` nats, from 0 (one class) to log K (uniform)."""
    p = ops.cast(probabilities, "float32")
    return -ops.sum(p * ops.log(ops.maximum(p, 1e-30)), axis=-1)
