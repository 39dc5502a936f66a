import keras
import numpy as np
import pytest
from contract import Contract

import keras_sslzoo as zoo


class TestContract(Contract):
    method = zoo.AutoEncoder


@pytest.mark.parametrize("shape", [(20,), (16, 3), (6, 5, 4, 2)])
def test_any_rank(shape):
    x = np.random.default_rng(0).normal(size=(64, *shape)).astype("float32")
    n = int(np.prod(shape))
    model = zoo.AutoEncoder(zoo.nets.MLP(shape, (16, 4)), zoo.nets.MLP((4,), (16, n), output_shape=shape))
    model.compile(keras.optimizers.Adam(1e-2))
    history = model.fit(x, batch_size=32, epochs=5, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert model.reconstruct(x).shape == x.shape
    assert model.encode(x).shape == (64, 4)


def test_loss_is_the_mean_squared_error_of_an_element(images):
    model = zoo.AutoEncoder(image_shape=(12, 12, 1))
    model.compile()
    expected = np.mean((images.astype("float64") - model.reconstruct(images)) ** 2)
    assert model.evaluate(images, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_bce_takes_logits_and_reconstructs_probabilities(images):
    model = zoo.AutoEncoder(image_shape=(12, 12, 1), loss="bce")
    model.compile()
    p = model.reconstruct(images).astype("float64")
    assert p.min() > 0
    assert p.max() < 1
    expected = -np.mean(images * np.log(p) + (1 - images) * np.log(1 - p))
    assert model.evaluate(images, verbose=0) == pytest.approx(expected, rel=1e-4)


def test_targets_of_the_same_shape_are_reconstructed(images):
    model = zoo.AutoEncoder(image_shape=(12, 12, 1))
    model.compile()
    same = model.evaluate(images, images, verbose=0)
    assert same == model.evaluate(images, verbose=0)
    assert model.evaluate(images, 1 - images, verbose=0) != same


def test_sample_weights_weight_the_samples(images):
    model = zoo.AutoEncoder(image_shape=(12, 12, 1))
    model.compile()
    weight = np.zeros(64, "float32")
    weight[:16] = 4.0
    weighted = model.evaluate(images, sample_weight=weight, batch_size=64, verbose=0)
    assert weighted == pytest.approx(model.evaluate(images[:16], verbose=0), rel=1e-5)


def test_encode_decode_is_reconstruct(images):
    model = zoo.AutoEncoder(image_shape=(12, 12, 1))
    np.testing.assert_allclose(model.decode(model.encode(images)), model.reconstruct(images), atol=1e-6)


@pytest.mark.parametrize(("width", "identity"), [(3, False), (24, True)])
def test_an_overcomplete_code_learns_the_identity(width, identity):
    """Noise has nothing to be learnt but the identity: a wide code brings unseen noise back whole, a narrow one cannot."""
    x = np.random.default_rng(0).normal(size=(1024, 12)).astype("float32")
    keras.utils.set_random_seed(0)
    model = zoo.AutoEncoder(zoo.nets.MLP((12,), (width,)), zoo.nets.MLP((width,), (12,)))
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(x[:512], batch_size=64, epochs=30, verbose=0)
    error = model.evaluate(x[512:], verbose=0)
    assert error < 0.01 if identity else error > 0.8 * (1 - width / 12)


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_the_code_has_the_activation_it_is_given(images, activation):
    model = zoo.AutoEncoder(image_shape=(12, 12, 1), latent_dim=200, code_activation=activation)
    code = model.encode(images)
    assert code.shape == (64, 200)
    assert code.min() >= 0
    assert (code.max() <= 1) == (activation == "sigmoid")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: zoo.AutoEncoder(loss="mae"), "`loss`"),
        (lambda: zoo.AutoEncoder(zoo.nets.MLP((8,), (4, 2)), zoo.nets.MLP((2,), (4, 9))), "Change one of them"),
        (
            lambda: zoo.AutoEncoder(
                zoo.nets.MLP((8,), (4, 2)), zoo.nets.MLP((2,), (8,), output_activation="sigmoid"), loss="bce"
            ),
            "must return logits",
        ),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
