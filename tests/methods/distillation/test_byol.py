import keras
import numpy as np
import pytest
from contract import Contract, tiny_encoder, values
from keras import ops

import keras_sslzoo as zoo


class TestContract(Contract):
    method = zoo.BYOL


def build():
    keras.utils.set_random_seed(0)
    head = zoo.nets.Head(16, (16,), 8, name="projector")
    return zoo.BYOL(tiny_encoder(), projector=head, predictor=zoo.nets.Head(8, (16,), 8), momentum=0.9)


def test_default_is_the_papers():
    model = zoo.BYOL(zoo.nets.ConvNet((28, 28, 1)))
    assert model.momentum == 0.996
    sizes = [w.shape for net in (model.projector, model.predictor) for w in net.trainable_weights if len(w.shape) == 2]
    assert sizes == [(512, 4096), (4096, 256), (256, 4096), (4096, 256)]
    schedule = model.recipe.optimizer()._learning_rate
    assert schedule.peak == pytest.approx(0.2 * 4096 / 256)
    assert schedule.warmup == pytest.approx(0.01)


def test_target_starts_equal_and_follows_with_the_papers_momentum(images):
    """xi <- tau xi + (1 - tau) theta with tau = 1 - (1 - tau_base)(cos(pi k / K) + 1) / 2, by hand in float64."""
    model = build()
    model.compile(keras.optimizers.SGD(0.1))
    online = [v for net in (model.encoder, model.projector) for v in net.trainable_variables]
    target_of = {
        id(s): t
        for source, target in ((model.encoder, model.target_encoder), (model.projector, model.target_projector))
        for s, t in zip(source.weights, target.weights, strict=True)
    }
    targets = [target_of[id(v)] for v in online]
    for o, t in zip(values(online), values(targets), strict=True):
        np.testing.assert_array_equal(o, t)
    steps = 5
    model.set_run_length(steps)
    expected = [t.astype("float64") for t in values(targets)]
    for k in range(steps):
        model.train_on_batch(images[:32])
        tau = 1 - (1 - 0.9) * (np.cos(np.pi * k / steps) + 1) / 2
        expected = [tau * e + (1 - tau) * o for e, o in zip(expected, values(online), strict=True)]
        for e, t in zip(expected, values(targets), strict=True):
            np.testing.assert_allclose(t, e, rtol=1e-5, atol=1e-7)


def test_no_gradient_reaches_the_target(images):
    """With the online network at rest the target stays where it is: both are equal at the start."""
    model = build()
    model.compile(keras.optimizers.SGD(0.0))
    model.set_run_length(4)
    before = values(v for v in model.target_encoder.weights if "moving" not in v.path)
    model.train_on_batch(images[:32])
    for old, new in zip(before, values(v for v in model.target_encoder.weights if "moving" not in v.path), strict=True):
        np.testing.assert_allclose(old, new, rtol=1e-6, atol=1e-7)


def test_target_uses_batch_statistics_and_stays_frozen_after_trainable_is_set(images):
    model = build()
    model.trainable = True
    model.compile(keras.optimizers.SGD(0.1))
    frozen = {id(v) for net in model.frozen_networks() for v in net.weights}
    assert not frozen & {id(v) for v in model.trainable_variables}
    statistics = [v for v in model.target_encoder.weights if "moving" in v.path]
    before = values(statistics)
    model.set_run_length(4)
    model.train_on_batch(images[:32])
    assert all((a != b).any() for a, b in zip(before, values(statistics), strict=True))


def test_unknown_run_length_is_refused(images):
    def endless():
        while True:
            yield (images[:32],)

    model = build()
    model.compile("sgd")
    with pytest.raises(ValueError, match="steps_per_epoch"):
        model.fit(endless(), epochs=2, verbose=0)
    model = build()
    model.compile("sgd")
    model.fit(endless(), epochs=2, steps_per_epoch=3, verbose=0)
    assert float(ops.convert_to_numpy(model.progress)) == 1.0
    with pytest.raises(ValueError, match="set_run_length"):
        build_and_compile().train_on_batch(images[:32])


def build_and_compile():
    model = build()
    model.compile("sgd")
    return model


def test_pretrained_encoder_is_the_online_one():
    model = build()
    assert model.pretrained_encoder is model.encoder
