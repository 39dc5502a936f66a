"""Corruptions of data of any rank, from which a denoising autoencoder recovers the data.

    (key, x (B, ...), amount) -> (B, ...)

Vincent et al. 2010, jmlr.org/papers/v11/vincent10a.html. `views` has others, for images alone.
"""

import math

from keras import ops

from keras_sslzoo.ops import random


def gaussian(key, x, sigma):
    """x + sigma * noise, not clipped."""
    return x + sigma * random.normal_noise(key, "corruption", ops.shape(x))


def chosen(key, shape, share):
    """bool of `shape` `(B, ...)`: in each sample round(share * n) of its n elements, drawn at random."""
    batch, *rest = shape
    n = math.prod(rest)
    words = random.noise_bits(key, "corruption", batch, n)  # all different within a sample
    count = round(share * n)
    if count == 0:
        return ops.zeros(shape, "bool")
    return ops.reshape(words <= ops.sort(words, axis=1)[:, count - 1 : count], shape)


def masking(key, x, share):
    """0 in the place of `share` of each sample's elements."""
    return ops.where(chosen(key, ops.shape(x), share), 0.0, x)


def salt_and_pepper(key, x, share, low=0.0, high=1.0):
    """`low` or `high`, by a fair coin, in the place of `share` of each sample's elements."""
    salt = random.bernoulli_noise(key, "corruption/salt", ops.shape(x), 0.5)
    return ops.where(chosen(key, ops.shape(x), share), ops.where(salt, high, low), x)
