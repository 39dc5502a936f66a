"""Random numbers keyed by (seed, step, stream, sample): the same on every backend and every replica layout.

    Key(seed, step) --fold stream--> Threefry-2x32(key=(seed, stream), counter=(step, sample * n + i)) -> words (B, n)
                                     Threefry-2x32(key=(seed, stream), counter=(step, sample)) -> two words a row
                                       --hash with the element's index--> words (B, n), for millions of draws
    words --> uniform, normal, bernoulli, integers, permutation

A counter-based generator is a pure function: it needs no state but the two integers of the key, so a resumed run draws
what the uninterrupted one would have drawn, and sample 17 of a batch draws the same whichever replica holds it. Keras'
own streams differ between backends, and are correlated between neighbouring seeds on torch.

`uniform`, `normal`, ... take Threefry's words: for the parameters of views and for latents. `uniform_noise`,
`normal_noise` and `bernoulli_noise` take hashed words, a fifth of the work: for noise on pixels and activations.

All integer arithmetic is int32, which wraps around on each backend, so the words are equal to the bit. Uniforms are
their upper 24 bits, exact in float32. Normals pass through log and cos: equal up to rounding.

Sources: Salmon, Moraes, Dror, Shaw. Parallel random numbers: as easy as 1, 2, 3. SC 2011 (Threefry-2x32, 20 rounds).
Wellons. Prospecting for hash functions, nullprogram.com/blog/2018/07/31 (lowbias32).
"""

import math
import zlib
from typing import Any, NamedTuple

from keras import ops

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY = 0x1BD11BDA  # the key schedule's constant, from Skein
LOWBIAS = (0x7FEB352D, 0x846CA68B - (1 << 32))


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


def _shift_right(x, r):
    """Logical: ops.right_shift of an int32 copies the sign bit, so mask it off."""
    return ops.right_shift(x, r) & ((1 << (32 - r)) - 1)


def _rotate_left(x, r):
    # TensorFlow's tensors have no `<<`, and Python's operators cost a fraction of `keras.ops` calls on torch
    return x * (1 << r) | _shift_right(x, 32 - r)


def threefry(key, counter):
    """Threefry-2x32 with 20 rounds.

    Args:
        key: pair of int32 tensors.
        counter: pair of int32 tensors, broadcastable with the key.

    Returns:
        Pair of int32 tensors: 64 random bits for each counter.
    """
    k0, k1 = _int32(key[0]), _int32(key[1])
    schedule = (k0, k1, k0 ^ k1 ^ PARITY)
    x0, x1 = _int32(counter[0]) + k0, _int32(counter[1]) + k1
    for block in range(5):
        for r in ROTATIONS[:4] if block % 2 == 0 else ROTATIONS[4:]:
            x0 = x0 + x1
            x1 = _rotate_left(x1, r) ^ x0
        x0 = x0 + schedule[(block + 1) % 3]
        x1 = x1 + (schedule[(block + 2) % 3] + (block + 1))
    return x0, x1


def bits(key, name, batch, n):
    """int32 words of shape `(batch, n)`; row b depends on the key, the stream's name, n and b alone."""
    pairs = (n + 1) // 2
    counter = ops.reshape(ops.arange(batch * pairs, dtype="int32"), (batch, pairs))
    step = ops.broadcast_to(_int32(key.step), ops.shape(counter))
    words = ops.concatenate(threefry((key.seed, stream(name)), (step, counter)), axis=1)
    return words[:, :n]


def noise_bits(key, name, batch, n):
    """As `bits`, by a hash: int32 words of shape `(batch, n)`; word i of row b does not depend on n.

    lowbias32 of the element's index, with one word of the row's key added before and one after its first round: rows
    whose first words are near each other do not repeat each other's words. Within a row no word comes twice.
    """
    samples = ops.arange(batch, dtype="int32")[:, None]
    step = ops.broadcast_to(_int32(key.step), ops.shape(samples))
    k0, k1 = threefry((key.seed, stream(f"noise/{name}")), (step, samples))  # a stream that `bits` does not share
    return _hash(k0, k1, n)


def _hash(k0, k1, n):
    """Words (B, n) from the keys of the rows, two int32 (B, 1)."""
    x = ops.arange(n, dtype="int32") + k0
    x = (x ^ _shift_right(x, 16)) * LOWBIAS[0] + k1
    x = (x ^ _shift_right(x, 15)) * LOWBIAS[1]
    return x ^ _shift_right(x, 16)


