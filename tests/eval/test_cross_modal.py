"""R@k of pairs against sorting, and against chance where nothing can be told apart."""

import numpy as np
import pytest

import keras_sslzoo as zoo

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("block_size", [4096, 7])
def test_recall_is_that_of_sorting(block_size):
    x = RNG.normal(size=(40, 5))
    y = x + RNG.normal(size=(40, 5))
    found = zoo.eval.cross_modal_recall(3 * x, y, (1, 3, 40), block_size=block_size)
    for queries, gallery, recall in ((x, y, found.image_to_text), (y, x, found.text_to_image)):
        cosines = [[q @ g / np.linalg.norm(q) / np.linalg.norm(g) for g in gallery] for q in queries]
        ranks = [sorted(range(40), key=lambda j, row=row: -row[j]).index(i) for i, row in enumerate(cosines)]
        assert recall == {str(k): np.mean([rank < k for rank in ranks]) for k in (1, 3, 40)}
    assert 0 < found.image_to_text["1"] < found.image_to_text["3"] < 1


def test_equal_similarities_score_chance():
    found = zoo.eval.cross_modal_recall(np.ones((20, 3)), np.ones((20, 3)), (1, 5))
    assert found.image_to_text == pytest.approx({"1": 1 / 20, "5": 5 / 20})
    pairs = np.repeat(np.eye(4), 2, axis=0)  # each text twice: the right one is first in half of the orders
    assert zoo.eval.cross_modal_recall(pairs, pairs, (1, 2)).text_to_image == {"1": 0.5, "2": 1.0}


@pytest.mark.parametrize(
    ("x", "y", "ks", "message"),
    [
        (np.ones((3, 2)), np.ones((4, 2)), (1,), r"shapes \(3, 2\) and \(4, 2\)"),
        (np.ones((3, 2)), np.ones((3, 2)), (4,), "N=3"),
        (np.ones((3, 2)), np.ones((3, 2)), (), "`ks`"),
        (np.full((3, 2), np.nan), np.ones((3, 2)), (1,), "finite"),
        (np.ones(3), np.ones(3), (1,), r"shape \(3,\)"),
    ],
)
def test_slips(x, y, ks, message):
    with pytest.raises(ValueError, match=message):
        zoo.eval.cross_modal_recall(x, y, ks)
