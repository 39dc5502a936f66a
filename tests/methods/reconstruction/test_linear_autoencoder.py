import keras
import numpy as np
import pytest
from contract import Contract
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA

import keras_sslzoo as zoo


class TestContract(Contract):
    method = zoo.LinearAutoEncoder


def trained(x, latent_dim, steps, rate):
    keras.utils.set_random_seed(0)
    model = zoo.LinearAutoEncoder(x.shape[1:], latent_dim)
    schedule = zoo.optimizers.WarmupCosine(rate)
    model.compile(keras.optimizers.Adam(schedule))
    model.fit(np.concatenate([x] * steps), batch_size=len(x), shuffle=False, verbose=0)
    return model


def test_the_subspace_is_that_of_pca():
    """Principal angles against scikit-learn, on data off the origin; the axes themselves differ."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 10)) * np.linspace(2.0, 0.2, 10) @ np.linalg.qr(rng.normal(size=(10, 10)))[0] + 0.5
    x = x.astype("float32").reshape(256, 5, 2)
    model, pca = trained(x, 3, steps=600, rate=0.03), PCA(3).fit(x.reshape(256, 10))
    assert np.degrees(subspace_angles(model.subspace(), pca.components_.T)).max() < 0.5
    expected = np.mean((x.reshape(256, 10) - pca.inverse_transform(pca.transform(x.reshape(256, 10)))) ** 2)
    assert model.evaluate(x, verbose=0) == pytest.approx(expected, rel=1e-3)
    cosines = np.abs(pca.components_ @ (model.subspace() / np.linalg.norm(model.subspace(), axis=0)))
    assert cosines.max(axis=1).min() < 0.99


def test_it_is_linear():
    """f(x) + f(-x) = 2 f(0)."""
    model = zoo.LinearAutoEncoder((6, 3), 4)
    x = np.random.default_rng(0).normal(size=(8, 6, 3)).astype("float32")
    np.testing.assert_allclose(
        model.reconstruct(x) + model.reconstruct(-x), 2 * model.reconstruct(0 * x), rtol=1e-4, atol=1e-5
    )
