"""Paths between latent vectors.

    lerp(a, b, t)  = (1 - t) a + t b
    slerp(a, b, t) = sin((1 - t) w) / sin w a + sin(t w) / sin w b,   w the angle between a and b

Samples of N(0, I) in Z dimensions lie near a sphere of radius sqrt(Z); a straight line between two of them leaves it, a
great circle does not. Sources: Shoemake 1985, Animating rotation with quaternion curves; White 2016, arXiv:1609.04468.
"""

from keras import ops

from keras_sslzoo.ops.normalize import l2_normalize

SMALLEST_SINE = 1e-3  # below it the two formulas differ by less than float32 resolves, or the circle is not determined


def lerp(a, b, t):
    """The straight line from a (t = 0) to b (t = 1): float32 of the shape that `a`, `b` and `t` broadcast to."""
    a, b, t = (ops.cast(x, "float32") for x in (a, b, t))
    return (1.0 - t) * a + t * b


def slerp(a, b, t):
    """The great circle from a (t = 0) to b (t = 1); where it is not determined, the straight line.

    That is between parallel or opposite vectors, and where one of them is zero. Vectors of unequal length are weighted by
    the same sines, so that both ends are met.

    Args:
        a: `(..., Z)`.
        b: `(..., Z)`.
        t: A number, or a tensor that broadcasts with `(..., 1)`.

    Returns:
        float32, the shape that the three broadcast to.
    """
    a, b, t = (ops.cast(x, "float32") for x in (a, b, t))
    u, v = l2_normalize(a), l2_normalize(b)
    # half the angle from its tangent: the cosine of a small angle is 1 in float32
    angle = 2.0 * ops.arctan2(_length(u - v), _length(u + v))
    circle = ops.logical_and(ops.sin(angle) > SMALLEST_SINE, _length(u) * _length(v) > 0.5)
    angle = ops.where(circle, angle, 1.0)
    from_a, from_b = (ops.sin(part * angle) / ops.sin(angle) for part in (1.0 - t, t))  # 1 and 0 at the ends, exactly
    curved = from_a * a + from_b * b
    return ops.where(circle, curved, lerp(a, b, t))


def _length(x):
    """Of the rows, `(..., 1)`, with a finite gradient at zero."""
    return ops.sqrt(ops.maximum(ops.sum(ops.square(x), axis=-1, keepdims=True), 1e-14))
