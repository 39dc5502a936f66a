import keras
import numpy as np
import pytest
from contract import Contract, values

import keras_sslzoo as zoo


class TestContract(Contract):
    method = zoo.LSGAN
    overfit_log = "discriminator_loss"


def test_players_move_in_turn_each_with_its_own_optimizer(images):
    model = zoo.LSGAN(image_shape=(12, 12, 1))
    rates = {"discriminator": 0.0, "generator": 1e-3}
    model.compile({player: keras.optimizers.SGD(rate) for player, rate in rates.items()})
    d, g = values(model.discriminator.trainable_variables), values(model.generator.trainable_variables)
    model.train_on_batch(images[:32])
    assert all((a == b).all() for a, b in zip(d, values(model.discriminator.trainable_variables), strict=True))
    assert all((a != b).any() for a, b in zip(g, values(model.generator.trainable_variables), strict=True))
    rate = keras.ops.convert_to_numpy(model.optimizer.optimizers["generator"].learning_rate)
    assert float(rate) == pytest.approx(1e-3)


@pytest.mark.parametrize(("a", "b", "c"), [(0.0, 1.0, 1.0), (-1.0, 1.0, 0.0)])
def test_losses_are_equation_2(images, a, b, c):
    model = zoo.LSGAN(image_shape=(12, 12, 1), a=a, b=b, c=c)
    real, fake = images[:8], images[8:16]
    d_real = model.discriminator.predict(real, verbose=0).astype("float64")
    d_fake = model.discriminator.predict(fake, verbose=0).astype("float64")
    loss, _ = model.discriminator_loss(real, fake, training=False)
    expected = 0.5 * np.mean((d_real - b) ** 2) + 0.5 * np.mean((d_fake - a) ** 2)
    assert np.mean(keras.ops.convert_to_numpy(loss)) == pytest.approx(expected, rel=1e-5)
    loss, _ = model.generator_loss(fake, training=False)
    assert np.mean(keras.ops.convert_to_numpy(loss)) == pytest.approx(0.5 * np.mean((d_fake - c) ** 2), rel=1e-5)


def test_learns_a_gaussian_in_one_dimension():
    """Data of rank one: the generator's mean moves from 0 to the data's 3."""
    x = np.random.default_rng(0).normal(3.0, 0.5, size=(512, 1)).astype("float32")
    model = zoo.LSGAN(zoo.nets.MLP((4,), (16, 1)), zoo.nets.MLP((1,), (16, 1)))
    model.compile({p: keras.optimizers.Adam(5e-3, 0.5) for p in ("discriminator", "generator")})
    before = model.generate(500).mean()
    model.fit(x, batch_size=128, epochs=60, verbose=0)
    after = model.generate(500).mean()
    assert abs(after - 3.0) < 0.75 < abs(before - 3.0)


@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (-1.0, 1.0), (0.2, 0.7)])
def test_the_best_discriminator_weighs_the_labels_by_the_densities(a, b):
    """D(x) = (b p_data + a p_G) / (p_data + p_G): there the gradient of a convex loss is zero, on two points."""
    p_data, p_generator = np.array([0.25, 0.75]), np.array([0.5, 0.5])
    real, fake = (np.array(x, "float32")[:, None] for x in ([0, 1, 1, 1], [0, 0, 1, 1]))
    discriminator = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    model = zoo.LSGAN(zoo.nets.MLP((4,), (1,)), discriminator, a=a, b=b)

    def gradient(scores):
        discriminator.set_weights([np.array([[scores[1] - scores[0]]]), scores[:1]])
        weights = discriminator.trainable_variables
        (_, _), gradients = zoo.backend.value_and_grad(
            model, lambda: (keras.ops.mean(model.discriminator_loss(real, fake, training=True)[0]), {}), weights
        )
        return np.abs([keras.ops.convert_to_numpy(g).ravel()[0] for g in gradients]).max()

    best = (b * p_data + a * p_generator) / (p_data + p_generator)
    assert gradient(best) < 1e-6 < 1e-2 < gradient(best + 0.1)


def test_generate_repeats_by_seed():
    model = zoo.LSGAN(image_shape=(12, 12, 1))
    np.testing.assert_array_equal(model.generate(3, seed=1), model.generate(3, seed=1))
    assert (model.generate(3, seed=1) != model.generate(3, seed=2)).any()


def test_equal_labels_are_refused():
    with pytest.raises(ValueError, match="must differ"):
        zoo.LSGAN(a=1.0, b=1.0)
