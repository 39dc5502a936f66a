import csv

import diseased
import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import keras_sslzoo as zoo

EPOCHS = 4
LABELS = np.arange(64) % 4


def build():
    keras.utils.set_random_seed(0)
    model = diseased.simclr()
    model.compile(keras.optimizers.Adam(1e-3))
    return model


def split(images):
    return images[:48], LABELS[:48], images[48:], LABELS[48:]


def fit(model, images, callbacks, epochs=EPOCHS, **options):
    return model.fit(images, batch_size=32, epochs=epochs, verbose=0, callbacks=callbacks, **options).history


def test_the_logs_are_the_protocols_after_the_last_epoch(images):
    model = build()
    monitors = [zoo.callbacks.KNNMonitor(*split(images), k=3), zoo.callbacks.LinearMonitor(*split(images), C=0.1)]
    logs = fit(model, images, monitors)
    assert [len(logs[name]) for name in ("knn", "linear", "loss")] == [EPOCHS] * 3
    assert logs["knn"][-1] == zoo.eval.knn(model, *split(images), k=3).accuracy
    f, ft = (zoo.eval.features(model, part) for part in (images[:48], images[48:]))
    mean, deviation = f.mean(axis=0), f.std(axis=0)
    probe = LogisticRegression(C=0.1, max_iter=1000).fit((f - mean) / deviation, LABELS[:48])
    assert logs["linear"][-1] == pytest.approx(probe.score((ft - mean) / deviation, LABELS[48:]))


def test_knn_of_the_training_set_itself_is_perfect(images):
    logs = fit(build(), images, [zoo.callbacks.KNNMonitor(images, LABELS, images, LABELS, k=1)], epochs=1)
    assert logs["knn"] == [1.0]


def test_a_watched_run_is_the_same_run(images):
    plain = fit(build(), images, [])
    monitors = [zoo.callbacks.KNNMonitor(*split(images)), zoo.callbacks.CollapseMonitor(images)]
    watched = fit(build(), images, monitors)
    assert all(watched[name] == plain[name] for name in plain)


def test_every_few_epochs_the_first_and_the_last(images):
    seen = []
    monitor = zoo.callbacks.KNNMonitor(*split(images), every=3)
    spy = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append("knn" in logs))
    fit(build(), images, [spy, monitor], epochs=5)
    assert seen == [True, False, True, False, True]


def test_other_callbacks_see_them_wherever_they_stand(images, tmp_path, capsys):
    """EarlyStopping, ModelCheckpoint and CSVLogger come before the monitor in the list."""

    class Falling(zoo.callbacks.KNNMonitor):
        def score(self, f, ft):
            self.value = getattr(self, "value", 1.0) / 2
            return self.value

    stop = keras.callbacks.EarlyStopping("knn", mode="max", patience=2)
    best = keras.callbacks.ModelCheckpoint(tmp_path / "{knn:.2f}.weights.h5", "knn", mode="max", save_best_only=True,
                                           save_weights_only=True)  # fmt: skip
    table = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    model = build()
    options = {"batch_size": 32, "epochs": 9, "verbose": 2, "callbacks": [stop, best, table, Falling(*split(images))]}
    logs = model.fit(images, **options).history
    assert logs["knn"] == [0.5, 0.25, 0.125]
    assert (tmp_path / "0.50.weights.h5").exists()
    assert not (tmp_path / "0.25.weights.h5").exists()
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [float(row["knn"]) for row in rows] == [0.5, 0.25, 0.125]
    assert "knn: 0.2500" in capsys.readouterr().out


def test_the_subset_is_fixed_stratified_and_limited():
    x = np.arange(100, dtype="float32").reshape(100, 1)
    y = np.repeat([0, 1, 2], [80, 19, 1])
    a, b = (zoo.callbacks.KNNMonitor(x, y, x, y, limit=20) for _ in range(2))
    np.testing.assert_array_equal(a.x, b.x)
    np.testing.assert_array_equal(a.xt, b.xt)
    assert np.bincount(a.y).tolist() == [16, 3, 1]
    np.testing.assert_array_equal(y[a.x[:, 0].astype(int)], a.y)
    np.testing.assert_array_equal(y[a.xt[:, 0].astype(int)], a.yt)
    assert len(set(a.xt[:, 0])) == 20
    assert len(zoo.callbacks.KNNMonitor(x, y, x, y, limit=None).x) == 100


def test_a_run_that_diverges_is_not_killed_by_its_probe(images):
    model = build()
    monitor = zoo.callbacks.KNNMonitor(*split(images))
    spoil = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: (
            epoch == 1 and model.encoder.set_weights([np.full_like(w, np.nan) for w in model.encoder.get_weights()])
        )
    )
    logs = fit(model, images, [spoil, monitor], epochs=2)
    assert np.isfinite(logs["knn"][0])
    assert np.isnan(logs["knn"][1])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"every": 0}, "every=0"),
        ({"k": 49}, "k=49, 48 samples"),
        ({"k": 5, "limit": 4}, "k=5, 4 samples"),
        ({"limit": 3}, "limit=3, 4 classes"),
        ({"temperature": 0}, "temperature=0"),
        ({"y": LABELS[:5]}, "5 labels for 48 samples"),
        ({"y": np.zeros(48, int)}, "only class 0"),
        ({"yt": np.full(16, 9)}, r"\[9\] in `yt` only"),
    ],
)
def test_slips(images, kwargs, message):
    data = dict(zip(("x", "y", "xt", "yt"), split(images), strict=True))
    with pytest.raises(ValueError, match=message):
        zoo.callbacks.KNNMonitor(**{**data, **kwargs})


def test_a_model_without_encoder_is_refused(images):
    model = keras.Sequential([keras.layers.Input((12, 12, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"`pretrained_encoder`\. Received: Sequential"):
        model.fit(images, LABELS, verbose=0, callbacks=[zoo.callbacks.KNNMonitor(*split(images))])
