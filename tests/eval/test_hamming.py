import time

import numpy as np
import pytest

from keras_sslzoo import eval as zoo_eval
from keras_sslzoo.eval import hamming

RNG = np.random.default_rng(0)


def codes(n, size):
    return RNG.integers(0, 256, (n, size), dtype="uint8")


@pytest.mark.parametrize("size", [1, 2, 8, 9, 16])
def test_distances_are_the_number_of_differing_bits(size):
    a, b = codes(7, size), codes(11, size)
    expected = [[sum(bin(int(x) ^ int(y)).count("1") for x, y in zip(p, q, strict=True)) for q in b] for p in a]
    np.testing.assert_array_equal(zoo_eval.hamming_distances(a, b), expected)


def test_bits_are_counted_without_numpy_2_too():
    words = RNG.integers(0, 2**64, 1000, dtype="uint64")
    words[:2] = 0, 2**64 - 1
    np.testing.assert_array_equal(hamming.count_bits(words), [bin(int(w)).count("1") for w in words])


@pytest.mark.parametrize("k", [1, 5, 40])
def test_nearest_are_those_of_a_stable_sort(k):
    queries, gallery = codes(9, 1), codes(40, 1)  # one byte: many ties
    distance, index = zoo_eval.hamming_nearest(queries, gallery, k)
    every = zoo_eval.hamming_distances(queries, gallery)
    expected = np.argsort(every, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(index, expected)
    np.testing.assert_array_equal(distance, np.take_along_axis(every, expected, axis=1))


def test_a_query_over_60000_codes_takes_milliseconds():
    gallery = codes(60_000, 8)
    zoo_eval.hamming_nearest(gallery[:1], gallery, 10)
    start = time.process_time()
    distance, index = zoo_eval.hamming_nearest(gallery[:20], gallery, 10)
    assert (time.process_time() - start) / 20 < 0.05  # about 0.002 on a quiet core
    np.testing.assert_array_equal(index[:, 0], np.arange(20))
    assert not distance[:, 0].any()


@pytest.mark.parametrize(
    ("queries", "gallery", "k"),
    [
        (codes(2, 4).astype("int32"), codes(2, 4), 1),
        (codes(2, 4), codes(2, 5), 1),
        (codes(2, 4)[0], codes(2, 4), 1),
        (codes(2, 4), codes(2, 4), 3),
        (codes(2, 4), codes(2, 4), 0),
    ],
)
def test_bad_arguments_are_refused(queries, gallery, k):
    with pytest.raises(ValueError, match="Received"):
        zoo_eval.hamming_nearest(queries, gallery, k)
