"""The generator against published vectors, an independent implementation, and statistics."""

import keras
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
GOLDEN_NOISE_SUM = 176.2466357946396


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


# ---- coins, integers, orders ---------------------------------------------------------------------------------------


def xor_of(words):
    return hex(int(np.bitwise_xor.reduce(numpy_of(words).astype("int64").ravel() & 0xFFFFFFFF)))


def compiled(fn):
    """`fn` of one tensor, compiled as the backend's `fit` would, with an unknown batch where there is such a thing."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(fn)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(fn, input_signature=[tf.TensorSpec((None, 3), "float32")])
    return fn


def test_bernoulli():
    coins = numpy_of(random.bernoulli(Key(1, 2), "coin", (1000, 100), 0.3))
    assert coins.dtype == bool
    assert abs(coins.mean() - 0.3) < 5 * np.sqrt(0.21 / coins.size)
    assert not numpy_of(random.bernoulli(Key(1, 2), "coin", (9, 9), 0.0)).any()


def test_bernoulli_noise():
    for p in (0.0, 0.01, 0.3, 0.5, 0.9, 1.0):
        coins = numpy_of(random.bernoulli_noise(Key(1, 2), "coin", (400, 10, 25), p))
        assert coins.dtype == bool
        assert abs(coins.mean() - p) <= 5 * np.sqrt(p * (1 - p) / coins.size)


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 1), (0, 10), (-3, 5), (0, 65536), (-7, 99_991), (0, (1 << 31) - 1), (-(1 << 31), 1 << 31), (1, (1 << 31) - 5)],
)
def test_integers_are_the_upper_half_of_the_product(low, high):
    """Against Python's integers of any size."""
    words = numpy_of(random.bits(Key(4, 4), "i", 50, 20)).astype("int64") & 0xFFFFFFFF
    expected = [int(w) * (high - low) // 2**32 + low for w in words.ravel()]
    i = numpy_of(random.integers(Key(4, 4), "i", (50, 5, 4), low, high))
    assert i.dtype == np.int32
    np.testing.assert_array_equal(i.ravel(), expected)


def test_integers_are_uniform():
    counts = np.bincount(numpy_of(random.integers(Key(5, 0), "i", (1000, 70), 0, 7)).ravel(), minlength=7)
    assert len(counts) == 7
    assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize(("low", "high"), [(3, 3), (5, 2), (0, (1 << 31) + 1)])
def test_bad_integer_ranges_are_refused(low, high):
    with pytest.raises(ValueError, match="Received: low="):
        random.integers(Key(0, 0), "i", (2, 2), low, high)


def test_permutations():
    orders = np.stack([numpy_of(random.permutation(Key(3, step), "order", 4)) for step in range(240)])
    assert orders.dtype == np.int32
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(4), (240, 1)))
    counts = np.unique(orders @ [64, 16, 4, 1], return_counts=True)[1]
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 1e-4


def test_equal_words_keep_their_order():
    """What `permutation` relies on for the same order on every backend."""
    np.testing.assert_array_equal(numpy_of(ops.argsort(ops.convert_to_tensor([2, -1, 2, -1, 2]))), [1, 3, 0, 2, 4])


# ---- the hash ------------------------------------------------------------------------------------------------------

ROWS, COLUMNS = 400, 1024


@pytest.fixture(scope="module")
def words():
    return numpy_of(random.noise_bits(Key(8, 3), "pixels", ROWS, COLUMNS)).astype("int64") & 0xFFFFFFFF


def bits_of(words):
    return (words[..., None] >> np.arange(32)) & 1


def test_hash_is_lowbias32_with_a_key():
    """Against its definition in Python's integers."""
    k0, k1 = (numpy_of(k).astype("int64") for k in random.threefry((6, random.stream("noise/p")), (2, np.arange(3))))
    for b, row in enumerate(numpy_of(random.noise_bits(Key(6, 2), "p", 3, 5)).astype("int64") & 0xFFFFFFFF):
        for i, word in enumerate(row.tolist()):
            x = (i + int(k0[b])) % 2**32
            x = ((x ^ (x >> 16)) * 0x7FEB352D + int(k1[b])) % 2**32
            x = (x ^ (x >> 15)) * 0x846CA68B % 2**32
            assert word == x ^ (x >> 16)


def test_golden_constants_on_every_backend():
    key = Key(42, 7)
    assert xor_of(random.noise_bits(key, "v", 5, 7)) == "0xe204e234"
    assert xor_of(random.integers(key, "v", (50, 7), -5, 1_000_003)) == "0xb8d17"
    assert numpy_of(random.permutation(key, "v", 9)).tolist() == [7, 0, 3, 8, 2, 1, 5, 6, 4]
    assert float(numpy_of(random.uniform_noise(key, "v", (50, 7))).astype("float64").sum()) == GOLDEN_NOISE_SUM
    assert float(numpy_of(random.normal_noise(key, "v", (100, 7))).sum()) == pytest.approx(2.29869, abs=1e-4)


