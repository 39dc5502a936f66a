import builtins

import keras
import numpy as np
import pytest
from contract import SHAPE, tiny_coders
from PIL import Image

import keras_sslzoo as zoo


def autoencoder(code=8):
    keras.utils.set_random_seed(0)
    model = zoo.AutoEncoder(**tiny_coders(code))
    model.compile(keras.optimizers.Adam(1e-3))
    return model


def gan():
    keras.utils.set_random_seed(0)
    generator = zoo.nets.MLP((4,), (8, 144), output_activation="sigmoid", output_shape=SHAPE)
    model = zoo.GAN(generator, zoo.nets.MLP(SHAPE, (8, 1)))
    model.compile()
    return model


def fit(model, images, *callbacks, epochs=3):
    model.fit(images, batch_size=32, epochs=epochs, verbose=0, callbacks=list(callbacks))


def look(model, callback):
    """As after the first epoch of a run, without the run."""
    callback.set_model(model)
    callback.set_params({"epochs": 1})
    callback.on_train_begin()
    callback.on_epoch_end(0, {})


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def picture(path):
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L"))
    assert pixels.min() < pixels.max()
    return pixels


def test_reconstructions_are_those_of_the_epoch(images, tmp_path):
    model = autoencoder()
    fit(model, images, zoo.callbacks.ReconstructionGrid(images[:5], tmp_path, every=2), epochs=5)
    assert names(tmp_path) == [f"reconstructions-000{epoch}.png" for epoch in (1, 2, 4, 5)]
    shown = [picture(path) for path in sorted(tmp_path.iterdir())]
    assert (shown[0] != shown[2]).any()
    figure = zoo.viz.image_rows({"image": images[:5], "epoch 5": model.reconstruct(images[:5])})
    figure.savefig(tmp_path / "expected.png", format="png")
    np.testing.assert_array_equal(shown[-1], picture(tmp_path / "expected.png"))


def test_a_translator_shows_its_translations(images, tmp_path):
    model = gan()
    model.translate = lambda x: 1.0 - x / 255.0
    grid = zoo.callbacks.ReconstructionGrid((images[:2] * 255).astype("uint8"), tmp_path)
    look(model, grid)
    coarse = (images[:2] * 255).astype("uint8").astype("float32") / 255
    zoo.viz.image_rows({"image": coarse, "epoch 1": 1 - coarse}).savefig(tmp_path / "expected.png", format="png")
    np.testing.assert_array_equal(picture(tmp_path / "reconstructions-0001.png"), picture(tmp_path / "expected.png"))


def test_samples_come_from_the_same_noise_and_do_not_change_the_run(images, tmp_path):
    plain = gan().fit(images, batch_size=32, epochs=2, verbose=0).history
    model, grid = gan(), zoo.callbacks.SampleGrid(tmp_path, n=9, seed=3)
    assert model.fit(images, batch_size=32, epochs=2, verbose=0, callbacks=[grid]).history == plain
    assert names(tmp_path) == ["samples-0001.png", "samples-0002.png"]
    zoo.viz.image_grid(model.generate(9, seed=3)).savefig(tmp_path / "expected.png", format="png")
    np.testing.assert_array_equal(picture(tmp_path / "samples-0002.png"), picture(tmp_path / "expected.png"))


def test_attention_maps_of_the_encoder_to_keep(images, tmp_path):
    encoder = zoo.nets.ViT(SHAPE, patch_size=4, width=8, depth=1, heads=2, image_size=12)
    views = zoo.views.dino(SHAPE, num_local=0)
    model = zoo.DINO(encoder, views, zoo.nets.DINOHead(8, 8, (8,), 4))
    seen = []

    def maps(encoder, images):
        seen.append(encoder)
        return zoo.nets.class_attention(encoder, images)

    look(model, zoo.callbacks.AttentionMaps(images[:2], tmp_path, maps=maps))
    assert seen == [model.teacher_encoder]
    assert names(tmp_path) == ["attention-0001.png"]
    figure = zoo.viz.attention(images[:2], zoo.nets.class_attention(model.teacher_encoder, images[:2]))
    figure.savefig(tmp_path / "expected.png", format="png")
    np.testing.assert_array_equal(picture(tmp_path / "attention-0001.png"), picture(tmp_path / "expected.png"))


