"""Dropout and stochastic depth whose masks are the same on every backend, and after a resume.

    mask (B, ...) = bernoulli(Key(layer's seed, training calls so far), stream, sample, element)

Keras' own layers draw other masks on each backend, and their files do not hold where the generator stands.
"""

import numbers
import random

import keras
from keras import ops

from keras_sslzoo.ops.random import Key, bernoulli, bernoulli_noise, stream


class _Drop(keras.Layer):
    """Drops parts of its input in training and scales the rest by 1 / (1 - rate); subclasses draw `kept`."""

    at_inference = False

    def __init__(self, rate, seed=None, **kwargs):
        if not isinstance(rate, numbers.Real) or not 0.0 <= rate < 1.0:
            raise ValueError(
                f"`rate` must be a probability in [0, 1). Received: rate={rate!r}. 0 drops nothing, 0.1 a tenth."
            )
        if seed is not None and not (isinstance(seed, numbers.Integral) and 0 <= seed < 1 << 31):
            raise ValueError(
                f"`seed` must be an integer in [0, 2^31). Received: seed={seed!r}. Leave it out for a random one."
            )
        super().__init__(**kwargs)
        self.rate = float(rate)
        self.seed = random.randint(1, 2**31 - 1) if seed is None else int(seed)
        self.supports_masking = True
        # weights, so that every file of weights holds them
        self._rng_seed = self._integer("rng_seed", self.seed)
        self._calls = self._integer("calls", 0)
        self.built = True

    def _integer(self, name, value):
        return self.add_weight(
            shape=(), dtype="int32", initializer=keras.initializers.Constant(value), trainable=False, name=name
        )

    def kept(self, key, shape):
        """What is kept of an input of `shape`: bool, broadcastable to it."""
        raise NotImplementedError(f"{type(self).__name__} must define `kept(key, shape)`.")

    def call(self, inputs, training=False):
        """`(B, ...)` -> `(B, ...)`; the identity where not training, unless it is to drop there too."""
        if self.rate == 0.0 or not (training or self.at_inference):
            return inputs
        if training:
            key = Key(self._rng_seed.value, self._calls.value)
        else:
            key = Key(ops.bitwise_xor(self._rng_seed.value, stream("inference")), 0)
        kept = self.kept(key, ops.shape(inputs))
        if training:
            self._calls.assign_add(1)
        return ops.where(kept, inputs * (1.0 / (1.0 - self.rate)), ops.zeros((), inputs.dtype))

    def compute_output_shape(self, input_shape):
        """The input's."""
        return input_shape

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


@keras.saving.register_keras_serializable("keras_sslzoo")
class Dropout(_Drop):
    """Sets each element to 0 with probability `rate` in training and scales the others by 1 / (1 - rate).

    Srivastava et al. 2014, jmlr.org/papers/v15/srivastava14a.html, with the scaling moved to training.

    A mask depends on the seed, the number of training calls before it, the sample's place in the batch and the element.
    Seed and number are weights, in `.keras` and `.weights.h5`: a resumed run draws what the uninterrupted one would
    have drawn. `keras.models.clone_model` keeps the seed, so that a copy draws its original's masks; two layers given
    the same seed draw the same masks too.

    Args:
        rate: probability in [0, 1).
        seed: int in [0, 2^31). None draws one, which `keras.utils.set_random_seed` fixes.
        at_inference: True drops at inference too, where one mask for each place in the batch is drawn once and for all:
            a second call gives the same, copies of a sample in one batch differ (pix2pix, whose only noise this is).
        **kwargs: `name`, `dtype` as in `keras.Layer`.

    Call arguments:
        inputs: `(B, ...)`, floating-point.
        training: bool; False is the identity, without `at_inference`.
    """

    def __init__(self, rate, seed=None, at_inference=False, **kwargs):
        super().__init__(rate, seed, **kwargs)
        self.at_inference = bool(at_inference)

    def kept(self, key, shape):
        """See `_Drop`."""
        return bernoulli_noise(key, "dropout", shape, 1.0 - self.rate)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "at_inference": self.at_inference}


@keras.saving.register_keras_serializable("keras_sslzoo")
class DropPath(_Drop):
    """Stochastic depth: sets a whole sample to 0 with probability `rate` in training, others are scaled.

    To be put at the end of a residual branch: `x + DropPath(0.1)(branch(x))`. Huang et al. 2016, arXiv 1603.09382,
    with the scaling by 1 / (1 - rate) moved from inference to training, as in timm. Seed and resume: see `Dropout`.

    Args:
        rate: probability in [0, 1).
        seed: int in [0, 2^31). None draws one, which `keras.utils.set_random_seed` fixes.
        **kwargs: `name`, `dtype` as in `keras.Layer`.

    Call arguments:
        inputs: `(B, ...)`, floating-point.
        training: bool; False is the identity.
    """

    def kept(self, key, shape):
        """See `_Drop`."""
        return bernoulli(key, "drop_path", (shape[0],) + (1,) * (len(shape) - 1), 1.0 - self.rate)
