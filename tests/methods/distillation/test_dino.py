import keras
import numpy as np
import pytest
from contract import Contract, tiny_encoder, values
from keras import ops

import keras_sslzoo as zoo

GLOBAL, LOCAL = 12, 8
PROTOTYPES = 24


def head():
    return zoo.nets.DINOHead(16, PROTOTYPES, (16,), 8)


class TestContract(Contract):
    method = zoo.DINO
    overfit_log = "kl"  # to the teacher, whose entropy moves

    def build(self, **kwargs):
        return super().build(projector=head(), freeze=0.0, **kwargs)


def build(**kwargs):
    """Any encoder that takes two sizes."""
    keras.utils.set_random_seed(0)
    encoder = zoo.nets.ConvNet((None, None, 1), width=4, features=16, grid=1)
    crops = zoo.views.dino((GLOBAL, GLOBAL, 1), num_local=2, local_size=LOCAL)
    return zoo.DINO(encoder, **{"views": crops, "projector": head(), "freeze": 0.0, **kwargs})


def multi_crop():
    rng = np.random.default_rng(0)
    return [ops.convert_to_tensor(rng.random((6, s, s, 1), "float32")) for s in (GLOBAL, GLOBAL, LOCAL, LOCAL)]


def float64(tensor):
    return ops.convert_to_numpy(tensor).astype("float64")


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def logits(model, which, view):
    """Of one view by itself."""
    encoder, projector = (getattr(model, f"{which}{part}") for part in ("encoder", "projector"))
    return float64(projector(encoder(view, training=False), training=False))


def test_default_is_the_papers():
    model = zoo.DINO(tiny_encoder())
    assert model.momentum == 0.996
    assert model.prototypes == 65536
    shapes = [w.shape for w in model.projector.trainable_weights if len(w.shape) == 2]
    assert shapes == [(16, 2048), (2048, 2048), (2048, 256), (256, 65536)]
    optimizer = model.recipe.optimizer(batch_size=256)
    assert optimizer._learning_rate.peak == pytest.approx(5e-4)
    assert optimizer.clipnorm == 3.0  # of each variable, as in the official code
    assert (optimizer.weight_decay.peak, optimizer.weight_decay.end) == (0.04, 0.4)


def test_loss_is_equation_3_at_the_end_of_the_warm_up():
    """Loops over (global view at the teacher, any other view at the student), in float64."""
    model, views = build(teacher_temperature=0.07), multi_crop()
    center = np.linspace(-0.2, 0.3, PROTOTYPES).astype("float32")
    model.centering.center.assign(center)
    terms = []
    for g in (0, 1):
        p = softmax((logits(model, "teacher_", views[g]) - center) / 0.07)
        for v in range(4):
            if v != g:
                terms.append(-(p * np.log(softmax(logits(model, "", views[v]) / 0.1))).sum(axis=1))
    assert len(terms) == 6
    loss, logs = model.objective(views, training=False)
    np.testing.assert_allclose(float64(loss), np.mean(terms, axis=0), rtol=1e-4)
    entropies, means = [], []
    for g in (0, 1):
        p = softmax((logits(model, "teacher_", views[g]) - center) / 0.07)
        entropies.append(-(p * np.log(p)).sum(axis=1))
        means.append(p.mean(axis=0))
    mean = np.mean(means, axis=0)
    np.testing.assert_allclose(float64(logs["class_entropy"]), [-(mean * np.log(mean)).sum()], rtol=1e-4)
    np.testing.assert_allclose(float64(logs["teacher_entropy"]), np.mean(entropies, axis=0), rtol=1e-4)
    np.testing.assert_allclose(float64(logs["kl"]), np.mean(terms, axis=0) - np.mean(entropies, axis=0), atol=1e-3)


def test_centre_and_teacher_follow_by_equation_4_and_the_momentum_schedule():
    model = build(momentum=0.9, center_momentum=0.8)
    model.compile(keras.optimizers.SGD(0.1))
    steps = 4
    model.set_run_length(steps)
    pairs = list(zip(model.projector.weights, model.teacher_projector.weights, strict=True))
    teacher = [t.astype("float64") for _, t in ((s, values([t])[0]) for s, t in pairs)]
    center, seen = np.zeros(PROTOTYPES), []
    plain = model.teacher
    model.teacher = lambda views, training: seen.append(plain(views, training)) or seen[-1]
    model.run_eagerly = True
    for k in range(steps):
        model.train_on_batch({"views": multi_crop()})
        rate = 1 - (1 - 0.9) * (np.cos(np.pi * k / steps) + 1) / 2
        teacher = [rate * t + (1 - rate) * values([s])[0] for t, (s, _) in zip(teacher, pairs, strict=True)]
        center = 0.8 * center + 0.2 * float64(seen[-1]).mean(axis=0)
        np.testing.assert_allclose(values([model.centering.center])[0], center, rtol=1e-4, atol=1e-6)
        for expected, (_, t) in zip(teacher, pairs, strict=True):
            np.testing.assert_allclose(values([t])[0], expected, rtol=1e-5, atol=1e-7)


