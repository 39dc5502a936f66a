import dataclasses
import json
import sys

import keras
import numpy as np
import pytest
from keras import ops

from keras_sslzoo import eval as ev
from keras_sslzoo import views
from keras_sslzoo.eval.linear_probe import LINEAR_C


def blobs(n=60, classes=3, dim=5, spread=0.05, seed=0):
    """Separable data: class c sits near the c-th axis."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % classes)
    return (np.eye(dim)[y] + spread * rng.normal(size=(n, dim))).astype("float32"), y


def brute_knn(x, y, xt, k, temperature):
    """The documented rule, one sample and one neighbour at a time."""
    predicted = []
    for q in xt:
        sims = [float(np.dot(q, g)) / (np.linalg.norm(q) * np.linalg.norm(g)) for g in x]
        order = sorted(range(len(x)), key=lambda i: (-round(sims[i], 6), i))[:k]
        votes = {}
        for i in order:
            votes[y[i]] = votes.get(y[i], 0.0) + (1 if temperature is None else np.exp(sims[i] / temperature))
        tied = [c for c in votes if votes[c] == max(votes.values())]
        predicted.append(next(y[i] for i in order if y[i] in tied))
    return np.array(predicted)


@pytest.mark.parametrize("temperature", [None, 0.07, 1.0])
@pytest.mark.parametrize("k", [1, 2, 4, 7])
def test_knn_is_the_double_loop(k, temperature):
    rng = np.random.default_rng(k)
    x, xt = rng.normal(size=(40, 3)).astype("float32"), rng.normal(size=(30, 3)).astype("float32")
    y, yt = rng.integers(0, 4, 40), rng.integers(0, 4, 30)
    expected = np.mean(brute_knn(x, y, xt, k, temperature) == yt)
    assert ev.knn(None, x, y, xt, yt, k=k, temperature=temperature).accuracy == pytest.approx(expected)


def test_knn_of_the_training_set_itself_with_one_neighbour_is_right():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 6)).astype("float32"), rng.integers(0, 7, 200)
    assert ev.knn(None, x, y, x, y, k=1).accuracy == 1


def test_knn_ties_go_to_the_nearest():
    x = np.array([[1, 0.3], [1, 0.2], [1, 0.1], [1, 0.4]], "float32")
    y = np.array([1, 0, 1, 0])  # two votes each for the query (1, 0); the nearest is of class 1
    xt = np.array([[1, 0]], "float32")
    assert ev.knn(None, x, y, xt, np.array([1]), k=4).accuracy == 1
    assert ev.knn(None, x, y, xt, np.array([0]), k=4).accuracy == 0


def test_knn_temperature_weighs():
    x = np.array([[1, 0], [1, 1], [1, 1]], "float32")
    args = x, np.array([1, 0, 0]), np.array([[1, 0.01]], "float32"), np.array([1])
    assert ev.knn(None, *args, k=3).accuracy == 0
    assert ev.knn(None, *args, k=3, temperature=0.001).accuracy == 1  # exp(1 / 0.001) alone would overflow


def test_knn_of_a_collapsed_encoder_is_chance():
    x, y = np.ones((50, 4), "float32"), np.arange(50) % 5
    result = ev.knn(None, x, y, x, y, k=5)
    assert result.accuracy == pytest.approx(0.2)


@pytest.mark.parametrize("block_size", [1, 7, 64])
def test_nearest_in_blocks_is_nearest_in_one(block_size):
    # small whole numbers with one length: similarities tie often, and are exact in each block
    rng = np.random.default_rng(0)
    x = rng.choice([-1.0, 1.0], size=(100, 4)).astype("float32")
    sims = x[:30] @ x.T / 4
    expected = np.argsort(-sims, axis=1, kind="stable")[:, :9]
    similarity, index = ev.nearest(x[:30], x, k=9, block_size=block_size)
    np.testing.assert_array_equal(index, expected)
    np.testing.assert_allclose(similarity, np.take_along_axis(sims, expected, axis=1), atol=1e-6)


def test_nearest_survives_extreme_lengths():
    x = np.array([[1e30, 0], [0, 1e-25], [0, 0]], "float32")
    similarity, index = ev.nearest(x, x, k=1)
    np.testing.assert_allclose(similarity[:, 0], [1, 1, 0])
    np.testing.assert_array_equal(index[:2, 0], [0, 1])


def test_linear_probe_separable():
    result = ev.linear_probe(None, *blobs(), *blobs(seed=1))
    assert result.accuracy == 1
    assert result.details["converged"]
    assert result.details["C"] in LINEAR_C


def test_linear_probe_on_noise_is_near_chance():
    rng = np.random.default_rng(0)
    x, xt = rng.normal(size=(400, 8)), rng.normal(size=(1000, 8))
    result = ev.linear_probe(None, x, np.arange(400) % 4, xt, np.arange(1000) % 4)
    assert abs(result.accuracy - 0.25) < 0.06


def test_linear_probe_chooses_on_training_data_alone():
    x, y = blobs(spread=0.6)
    xt, yt = blobs(spread=0.6, seed=1)
    one = ev.linear_probe(None, x, y, xt, yt)
    other = ev.linear_probe(None, x, y, xt, (yt + 1) % 3)  # other test labels: the choice must not move
    assert one.details == other.details
    assert one == ev.linear_probe(None, x, y, xt, yt)


def test_linear_probe_keeps_a_class_of_one_sample():
    x, y = blobs()
    x, y = np.concatenate([x, [[0, 0, 0, 0, 5]]]), np.append(y, 3)
    assert ev.linear_probe(None, x, y, x, y).accuracy == 1


def test_string_labels():
    x, y = blobs()
    names = np.array(["bag", "dress", "boot"])[y]
    for probe in (ev.knn, ev.linear_probe, ev.few_label):
        assert probe(None, x, names, x, names.tolist()).accuracy == 1


def test_few_label_draws_are_stratified_and_differ(monkeypatch):
    seen = []
    module = sys.modules["keras_sslzoo.eval.few_label"]  # the package's name of it is the function
    draw = module.draw
    monkeypatch.setattr(module, "draw", lambda *args: seen.append(draw(*args)) or seen[-1])
    x, y = blobs(spread=0.5)
    ev.few_label(None, x, y, x, y, labels_per_class=4, draws=3)
    assert [np.bincount(y[rows]).tolist() for rows in seen] == [[4, 4, 4]] * 3
    assert all(len(set(rows)) == 12 for rows in seen)
    assert len({tuple(sorted(rows)) for rows in seen}) == 3


def test_few_label_repeats_by_seed():
    x, y = blobs(spread=0.6)
    xt, yt = blobs(200, spread=0.6, seed=1)
    one, again, other = (ev.few_label(None, x, y, xt, yt, labels_per_class=3, seed=s) for s in (0, 0, 1))
    assert one == again
    assert one.details["accuracies"] != other.details["accuracies"]
    assert one.accuracy == pytest.approx(np.mean(one.details["accuracies"]))
    mean = sum(one.details["accuracies"]) / 5
    assert one.std == pytest.approx((sum((a - mean) ** 2 for a in one.details["accuracies"]) / 4) ** 0.5)
    assert (one.n_train, one.details["n_unlabelled"]) == (9, 60)


@pytest.mark.parametrize("probe", [ev.linear_probe, ev.few_label])
def test_scale_and_constant_features_do_not_matter(probe):
    x, y = blobs(spread=0.5)
    xt, yt = blobs(200, spread=0.5, seed=1)
    plain = probe(None, x, y, xt, yt)
    pad = np.full((60, 2), 0.1, "float32"), np.full((200, 2), 0.1, "float32")
    scaled = probe(None, np.hstack([x * 1000 + 7, pad[0]]), y, np.hstack([xt * 1000 + 7, pad[1]]), yt)
    assert scaled.accuracy == pytest.approx(plain.accuracy, abs=0.011)
    # and one that is constant in training only stays finite
    unseen = np.hstack([xt, np.arange(200)[:, None].astype("float32")])
    assert 0 < probe(None, np.hstack([x, np.ones((60, 1), "float32")]), y, unseen, yt).accuracy <= 1


def test_few_label_of_a_fraction():
    y = np.repeat([0, 1, 2], [200, 40, 3])
    x = np.eye(3, dtype="float32")[y]
    result = ev.few_label(None, x, y, x, y, fraction=0.1, draws=2)
    assert result.n_train == 20 + 4 + 1  # at least one of each class
    assert (result.accuracy, result.std) == (1, 0)
    assert (result.settings["fraction"], result.settings["labels_per_class"]) == (0.1, None)


def sgd_by_hand(x, y, xt, rate, batch_size, epochs, orders):
    """A softmax regression with Nesterov momentum 0.9 and a cosine, in float64: the classes of `xt`."""
    mean, std = x.mean(axis=0), x.std(axis=0)
    x, xt = (x - mean) / std, (xt - mean) / std
    w, b = np.zeros((x.shape[1], y.max() + 1)), np.zeros(y.max() + 1)
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    steps, step = len(x) // batch_size, 0
    for epoch in range(epochs):
        for i in range(steps):
            rows = orders[epoch][i * batch_size : (i + 1) * batch_size]
            logits = x[rows] @ w + b
            p = np.exp(logits - logits.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
            p[np.arange(batch_size), y[rows]] -= 1
            gw, gb = x[rows].T @ p / batch_size, p.mean(axis=0)
            now = rate * 0.5 * (1 + np.cos(np.pi * step / (steps * epochs)))
            vw, vb = 0.9 * vw - now * gw, 0.9 * vb - now * gb
            w, b = w + 0.9 * vw - now * gw, b + 0.9 * vb - now * gb
            step += 1
    return (xt @ w + b).argmax(axis=1)


def test_linear_probe_by_sgd_is_softmax_regression():
    x, y = blobs(50, spread=0.8)
    xt, yt = blobs(300, spread=0.8, seed=1)
    orders = [np.random.default_rng((3, epoch)).permutation(50) for epoch in range(4)]
    expected = sgd_by_hand(x.astype("float64"), y, xt, 2.0 * 16 / 256, 16, 4, orders)
    args = {"method": "sgd", "epochs": 4, "learning_rate": 2.0, "train_batch_size": 16, "seed": 3}
    result = ev.linear_probe(None, x, y, xt, yt, **args)
    assert result.accuracy == pytest.approx(np.mean(expected == yt), abs=1 / 300)  # of a sample on the border
    assert result.details["loss"][-1] < result.details["loss"][0]
    assert result.protocol == "linear_probe_sgd/1"


def test_linear_probe_by_sgd_trains_on_views_and_leaves_the_encoder():
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    x = rng.uniform(0, 0.3, (80, 4, 4, 1)).astype("float32")
    x[:, :, :2] += 0.5 * y[:, None, None, None]
    x[:, :, 2:] += 0.5 * (1 - y)[:, None, None, None]
    encoder = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(8)])
    before = encoder.get_weights()
    args = {"method": "sgd", "epochs": 8, "train_batch_size": 16, "learning_rate": 2.0}
    assert ev.linear_probe(encoder, x, y, x, y, **args).accuracy == 1
    # the side is the class: under views that mirror half of the images it cannot be learned
    result = ev.linear_probe(encoder, x, y, x, y, views=views.RandomFlip(0.5), **args)
    assert result.accuracy < 0.9
    assert result.settings["views"] == "RandomFlip"
    keys = []

    def noted(images, key):
        keys.append((ops.convert_to_numpy(images).shape, key))
        return images, None  # of several views the first is taken

    assert ev.linear_probe(encoder, x, y, x, y, views=noted, **args).accuracy == 1
    assert keys[0][0] == (16, 4, 4, 1)
    assert len({key.step for _, key in keys}) >= 8 * 5  # another key for each step
    for old, new in zip(before, encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_result():
    x, y = blobs()
    result = ev.knn(None, x, y, *blobs(30, seed=1), k=3, temperature=0.1)
    assert str(result) == "knn/1: accuracy 100.0 %, 60 train, 30 test, 3 classes, D=5 (k=3, temperature=0.1)"
    assert result.std is None
    few = ev.few_label(None, x, y, x, y)
    assert str(few) == (
        "few_label/1: accuracy 100.0 %, deviation 0.0 %, 30 train, 60 test, 3 classes, D=5 "
        "(labels_per_class=10, draws=5, C=1, seed=0)"
    )
    linear = ev.linear_probe(None, x, y, x, y)
    for r in (result, few, linear):
        assert json.loads(json.dumps(r.as_dict(), allow_nan=False)) == r.as_dict()
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.accuracy = 1.0
    thousands = dataclasses.replace(result, protocol="p/1", accuracy=0.834, n_train=5000, n_test=1000, settings={})
    assert str(thousands) == "p/1: accuracy 83.4 %, 5,000 train, 1,000 test, 3 classes, D=5"


def test_probe_within_fit():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 4, 4, 1)).astype("float32"), np.arange(40) % 2
    body = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    model = keras.Sequential([body, keras.layers.Dense(2)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    found = []

    class Probe(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            found.append(ev.features(body, x, batch_size=16))

    model.fit(x, y, epochs=2, batch_size=20, verbose=0, callbacks=[Probe()])
    assert not np.array_equal(*found)
    np.testing.assert_allclose(found[-1], ev.features(body, x), atol=1e-6)


X, Y = blobs()


@pytest.mark.parametrize("probe", [ev.knn, ev.linear_probe, ev.few_label])
@pytest.mark.parametrize(
    ("y", "yt", "message"),
    [
        (None, Y, "Received: y=None"),
        (Y, None, "Received: yt=None"),
        (Y[:50], Y, "50 labels for 60 samples"),
        (np.eye(3)[Y], Y, r"shape \(60, 3\).*argmax"),
        (np.zeros(60, int), Y, "at least two classes.*only class 0"),
        (Y, Y + 1, r"Received: \[3\] in `yt` only"),
        (np.where(Y == 0, np.nan, Y), Y, "fractions or NaN"),
    ],
)
def test_label_errors(probe, y, yt, message):
    with pytest.raises(ValueError, match=message):
        probe(None, X, y, X, yt)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ev.knn(None, X, Y, X, Y, k=61), "`k` must be.*k=61, 60 samples"),
        (lambda: ev.knn(None, X, Y, X, Y, k=0), "`k` must be"),
        (lambda: ev.knn(None, X, Y, X, Y, k=2.5), "`k` must be"),
        (lambda: ev.knn(None, X, Y, X, Y, temperature=0), "temperature=0"),
        (lambda: ev.few_label(None, X, Y, X, Y, labels_per_class=21), "class 0 has 20"),
        (lambda: ev.few_label(None, X, Y, X, Y, labels_per_class=0), "labels_per_class=0"),
        (lambda: ev.few_label(None, X, Y, X, Y, draws=1), "draws=1"),
        (lambda: ev.few_label(None, X, Y, X, Y, fraction=10), "fraction=10"),
        (lambda: ev.linear_probe(None, X, Y, X, Y, method="adam"), "method='adam'"),
        (lambda: ev.linear_probe(None, X, Y, X, Y, method="sgd", views=lambda x, key: x), "with an encoder"),
        (lambda: ev.linear_probe(None, X, Y, X, Y, method="sgd", epochs=0), "epochs=0"),
        (lambda: ev.linear_probe(None, X, Y, X, Y, method="sgd", learning_rate=1e39, epochs=2), "diverged"),
        (lambda: ev.linear_probe(None, X[:3], np.arange(3), X[:3], np.arange(3)), "at least 2.*1 sample of each"),
        (lambda: ev.linear_probe(None, X, Y, X[:, :4], Y), r"of one size.*\(60, 5\) and \(60, 4\)"),
        (lambda: ev.knn(None, X * np.nan, Y, X, Y), "NaN in 60 of 60 rows"),
    ],
)
def test_argument_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
