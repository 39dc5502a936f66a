"""Pictures that a model makes, with a model that is so simple that each picture is known.

A code is two numbers, and the image decoded from it is a ramp with their offset and slope: each of its pixels is another.
"""

import keras
import numpy as np
import pytest
from scipy.special import erf

import keras_sslzoo as zoo
from keras_sslzoo import viz

H, W, C = 2, 3, 1
PLACE = np.linspace(-1, 1, H * W).reshape(H, W, C).astype("float32")
IMAGES = np.random.default_rng(0).uniform(0.1, 0.9, (5, H, W, C)).astype("float32")


def ramps(codes):
    """What `Ramp.decode` does, by loops."""
    flat = np.reshape(codes, (-1, 2))
    return np.stack([0.5 + 0.1 * a + 0.02 * b * PLACE for a, b in flat]).reshape(*np.shape(codes)[:-1], H, W, C)


class Ramp(zoo.engine.latent.LatentPrior):
    """An autoencoder without a network."""

    latent_dim, default_path = 2, "lerp"

    def encode(self, x, batch_size=None):
        x = np.asarray(x) / (255 if x.dtype == np.uint8 else 1)
        return np.stack([10 * (x.mean(axis=(1, 2, 3)) - 0.5), x[:, 0, 0, 0]], axis=1)

    def decode(self, z, batch_size=None):
        return ramps(z)

    def reconstruct(self, x, batch_size=None):
        return self.decode(self.encode(x))


class Signed(Ramp):
    """The same in [-1, 1], as a generator with a tanh."""

    def encode(self, x, batch_size=None):
        return super().encode((x + 1) / 2)

    def decode(self, z, batch_size=None):
        return 2 * super().decode(z) - 1


def drawn(axes):
    """The arrays that axes show, (N, H, W, C); the first axis of grey images comes back."""
    arrays = np.stack([np.asarray(ax.images[0].get_array()) for ax in axes])
    return arrays[..., None] if arrays.ndim == 3 else arrays


def close(axes, images):
    np.testing.assert_allclose(drawn(axes), images, atol=1e-6)


def titles(axes):
    return [ax.get_title() for ax in axes]


def test_reconstructions():
    expected = ramps(Ramp().encode(IMAGES))
    axes = viz.reconstructions(Ramp(), IMAGES).axes
    assert len(axes) == 15
    close(axes[:5], IMAGES)
    close(axes[5:10], expected)
    close(axes[10:], np.abs(IMAGES - expected))
    assert [ax.texts[0].get_text() for ax in axes[::5]] == ["image", "reconstruction", "difference"]


def test_reconstructions_of_bytes():
    images = np.round(255 * IMAGES).astype("uint8")
    close(viz.reconstructions(Ramp(), images).axes[:5], images / 255)


def test_a_method_of_the_zoo():
    model = zoo.VAE(zoo.nets.MLP((H, W, C), (4,)), zoo.nets.MLP((2,), (H * W,), output_shape=(H, W, C)))
    images = np.round(255 * IMAGES).astype("uint8")
    close(viz.reconstructions(model, images).axes[5:10], model.predict(images / 255, verbose=0))
    close(viz.morph(model, images[0], images[1], 3).axes[1:4], model.interpolate(*model.encode(images[:2]), 3))
    close(viz.samples(model, 3).axes, model.generate(3))
    (ax,) = viz.manifold(model, 3).axes
    np.testing.assert_allclose(drawn([ax])[0, H : 2 * H, W : 2 * W], model.decode(np.zeros((1, 2)))[0], atol=1e-6)


@pytest.mark.parametrize("own", [(-1, 1), None])
def test_both_kinds_of_range(own):
    """A method with a `value_range` returns [0, 1]; one without returns what it was given, and the caller says it."""
    model = (Signed if own is None else Ramp)()
    model.value_range = own
    model.encode = lambda x: Ramp().encode((x + 1) / 2)
    axes = viz.reconstructions(model, 2 * IMAGES - 1, value_range=(-1, 1) if own is None else None).axes
    close(axes[:5], IMAGES)
    close(axes[5:10], ramps(Ramp().encode(IMAGES)))


