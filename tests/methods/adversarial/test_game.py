"""What GAN and LSGAN share: data of any rank, closed forms of their game, and the averaged generator."""

import math

import keras
import numpy as np
import pytest
from contract import values
from keras import layers

import keras_sslzoo as zoo

METHODS = [zoo.GAN, zoo.LSGAN]
both = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.__name__)


def mean(loss):
    return float(np.mean(keras.ops.convert_to_numpy(loss)))


def constant_discriminator(shape, score):
    return keras.Sequential(
        [
            layers.Input(shape),
            layers.Flatten(),
            layers.Dense(1, None, True, "zeros", keras.initializers.Constant(score)),
        ]
    )


def normalized_generator():
    """A generator with batch norm and dropout, so that it has state beside its weights."""
    return keras.Sequential(
        [
            layers.Input((2,)),
            layers.Dense(4, kernel_initializer=zoo.nets.initializers.GlorotUniform()),
            layers.BatchNormalization(momentum=0.5),
            zoo.layers.Dropout(0.2),
            layers.Dense(1, kernel_initializer=zoo.nets.initializers.GlorotUniform()),
        ]
    )


def play(method, make=lambda: keras.optimizers.Adam(1e-2), **kwargs):
    """A compiled game over numbers."""
    keras.utils.set_random_seed(0)
    model = method(normalized_generator(), zoo.nets.MLP((1,), (8, 1)), **kwargs)
    model.compile({player: make() for player in ("discriminator", "generator")})
    return model


NUMBERS = np.random.default_rng(0).normal(3.0, 0.5, size=(64, 1)).astype("float32")


@both
@pytest.mark.parametrize("shape", [(4,), (12, 2), (6, 6, 1), (3, 4, 5, 2)], ids=lambda shape: f"rank{len(shape)}")
def test_data_of_any_rank(method, shape):
    """The discriminator learns to tell data that lie far off, and whatever the game returns has their shape."""
    x = np.random.default_rng(0).normal(2.0, 0.1, size=(32, *shape)).astype("float32")
    generator = zoo.nets.MLP((3,), (16, math.prod(shape)), output_shape=shape)
    model = method(generator, zoo.nets.MLP(shape, (16, 1)))
    model.compile({player: keras.optimizers.Adam(1e-2) for player in ("discriminator", "generator")})
    before = model.generate(32)
    history = model.fit(x, batch_size=16, epochs=8, verbose=0).history
    assert max(np.array(history["d_real"]) - np.array(history["d_fake"])) > 0.3
    assert before.shape == model.generate(32).shape == x.shape
    assert (before != model.generate(32)).any()
    z = model.latents(3)
    assert model.interpolate(z[0], z[1], steps=4).shape == (4, *shape)
    assert model.decode(z[:1] - z[1:2] + z[2:]).shape == (1, *shape)


@pytest.mark.parametrize("shape", [(4,), (3, 4, 5, 2)], ids=lambda shape: f"rank{len(shape)}")
def test_losses_of_a_discriminator_that_cannot_tell(shape):
    """GAN at D = 1/2: log 4, log 2, -log 2 (section 4.1). LSGAN at the score 1/2: 1/8 + 1/8, and 1/8."""
    x = np.random.default_rng(0).normal(size=(6, *shape)).astype("float32")
    generator = zoo.nets.MLP((3,), (math.prod(shape),), output_shape=shape)
    for saturating, expected in ((False, math.log(2)), (True, -math.log(2))):
        model = zoo.GAN(generator, constant_discriminator(shape, 0.0), saturating=saturating)
        assert mean(model.discriminator_loss(x, -x, training=False)[0]) == pytest.approx(math.log(4), rel=1e-6)
        assert mean(model.generator_loss(x, training=False)[0]) == pytest.approx(expected, rel=1e-6)
    model = zoo.LSGAN(generator, constant_discriminator(shape, 0.5))
    assert mean(model.discriminator_loss(x, -x, training=False)[0]) == pytest.approx(1 / 4)
    assert mean(model.generator_loss(x, training=False)[0]) == pytest.approx(1 / 8)


# ---- the averaged generator ------------------------------------------------------------------------------------------


@both
def test_the_average_by_hand(method):
    """average <- m average + (1 - m) generator after each step, weights and running statistics, in float64."""
    model = play(method, generator_momentum=0.8)
    floats = [i for i, v in enumerate(model.generator.weights) if v.dtype == "float32"]
    assert len(floats) == 8  # two dense layers, and four vectors of batch norm

    def weights(net):
        return [values(net.weights)[i].astype("float64") for i in floats]

    expected = weights(model.generator)
    for _ in range(5):
        model.train_on_batch(NUMBERS[:16])
        expected = [0.8 * e + 0.2 * g for e, g in zip(expected, weights(model.generator), strict=True)]
        for e, a in zip(expected, weights(model.average_generator), strict=True):
            np.testing.assert_allclose(a, e, rtol=1e-5, atol=1e-7)


@both
def test_the_average_is_what_is_sampled_and_does_not_play(method):
    plain, averaged = play(method), play(method, generator_momentum=0.9)
    histories = [model.fit(NUMBERS, batch_size=16, epochs=3, verbose=0).history for model in (plain, averaged)]
    assert histories[0] == histories[1]
    z = averaged.latents(8)
    np.testing.assert_array_equal(averaged.generator.predict(z, verbose=0), plain.predict(z, verbose=0))
    np.testing.assert_array_equal(averaged.average_generator.predict(z, verbose=0), averaged.generate(8))
    assert (averaged.generate(8) != plain.generate(8)).all()


def test_the_average_moves_on_real_updates_only():
    model = play(zoo.GAN, lambda: keras.optimizers.SGD(0.1, gradient_accumulation_steps=3), generator_momentum=0.5)
    model.average_generator.set_weights([w + 1 if w.dtype == "float32" else w for w in model.generator.get_weights()])
    moved = []
    for _ in range(6):
        before = values(model.average_generator.weights)
        model.train_on_batch(NUMBERS[:16])
        moved.append(any((a != b).any() for a, b in zip(before, values(model.average_generator.weights), strict=True)))
    assert moved == [False, False, True] * 2


@both
def test_a_run_with_an_average_is_saved_and_goes_on(method, tmp_path):
    model = play(method, generator_momentum=0.9)
    model.fit(NUMBERS, batch_size=16, epochs=2, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert again.generator_momentum == 0.9
    np.testing.assert_array_equal(again.generate(8), model.generate(8))
    for m in (model, again):
        m.fit(NUMBERS, batch_size=16, epochs=4, initial_epoch=2, verbose=0)
    np.testing.assert_array_equal(again.generate(8), model.generate(8))
    assert not {id(v) for v in again.average_generator.weights} & {id(v) for v in again.trainable_variables}


@both
@pytest.mark.parametrize("momentum", [-0.1, 1.0])
def test_a_momentum_that_never_moves_is_refused(method, momentum):
    with pytest.raises(ValueError, match=f"generator_momentum={momentum}"):
        method(generator_momentum=momentum)
