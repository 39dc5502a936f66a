import json

import keras
import numpy as np
import pytest
from keras import layers

from keras_sslzoo import eval as ev
from keras_sslzoo import nets


def sides(n, seed=0):
    """The class says which half of the image is bright."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 2)
    x = rng.uniform(0, 0.4, (n, 6, 6, 1)).astype("float32")
    x[:, :, :3] += 0.4 * y[:, None, None, None]
    x[:, :, 3:] += 0.4 * (1 - y)[:, None, None, None]
    return x, y


def encoder(pool=True):
    """With random weights its mean over space does not tell the sides apart well."""
    last = layers.GlobalAveragePooling2D() if pool else layers.Flatten()
    conv = layers.Conv2D(8, 3, padding="same", kernel_initializer=nets.initializers.HeNormal())
    return keras.Sequential([keras.Input((6, 6, 1)), conv, layers.BatchNormalization(), layers.ReLU(), last])


FAST = {"epochs": 4, "warmup_epochs": 1, "train_batch_size": 16, "learning_rate": 0.02}


def test_it_learns_and_leaves_the_encoder():
    model = encoder(pool=False)
    before = model.get_weights()
    (x, y), (xt, yt) = sides(64), sides(100, seed=1)
    names = np.array(["left", "right"])
    result = ev.finetune(model, x, names[y], xt, names[yt], **FAST)
    assert result.accuracy > 0.95
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert model.trainable
    predicted = result.classes[result.classifier.predict(xt, verbose=0).argmax(axis=1)]
    assert np.mean(predicted == names[yt]) == pytest.approx(result.accuracy)
    assert str(result).startswith("finetune/1: accuracy")
    assert json.loads(json.dumps(result.as_dict())) == result.as_dict()
    assert "classifier" not in result.as_dict()
    assert (len(result.details["loss"]), result.dim) == (5, 288)


def test_the_copy_moves_and_in_place_moves_the_encoder():
    model = encoder()
    before = model.get_weights()
    x, y = sides(32)
    result = ev.finetune(model, x, y, x, y, **FAST)
    assert not np.allclose(result.classifier.layers[1].get_weights()[0], before[0])
    model.trainable = False
    ev.finetune(model, x, y, x, y, in_place=True, **FAST)
    assert not np.allclose(model.get_weights()[0], before[0])
    assert not model.trainable  # as it was found
    np.testing.assert_allclose(model.get_weights()[0], result.classifier.layers[1].get_weights()[0], atol=1e-5)


def test_few_labels_of_each_class():
    x, y = sides(64)
    y = np.where(np.arange(64) % 16 == 3, 2, y)  # four samples of a third class
    seen = {}

    class Recorder:
        def __call__(self, images, key):
            for image in keras.ops.convert_to_numpy(images):
                row = int(np.abs(x - image).sum(axis=(1, 2, 3)).argmin())
                seen[row] = y[row]
            return images

    settings = {**FAST, "train_batch_size": 3, "views": Recorder(), "labels_per_class": 4}
    result = ev.finetune(encoder(), x, y, x, y, **settings)
    assert np.bincount(list(seen.values())).tolist() == [4, 4, 4]
    assert (result.n_train, result.settings["labels_per_class"]) == (12, 4)
    first = set(seen)
    seen.clear()
    ev.finetune(encoder(), x, y, x, y, **settings, seed=1)
    assert set(seen) != first  # another seed, other labels


def test_few_labels_are_those_of_their_samples():
    (x, y), (xt, yt) = sides(64), sides(100, seed=1)
    settings = {**FAST, "epochs": 12, "labels_per_class": 8}
    assert ev.finetune(encoder(pool=False), x, y, xt, yt, **settings).accuracy > 0.95


def test_the_warm_up_moves_the_head_alone(monkeypatch):
    model = encoder()
    x, y = sides(32)
    seen = []
    real = keras.Model.fit

    def fit(self, *args, **kwargs):
        history = real(self, *args, **kwargs)
        seen.append([w.copy() for w in self.get_weights()])
        return history

    monkeypatch.setattr(keras.Model, "fit", fit)
    ev.finetune(model, x, y, x, y, **FAST)
    warm, final = seen
    for old, new in zip(model.get_weights(), warm[:-2], strict=True):  # batch norm's statistics too
        np.testing.assert_array_equal(old, new)
    assert np.abs(warm[-2]).sum() > 0
    assert not any(np.allclose(a, b) for a, b in zip(warm, final, strict=True))


def test_lower_layers_move_less():
    model = keras.Sequential([keras.Input((6, 6, 1)), layers.Flatten(), *(layers.Dense(36) for _ in range(3))])
    model.set_weights([w if w.ndim == 1 else np.eye(36, dtype="float32") for w in model.get_weights()])
    x, y = sides(64)

    def change(decay):
        tuned = ev.finetune(model, x, y, x, y, decay=decay, weight_decay=0.0, **FAST).classifier.layers[1]
        pairs = zip(tuned.get_weights()[::2], model.get_weights()[::2], strict=True)
        return np.array([np.abs(a - b).mean() for a, b in pairs])

    plain, decayed = change(1.0), change(0.1)
    np.testing.assert_allclose(decayed / plain, [1e-3, 1e-2, 1e-1], rtol=0.6)


@pytest.mark.parametrize("kind", [pytest.param("vit", marks=pytest.mark.slow), "method", "uint8"])
def test_encoders_of_other_kinds(kind):
    x, y = sides(32)
    model = encoder()
    if kind == "vit":
        model = nets.ViT((6, 6, 1), "Ti", 3, depth=1)
    elif kind == "uint8":
        x = (255 * np.clip(x, 0, 1)).astype("uint8")
    else:

        class Method(keras.Model):
            def __init__(self):
                super().__init__()
                self.pretrained_encoder = model

            def to_unit_range(self, x):
                return (x + 1.0) / 2.0

        x, model = 2 * x - 1, Method()
    result = ev.finetune(model, x, y, x, y, epochs=1, warmup_epochs=0, train_batch_size=16)
    assert 0 <= result.accuracy <= 1


class Unknown(keras.Model):
    """One whose constructor a config cannot fill."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def call(self, x):
        return self.body(x)

    def get_config(self):
        raise NotImplementedError("no config")


