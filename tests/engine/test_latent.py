"""`latents`, `generate`, `interpolate`: the same for games and for autoencoders."""

import keras
import numpy as np
import pytest

import keras_sslzoo as zoo

PATHS = {
    "lerp": lambda a, b, t: a + t * (b - a),
    "slerp": lambda a, b, t: np.sin((1 - t) * np.pi / 2) * a + np.sin(t * np.pi / 2) * b,  # of orthogonal vectors
}
E1, E2 = np.eye(3, dtype="float32")[:2]


def build(name):
    """A linear decoder of 3 latents, so that data on the path say where the path ran."""
    decoder = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(4), keras.layers.Reshape((2, 2))])
    if name == "GAN":
        return zoo.GAN(decoder, zoo.nets.MLP((2, 2), (1,)))
    encoder = zoo.nets.MLP((2, 2), (8, 3))
    if name == "VAE":
        return zoo.VAE(encoder, decoder, likelihood="gaussian")
    return zoo.AutoEncoder(encoder, decoder)


@pytest.mark.parametrize(
    ("name", "kind", "path"),
    [("GAN", None, "slerp"), ("VAE", None, "slerp"), ("AutoEncoder", None, "lerp"), ("AutoEncoder", "slerp", "slerp")],
)
def test_interpolate_decodes_the_points_of_the_path(name, kind, path):
    model = build(name)
    kernel, bias = ((model.generator if name == "GAN" else model.decoder).get_weights())[:2]
    data = model.interpolate(E1, E2, steps=5, kind=kind)
    for x, t in zip(data, np.linspace(0, 1, 5), strict=True):
        np.testing.assert_allclose(x.reshape(-1), PATHS[path](E1, E2, t) @ kernel + bias, atol=1e-5)
    many = model.interpolate(np.stack([E1, E2]), np.stack([E2, E2]), steps=5, kind=kind)
    assert many.shape == (2, 5, 2, 2)
    np.testing.assert_allclose(many[0], data, atol=1e-6)
    np.testing.assert_allclose(many[1], np.repeat(data[-1:], 5, axis=0), atol=1e-6)


@pytest.mark.parametrize("name", ["GAN", "VAE"])
def test_generate_decodes_its_latents(name):
    model = build(name)
    z = model.latents(2000, seed=3)
    np.testing.assert_allclose(model.decode(z), model.generate(2000, seed=3), atol=1e-6)
    np.testing.assert_allclose([z.mean(), z.std(), np.abs(np.corrcoef(z.T) - np.eye(3)).max()], [0, 1, 0], atol=0.06)
    assert not hasattr(build("AutoEncoder"), "generate")  # its codes have no prior to draw from


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "cubic"}, "kind='cubic'"),
        ({"steps": 1}, "steps=1"),
        ({"z2": E2[:2]}, r"\(3,\) and \(2,\)"),
        ({"z1": E1[None, None], "z2": E2[None, None]}, r"\(1, 1, 3\)"),
    ],
)
def test_bad_paths_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        build("AutoEncoder").interpolate(**{"z1": E1, "z2": E2, **arguments})
