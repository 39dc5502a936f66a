import itertools

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from keras_sslzoo import eval as ev


def data(n=90, seed=0, spread=0.5):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 3)
    return (np.eye(4)[y] + spread * rng.normal(size=(n, 4))).astype("float32"), y


def entropy(p):
    p = p[p > 0]
    return -(p * np.log(p)).sum()


@pytest.mark.parametrize("n_clusters", [3, 4])
def test_scores_are_those_of_the_definitions(n_clusters):
    x, y = data()
    result = ev.clustering(None, x, y, n_clusters=n_clusters)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    clusters = KMeans(n_clusters, n_init=10, random_state=0).fit_predict(unit)
    joint = np.array([[np.mean((clusters == c) & (y == k)) for k in range(3)] for c in range(n_clusters)])
    rows, columns = entropy(joint.sum(1)), entropy(joint.sum(0))
    assert result.nmi == pytest.approx((rows + columns - entropy(joint.ravel())) / (0.5 * (rows + columns)))
    assert result.ari == pytest.approx(adjusted_rand_score(y, clusters))
    best = max(sum(joint[c, k] for k, c in enumerate(p)) for p in itertools.permutations(range(n_clusters), 3))
    assert result.accuracy == pytest.approx(best)
    assert 0.5 < result.accuracy < 1


def test_names_of_classes_and_scale_do_not_matter():
    x, y = data()
    one = ev.clustering(None, x, y)
    other = ev.clustering(None, 100 * x, np.array(["c", "a", "b"])[y])
    assert (one.nmi, one.ari, one.accuracy) == pytest.approx((other.nmi, other.ari, other.accuracy))


def test_separate_classes_are_found():
    x, y = data(spread=0.01)
    result = ev.clustering(None, x, y)
    assert (result.nmi, result.ari, result.accuracy) == pytest.approx((1, 1, 1))
    assert "NMI 1.000, ARI 1.000, accuracy 100.0 %, 90 samples, 3 clusters, 3 classes" in str(result)
    rng = np.random.default_rng(0)
    chance = ev.clustering(None, rng.normal(size=(600, 4)), np.arange(600) % 3)
    assert abs(chance.ari) < 0.02


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, y: ev.clustering(None, x, None), "y=None"),
        (lambda x, y: ev.clustering(None, x, y * 0), "two classes"),
        (lambda x, y: ev.clustering(None, x, y, n_clusters=91), "n_clusters=91"),
        (lambda x, y: ev.clustering(None, x, y, n_clusters=1), "n_clusters=1"),
        (lambda x, y: ev.clustering(None, x * np.inf, y), "must be finite"),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call(*data())
