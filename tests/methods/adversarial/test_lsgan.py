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


def test_generate_repeats_by_seed():
    model = zoo.LSGAN(image_shape=(12, 12, 1))
    np.testing.assert_array_equal(model.generate(3, seed=1), model.generate(3, seed=1))
    assert (model.generate(3, seed=1) != model.generate(3, seed=2)).any()


def test_equal_labels_are_refused():
    with pytest.raises(ValueError, match="must differ"):
        zoo.LSGAN(a=1.0, b=1.0)
