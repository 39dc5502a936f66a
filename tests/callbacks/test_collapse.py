import pathlib
import re

import diseased
import keras
import numpy as np
import pytest
from contract import SHAPE, tiny_coders

import keras_sslzoo as zoo
from keras_sslzoo.callbacks.diseases import DISEASES, gradient_diseases

HEALTHY = ["BYOL", "SimCLR", "DINO", "CLIP", "GAN", "VAE", "AutoEncoder"]
ILL = {
    "no stop-gradient": ("collapse", "stop-gradient"),
    "no predictor": ("collapse", "predictor"),
    "embeddings all alike": ("collapse", "learning rate"),
    "no centering": ("collapse to few classes", "center_momentum"),
    "no sharpening": ("collapse to uniform", "teacher_temperature"),
    "KL weight too large": ("posterior collapse", "beta"),
    "discriminator too strong": ("saturated discriminator", "learning rate"),
    "generator of one sample": ("mode collapse", "batch"),
    "batch too small": ("too few negatives", "larger batch"),
    "no views": ("equal views", "zoo.views.simclr"),
    "rate too high": ("divergence", "learning rate"),
    "dead encoder": ("dead encoder", "learning rate"),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_runs_are_not_accused(name):
    """Each as long as the ill ones of its method, or longer, and with the same images."""
    monitor, logs = diseased.run(name, gradient_norm=True)
    assert monitor.found == {}
    assert all(np.isfinite(values).all() for values in logs.values())


@pytest.mark.parametrize("name", ILL)
def test_a_disease_is_named_in_one_line_once(name, capsys):
    disease, remedy = ILL[name]
    monitor, _ = diseased.run(name)
    assert list(monitor.found) == [disease]
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert lines == [monitor.found[disease]]
    assert re.fullmatch(rf"CollapseMonitor, epoch \d+: {disease} \(.+\): .+\. .*{remedy}.*\.", lines[0])


@pytest.mark.parametrize("name", ["no stop-gradient", "KL weight too large"])
def test_logs_alone_are_enough_for_what_shows_in_them(name):
    monitor, logs = diseased.run(name, images=None)
    assert list(monitor.found) == [ILL[name][0]]
    assert "rankme" not in logs


class Replay(keras.callbacks.Callback):
    """Writes given logs, one dict an epoch."""

    writes_logs = True

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        logs.update(self.epochs[epoch])


def replay(epochs, images, **options):
    model = zoo.AutoEncoder(**tiny_coders())
    model.compile(keras.optimizers.SGD(1e-3))
    monitor = zoo.callbacks.CollapseMonitor(**options)
    seen = model.fit(
        images, batch_size=64, epochs=len(epochs), verbose=0, callbacks=[Replay(epochs), monitor]
    ).history  # fmt: skip
    return monitor, len(seen["loss"])


def codebook(*usage):
    return [{"codebook_usage": value} for value in usage]


def test_patience_counts_epochs_in_a_row(images):
    ill = 0.01
    assert replay(codebook(ill, ill, 1.0, ill, ill), images)[0].found == {}
    monitor, _ = replay(codebook(1.0, ill, ill, ill, 1.0, ill), images)
    assert "epoch 4: codebook collapse (codebook_usage 0.01)" in monitor.found["codebook collapse"]
    assert "epoch 2" in replay(codebook(1.0, ill), images, patience=1)[0].found["codebook collapse"]


def test_stop_ends_the_run(images):
    ill = codebook(*[0.01] * 6)
    assert replay(ill, images)[1] == 6
    monitor, epochs = replay(ill, images, stop=True)
    assert epochs == 3
    assert list(monitor.found) == ["codebook collapse"]
    assert replay([{}, {"loss": float("nan")}, {}], images, stop=True)[1] == 2


def test_gradients_that_vanish_or_explode(images):
    def norms(*values):
        return replay([{"generator_gradient_norm": value} for value in values], images)[0].found

    assert norms(1.0, 2.0, 0.01, 0.001, 50.0, 100.0) == {}
    assert list(norms(1.0, 1e-6, 1e-6, 1e-7)) == ["vanished gradient"]
    assert list(norms(1.0, 1e4, 1e5, 1e6)) == ["exploding gradient"]


def test_an_embedding_that_begins_low_and_rises_is_healthy(images):
    rising = [{"embedding_std": value} for value in (0.05, 0.1, 0.15, 0.19, 0.4)]
    assert replay(rising, images)[0].found == {}
    falling = [{"embedding_std": value} for value in (0.15, 0.1, 0.08, 0.05)]
    assert list(replay(falling, images)[0].found) == ["collapse"]


def test_what_it_logs_is_what_eval_says_of_the_last_epoch(images):
    keras.utils.set_random_seed(0)
    model = diseased.simclr()
    model.compile(keras.optimizers.Adam(1e-3))
    x = (images * 255).astype("uint8")
    monitor = zoo.callbacks.CollapseMonitor(x, every=2)
    logs = model.fit(x, batch_size=32, epochs=4, verbose=0, callbacks=[monitor]).history
    assert [len(logs[name]) for name in ("rankme", "feature_std", "alignment", "uniformity")] == [3] * 4
    f = zoo.eval.features(model, x)
    assert logs["rankme"][-1] == pytest.approx(zoo.eval.rankme(f), rel=1e-5)
    u = f / np.linalg.norm(f, axis=1, keepdims=True)
    assert logs["feature_std"][-1] == pytest.approx(u.std(axis=0).mean() * np.sqrt(f.shape[1]), rel=1e-4)
    views = model.views(keras.ops.convert_to_tensor(x.astype("float32") / 255), zoo.ops.random.Key(0, 0))
    f1, f2 = (zoo.eval.features(model, keras.ops.convert_to_numpy(view)) for view in views)
    assert logs["alignment"][-1] == pytest.approx(zoo.eval.alignment(f1, f2), rel=1e-4)
    assert logs["uniformity"][-1] == pytest.approx(zoo.eval.uniformity(f1), rel=1e-4)


def test_the_line_stands_between_two_epochs(images, capsys):
    model = zoo.AutoEncoder(**tiny_coders())
    model.compile(keras.optimizers.SGD(1e-3))
    callbacks = [Replay(codebook(*[0.0] * 4)), zoo.callbacks.CollapseMonitor()]
    model.fit(images, batch_size=64, epochs=4, verbose=1, callbacks=callbacks)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    (at,) = [i for i, line in enumerate(lines) if line.startswith("CollapseMonitor")]
    assert "codebook_usage" in lines[at - 1]
    assert lines[at + 1] == "Epoch 4/4"


def test_the_page_names_every_disease_and_the_logs_it_shows_in():
    page = (pathlib.Path(__file__).parents[2] / "docs" / "healthy.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    for disease in (*DISEASES, *gradient_diseases("gradient_norm")):
        own = [row for row in rows if row.startswith(f"| {disease.name}")]
        assert own, disease.name
        assert disease.logs == () or any(f"`{log}`" in row for row in own for log in disease.logs)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"patience": 0}, "patience=0"),
        ({"every": 0}, "every=0"),
        ({"images": np.zeros((3, *SHAPE))}, "3 images"),
        ({"images": np.zeros((30, *SHAPE)), "limit": 2}, "limit=2"),
    ],
)
def test_slips(kwargs, message):
    with pytest.raises(ValueError, match=message):
        zoo.callbacks.CollapseMonitor(**kwargs)


def test_images_for_a_model_without_encoder_or_samples_are_refused(images):
    model = zoo.Pix2Pix(image_shape=SHAPE, width=4)
    model.compile()
    with pytest.raises(ValueError, match="`pretrained_encoder` or `generate`"):
        model.fit(images, images, verbose=0, callbacks=[zoo.callbacks.CollapseMonitor(images)])