def test_of_another_range_and_beyond_it(images, tmp_path):
    """A tanh's -1 is black; what overshoots is clipped; a diverged run draws nothing and goes on."""
    model = gan()
    model.generate = lambda n, seed: np.linspace(-3, 3, n * 144).reshape(n, *SHAPE)
    look(model, zoo.callbacks.SampleGrid(tmp_path, n=4, value_range=(-1, 1)))
    expected = np.clip(np.linspace(-1, 2, 4 * 144), 0, 1).reshape(4, *SHAPE)
    zoo.viz.image_grid(expected).savefig(tmp_path / "expected.png", format="png")
    np.testing.assert_array_equal(picture(tmp_path / "samples-0001.png"), picture(tmp_path / "expected.png"))
    spoil = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(generator_loss=float("nan")))
    fit(model, images, spoil, zoo.callbacks.SampleGrid(tmp_path / "none", n=4), epochs=1)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("code", [2, 8])
def test_latent_map(images, tmp_path, code):
    labels = np.arange(64) % 3
    model = autoencoder(code)
    look(model, zoo.callbacks.LatentMap(images, tmp_path, labels, ["a", "b", "c"]))
    plot = zoo.viz.latent_map if code == 2 else zoo.viz.feature_map
    plot(model.encode(images), labels, ["a", "b", "c"]).savefig(tmp_path / "expected.png", format="png")
    np.testing.assert_array_equal(picture(tmp_path / "latent-0001.png"), picture(tmp_path / "expected.png"))


def test_tensorboard_reads_what_was_written(images, tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    callback = zoo.callbacks.SampleGrid(tmp_path / "png", n=4, tensorboard=tmp_path / "logs")
    fit(gan(), images, callback)
    log = events.EventAccumulator(str(tmp_path / "logs"), size_guidance={events.TENSORS: 0, events.IMAGES: 0})
    log.Reload()
    found = log.Images("samples")
    assert [image.step for image in found] == [1, 2, 3]
    for image in found:
        png = (tmp_path / "png" / f"samples-{image.step:04d}.png").read_bytes()
        assert image.encoded_image_string == png
        with Image.open(tmp_path / "png" / f"samples-{image.step:04d}.png") as drawn:
            assert (image.width, image.height) == drawn.size


def test_tensorboard_alone_and_where_it_is_missing(tmp_path, monkeypatch):
    look(gan(), zoo.callbacks.SampleGrid(None, n=4, tensorboard=tmp_path / "logs"))
    assert len(names(tmp_path / "logs")) == 1
    plain = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("tensorboard"):
            raise ImportError(name)
        return plain(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="pip install tensorboard"):
        zoo.callbacks.SampleGrid(tmp_path, tensorboard=tmp_path / "logs")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda images: zoo.callbacks.SampleGrid("x", n=0), "n=0"),
        (lambda images: zoo.callbacks.SampleGrid("x", every=1.5), r"every=1\.5"),
        (lambda images: zoo.callbacks.SampleGrid(None), "directory=None"),
        (lambda images: zoo.callbacks.LatentMap(images, "x", labels=[1]), "1 labels, 64 images"),
        (lambda images: zoo.callbacks.ReconstructionGrid([], "x"), r"shape \(0,\)"),
    ],
)
def test_slips(images, call, message):
    with pytest.raises(ValueError, match=message):
        call(images)


def test_a_model_that_cannot_is_refused(images, tmp_path):
    for callback in (zoo.callbacks.ReconstructionGrid(images, tmp_path), zoo.callbacks.LatentMap(images, tmp_path)):
        with pytest.raises(ValueError, match=r"Received: GAN, which has not"):
            look(gan(), callback)
    with pytest.raises(ValueError, match="`generate`"):
        look(autoencoder(), zoo.callbacks.SampleGrid(tmp_path))
