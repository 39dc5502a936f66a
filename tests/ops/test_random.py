"""The generator against published vectors, an independent implementation, and statistics."""

import numpy as np
import pytest
from keras import ops
from scipy import stats

from keras_sslzoo.ops import random
from keras_sslzoo.ops.random import Key


def numpy_of(x):
    return ops.convert_to_numpy(x)


def unsigned(words):
    return [int(numpy_of(w)) & 0xFFFFFFFF for w in words]


@pytest.mark.parametrize(
    ("key", "counter", "expected"),
    [  # Random123, kat_vectors: threefry2x32, 20 rounds
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((-1, -1), (-1, -1), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_published_vectors(key, counter, expected):
    assert tuple(unsigned(random.threefry(key, counter))) == expected


def test_same_words_on_every_backend():
    """Integers only, so equal to the bit: the constants were printed once."""
    words = numpy_of(random.bits(Key(42, 7), "views", 3, 5)).astype("int64") & 0xFFFFFFFF
    assert words.shape == (3, 5)
    assert hex(int(np.bitwise_xor.reduce(words.ravel()))) == GOLDEN_XOR
    assert float(numpy_of(random.uniform(Key(42, 7), "views", (3, 5))).astype("float64").sum()) == GOLDEN_SUM


GOLDEN_XOR = "0xaba2968c"
GOLDEN_SUM = 10.008506655693054


def test_a_row_does_not_depend_on_the_batch_around_it():
    small = numpy_of(random.uniform(Key(1, 2), "a", (4, 6)))
    large = numpy_of(random.uniform(Key(1, 2), "a", (32, 6)))
    np.testing.assert_array_equal(small, large[:4])


@pytest.mark.parametrize("n", [1, 2, 7])
def test_shapes_and_range(n):
    u = numpy_of(random.uniform(Key(0, 0), "x", (5, n), low=-2.0, high=3.0))
    assert u.shape == (5, n)
    assert u.dtype == np.float32
    assert u.min() >= -2
    assert u.max() < 3
    assert numpy_of(random.normal(Key(0, 0), "x", (5, n, 2))).shape == (5, n, 2)


def test_uniform_is_uniform_and_normal_is_normal():
    u = numpy_of(random.uniform(Key(3, 1), "u", (1000, 100))).ravel()
    counts = np.bincount((u * 256).astype(int), minlength=256)
    assert stats.chisquare(counts).pvalue > 1e-4
    z = numpy_of(random.normal(Key(3, 1), "z", (1000, 100))).ravel()
    assert stats.kstest(z, "norm").pvalue > 1e-4
    assert abs(z.mean()) < 0.015
    assert abs(z.std() - 1) < 0.01


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((Key(0, 5), "a"), (Key(1, 5), "a")),
        ((Key(0, 5), "a"), (Key(0, 6), "a")),
        ((Key(0, 5), "a"), (Key(0, 5), "b")),
        ((Key(0, 6), "a"), (Key(1, 5), "a")),
    ],
)
def test_neighbouring_seeds_steps_and_streams_are_independent(first, second):
    a, b = (numpy_of(random.uniform(key, name, (200, 100))).ravel() for key, name in (first, second))
    assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(a.size)
    assert (a == b).mean() < 1e-3


def test_samples_and_draws_are_uncorrelated():
    u = numpy_of(random.uniform(Key(9, 9), "a", (4000, 8)))
    correlations = np.corrcoef(u.T) - np.eye(8)
    assert np.abs(correlations).max() < 5 / np.sqrt(4000)
    assert abs(np.corrcoef(u[:-1].ravel(), u[1:].ravel())[0, 1]) < 5 / np.sqrt(u.size)