def test_temperature_rises_linearly_then_stays():
    model = build(teacher_temperature=(0.04, 0.07), temperature_warmup=0.5)
    model.compile("sgd")
    model.set_run_length(8)
    found = [model.train_on_batch({"views": multi_crop()}, return_dict=True)["teacher_temperature"] for _ in range(8)]
    np.testing.assert_allclose(found, [0.04 + 0.03 * min(k / 4, 1) for k in range(8)], rtol=1e-5)


def test_the_last_layer_is_held_in_the_first_part_of_the_run():
    """No gradient, no momentum, no decay: then it moves."""
    model = build(freeze=0.5)
    model.compile(zoo.optimizers.AdamW(1e-2, weight_decay=0.4))
    model.set_run_length(4)
    last = model.projector.get_layer("prototypes").trainable_variables
    others = [v for v in model.projector.trainable_variables if v.path not in {w.path for w in last}]
    start, before = values(last), values(others)
    for _ in range(2):
        model.train_on_batch({"views": multi_crop()})
    np.testing.assert_array_equal(values(last)[0], start[0])
    assert all((a != b).any() for a, b in zip(before, values(others), strict=True))
    model.train_on_batch({"views": multi_crop()})
    assert (values(last)[0] != start[0]).any()


def test_student_and_teacher_start_equal_and_only_the_student_drops():
    encoder = keras.Sequential(
        [keras.layers.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(16), zoo.layers.DropPath(0.5)]
    )
    model = zoo.DINO(encoder, projector=head())
    for a, b in zip(values(model.encoder.trainable_weights), values(model.teacher_encoder.weights), strict=False):
        np.testing.assert_array_equal(a, b)
    assert [layer.rate for layer in model.teacher_encoder.layers if hasattr(layer, "rate")] == [0.0]
    assert [layer.rate for layer in model.encoder.layers if hasattr(layer, "rate")] == [0.5]


def noisy(images, key):
    """Two views: the image under noise."""
    noise = [zoo.ops.random.normal_noise(key, name, ops.shape(images)) for name in ("first", "second")]
    return tuple(ops.clip(images + 0.2 * n, 0.0, 1.0) for n in noise)


def ends(seed=0, **kwargs):
    """(teacher entropy over log K, KL) in the last epoch of a short run on eight patterns, 32 times each."""
    patterns = np.random.default_rng(5).random((8, LOCAL, LOCAL, 1))
    images = np.tile(0.15 + 0.7 * patterns, (32, 1, 1, 1)).astype("float32")
    keras.utils.set_random_seed(seed)
    encoder = keras.Sequential(
        [
            keras.layers.Input((LOCAL, LOCAL, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(32, kernel_initializer=zoo.nets.initializers.HeNormal()),
            keras.layers.LayerNormalization(),
            keras.layers.Activation("gelu"),
            keras.layers.Dense(16, kernel_initializer=zoo.nets.initializers.HeNormal()),
        ]
    )
    projector = zoo.nets.DINOHead(16, 16, (32,), 16)
    model = zoo.DINO(encoder, noisy, projector, momentum=0.95, freeze=0.0, **{"teacher_temperature": 0.04, **kwargs})
    model.compile(keras.optimizers.Adam(1e-3))
    logs = model.fit(images, batch_size=32, epochs=20, verbose=0).history
    return logs["teacher_entropy"][-1] / np.log(16), logs["kl"][-1]


def test_collapses_without_centering_or_without_sharpening_and_not_with_both():
    """Section 5.3 and figure 7: the entropy goes to 0 without centering, to log K without sharpening, KL to 0 in both."""
    entropy, healthy = ends()
    assert 0.25 < entropy < 0.85
    assert healthy > 0.1
    entropy, kl = ends(center_momentum=1.0)
    assert entropy < 0.05
    assert kl < 0.25 * healthy
    entropy, kl = ends(teacher_temperature=0.3)
    assert entropy > 0.98
    assert kl < 0.25 * healthy


@pytest.mark.parametrize(
    ("slip", "message"),
    [
        ({"momentum": 1.5}, "momentum=1.5"),
        ({"teacher_temperature": (0.04, 0.05, 0.07)}, "first, last"),
        ({"student_temperature": 0.0}, "student_temperature=0.0"),
        ({"prototypes": 7}, "24 outputs"),
        ({"projector": zoo.nets.Head(9, (8,), 4)}, "projector"),
    ],
)
def test_slips(slip, message):
    with pytest.raises(ValueError, match=message):
        build(**slip)


def test_pretrained_encoder_is_the_teachers():
    model = build()
    assert model.pretrained_encoder is model.teacher_encoder