def test_what_cannot_be_copied_is_named():
    x, y = sides(32)
    model = Unknown(encoder())
    with pytest.raises(ValueError, match=r"Unknown.*cannot be.*in_place=True"):
        ev.finetune(model, x, y, x, y, **FAST)
    assert ev.finetune(model, x, y, x, y, in_place=True, **FAST).accuracy >= 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs=0"),
        ({"warmup_epochs": -1}, "warmup_epochs=-1"),
        ({"learning_rate": -1.0}, "learning_rate=-1"),
        ({"decay": 1.5}, "decay=1.5"),
        ({"views": "simclr"}, "views='simclr'"),
        ({"labels_per_class": 0}, "at least 1, or None"),
        ({"labels_per_class": 17}, "labels_per_class=17, class 0 has 16"),
        ({"y": np.zeros(32, int)}, "at least two classes"),
    ],
)
def test_wrong_arguments(change, message):
    x, y = sides(32)
    args = {"x": x, "y": y, "xt": x, "yt": y, **FAST, **change}
    with pytest.raises(ValueError, match=message):
        ev.finetune(encoder(), **args)


def test_an_encoder_of_maps_is_refused():
    x, y = sides(32)
    maps = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(2, 3)])
    with pytest.raises(ValueError, match="2-D features"):
        ev.finetune(maps, x, y, x, y)


def test_features_cannot_be_tuned():
    x, y = sides(32)
    with pytest.raises(TypeError, match="must be a Keras model"):
        ev.finetune(None, x, y, x, y)
