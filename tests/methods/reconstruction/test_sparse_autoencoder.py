import keras
import numpy as np
import pytest
from contract import Contract, values
from keras import ops
from scipy.stats import entropy

import keras_sslzoo as zoo
from keras_sslzoo import backend


class TestContract(Contract):
    method = zoo.SparseAutoEncoder
    overfit_log = "reconstruction"  # the running mean starts where there is no penalty

    def build(self, **kwargs):
        return super().build(**{"latent_dim": 24, **kwargs})


def build(**kwargs):
    keras.utils.set_random_seed(0)
    return zoo.SparseAutoEncoder(image_shape=(12, 12, 1), latent_dim=20, **kwargs)


def kl(rho, mean):
    return sum(entropy([rho, 1 - rho], [m, 1 - m]) for m in mean)


def test_kl_objective_is_the_equation(images):
    model = build(rho=0.1, weight=3.0)
    model.compile()
    mean = np.random.default_rng(0).uniform(0.05, 0.6, 20).astype("float32")
    model.mean_activation.mean.assign(mean)
    logs = model.evaluate(images, verbose=0, return_dict=True)
    error = np.mean((images.astype("float64") - model.reconstruct(images)) ** 2)
    assert logs["reconstruction"] == pytest.approx(error, rel=1e-5)
    assert logs["sparsity"] == pytest.approx(kl(0.1, mean.astype("float64")), rel=1e-5)
    assert logs["loss"] == pytest.approx(error + 3.0 * kl(0.1, mean.astype("float64")) / 144, rel=1e-5)


def test_l1_objective_is_the_equation(images):
    model = build(penalty="l1", weight=0.5)
    model.compile()
    code = model.encode(images).astype("float64")
    logs = model.evaluate(images, verbose=0, return_dict=True)
    assert logs["sparsity"] == pytest.approx(np.abs(code).sum(1).mean(), rel=1e-5)
    assert logs["loss"] == pytest.approx(logs["reconstruction"] + 0.5 * np.abs(code).sum(1).mean() / 144, rel=1e-5)
    assert logs["active_fraction"] == pytest.approx(np.mean(code > 0), rel=1e-5)


def test_gradients_of_batches_add_up_to_that_of_the_data_set(images):
    """With the true mean in the running mean: the mean over batches is the gradient of the whole set's penalty."""
    model = build()
    code = model.encode(images)
    model.mean_activation.mean.assign(code.mean(0))
    weights = model.encoder.trainable_variables

    def gradient(fn):
        return [ops.convert_to_numpy(g) for g in backend.value_and_grad(model, lambda: (fn(), {}), weights)[1]]

    def whole():
        mean = ops.mean(model.encoder(images), axis=0)
        return ops.sum(zoo.losses.kl_sparsity(0.05, mean))

    batches = [gradient(lambda b=b: model.sparsity(model.encoder(b), False)) for b in images.reshape(8, 8, 12, 12, 1)]
    for i, expected in enumerate(gradient(whole)):
        np.testing.assert_allclose(np.mean([g[i] for g in batches], axis=0), expected, rtol=1e-4, atol=1e-5)


def test_the_running_mean_moves_after_the_update(images):
    model = build(momentum=0.75)
    model.compile(keras.optimizers.SGD(0.0))
    model.fit(images, batch_size=64, epochs=1, verbose=0)
    expected = 0.75 * 0.05 + 0.25 * model.encode(images).mean(0)
    np.testing.assert_allclose(values([model.mean_activation.mean])[0], expected, rtol=1e-5)


def test_units_are_as_active_as_they_are_asked_to_be(images):
    model = build(rho=0.2, weight=100.0)
    model.compile(keras.optimizers.Adam(2e-3))
    before = model.encode(images).mean(0)
    model.fit(images, batch_size=16, epochs=40, verbose=0)
    after = model.encode(images).mean(0)
    assert np.abs(before - 0.2).min() > 0.1
    assert np.abs(after - 0.2).max() < 0.05


def test_l1_makes_codes_sparser(images):
    active = []
    for weight in (0.0, 1.0):
        model = build(penalty="l1", weight=weight)
        model.compile(keras.optimizers.Adam(1e-2))
        active.append(model.fit(images, batch_size=16, epochs=20, verbose=0).history["active_fraction"][-1])
    assert active[1] < 0.8 * active[0]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"penalty": "l2"}, "`penalty`"),
        ({"rho": 0.0}, "`rho`"),
        ({"weight": -1.0}, "`weight`"),
        ({"code_activation": "relu"}, "end with a sigmoid"),
    ],
)
def test_bad_arguments_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)
