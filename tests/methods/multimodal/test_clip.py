"""CLIP: figure 3 of the paper on its embeddings, the learned temperature, texts in every form, locked towers, zero-shot."""

import math

import keras
import numpy as np
import pytest
from contract import Contract, tiny_encoder, values
from keras import layers, ops

import keras_sslzoo as zoo

WORDS = ("square", "dark", "bright", "left", "right", "top", "small", "large")
TEXTS = [f"a {WORDS[i % 8]} {WORDS[i // 8]}" for i in range(64)]


class TestContract(Contract):
    method = zoo.CLIP


def numpy_of(x):
    return ops.convert_to_numpy(x)


def clip(method=zoo.CLIP, text_encoder=None, optimizer=None, **kwargs):
    keras.utils.set_random_seed(0)
    text_encoder = text_encoder or zoo.nets.TextTransformer(600, 9, 16, depth=1, heads=2)
    model = method(tiny_encoder(), text_encoder, **{"projection_dim": 8, **kwargs})
    model.compile(optimizer or keras.optimizers.Adam(1e-3))
    return model


def test_default_is_the_papers():
    model = zoo.CLIP(tiny_encoder(), zoo.nets.TextTransformer(600, 9, 16, depth=1, heads=2))
    assert model.projection_dim == model.image_projection.units == model.text_projection.units == 512
    assert not model.image_projection.use_bias
    assert float(numpy_of(model.scale)) == pytest.approx(1 / 0.07, rel=1e-5)
    assert (model.max_scale, model.chunk_size, model.locked) == (100.0, None, None)
    adamw = model.recipe.optimizer()
    assert (adamw.beta_1, adamw.beta_2, adamw.epsilon, adamw.weight_decay) == (0.9, 0.98, 1e-6, 0.2)
    assert adamw._learning_rate.peak == pytest.approx(5e-4)
    assert adamw._learning_rate.warmup == pytest.approx(2000 / (32 * 400e6 / 32768), rel=1e-6)


