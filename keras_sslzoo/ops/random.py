"""Random numbers keyed by (seed, step, stream, sample): the same on every backend and every replica layout.

    Key(seed, step) --fold stream--> Threefry-2x32(key=(seed, stream), counter=(step, sample * n + i)) -> uniform / normal

A counter-based generator is a pure function: it needs no state but the two integers of the key, so a resumed run draws
what the uninterrupted one would have drawn, and sample 17 of a batch draws the same whichever replica holds it. Keras'
own streams differ between backends, and are correlated between neighbouring seeds on torch.

All integer arithmetic is int32, which wraps around on each backend, so the words are equal to the bit. Uniforms are
their upper 24 bits, exact in float32. Normals pass through log and cos: equal up to rounding.

Source: Salmon, Moraes, Dror, Shaw. Parallel random numbers: as easy as 1, 2, 3. SC 2011 (Threefry-2x32, 20 rounds).
"""

import math
import zlib
from typing import Any, NamedTuple

from keras import ops

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY = 0x1BD11BDA  # the key schedule's constant, from Skein


class Key(NamedTuple):
    """What a draw depends on besides its name: int32 scalars (Python integers or tensors)."""

    seed: Any
    step: Any


def stream(name):
    """The int32 number of a named stream, so that draws of different purpose are independent: `stream("views")`."""
    return _signed(zlib.crc32(name.encode()))


def _signed(word):
    """A Python integer modulo 2^32 as the int32 with the same bits."""
    word &= 0xFFFFFFFF
    return word - (1 << 32) if word >= 1 << 31 else word


def _int32(x):
    return ops.cast(_signed(x) if isinstance(x, int) else x, "int32")


def _rotate_left(x, r):
    low_bits = (1 << r) - 1  # the right shift of an int32 copies the sign bit: mask it off
    return ops.bitwise_or(ops.left_shift(x, r), ops.bitwise_and(ops.right_shift(x, 32 - r), low_bits))


def threefry(key, counter):
    """Threefry-2x32 with 20 rounds.

    Args:
        key: pair of int32 tensors.
        counter: pair of int32 tensors, broadcastable with the key.

    Returns:
        Pair of int32 tensors: 64 random bits for each counter.
    """
    k0, k1 = _int32(key[0]), _int32(key[1])
    schedule = (k0, k1, ops.bitwise_xor(ops.bitwise_xor(k0, k1), _int32(PARITY)))
    x0, x1 = ops.add(_int32(counter[0]), k0), ops.add(_int32(counter[1]), k1)
    for block in range(5):
        for r in ROTATIONS[:4] if block % 2 == 0 else ROTATIONS[4:]:
            x0 = ops.add(x0, x1)
            x1 = ops.bitwise_xor(_rotate_left(x1, r), x0)
        x0 = ops.add(x0, schedule[(block + 1) % 3])
        x1 = ops.add(ops.add(x1, schedule[(block + 2) % 3]), block + 1)
    return x0, x1


def bits(key, name, batch, n):
    """int32 words of shape `(batch, n)`; row b depends on the key, the stream's name, n and b alone."""
    pairs = (n + 1) // 2
    counter = ops.reshape(ops.arange(batch * pairs, dtype="int32"), (batch, pairs))
    step = ops.broadcast_to(_int32(key.step), ops.shape(counter))
    words = ops.concatenate(threefry((key.seed, stream(name)), (step, counter)), axis=1)
    return words[:, :n]


def uniform(key, name, shape, low=0.0, high=1.0):
    """Uniform in [low, high), float32, of shape `(B, ...)`; see `bits` for what it depends on."""
    batch, *rest = shape
    upper = ops.bitwise_and(ops.right_shift(bits(key, name, batch, math.prod(rest)), 8), 0xFFFFFF)
    u = ops.cast(upper, "float32") * 2.0**-24
    return ops.reshape(u * (high - low) + low, shape)


def normal(key, name, shape):
    """Standard normal, float32, of shape `(B, ...)`, by the Box-Muller transform (|z| < 5.8)."""
    batch, *rest = shape
    n = math.prod(rest)
    u = uniform(key, name, (batch, 2 * n))
    radius = ops.sqrt(-2.0 * ops.log(u[:, :n] + 2.0**-24))
    return ops.reshape(radius * ops.cos((2.0 * math.pi) * u[:, n:]), shape)
