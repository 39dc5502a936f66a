import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from keras_sslzoo import eval as ev


def data(n=40, m=25, dim=4, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(classes), rng.integers(0, classes, n - classes)])
    return rng.normal(size=(n, dim)).astype("float32"), y, rng.normal(size=(m, dim)), rng.integers(0, classes, m)


def by_loops(x, y, xt, yt, k, skip_self=False):
    """R@k and scikit-learn's average precision, one query at a time."""
    hits, precisions = [], []
    for i, q in enumerate(xt):
        kept = [j for j in range(len(x)) if not (skip_self and j == i)]
        similarity = np.array([np.dot(q, x[j]) / np.linalg.norm(q) / np.linalg.norm(x[j]) for j in kept])
        relevant = y[kept] == yt[i]
        order = sorted(range(len(kept)), key=lambda j: (-similarity[j], j))
        hits.append(any(relevant[j] for j in order[:k]))
        precisions.append(average_precision_score(relevant, similarity))
    return np.mean(hits), np.mean(precisions)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_it_is_the_loops_and_scikit_learn(k):
    x, y, xt, yt = data()
    result = ev.retrieval(None, x, y, xt, yt, ks=(k,))
    recall, precision = by_loops(x, y, xt, yt, k)
    assert result.recall[str(k)] == pytest.approx(recall)
    assert result.mean_average_precision == pytest.approx(precision)
    alone = ev.retrieval(None, x, y, ks=(k,))
    recall, precision = by_loops(x, y, x, y, k, skip_self=True)
    assert alone.recall[str(k)] == pytest.approx(recall)
    assert alone.mean_average_precision == pytest.approx(precision)
    assert (alone.n_queries, alone.n_gallery) == (40, 39)


def test_blocks_do_not_matter(monkeypatch):
    import sys

    x, y, xt, yt = data()
    whole = ev.retrieval(None, x, y, xt, yt), ev.cross_modal_recall(x[:25], xt)
    monkeypatch.setattr(sys.modules["keras_sslzoo.eval.retrieval"], "BLOCK", 120)
    assert (ev.retrieval(None, x, y, xt, yt), ev.cross_modal_recall(x[:25], xt)) == whole


def test_a_collapsed_encoder_gets_the_share_of_the_class():
    y = np.repeat([0, 1], [30, 10])
    result = ev.retrieval(None, np.ones((40, 4)), y, np.ones((2, 4)), np.array([0, 1]))
    assert result.mean_average_precision == pytest.approx((0.75 + 0.25) / 2)


def test_separate_classes_are_found():
    y = np.arange(20) % 4
    result = ev.retrieval(None, np.eye(4)[y], y)
    assert result.recall == {"1": 1, "5": 1, "10": 1}
    assert result.mean_average_precision == 1
    assert str(result) == (
        "retrieval/1: R@1 100.0 %, R@5 100.0 %, R@10 100.0 %, mAP 100.0 %, 20 queries, 19 gallery (leave_one_out=True)"
    )
    assert json.loads(json.dumps(result.as_dict())) == result.as_dict()


def test_cross_modal_recall_is_the_rank_of_the_pair():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(30, 5))
    texts = images + rng.normal(size=(30, 5))
    result = ev.cross_modal_recall(images, texts, ks=(1, 4))
    similarity = (images / np.linalg.norm(images, axis=1)[:, None]) @ (texts / np.linalg.norm(texts, axis=1)[:, None]).T
    for found, table in ((result.image_to_text, similarity), (result.text_to_image, similarity.T)):
        ranks = [sorted(-row).index(-row[i]) for i, row in enumerate(table)]
        assert found == {str(k): pytest.approx(np.mean([r < k for r in ranks])) for k in (1, 4)}
    assert result.image_to_text != result.text_to_image
    swapped = ev.cross_modal_recall(texts, images, ks=(1, 4))
    assert swapped.image_to_text == result.text_to_image


def test_cross_modal_recall_of_pairs_and_of_constants():
    x = np.random.default_rng(0).normal(size=(12, 3))
    assert ev.cross_modal_recall(x, 3 * x).image_to_text["1"] == 1
    constant = ev.cross_modal_recall(np.ones((12, 3)), np.ones((12, 3)))
    assert constant.image_to_text == {
        "1": pytest.approx(1 / 12),
        "5": pytest.approx(5 / 12),
        "10": pytest.approx(10 / 12),
    }


X, Y, XT, YT = data()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ev.retrieval(None, X, Y, ks=(40,)), r"`ks` must.*\(40,\), 39 samples"),
        (lambda: ev.retrieval(None, X, Y, ks=()), "`ks` must"),
        (lambda: ev.retrieval(None, X, None), "y=None"),
        (lambda: ev.retrieval(None, X, Y, XT), "yt=None"),
        (lambda: ev.retrieval(None, X, np.zeros(40)), "two classes"),
        (lambda: ev.retrieval(None, X, np.arange(40)), "none of class 0"),
        (lambda: ev.retrieval(None, X, Y, XT, YT + 7), "none of class"),
        (lambda: ev.retrieval(None, X, Y, XT[:, :2], YT), "Gallery and query features must be of one size"),
        (lambda: ev.retrieval(None, X * np.nan, Y), "NaN in 40 of 40 rows"),
        (lambda: ev.cross_modal_recall(X, XT), r"belong together.*\(40, 4\) and \(25, 4\)"),
        (lambda: ev.cross_modal_recall(X[:, None], X), r"\(40, 1, 4\)"),
        (lambda: ev.cross_modal_recall(X * np.nan, X), "`image_embeddings` must be finite"),
        (lambda: ev.cross_modal_recall(X[:3], X[:3]), "3 samples"),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