def words_from(u, n):
    """int32 words (B, n) from two uniforms of each row, (B, 2): pixel-sized noise for a function of `uniform`'s numbers.

    Equal to the bit on every backend. Within a row no word comes twice.
    """
    k = ops.cast(u * 2.0**24, "int32") * 256  # uniforms hold 24 bits
    return _hash(k[:, :1], k[:, 1:], n)


def uniform_from(u, shape):
    """Uniforms in [0, 1) of shape (B, ...), from two uniforms of each row; see `words_from`."""
    _, *rest = shape
    return ops.reshape(_unit(words_from(u, math.prod(rest))), (-1, *rest))


def normal_from(u, shape):
    """Standard normals of shape (B, ...), from two uniforms of each row; see `words_from`."""
    _, *rest = shape
    n = math.prod(rest)
    return ops.reshape(_pairs_of_normals(words_from(u, n + n % 2))[:, :n], (-1, *rest))


def _unit(words):
    return ops.cast(_shift_right(words, 8), "float32") * 2.0**-24


def _box_muller(u):
    """Radius and angle from uniforms `(B, 2 n)`."""
    n = ops.shape(u)[1] // 2
    return ops.sqrt(-2.0 * ops.log(u[:, :n] + 2.0**-24)), (2.0 * math.pi) * u[:, n:]


def _pairs_of_normals(words):
    """Standard normals from words (B, 2 n): each pair of words gives two."""
    radius, angle = _box_muller(_unit(words))
    return ops.concatenate([radius * ops.cos(angle), radius * ops.sin(angle)], axis=1)


def uniform(key, name, shape, low=0.0, high=1.0):
    """Uniform in [low, high), float32, of shape `(B, ...)`; see `bits` for what it depends on."""
    batch, *rest = shape
    return ops.reshape(_unit(bits(key, name, batch, math.prod(rest))) * (high - low) + low, shape)


def uniform_noise(key, name, shape, low=0.0, high=1.0):
    """As `uniform`, from `noise_bits`."""
    batch, *rest = shape
    return ops.reshape(_unit(noise_bits(key, name, batch, math.prod(rest))) * (high - low) + low, shape)


def normal(key, name, shape):
    """Standard normal, float32, of shape `(B, ...)`, by the Box-Muller transform (|z| < 5.8)."""
    batch, *rest = shape
    radius, angle = _box_muller(uniform(key, name, (batch, 2 * math.prod(rest))))
    return ops.reshape(radius * ops.cos(angle), shape)


def normal_noise(key, name, shape):
    """As `normal`, from `noise_bits`; each pair of words gives two numbers."""
    batch, *rest = shape
    n = math.prod(rest)
    return ops.reshape(_pairs_of_normals(noise_bits(key, name, batch, n + n % 2))[:, :n], shape)


def bernoulli(key, name, shape, p):
    """True with probability `p` (rounded up to a multiple of 2^-24), bool, of shape `(B, ...)`."""
    return uniform(key, name, shape) < p


def bernoulli_noise(key, name, shape, p):
    """As `bernoulli`, from `noise_bits`; `p` is a Python number. Words are compared as they are, which spares passes."""
    batch, *rest = shape
    words = ops.right_shift(noise_bits(key, name, batch, math.prod(rest)), 8)
    return ops.reshape(words < math.ceil(p * (1 << 24)) - (1 << 23), shape)


def integers(key, name, shape, low, high):
    """Uniform over the integers low <= i < high, int32, of shape `(B, ...)`, equal to the bit on every backend.

    `low` and `high` are Python integers in [-2^31, 2^31]. floor(word * (high - low) / 2^32): the probabilities of two
    integers differ by at most 2^-32.
    """
    if not -(1 << 31) <= low < high <= 1 << 31:
        raise ValueError(
            "`integers` draws from low <= i < high, within [-2^31, 2^31]. "
            f"Received: low={low}, high={high}. Give a `high` above `low`."
        )
    batch, *rest = shape
    words = bits(key, name, batch, math.prod(rest))
    # the upper half of a 32 x 32 bit product, from halves of 16 bits: no sum below exceeds 32 bits
    range_upper, range_lower = divmod(high - low, 1 << 16)
    upper, lower = _shift_right(words, 16), words & 0xFFFF
    middle = upper * range_lower + _shift_right(lower * range_lower, 16)
    carry = _shift_right(lower * range_upper + (middle & 0xFFFF), 16)
    return ops.reshape(upper * range_upper + _shift_right(middle, 16) + carry + low, shape)


def permutation(key, name, n):
    """A random order of 0 ... n - 1, int32 `(n,)`: the sorting order of n words, in which equal ones keep theirs."""
    return ops.argsort(bits(key, name, 1, n)[0])