def test_samples():
    axes = viz.samples(Ramp(), n=6, seed=3).axes
    close(axes, ramps(Ramp().latents(6, seed=3)))
    close(viz.samples(Signed(), n=6, seed=3, value_range=(-1, 1)).axes, drawn(axes))


def test_traversals():
    """The offset changes the picture more than the slope, so its row comes first."""
    code = Ramp().encode(IMAGES[:1])[0]
    axes = viz.traversals(Ramp(), IMAGES[0], span=2, steps=3).axes
    assert titles(axes[:3]) == ["\N{MINUS SIGN}2", "0", "2"]
    assert [ax.texts[0].get_text() for ax in axes[::3]] == ["z0 =", "z1 ="]
    close(axes, ramps([(-2, code[1]), (0, code[1]), (2, code[1]), (code[0], -2), (code[0], 0), (code[0], 2)]))
    close(viz.traversals(Ramp(), IMAGES[:1], [1], span=2, steps=3).axes, drawn(axes[3:]))
    assert len(viz.traversals(Ramp(), IMAGES[0], dimensions=1).axes) == 9


@pytest.mark.parametrize("kind", ["lerp", "slerp"])
def test_morph(kind):
    axes = viz.morph(Ramp(), IMAGES[:2], IMAGES[2:4], steps=4, kind=kind).axes
    rows = np.reshape(axes, (2, 6))
    assert titles(rows[0]) == ["a", "0", "0.33", "0.67", "1", "b"]
    close(rows[:, 0], IMAGES[:2])
    close(rows[:, -1], IMAGES[2:4])
    for row, a, b in zip(rows, Ramp().encode(IMAGES[:2]), Ramp().encode(IMAGES[2:4]), strict=True):
        if kind == "lerp":
            close(row[1:5], ramps([(1 - t) * a + t * b for t in (0, 1 / 3, 2 / 3, 1)]))
        else:
            close(row[[1, 4]], ramps([a, b]))
    close(viz.morph(Ramp(), IMAGES[0], IMAGES[2], steps=4, kind=kind).axes, drawn(rows[0]))


def test_manifold_is_even_under_the_prior():
    """z_1 grows to the right and z_2 upwards, and the prior's mass below each is (i + 1/2) / n."""
    n = 4
    (ax,) = viz.manifold(Ramp(), n=n).axes
    (tiles,) = drawn([ax])
    assert tiles.shape == (n * H, n * W, C)
    for row in range(n):
        for column in range(n):
            tile = tiles[row * H : (row + 1) * H, column * W : (column + 1) * W]
            z1 = (tile.mean() - 0.5) / 0.1
            z2 = (tile[-1, -1, 0] - tile[0, 0, 0]) / 0.04
            below = [0.5 * (1 + erf(z / 2**0.5)) for z in (z1, z2)]
            np.testing.assert_allclose(below, [(column + 0.5) / n, (n - row - 0.5) / n], atol=1e-4)
    assert [ax.get_xlabel(), ax.get_ylabel()] == ["$z_1$", "$z_2$"]
    at = dict(zip(ax.get_yticks(), [text.get_text() for text in ax.get_yticklabels()], strict=True))
    assert at[0.5 * H - 0.5] == "1.2"  # norm.ppf(7 / 8) = 1.15, on top


def test_filters_of_a_convolution():
    encoder = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.ReLU(), keras.layers.Conv2D(3, 2), keras.layers.Flatten()]
    )
    kernel = np.zeros((2, 2, 3, 3), "float32")
    kernel[0, 1, 2, 0], kernel[1, 1, :, 1], kernel[0, 0, 0, 2] = 1, -4, 2
    encoder.layers[1].set_weights([kernel, np.zeros(3)])
    figure = viz.filters(encoder, n=2)
    images = drawn(figure.axes)  # the strongest are 1, then 2, each to its own largest weight
    expected = np.full((2, 2, 2, 3), 0.5)
    expected[0, 1, 1, :], expected[1, 0, 0, 0] = 0, 1
    np.testing.assert_allclose(images, expected, atol=1e-6)
    assert figure.get_suptitle() == f"{encoder.layers[1].name}: 2 of 3 filters, grey is 0"


