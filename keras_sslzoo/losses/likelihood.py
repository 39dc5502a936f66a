"""Log-likelihoods and divergences, in nats, summed over the elements of each sample."""

import math

from keras import ops


def _sum_over_elements(x):
    return ops.sum(ops.reshape(x, (ops.shape(x)[0], -1)), axis=1)


def bernoulli_nll(x, logits):
    """-log p(x) under independent Bernoulli pixels: `(B, ...)`, `(B, ...)` -> `(B,)` nats.

    A likelihood for binary x. For grey values in [0, 1] it is a cross entropy, not a number of nats.
    """
    x, logits = ops.cast(x, "float32"), ops.cast(logits, "float32")
    return _sum_over_elements(ops.softplus(logits) - x * logits)


def gaussian_nll(x, mean, sigma):
    """-log p(x) under N(mean, sigma^2 I): ||x - mean||^2 / (2 sigma^2) + D/2 log(2 pi sigma^2).

    Args:
        x: `(B, ...)`.
        mean: `(B, ...)`.
        sigma: Standard deviation of a pixel, in the units of x.

    Returns:
        `(B,)` nats.
    """
    x, mean = ops.cast(x, "float32"), ops.cast(mean, "float32")
    return _sum_over_elements(ops.square(x - mean) / (2.0 * sigma**2) + 0.5 * math.log(2.0 * math.pi * sigma**2))


def kl_to_standard_normal(mean, log_variance):
    """KL( N(mean, exp(log_variance)) || N(0, 1) ) of each dimension: `(B, D)`, `(B, D)` -> `(B, D)` nats.

    -1/2 (1 + log s^2 - m^2 - s^2). Source: Kingma and Welling 2014, arXiv:1312.6114, appendix B.
    """
    mean, log_variance = ops.cast(mean, "float32"), ops.cast(log_variance, "float32")
    return 0.5 * (ops.square(mean) + ops.exp(log_variance) - 1.0 - log_variance)
