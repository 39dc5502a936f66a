"""Initial weights drawn by NumPy: after `keras.utils.set_random_seed(s)` a net starts from the same bits everywhere.

    Python's `random` (seeded by Keras) --constructor--> seed --call n--> PCG64([seed, n]) -> weights

Keras' own initializers draw from the backend, whose streams differ. With `seed=None` each object draws its own seed
when it is made, and each call of it gives new weights; with an integer every call gives the same, as in Keras.
"""

import math
import random

import keras
import numpy as np

_register = keras.saving.register_keras_serializable("keras_sslzoo")


def _fans(shape):
    """(fan_in, fan_out) of a kernel `(..., in, out)`."""
    if len(shape) < 2:
        raise ValueError(
            "`shape` must be that of a kernel, (..., inputs, outputs). "
            f"Received: shape={tuple(shape)}. Use Normal(stddev) for other weights."
        )
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


class NumpyInitializer(keras.initializers.Initializer):
    """Base: a subclass says how to `draw(rng, shape)` a float32 array.

    Args:
        seed: integer >= 0, or None to draw one from Python's `random`, which `keras.utils.set_random_seed` seeds.
    """

    def __init__(self, seed=None):
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0):
            raise ValueError(f"`seed` must be an integer >= 0, or None. Received: seed={seed!r}. Use e.g. seed=0.")
        self.seed = seed
        self._drawn_seed = random.randrange(2**31) if seed is None else int(seed)
        self._calls = 0

    def draw(self, rng, shape):
        """Returns a float32 array of the shape, from a `numpy.random.Generator`."""
        raise NotImplementedError(f"{type(self).__name__} must define `draw(rng, shape)`.")

    def __call__(self, shape, dtype=None):
        """A backend tensor of weights of the shape."""
        # PCG64 by name: NumPy may change what `default_rng` returns
        rng = np.random.Generator(np.random.PCG64([self._drawn_seed, self._calls]))
        if self.seed is None:
            self._calls += 1
        return keras.ops.convert_to_tensor(self.draw(rng, tuple(shape)), dtype=dtype or keras.config.floatx())

    def get_config(self):
        """The constructor's arguments."""
        return {"seed": self.seed}


@_register
class Normal(NumpyInitializer):
    """N(mean, stddev^2)."""

    def __init__(self, stddev=0.02, seed=None, mean=0.0):
        if stddev < 0:
            raise ValueError(f"`stddev` must be >= 0. Received: stddev={stddev}. Use e.g. stddev=0.02.")
        super().__init__(seed)
        self.stddev = stddev
        self.mean = mean

    def draw(self, rng, shape):
        """See `NumpyInitializer`."""
        return rng.standard_normal(shape, dtype="float32") * np.float32(self.stddev) + np.float32(self.mean)

    def get_config(self):
        """The constructor's arguments."""
        return {"stddev": self.stddev, "mean": self.mean, **super().get_config()}


@_register
class HeNormal(NumpyInitializer):
    """N(0, 2 / fan), not truncated, as in torch's `kaiming_normal_` (arXiv:1502.01852). Keras' own truncates.

    Args:
        mode: "fan_in" keeps the variance of the activations, "fan_out" (torchvision's ResNets) that of the gradients.
        seed: see `NumpyInitializer`.
    """

    def __init__(self, mode="fan_in", seed=None):
        if mode not in ("fan_in", "fan_out"):
            raise ValueError(f"`mode` must be 'fan_in' or 'fan_out'. Received: mode={mode!r}. Use 'fan_in'.")
        super().__init__(seed)
        self.mode = mode

    def draw(self, rng, shape):
        """See `NumpyInitializer`."""
        fan_in, fan_out = _fans(shape)
        stddev = math.sqrt(2.0 / (fan_in if self.mode == "fan_in" else fan_out))
        return rng.standard_normal(shape, dtype="float32") * np.float32(stddev)

    def get_config(self):
        """The constructor's arguments."""
        return {"mode": self.mode, **super().get_config()}


@_register
class Uniform(NumpyInitializer):
    """U(-limit, limit)."""

    def __init__(self, limit=0.05, seed=None):
        if limit < 0:
            raise ValueError(f"`limit` must be >= 0. Received: limit={limit}. Use e.g. limit=0.05.")
        super().__init__(seed)
        self.limit = limit

    def draw(self, rng, shape):
        """See `NumpyInitializer`."""
        return (rng.random(shape, dtype="float32") * np.float32(2) - np.float32(1)) * np.float32(self.limit)

    def get_config(self):
        """The constructor's arguments."""
        return {"limit": self.limit, **super().get_config()}


@_register
class GlorotUniform(NumpyInitializer):
    """U(-a, a) with a = sqrt(6 / (fan_in + fan_out)): Glorot and Bengio, AISTATS 2010."""

    def draw(self, rng, shape):
        """See `NumpyInitializer`."""
        limit = np.float32(math.sqrt(6.0 / sum(_fans(shape))))
        return (rng.random(shape, dtype="float32") * np.float32(2) - np.float32(1)) * limit
