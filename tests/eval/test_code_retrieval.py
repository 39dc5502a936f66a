import json

import numpy as np
import pytest

import keras_sslzoo as zoo
from keras_sslzoo import eval as ev

RNG = np.random.default_rng(0)
BITS, QUERY_BITS = (RNG.integers(0, 256, (n, 2), dtype="uint8") for n in (40, 9))
FLOATS, QUERY_FLOATS = (RNG.normal(size=(n, 5)).astype("float32") for n in (40, 9))
Y, YQ = RNG.integers(0, 3, 40), RNG.integers(0, 3, 9)


def differing_bits(a, b):
    return sum(bin(int(p) ^ int(q)).count("1") for p, q in zip(a, b, strict=True))


def by_loops(distance, codes, queries, top):
    """mAP@top and the share of hits, from their definitions."""
    average_precisions, shares = [], []
    for query, label in zip(queries, YQ, strict=True):
        order = sorted(range(len(codes)), key=lambda i: (distance(query, codes[i]), i))[:top]
        hits, precisions = 0, []
        for rank, i in enumerate(order, start=1):
            if Y[i] == label:
                hits += 1
                precisions.append(hits / rank)
        average_precisions.append(np.mean(precisions) if precisions else 0.0)
        shares.append(hits / top)
    return np.mean(average_precisions), np.mean(shares)


@pytest.mark.parametrize("top", [1, 7, 40])
def test_bits_and_floats_are_ranked_by_their_distances(top):
    def cosine(a, b):
        return -(a @ b) / np.linalg.norm(a) / np.linalg.norm(b)

    for codes, queries, distance in ((BITS, QUERY_BITS, differing_bits), (FLOATS, QUERY_FLOATS, cosine)):
        result = ev.code_retrieval(codes, Y, queries, YQ, top=top)
        expected = by_loops(distance, codes, queries, top)
        assert (result.mean_average_precision, result.precision) == pytest.approx(expected)
        assert result.seconds_per_query > 0


def test_what_the_result_says():
    bits, floats = ev.code_retrieval(BITS, Y, QUERY_BITS, YQ, 5), ev.code_retrieval(FLOATS, Y, QUERY_FLOATS, YQ, 5)
    assert (bits.protocol, floats.protocol) == ("code_retrieval_hamming/1", "code_retrieval_cosine/1")
    assert (bits.bytes_per_code, floats.bytes_per_code) == (2, 20)
    assert (bits.n_queries, bits.n_gallery) == (9, 40)
    assert bits == ev.code_retrieval(BITS, Y, QUERY_BITS, YQ, 5)  # the time is no part of the comparison
    assert json.loads(json.dumps(bits.as_dict())) == bits.as_dict()


def test_codes_of_a_method(images):
    model = zoo.SemanticHashing(image_shape=(12, 12, 1), latent_dim=16)
    codes = model.hash(images)
    y = np.arange(len(images)) % 4
    assert ev.code_retrieval(codes, y, codes[:8], y[:8], top=10).mean_average_precision > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queries": QUERY_FLOATS}, r"uint8 of shape \(40, 2\) and float32 of shape \(9, 5\)"),
        ({"queries": QUERY_BITS[:, :1]}, r"\(9, 1\)"),
        ({"queries": QUERY_BITS.astype("float32")}, "float32"),
        ({"codes": BITS[:, 0], "queries": QUERY_BITS[:, 0]}, r"\(40,\)"),
        ({"y": Y[:5]}, "5 labels for 40"),
        ({"yq": None}, "yq=None"),
        ({"top": 41}, "k=41"),
    ],
)
def test_wrong_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        ev.code_retrieval(**{"codes": BITS, "y": Y, "queries": QUERY_BITS, "yq": YQ, "top": 5, **change})