@pytest.mark.parametrize("chunk_size", [None, 5])
def test_objective_is_figure_3(images, chunk_size):
    """Embeddings by `predict`, then the paper's pseudocode in float64."""
    model = clip(chunk_size=chunk_size)
    x = {"image": images[:8], "text": model.tokenizer(TEXTS[:8])}
    z = model.predict(x, verbose=0)
    np.testing.assert_allclose(np.linalg.norm(z["image"], axis=1), 1, rtol=1e-5)
    logits = z["image"].astype("float64") @ z["text"].astype("float64").T / 0.07
    rows = [math.log(sum(math.exp(v) for v in row)) for row in logits]
    columns = [math.log(sum(math.exp(v) for v in column)) for column in logits.T]
    expected = np.mean([(rows[i] + columns[i]) / 2 - logits[i, i] for i in range(8)])
    logs = model.evaluate(x, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(expected, rel=1e-4)
    assert logs["positive_similarity"] == pytest.approx(np.mean(np.diag(logits)) * 0.07, abs=1e-5)
    assert logs["temperature"] == pytest.approx(0.07)
    assert logs["information"] == pytest.approx(math.log(8) - expected, abs=1e-4)


def test_temperature_is_learned_and_clamped(images):
    data = {"image": images[:32], "text": TEXTS[:32]}
    model = clip(optimizer=keras.optimizers.SGD(0.01))
    before = float(numpy_of(model.log_scale.value))
    model.fit(data, batch_size=32, verbose=0)
    assert float(numpy_of(model.log_scale.value)) != before
    model = clip(optimizer=keras.optimizers.SGD(0.0))
    model.log_scale.assign(6.0)
    model.fit(data, batch_size=32, verbose=0)
    assert float(numpy_of(model.log_scale.value)) == pytest.approx(math.log(100), rel=1e-6)
    model = clip(optimizer=keras.optimizers.SGD(0.0), max_scale=None)
    model.log_scale.assign(6.0)
    model.fit(data, batch_size=32, verbose=0)
    assert float(numpy_of(model.log_scale.value)) == 6.0


def test_temperature_does_not_decay(images):
    model = clip(optimizer=zoo.optimizers.AdamW(1e-9, weight_decay=1e8))  # a step of decay takes a tenth
    scale, kernel = numpy_of(model.log_scale.value), numpy_of(model.text_projection.kernel.value)
    model.fit({"image": images[:32], "text": TEXTS[:32]}, batch_size=32, verbose=0)
    assert numpy_of(model.log_scale.value) == pytest.approx(scale, abs=1e-6)
    np.testing.assert_allclose(numpy_of(model.text_projection.kernel.value), 0.9 * kernel, rtol=1e-3, atol=1e-6)


def test_chunks_change_nothing(images):
    data = {"image": images, "text": TEXTS}
    runs = [clip(chunk_size=size, optimizer=keras.optimizers.SGD(1e-2)) for size in (None, 10)]
    a, b = (model.fit(data, batch_size=32, epochs=3, verbose=0).history["loss"] for model in runs)
    np.testing.assert_allclose(a, b, rtol=1e-4)


# ---- texts ---------------------------------------------------------------------------------------------------------


class Pairs(keras.utils.PyDataset):
    def __init__(self, images, texts, labels=False):
        super().__init__()
        self.images, self.texts, self.labels = images, texts, labels

    def __len__(self):
        return 2

    def __getitem__(self, i):
        rows = slice(32 * i, 32 * i + 32)
        x = {"image": self.images[rows], "text": self.texts[rows]}
        return (x, np.arange(32)) if self.labels else (x,)


def test_texts_in_every_form_train_alike(images):
    tokens = zoo.data.CLIPTokenizer(9, 600)(TEXTS)
    options = {"epochs": 2, "shuffle": False, "verbose": 0}
    expected = clip()
    expected.fit({"image": images, "text": tokens}, batch_size=32, **options)

    def generator():
        while True:
            for i in range(2):
                yield Pairs(images, TEXTS)[i]

    forms = {
        "list": ({"image": images, "text": TEXTS}, {"batch_size": 32}),
        "array of strings": ({"image": images, "text": np.array(TEXTS)}, {"batch_size": 32}),
        "array of objects": ({"image": images, "text": np.array(TEXTS, object)}, {"batch_size": 32}),
        "lists of one": ({"image": images, "text": [[text] for text in TEXTS]}, {"batch_size": 32}),
        "int64": ({"image": images, "text": tokens.astype("int64")}, {"batch_size": 32}),
        "PyDataset of strings": (Pairs(images, TEXTS), {}),
        "PyDataset with labels": (Pairs(images, TEXTS, labels=True), {}),
        "PyDataset of tokens": (Pairs(images, tokens), {}),
        "generator of strings": (generator(), {"steps_per_epoch": 2}),
    }
    for name, (data, more) in forms.items():
        model = clip()
        model.fit(data, **options, **more)
        for a, b in zip(values(model.trainable_variables), values(expected.trainable_variables), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="tf.data under another backend starts TensorFlow")
def test_tf_data(images):
    import tensorflow as tf

    tokens = zoo.data.CLIPTokenizer(9, 600)(TEXTS)
    model = clip()
    model.fit(tf.data.Dataset.from_tensor_slices({"image": images, "text": tokens}).batch(32), verbose=0)
    with pytest.raises(ValueError, match="Tokenise strings of a data set in it"):
        model.fit(tf.data.Dataset.from_tensor_slices({"image": images, "text": TEXTS}).batch(32), verbose=0)


def test_one_of_several_texts_is_drawn_at_each_step(images):
    """Features that say which text they are; over many draws each is as frequent."""
    features = np.tile(np.array([[[0.0], [1.0], [2.0], [3.0]]], "float32"), (64, 1, 1))
    model = clip(text_encoder=keras.Sequential([layers.Input((1,)), layers.Dense(4)]))
    model._now.training = True
    drawn = []
    for _ in range(50):
        _, texts = model.prepare(
            {"image": ops.convert_to_tensor(images), "text": ops.convert_to_tensor(features)}, None
        )
        drawn.append(numpy_of(texts)[:, 0])
        model._steps.assign_add(1)
    model._now.training = False
    assert (np.abs(np.bincount(np.concatenate(drawn).astype(int)) / 3200 - 0.25) < 0.03).all()
    assert any((a != drawn[0]).any() for a in drawn)
    tokens = clip().tokenize([["a"], ["b", "c", "d"]])
    alone = zoo.data.CLIPTokenizer(9, 600)
    np.testing.assert_array_equal(tokens[0], alone(["a", "a", "a"]))
    np.testing.assert_array_equal(tokens[1], alone(["b", "c", "d"]))
    history = clip().fit({"image": images, "text": [[text, "square"] for text in TEXTS]}, batch_size=32, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_validation_split_and_validation_data_of_strings(images):
    data = {"image": images, "text": TEXTS}
    for more in ({"validation_split": 0.5}, {"validation_data": (data,)}):
        assert "val_loss" in clip().fit(data, batch_size=32, verbose=0, **more).history


# ---- towers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("locked", ["image", "text"])
def test_a_locked_tower_stays_as_it_is(images, locked):
    """Its batch norm too; what stands behind it learns."""
    model = clip(locked=locked, optimizer=keras.optimizers.SGD(0.1))
    towers = {"image": model.encoder, "text": model.text_encoder}
    before = {name: values(tower.variables) for name, tower in towers.items()}
    kernel = numpy_of(model.image_projection.kernel.value)
    model.fit({"image": images, "text": TEXTS}, batch_size=32, verbose=0)
    for name, tower in towers.items():
        same = all((a == b).all() for a, b in zip(before[name], values(tower.variables), strict=True))
        assert same == (name == locked), name
    assert (kernel != numpy_of(model.image_projection.kernel.value)).any()


def test_features_of_a_frozen_sentence_encoder(images):
    """LiT's other way round: texts are vectors, and images are mapped to their space."""
    features = np.random.default_rng(0).normal(size=(64, 16)).astype("float32")
    identity = keras.Sequential([layers.Input((16,)), layers.Identity()])
    sentences = dict(zip(TEXTS, features, strict=True))
    tokenizer = Lookup(sentences)
    model = clip(text_encoder=identity, projection_dim=None, tokenizer=tokenizer)
    model.fit({"image": images, "text": features}, batch_size=32, verbose=0)
    model.fit({"image": images, "text": TEXTS}, batch_size=32, verbose=0)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    np.testing.assert_allclose(model.encode_text(TEXTS), unit, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.encode_text(features), unit, rtol=1e-5, atol=1e-6)


class Lookup:
    """A sentence encoder of texts that are known."""

    def __init__(self, sentences):
        self.sentences = sentences

    def __call__(self, texts):
        return np.stack([self.sentences[text] for text in texts])


def test_augment_acts_in_training_alone(images):
    model = clip(augment=zoo.views.RandomFlip(1.0))
    x = {"image": ops.convert_to_tensor(images), "text": ops.convert_to_tensor(model.tokenizer(TEXTS))}
    np.testing.assert_array_equal(numpy_of(model.prepare(x, None)[0]), images)
    model._now.training = True
    np.testing.assert_allclose(numpy_of(model.prepare(x, None)[0]), images[:, :, ::-1], atol=1e-6)
    model._now.training = False


# ---- inference -----------------------------------------------------------------------------------------------------


def test_encoders_are_predict(images):
    model = clip()
    x, y = model.encode_image(images), model.encode_text(TEXTS)
    both = model.predict({"image": images, "text": TEXTS}, verbose=0)
    np.testing.assert_allclose(x, both["image"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(y, both["text"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(y, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(model.encode_image(np.round(images * 255).astype("uint8")), x, atol=0.05)
    np.testing.assert_allclose(model.encode_text("a dark top"), model.encode_text(["A dark  top"]), rtol=1e-5)
    long = " ".join(TEXTS)
    np.testing.assert_allclose(model.encode_text(long), model.encode_text(long + " and more"), rtol=1e-5)  # cut
    assert model.pretrained_encoder is model.encoder
    assert zoo.eval.features(model, images).shape == (64, 16)


def test_images_alone_need_their_key(images):
    with pytest.raises(ValueError, match="`encode_image` takes images alone"):
        clip().predict(images, verbose=0)
    assert set(clip().predict({"image": images}, verbose=0)) == {"image"}


def test_zero_shot_classifier_is_the_mean_of_its_texts(images):
    model = clip()
    names, templates = ["top", "left", "dark"], ["a {}", "{} square"]
    classifier = model.zero_shot_classifier(names, templates)
    expected = []
    for name in names:
        z = model.encode_text([template.format(name) for template in templates]).mean(0)
        expected.append(z / np.linalg.norm(z))
    np.testing.assert_allclose(classifier.weights, expected, rtol=1e-4, atol=1e-6)
    cosines = model.encode_image(images) @ np.array(expected).T
    np.testing.assert_allclose(classifier.similarities(images), cosines, atol=1e-5)
    assert (classifier.predict(images) == cosines.argmax(1)).mean() > 0.95  # but for near ties
    assert classifier.class_names == ("top", "left", "dark")


def test_it_learns_what_the_texts_say():
    """Bright and dark images that it has not seen, told apart by the words alone."""
    rng = np.random.default_rng(0)
    bright = rng.random(64) < 0.5
    images = (0.6 * bright[:, None, None, None] + 0.4 * rng.random((64, 12, 12, 1))).astype("float32")
    texts = [("a bright square" if b else "a dark square") for b in bright]
    model = clip(optimizer=keras.optimizers.Adam(5e-3))
    model.fit({"image": images[:48], "text": texts[:48]}, batch_size=16, epochs=20, verbose=0)
    found = model.zero_shot_classifier(["dark", "bright"], ["a {} square"]).predict(images[48:])
    assert 4 < bright[48:].sum() < 12
    np.testing.assert_array_equal(found, bright[48:])
    result = zoo.eval.zero_shot(
        model, images[48:], ["dark", "bright"], bright[48:].astype(int), templates=["a {} square"]
    )
    assert result.accuracy == 1
    assert result.settings == {"templates": ("a {} square",)}


def test_a_saved_model_tokenises(tmp_path):
    model = clip()
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.encode_text(TEXTS[:3]), model.encode_text(TEXTS[:3]))


# ---- slips ---------------------------------------------------------------------------------------------------------


def features_tower(width=4, out=4):
    return keras.Sequential([layers.Input((width,)), layers.Dense(out)])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lambda x: x, "Received: ndarray"),
        (lambda x: {"image": x}, r"keys \['image'\]"),
        (lambda x: {"image": x, "text": TEXTS, "label": np.zeros(64)}, "without other keys"),
        (lambda x: {"image": x, "text": TEXTS[:-1]}, "64 images and 63 texts"),
        (lambda x: {"image": x[..., 0], "text": TEXTS}, "channel axis"),
        (lambda x: {"image": x, "text": [*TEXTS[:-1], 3]}, "A text must be a str. Received: int"),
        (lambda x: {"image": x, "text": [[]] + [[t] for t in TEXTS[1:]]}, "at least one text"),
        (lambda x: {"image": x, "text": np.zeros((64, 9), "float32")}, "takes tokens. Received.*float32"),
        (lambda x: {"image": x, "text": np.zeros((64, 8), "int32")}, r"tokens \(B, 9\)"),
        (lambda x: {"image": x, "text": np.full((64, 9), 600)}, r"\[0, 600\)"),
        (lambda x: {"image": x, "text": np.full((64, 9), -1)}, r"\[0, 600\)"),
    ],
)
def test_bad_data_are_refused(images, data, message):
    with pytest.raises(ValueError, match=message):
        clip().fit(data(images), batch_size=32, verbose=0)


def test_strings_without_a_tokenizer_are_refused(images):
    model = clip(text_encoder=features_tower())
    with pytest.raises(ValueError, match="no tokenizer"):
        model.fit({"image": images, "text": TEXTS}, verbose=0)
    with pytest.raises(ValueError, match="takes features"):
        model.fit({"image": images, "text": np.zeros((64, 4), "int32")}, verbose=0)
    with pytest.raises(ValueError, match="finite"):
        model.fit({"image": images, "text": np.full((64, 4), np.nan, "float32")}, verbose=0)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"temperature": 0}, "temperature=0"),
        ({"temperature": 0.001}, "at most `max_scale`"),
        ({"chunk_size": 0}, "`chunk_size`"),
        ({"locked": "both"}, "`locked`.*locked='both'"),
        ({"projection_dim": None, "text_encoder": features_tower()}, "16 numbers and a text encoder of 4"),
        ({"text_encoder": keras.Sequential([layers.Dense(4)])}, "`text_encoder` must be a built"),
        (
            {"text_encoder": keras.Sequential([layers.Input((9,)), layers.Embedding(5, 4)])},
            "`text_encoder` must return",
        ),
    ],
)
def test_bad_arguments_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        clip(**kwargs)


@pytest.mark.parametrize(("names", "templates"), [("cat", ["{}"]), (["cat"], "{}"), ([], ["{}"]), (["cat"], ["a cat"])])
def test_bad_classes_are_refused(names, templates):
    with pytest.raises(ValueError, match="Received"):
        clip().zero_shot_classifier(names, templates)
