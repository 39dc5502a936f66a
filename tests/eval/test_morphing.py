import json

import numpy as np
import pytest

import keras_sslzoo as zoo
from keras_sslzoo import eval as ev

RNG = np.random.default_rng(0)
X1, X2 = RNG.normal(size=(2, 5, 6)).astype("float32")


def linear_autoencoder():
    """Two latents, all weights drawn: a path and its reconstruction have a closed form."""
    model = zoo.AutoEncoder(zoo.nets.MLP((6,), (2,)), zoo.nets.MLP((2,), (6,)))
    for net in (model.encoder, model.decoder):
        net.set_weights([RNG.normal(size=w.shape) for w in net.get_weights()])
    return model


def test_distances_are_those_of_the_decoded_path():
    model = linear_autoencoder()
    (v, a), (w, b) = model.encoder.get_weights(), model.decoder.get_weights()
    result = ev.morphing(model, X1, X2, steps=5)
    z1, z2 = X1 @ v + a, X2 @ v + a
    angle = np.arccos((z1 * z2).sum(1) / np.linalg.norm(z1, axis=1) / np.linalg.norm(z2, axis=1))[:, None]
    for kind in ("lerp", "slerp"):
        expected = []
        for t in np.linspace(0, 1, 5):
            sphere = (np.sin((1 - t) * angle) * z1 + np.sin(t * angle) * z2) / np.sin(angle)
            x = ((1 - t) * z1 + t * z2 if kind == "lerp" else sphere) @ w + b
            expected.append(np.mean((x - ((x @ v + a) @ w + b)) ** 2))
        np.testing.assert_allclose(result.along[kind], expected, rtol=1e-3)
        assert result.distance[kind] == pytest.approx(np.mean(expected[1:-1]), rel=1e-3)
        assert result.ends == pytest.approx((expected[0] + expected[-1]) / 2, rel=1e-3)
        assert result.images[kind].shape == (5, 5, 6)
    assert json.loads(json.dumps(result.as_dict())) == result.as_dict()
    assert str(result).startswith("morphing/1: lerp: distance ")


def test_one_kind_and_another_range(images):
    model = zoo.VAE(image_shape=(12, 12, 1), latent_dim=3)
    same = ev.morphing(model, images[:4], images[4:8], steps=3, kinds=("lerp",))
    assert list(same.distance) == ["lerp"]
    shifted = zoo.VAE(image_shape=(12, 12, 1), latent_dim=3, value_range=(-1, 1))
    shifted.set_weights(model.get_weights())
    again = ev.morphing(shifted, 2 * images[:4] - 1, 2 * images[4:8] - 1, steps=3, kinds=("lerp",))
    assert again.distance["lerp"] == pytest.approx(same.distance["lerp"], rel=1e-3)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"model": zoo.nets.MLP((6,), (6,))}, TypeError, "Functional"),
        ({"x2": X2[:2]}, ValueError, r"\(5, 6\) and \(2, 6\)"),
        ({"steps": 2}, ValueError, "steps=2"),
        ({"kinds": ()}, ValueError, r"kinds=\(\)"),
        ({"kinds": ("cubic",)}, ValueError, "kind='cubic'"),
    ],
)
def test_wrong_arguments(change, error, message):
    with pytest.raises(error, match=message):
        ev.morphing(**{"model": linear_autoencoder(), "x1": X1, "x2": X2, **change})