def test_a_hashed_word_depends_on_neither_batch_nor_width(words):
    small = numpy_of(random.noise_bits(Key(8, 3), "pixels", 7, 11)).astype("int64") & 0xFFFFFFFF
    np.testing.assert_array_equal(small, words[:7, :11])


def test_draws_compile_for_an_unknown_batch():
    def draws(x):
        batch = ops.shape(x)[0]
        key = Key(ops.cast(x[0, 0], "int32"), ops.cast(x[0, 1], "int32"))
        return (
            random.normal_noise(key, "a", (batch, 5, 3)),
            random.bernoulli_noise(key, "b", (batch, 3), 0.4),
            random.integers(key, "c", (batch,), 0, 1000),
            random.normal(key, "d", (batch, 3)),
            random.permutation(key, "e", batch),
        )

    fn = compiled(draws)
    for n in (4, 9):
        x = ops.ones((n, 3))
        for got, expected in zip(fn(x), draws(x), strict=True):
            assert got.shape[0] == n
            np.testing.assert_allclose(numpy_of(got), numpy_of(expected), atol=1e-5)


def test_noise_has_its_distribution():
    u = numpy_of(random.uniform_noise(Key(3, 1), "u", (ROWS, 28, 28, 1), low=-1.0, high=3.0))
    assert u.shape == (ROWS, 28, 28, 1)
    assert u.dtype == np.float32
    counts = np.bincount(((u.ravel() + 1) * 64).astype(int), minlength=256)
    assert stats.chisquare(counts).pvalue > 1e-4
    z = numpy_of(random.normal_noise(Key(3, 1), "z", (ROWS, 255)))
    assert z.dtype == np.float32
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-4
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((z.astype("float64") ** power).mean() - moment) < 5 * np.sqrt(variance / z.size)
    cosines, sines = z[:, :127].ravel(), z[:, 128:].ravel()  # of the same radius and angle
    assert abs(np.corrcoef(cosines, sines)[0, 1]) < 5 / np.sqrt(sines.size)
    assert abs(np.corrcoef(cosines**2, sines**2)[0, 1]) < 5 / np.sqrt(sines.size)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((Key(0, 5), "a"), (Key(1, 5), "a")),
        ((Key(0, 5), "a"), (Key(0, 6), "a")),
        ((Key(0, 5), "a"), (Key(0, 5), "b")),
        ((Key(0, 6), "a"), (Key(1, 5), "a")),
    ],
)
def test_noise_of_neighbouring_seeds_steps_and_streams_is_independent(first, second):
    a, b = (numpy_of(random.noise_bits(key, name, 200, 784)) for key, name in (first, second))
    assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / np.sqrt(a.size)
    flips = bits_of((a ^ b).astype("int64") & 0xFFFFFFFF).reshape(-1, 32).mean(0)
    assert np.abs(flips - 0.5).max() < 2.5 / np.sqrt(a.size)
    assert len(np.intersect1d(a, b)) < 30  # 5.7 are expected by chance


def test_noise_and_draws_of_one_name_are_independent():
    a, b = (numpy_of(draw(Key(1, 1), "x", (400, 64))).ravel() for draw in (random.uniform, random.uniform_noise))
    assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(a.size)
    assert len(np.intersect1d(a, b)) < 100  # 39 are expected by chance


@pytest.mark.parametrize(("rows", "columns"), [(0, 1), (0, 2), (0, 28), (0, 512), (1, 0), (1, 1), (2, 0), (7, 3)])
def test_neighbouring_elements_and_rows_are_independent(words, rows, columns):
    a, b = words[: ROWS - rows, : COLUMNS - columns], words[rows:, columns:]
    assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / np.sqrt(a.size)
    upper, lower = (np.bincount((16 * (a >> s & 15) + (b >> s & 15)).ravel(), minlength=256) for s in (28, 8))
    assert stats.chisquare(upper).pvalue > 1e-4
    assert stats.chisquare(lower).pvalue > 1e-4


def test_elements_of_all_pairs_are_uncorrelated(words):
    u = words[:, :64] / 2**32
    assert np.abs(np.corrcoef(u.T) - np.eye(64)).max() < 5.5 / np.sqrt(ROWS)


def test_each_bit_is_balanced(words):
    assert np.abs(bits_of(words).reshape(-1, 32).mean(0) - 0.5).max() < 2.5 / np.sqrt(words.size)


@pytest.mark.parametrize("bit", range(10))
def test_each_bit_of_the_index_flips_half_of_the_word(words, bit):
    flips = bits_of(words ^ words[:, np.arange(COLUMNS) ^ (1 << bit)])
    assert np.abs(flips.reshape(-1, 32).mean(0) - 0.5).max() < 0.01
