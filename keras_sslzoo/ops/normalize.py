"""Normalisations whose gradient is finite everywhere."""

from keras import ops


def l2_normalize(x, axis=-1, epsilon=1e-12):
    """x / max(||x||, epsilon): zero stays zero, with a finite gradient (Keras' own gives NaN there on JAX and torch)."""
    square = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(square, epsilon**2)))


def cosine_similarity(x, y):
    """Cosine of the angle between rows, in float32: `(B, D)`, `(B, D)` -> `(B,)`."""
    return ops.sum(l2_normalize(ops.cast(x, "float32")) * l2_normalize(ops.cast(y, "float32")), axis=-1)
