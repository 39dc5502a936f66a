import json
import os

import diseased
import keras
import numpy as np
import pytest
from contract import tiny_coders, values

import keras_sslzoo as zoo


def build():
    keras.utils.set_random_seed(0)
    model = diseased.byol()
    model.compile(keras.optimizers.Adam(1e-2))
    return model


class Scores(keras.callbacks.Callback):
    """Logs given numbers, and remembers the encoder's weights after each epoch."""

    writes_logs = True

    def __init__(self, scores):
        super().__init__()
        self.scores, self.weights = scores, []

    def on_epoch_end(self, epoch, logs=None):
        if self.scores[epoch] is not None:
            logs["knn"] = self.scores[epoch]
        self.weights.append(values(self.model.pretrained_encoder.variables))


def fit(images, best, scores, model=None, **options):
    model, seen = model or build(), Scores(scores)
    options = {"batch_size": 32, "epochs": len(scores), "verbose": 0, **options}
    history = model.fit(images, callbacks=[best, seen], **options)
    return model, seen.weights, history.history


def same(weights, expected):
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_keeps_the_best_and_restores_it(images, tmp_path):
    path = tmp_path / "run" / "encoder.keras"
    model, seen, _ = fit(images, zoo.callbacks.BestEncoder(path, restore=True), [0.2, 0.6, None, 0.6, 0.5])
    assert any((a != b).any() for a, b in zip(seen[1], seen[4], strict=True))
    same(values(model.pretrained_encoder.variables), seen[1])
    encoder = keras.models.load_model(path)
    same(values(encoder.variables), seen[1])
    np.testing.assert_allclose(
        encoder.predict(images, verbose=0), zoo.eval.features(model, images), rtol=1e-5, atol=1e-6
    )
    assert json.loads((tmp_path / "run" / "encoder.keras.json").read_text()) == {
        "monitor": "knn", "best": 0.6, "epoch": 2
    }  # fmt: skip
    assert sorted(os.listdir(path.parent)) == ["encoder.keras", "encoder.keras.json"]
    model.fit(images, batch_size=32, verbose=0)  # what was restored can be trained


def test_without_restore_the_model_keeps_its_last_weights(images, tmp_path):
    path = tmp_path / "encoder.weights.h5"
    model, seen, _ = fit(images, zoo.callbacks.BestEncoder(path, mode="min"), [0.5, 0.2, 0.4])
    same(values(model.pretrained_encoder.variables), seen[2])
    again = diseased.encoder()
    again.load_weights(path)
    same(values(again.variables), seen[1])


def test_by_effective_rank_without_labels(images, tmp_path):
    best = zoo.callbacks.BestEncoder(tmp_path / "e.keras", monitor="rankme", images=images, restore=True)
    model, _, logs = fit(images, best, [None] * 4)
    assert len(logs["rankme"]) == 4
    assert best.best == max(logs["rankme"])
    assert best.best_epoch == 1 + int(np.argmax(logs["rankme"]))
    assert zoo.eval.rankme(zoo.eval.features(model, images)) == pytest.approx(best.best, rel=1e-5)


def test_of_a_vae_keeps_the_mean_encoder(images, tmp_path):
    keras.utils.set_random_seed(0)
    model = zoo.VAE(zoo.nets.MLP((12, 12, 1), (16,)), tiny_coders(4)["decoder"], latent_dim=4, likelihood="gaussian")
    model.compile()
    best = zoo.callbacks.BestEncoder(tmp_path / "e.keras", monitor="loss")
    model.fit(images, batch_size=32, epochs=2, verbose=0, callbacks=[best])
    assert best.mode == "min"
    assert keras.models.load_model(tmp_path / "e.keras").output_shape == (None, 4)


def test_a_run_that_goes_on_keeps_its_best(images, tmp_path):
    path = tmp_path / "encoder.keras"
    model, seen, _ = fit(images, zoo.callbacks.BestEncoder(path), [0.9, 0.1])
    first = seen[0]
    fit(images, zoo.callbacks.BestEncoder(path, restore=True), [None, None, 0.5, 0.8], model, initial_epoch=2)
    same(values(model.pretrained_encoder.variables), first)
    _, seen, _ = fit(images, zoo.callbacks.BestEncoder(path), [0.3])  # another run begins anew
    same(values(keras.models.load_model(path).variables), seen[0])
    best = zoo.callbacks.BestEncoder(path, "rankme", images=images)
    with pytest.raises(ValueError, match=r"monitor='rankme'.*of 'knn'"):
        fit(images, best, [None, None], model, initial_epoch=1)


def test_a_finished_run_is_restored(images, tmp_path):
    best = zoo.callbacks.BestEncoder(tmp_path / "encoder.keras", restore=True)
    checkpoint = zoo.callbacks.Checkpoint(tmp_path / "run")
    seen = Scores([0.9, 0.1])
    build().fit(images, batch_size=32, epochs=2, verbose=0, callbacks=[best, checkpoint, seen])
    again = build()
    again.fit(images, batch_size=32, epochs=2, verbose=0, callbacks=[best, checkpoint])
    same(values(again.pretrained_encoder.variables), seen.weights[0])


def test_a_process_that_dies_while_it_writes_leaves_the_last_good_file(images, tmp_path, monkeypatch):
    path = tmp_path / "encoder.keras"
    _, seen, _ = fit(images, zoo.callbacks.BestEncoder(path), [0.1])

    def dies(self, filepath, **kwargs):
        filepath.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.Model, "save", dies)
    with pytest.raises(KeyboardInterrupt):
        fit(images, zoo.callbacks.BestEncoder(path), [0.9])
    monkeypatch.undo()
    same(values(keras.models.load_model(path).variables), seen[0])


def test_nan_is_never_best_and_a_missing_log_is_said(images, tmp_path):
    path = tmp_path / "encoder.keras"
    best = zoo.callbacks.BestEncoder(path)
    fit(images, best, [float("nan"), 0.1])
    assert best.best == 0.1
    with pytest.warns(UserWarning, match="no 'knn' in the logs, which are embedding_std, loss"):
        fit(images, zoo.callbacks.BestEncoder(path), [None])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"path": "encoder"}, "path='encoder'"),
        ({"mode": "best"}, "mode='best'"),
        ({"monitor": "temperature"}, "monitor='temperature'"),
        ({"images": np.zeros((4, 2))}, "images and monitor='knn'"),
    ],
)
def test_slips(kwargs, message):
    with pytest.raises(ValueError, match=message):
        zoo.callbacks.BestEncoder(**{"path": "encoder.keras", **kwargs})


@pytest.mark.parametrize(
    ("monitor", "mode"), [("knn", "max"), ("val_loss", "min"), ("generator_loss", "min"), ("rankme", "max")]
)
def test_which_way_is_better(monitor, mode):
    assert zoo.callbacks.BestEncoder("encoder.keras", monitor).mode == mode
