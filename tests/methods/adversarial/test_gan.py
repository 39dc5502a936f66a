import keras
import numpy as np
import pytest
from contract import Contract
from keras import ops
from scipy.spatial.distance import jensenshannon

import keras_sslzoo as zoo

SHAPE = (12, 12, 1)


class TestContract(Contract):
    method = zoo.GAN
    overfit_log = "discriminator_loss"


def probabilities(model, x):
    """D of the paper, in float64."""
    return 1 / (1 + np.exp(-model.discriminator.predict(x, verbose=0).astype("float64")[:, 0]))


def mean(loss):
    return float(np.mean(ops.convert_to_numpy(loss)))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_discriminator_loss_is_equation_1(images, smoothing):
    model = zoo.GAN(image_shape=SHAPE, label_smoothing=smoothing)
    real, fake = images[:8], images[8:16]
    d_real, d_fake = probabilities(model, real), probabilities(model, fake)
    label = 1 - smoothing
    expected = np.mean(-label * np.log(d_real) - (1 - label) * np.log(1 - d_real) - np.log(1 - d_fake))
    loss, logs = model.discriminator_loss(real, fake, training=False)
    assert mean(loss) == pytest.approx(expected, rel=1e-5)
    assert mean(logs["d_real"]) == pytest.approx(d_real.mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("saturating", "equation"), [(False, lambda d: -np.log(d)), (True, lambda d: np.log(1 - d))], ids=["ns", "minimax"]
)
def test_generator_loss(images, saturating, equation):
    model = zoo.GAN(image_shape=SHAPE, saturating=saturating)
    loss, _ = model.generator_loss(images[:8], training=False)
    assert mean(loss) == pytest.approx(np.mean(equation(probabilities(model, images[:8]))), rel=1e-5)


def test_large_scores_stay_finite():
    steep = keras.Sequential(
        [keras.layers.Input((1,)), keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(1e4))]
    )
    model = zoo.GAN(zoo.nets.MLP((4,), (16, 1)), steep)
    ones = np.ones((4, 1), "float32")
    assert mean(model.discriminator_loss(ones, ones, training=False)[0]) == pytest.approx(1e4)
    assert mean(model.generator_loss(-ones, training=False)[0]) == pytest.approx(1e4)


@pytest.mark.parametrize("saturating", [False, True])
def test_learns_a_gaussian_in_one_dimension(saturating):
    """Data of rank one: the generator's mean moves from 0 to the data's 3."""
    x = np.random.default_rng(0).normal(3.0, 0.5, size=(512, 1)).astype("float32")
    keras.utils.set_random_seed(0)
    model = zoo.GAN(zoo.nets.MLP((4,), (16, 1)), zoo.nets.MLP((1,), (16, 1)), saturating=saturating)
    model.compile({p: keras.optimizers.Adam(5e-3, 0.5) for p in ("discriminator", "generator")})
    before = model.generate(500).mean()
    model.fit(x, batch_size=128, epochs=60, verbose=0)
    assert abs(model.generate(500).mean() - 3.0) < 0.75 < abs(before - 3.0)


def test_the_best_discriminator_is_the_ratio_of_densities():
    """Proposition 1, the generator held at N(0, 1) against data from N(1, 1): D(x) = sigmoid(x - 1/2)."""
    x = np.random.default_rng(1).normal(1.0, 1.0, size=(4096, 1)).astype("float32")
    generator = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, "linear", True, "ones", "zeros")])
    discriminator = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    model = zoo.GAN(generator, discriminator)
    model.compile({"discriminator": keras.optimizers.Adam(2e-2), "generator": keras.optimizers.SGD(0.0)})
    model.fit(x, batch_size=512, epochs=40, verbose=0)
    points = np.linspace(-1, 2, 7, dtype="float32")[:, None]
    np.testing.assert_allclose(probabilities(model, points), 1 / (1 + np.exp(0.5 - points[:, 0])), atol=0.05)


def test_at_its_best_the_discriminator_measures_the_jensen_shannon_divergence():
    """Theorem 1 on two points, p_data = (1/4, 3/4) and p_G = (1/2, 1/2): log 4 - 2 JSD, with scipy's JSD."""
    p_data, p_generator = np.array([0.25, 0.75]), np.array([0.5, 0.5])
    best = np.log(p_data / p_generator)  # logit of p_data / (p_data + p_G)
    discriminator = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    discriminator.set_weights([np.array([[best[1] - best[0]]]), best[:1]])
    model = zoo.GAN(zoo.nets.MLP((4,), (1,)), discriminator)
    real, fake = (np.array(x, "float32")[:, None] for x in ([0, 1, 1, 1], [0, 0, 1, 1]))
    loss, _ = model.discriminator_loss(real, fake, training=False)
    assert mean(loss) == pytest.approx(np.log(4) - 2 * jensenshannon(p_data, p_generator) ** 2, rel=1e-5)


def test_a_smoothing_of_one_is_refused():
    with pytest.raises(ValueError, match=r"label_smoothing=1\.0"):
        zoo.GAN(label_smoothing=1.0)
