import keras
import numpy as np
import pytest
from contract import SHAPE, tiny_coders, values

import keras_sslzoo as zoo

WATCH = zoo.callbacks.CollapseMonitor(gradient_norm=True)


def autoencoder(**options):
    keras.utils.set_random_seed(0)
    model = zoo.AutoEncoder(**tiny_coders())
    model.compile(keras.optimizers.SGD(1.0, **options))
    return model


def norm(before, after):
    return np.sqrt(sum(np.square(a - b).sum() for a, b in zip(before, after, strict=True)))


def test_is_the_step_of_gradient_descent_with_rate_1(images):
    model = autoencoder()
    before = values(model.trainable_variables)
    logs = model.fit(images, batch_size=64, verbose=0, callbacks=[WATCH]).history
    assert logs["gradient_norm"] == [pytest.approx(norm(before, values(model.trainable_variables)), rel=1e-4)]


def test_is_that_of_the_loss_under_clipping_accumulation_and_a_loss_scale(images):
    def first(**options):
        history = autoencoder(**options).fit(images, batch_size=32, steps_per_epoch=1, verbose=0, callbacks=[WATCH])
        return history.history["gradient_norm"][0]

    plain = first()
    assert plain > 0.01
    assert first(clipnorm=1e-3, gradient_accumulation_steps=2) == pytest.approx(plain, rel=1e-5)
    keras.config.set_dtype_policy("mixed_float16")
    assert first() == pytest.approx(plain, rel=0.02)


def test_is_that_of_each_player(images):
    keras.utils.set_random_seed(0)
    nets = {
        "generator": zoo.nets.MLP((4,), (16, 144), output_activation="sigmoid", output_shape=SHAPE),
        "discriminator": zoo.nets.MLP(SHAPE, (16, 1)),
    }
    model = zoo.GAN(**nets)
    model.compile({player: keras.optimizers.SGD(1.0) for player in nets})
    before = {player: values(net.trainable_variables) for player, net in nets.items()}
    logs = model.fit(images, batch_size=64, verbose=0, callbacks=[WATCH]).history
    for player, net in nets.items():
        expected = norm(before[player], values(net.trainable_variables))
        assert logs[f"{player}_gradient_norm"] == [pytest.approx(expected, rel=1e-4)]


def test_is_there_only_where_asked_for_and_changes_nothing_else(images):
    plain, watched = autoencoder(), autoencoder()
    options = {"batch_size": 16, "verbose": 0, "validation_data": images[:32]}
    expected = [plain.fit(images, epochs=2, **options).history, plain.fit(images, **options).history]
    found = [
        watched.fit(images, epochs=2, callbacks=[WATCH], **options).history,
        watched.fit(images, **options).history,
    ]
    assert found[0].pop("gradient_norm")
    assert found == expected
    assert watched.evaluate(images, verbose=0, return_dict=True) == plain.evaluate(images, verbose=0, return_dict=True)