def test_filters_of_a_dense_layer_in_a_nested_model():
    """Each is the image that its unit likes: the place of its positive weight is red, of its negative one blue."""
    net = zoo.nets.MLP((H, W, C), (2,))
    kernel = np.zeros((H * W, 2), "float32")
    kernel[W + 2, 0], kernel[1, 0], kernel[0, 1] = 2, -2, 1
    net.layers[-1].set_weights([kernel, np.zeros(2)])
    encoder = keras.Sequential([keras.Input((H, W, C)), net])
    first, second = drawn(viz.filters(encoder).axes)
    red, blue, zero = first[1, 2], first[0, 1], first[0, 0]
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert zero.min() > 0.95
    np.testing.assert_allclose(second[0, 0], red)


def test_filters_of_patches():
    encoder = zoo.nets.ViT((8, 8, 3), patch_size=4, width=12, depth=1, heads=2)
    kernel = keras.ops.convert_to_numpy(encoder.get_layer("patch_embed").kernel)
    norms = np.sqrt((kernel**2).sum(axis=(0, 1, 2)))
    strongest = kernel[..., norms.argmax()]
    close(viz.filters(encoder).axes[:1], [0.5 + 0.5 * strongest / np.abs(strongest).max()])


TOO_FAR = Ramp()
TOO_FAR.decode = lambda z, _: 5 * ramps(z)
NAN = Ramp()
NAN.decode = lambda z, _: np.nan * ramps(z)
WIDE = Ramp()
WIDE.latent_dim = 3
MAPS = Ramp()
MAPS.encode = lambda x: x
ENCODER = keras.Sequential([keras.Input((4, 4, 2)), keras.layers.Conv2D(3, 2), keras.layers.Flatten()])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: viz.samples(ENCODER), "a Sequential without `generate`.*part="),
        (lambda: viz.morph(ENCODER, IMAGES, IMAGES), "without `encode` and `interpolate`"),
        (lambda: viz.samples(TOO_FAR), r"in \[0, 1\].*Received: Ramp, values in \[.*tanh"),
        (lambda: viz.samples(Signed()), r"value_range=\(-1, 1\)"),
        (lambda: viz.samples(NAN), r"\[nan, nan\]"),
        (lambda: viz.reconstructions(Ramp(), IMAGES[..., 0]), r"`images`.*shape \(5, 2, 3\)"),
        (lambda: viz.traversals(Ramp(), IMAGES), "5 images"),
        (lambda: viz.traversals(Ramp(), IMAGES[0], steps=1), "steps=1"),
        (lambda: viz.traversals(Ramp(), IMAGES[0], dimensions=0), "dimensions=0"),
        (lambda: viz.traversals(Ramp(), IMAGES[0], dimensions=[2]), r"0 \.\.\. 1\. Received: dimensions=\[2\]"),
        (lambda: viz.traversals(Ramp(), IMAGES[0], dimensions=1.5), "dimensions=1.5"),
        (lambda: viz.traversals(Ramp(), IMAGES[0], dimensions=[]), r"dimensions=\[\]"),
        (lambda: viz.traversals(MAPS, IMAGES[0]), r"codes \(1, 2, 3, 1\)"),
        (lambda: viz.morph(Ramp(), IMAGES[:2], IMAGES[:3]), "2 and 3 images"),
        (lambda: viz.morph(Ramp(), IMAGES[0], IMAGES[1], steps=1), "steps=1"),
        (lambda: viz.manifold(WIDE), "Ramp with latent_dim=3"),
        (lambda: viz.manifold(Ramp(), n=1), "n=1"),
        (lambda: viz.filters(ENCODER), r"kernel \(2, 2, 2, 3\)"),
        (lambda: viz.filters(ENCODER, n=0), "n=0"),
        (lambda: viz.filters(keras.Sequential([keras.Input((4,)), keras.layers.ReLU()])), "no layer with a kernel"),
        (lambda: viz.filters(zoo.nets.MLP((4,), (3,))), r"kernel \(4, 3\), in an encoder of \(4,\)"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
