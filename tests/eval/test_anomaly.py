import json

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.covariance import ledoit_wolf

import keras_sslzoo as zoo
from keras_sslzoo import eval as ev


def data(shift=1.5, seed=0):
    rng = np.random.default_rng(seed)
    scales = np.array([3.0, 1.0, 0.2, 1.0, 1.0, 1.0])
    yt = rng.permutation(np.arange(60) < 12).astype(int)
    x, xt = rng.normal(size=(80, 6)) * scales + 2, rng.normal(size=(60, 6)) * scales + 2
    xt[:, 2] += shift * yt  # small against the largest deviation, large against its own
    return x, xt, yt


def rank_of_anomalies(scores, yt):
    """AUROC by its definition: over all pairs of an anomaly and a normal sample."""
    pairs = [(a, b) for a in scores[yt == 1] for b in scores[yt == 0]]
    return np.mean([1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs])


def average_precision(scores, yt):
    order = np.argsort(-scores)
    hits = yt[order]
    return np.mean([hits[: i + 1].mean() for i in np.flatnonzero(hits)])


def check(result, yt):
    assert result.auroc == pytest.approx(rank_of_anomalies(result.scores, yt))
    assert result.aupr == pytest.approx(average_precision(result.scores, yt))
    assert json.loads(json.dumps(result.as_dict())) == result.as_dict()
    assert (result.n_test, result.n_anomalies) == (len(yt), yt.sum())


def test_knn():
    x, xt, yt = data()
    result = ev.anomaly(None, x, xt, yt, k=3)
    check(result, yt)
    for i in range(5):
        cosine = sorted((xt[i] @ g / np.linalg.norm(xt[i]) / np.linalg.norm(g) for g in x), reverse=True)
        assert result.scores[i] == pytest.approx(1 - np.mean(cosine[:3]), abs=1e-6)
    assert str(result).startswith("anomaly_knn/1: AUROC ")
    assert ev.anomaly(None, x, x[:60], yt, k=1).scores == pytest.approx(0, abs=1e-6)  # itself is the nearest


def test_mahalanobis():
    x, xt, yt = data()
    result = ev.anomaly(None, x, xt, yt, by="mahalanobis")
    check(result, yt)
    covariance, _ = ledoit_wolf(x.astype("float32").astype("float64"))
    difference = xt - x.mean(axis=0)
    expected = np.einsum("nd,de,ne->n", difference, np.linalg.inv(covariance), difference)
    np.testing.assert_allclose(result.scores, expected, rtol=1e-3)
    assert result.auroc > ev.anomaly(None, x, xt, yt, by="knn").auroc > 0.5
    assert np.isfinite(ev.anomaly(None, x[:4], xt, yt, by="mahalanobis").auroc)  # fewer samples than dimensions


def test_reconstruction():
    _, xt, yt = data()
    model = keras.Sequential([keras.Input((6,)), layers.Dense(6, kernel_initializer="identity")])
    model.layers[0].set_weights([np.diag([1.0, 1, 0, 1, 1, 1]), np.array([0, 0, 2.0, 0, 0, 0])])
    result = ev.anomaly(model, None, xt, yt, by="reconstruction")
    check(result, yt)
    np.testing.assert_allclose(result.scores, (xt[:, 2] - 2) ** 2 / 6, rtol=1e-3, atol=1e-6)
    assert result.auroc > 0.95
    assert result.n_train is None


def test_elbo(linear_gaussian):
    vae, x, truth, _ = linear_gaussian()
    x = np.concatenate([x, x + 3])
    yt = np.arange(14) >= 7
    result = ev.anomaly(vae, None, x, yt, by="elbo")
    check(result, yt.astype(int))
    np.testing.assert_allclose(result.scores[:7], truth, rtol=1e-4)
    assert result.auroc > 0.9


def test_each_class_is_the_normal_one_in_turn():
    rng = np.random.default_rng(0)
    y, yt = np.array([7, 3, 5] * 20), np.array([3, 5, 7, 7] * 9)
    x, xt = (rng.normal(size=(len(part), 4)) + part[:, None] for part in (y, yt))
    seen = {}

    def mean_of(normal, label):
        seen[label] = normal
        model = keras.Sequential([keras.Input((4,)), layers.Dense(4)])
        model.layers[0].set_weights([np.zeros((4, 4)), normal.mean(axis=0)])
        return model

    result = ev.anomaly_per_class(mean_of, x, y, xt, yt)
    assert list(result.per_class) == ["3", "5", "7"]
    for label in (3, 5, 7):
        np.testing.assert_array_equal(seen[label], x[y == label])
        scores = np.square(xt - x[y == label].mean(axis=0)).mean(axis=1)
        expected = rank_of_anomalies(scores, (yt != label).astype(int))
        assert result.per_class[str(label)] == pytest.approx(expected, abs=1e-3)
    assert result.auroc == pytest.approx(np.mean(list(result.per_class.values())))
    assert result.std == pytest.approx(np.std(list(result.per_class.values()), ddof=1))
    assert (result.protocol, result.n_train, result.n_test) == ("anomaly_per_class_reconstruction/1", 20, 36)
    assert json.loads(json.dumps(result.as_dict())) == result.as_dict()


def test_each_class_by_neighbours():
    x, xt, yt = data()
    y = np.arange(len(x)) % 2
    result = ev.anomaly_per_class(lambda normal, label: None, x, y, xt, yt, by="knn", k=3)
    assert result.settings == {"k": 3}
    for label in (0, 1):
        alone = ev.anomaly(None, x[y == label], xt, (yt != label).astype(int), k=3)
        assert result.per_class[str(label)] == alone.auroc


X, XT, YT = data()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"by": "svm"}, ValueError, "by='svm'"),
        ({"x": None}, ValueError, "x=None"),
        ({"yt": None}, ValueError, "yt=None"),
        ({"yt": YT * 0}, ValueError, r"some of both. Received: \[0\]"),
        ({"yt": YT + 1}, ValueError, r"Received: \[1, 2\]"),
        ({"yt": YT[:9]}, ValueError, "9 labels for 60 samples"),
        ({"k": 81}, ValueError, "k=81, 80 samples"),
        ({"x": X[:, :3]}, ValueError, "Normal and test features"),
        ({"xt": XT * np.nan}, ValueError, "NaN in 60 of 60"),
        ({"by": "elbo", "model": zoo.nets.MLP((6,), (3,))}, TypeError, "without posterior"),
    ],
)
def test_wrong_arguments(change, error, message):
    args = {"model": None, "x": X, "xt": XT, "yt": YT, **change}
    with pytest.raises(error, match=message):
        ev.anomaly(**args)
