import json
import sys

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.linalg import sqrtm

from keras_sslzoo import eval as ev


def sets(n=40, m=30, d=5, seed=0, shift=0.5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=(m, d)) @ rng.normal(size=(d, d)) + shift


def frechet_by_formula(x, y):
    s, t = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s + t - 2 * sqrtm(s @ t).real)


def test_frechet_distance_is_the_formula():
    x, y = sets()
    assert ev.frechet_distance(x, y) == pytest.approx(frechet_by_formula(x, y), rel=1e-9)
    assert ev.frechet_distance(x, y) == pytest.approx(ev.frechet_distance(y, x))
    assert ev.frechet_distance(x, x) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_of_gaussians_in_closed_form():
    """Of diagonal covariances: the distance of the means and of the standard deviations."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    x = np.linalg.qr(x - x.mean(0))[0] * np.sqrt(199)  # mean 0 and covariance I, exactly
    a, b, shift = np.array([1.0, 2.0, 0.5]), np.array([0.1, 2.5, 3.0]), np.array([1.0, -2.0, 0.3])
    expected = (shift**2).sum() + ((a - b) ** 2).sum()
    assert ev.frechet_distance(x * a, x[::-1] * b + shift) == pytest.approx(expected)


def test_frechet_distance_with_fewer_samples_than_dimensions():
    x, y = sets(6, 7, 20)
    ours = ev.frechet_distance(x, y)
    # the covariances of (x, 0) and (y, 0) in the samples' span, where nothing is singular but the root's argument
    basis = np.linalg.svd(np.concatenate([x, y]), full_matrices=False)[2]
    assert ours == pytest.approx(ev.frechet_distance(x @ basis.T, y @ basis.T))
    s, t = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    eigenvalues = np.sqrt(np.maximum(np.linalg.eigvals(s @ t).real, 0)).sum()
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s + t) - 2 * eigenvalues
    assert ours == pytest.approx(expected, rel=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 10.0))
def test_frechet_distance_moves_and_scales(seed, unit):
    x, y = sets(seed=seed)
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))[0]
    ours = ev.frechet_distance(x, y)
    assert ev.frechet_distance(x @ rotation + 3, y @ rotation + 3) == pytest.approx(ours, rel=1e-6)
    assert ev.frechet_distance(unit * x, unit * y) == pytest.approx(unit**2 * ours, rel=1e-6)
    moved = y - y.mean(0) + x.mean(0)
    assert ev.frechet_distance(x, moved + 2.0) == pytest.approx(ev.frechet_distance(x, moved) + 5 * 4.0, rel=1e-6)


def mmd_by_loops(x, y):
    k = lambda a, b: (a @ b / len(a) + 1) ** 3  # noqa: E731
    n, m = len(x), len(y)
    xx = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    yy = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return xx + yy - 2 * sum(k(a, b) for a in x for b in y) / (n * m)


def test_kernel_distance_is_the_loops():
    x, y = sets(12, 9)
    distance, std = ev.kernel_distance(x, y)
    assert distance == pytest.approx(mmd_by_loops(x, y))
    assert std is None
    distance, std = ev.kernel_distance(x, y, block_size=4, seed=5)
    rng = np.random.default_rng(5)
    parts = [np.array_split(part[rng.permutation(len(part))], 3) for part in (x, y)]
    blocks = [mmd_by_loops(a, b) for a, b in zip(*parts, strict=True)]
    assert distance == pytest.approx(np.mean(blocks))
    assert std == pytest.approx(np.std(blocks, ddof=1))


def test_kernel_distance_is_unbiased():
    rng = np.random.default_rng(0)
    same = [ev.kernel_distance(rng.normal(size=(20, 4)), rng.normal(size=(20, 4)))[0] for _ in range(400)]
    assert abs(np.mean(same)) < 4 * np.std(same) / 20
    assert min(same) < 0
    assert ev.kernel_distance(rng.normal(size=(200, 4)), rng.normal(size=(200, 4)) + 1)[0] > 10 * np.std(same)


def manifolds_by_loops(x, y, k):
    """Precision, density and coverage of y in the balls of x."""
    radii = [sorted(np.linalg.norm(a - b) for j, b in enumerate(x) if j != i)[k - 1] for i, a in enumerate(x)]
    inside = np.array([[np.linalg.norm(a - b) <= r for a, r in zip(x, radii, strict=True)] for b in y])
    return inside.any(axis=1).mean(), inside.sum() / k / len(y), inside.any(axis=0).mean()


@pytest.mark.parametrize("k", [1, 3])
def test_manifolds_are_the_loops(k, monkeypatch):
    x, y = sets(shift=0.2)
    forward, backward = manifolds_by_loops(x, y, k), manifolds_by_loops(y, x, k)
    assert ev.precision_recall(x, y, k) == pytest.approx((forward[0], backward[0]))
    assert ev.density_coverage(x, y, k) == pytest.approx(forward[1:])
    assert 0 < forward[0] < 1
    assert 0 < backward[0] < 1
    monkeypatch.setattr(sys.modules["keras_sslzoo.eval.generation"], "BLOCK", 130)
    assert ev.density_coverage(x, y, k) == pytest.approx(forward[1:])


def test_manifolds_of_identical_and_of_distant_sets():
    x, _ = sets()
    assert ev.precision_recall(x, x) == (1, 1)
    assert ev.density_coverage(x, x)[1] == 1
    assert ev.precision_recall(x, x + 100) == (0, 0)
    assert ev.density_coverage(x, x + 100) == (0, 0)
    # a generator of one good sample: precise, and covers little
    one = np.repeat(x[:1], 40, axis=0) + 1e-3 * np.random.default_rng(1).normal(size=(40, 5))
    assert ev.precision_recall(x, one)[0] == 1
    assert ev.precision_recall(x, one)[1] < 0.2


def images(n, seed=0, size=8):
    return np.random.default_rng(seed).random((n, size, size, 1)).astype("float32")


def extractor(size=8):
    return keras.Sequential([keras.Input((size, size, 1)), keras.layers.Flatten(), keras.layers.Dense(6)], name="flat")


def test_generation_states_what_it_measured():
    model, real, fake = extractor(), images(30), images(20, 1)
    result = ev.generation(model, real, fake, block_size=12)
    f, g = ev.features(model, real), ev.features(model, fake)
    assert result.frechet_distance == pytest.approx(ev.frechet_distance(f, g))
    assert (result.kernel_distance, result.kernel_distance_std) == pytest.approx(ev.kernel_distance(f, g, 12))
    assert (result.precision, result.recall) == ev.precision_recall(f, g)
    assert (result.density, result.coverage) == ev.density_coverage(f, g)
    expected = {"extractor": "flat", "resize": None, "n_real": 30, "n_fake": 20, "dim": 6}
    assert expected.items() <= result.settings.items()
    assert "FID" not in str(result)
    assert "extractor=flat" in str(result)
    assert json.loads(json.dumps(result.as_dict())) == result.as_dict()
    ready = ev.generation(None, f, g, name="flat", block_size=12)
    assert ready == result
    as_bytes = ev.generation(model, (255 * real).round().astype("uint8"), fake)
    assert as_bytes.frechet_distance == pytest.approx(result.frechet_distance, rel=0.02)


def test_resizing_is_pillows():
    real, fake = images(12, size=16), images(12, 1, size=16)

    def by_pillow(x):
        small = [np.asarray(Image.fromarray(i[..., 0]).resize((8, 8), Image.Resampling.BILINEAR)) for i in x]
        return np.stack(small)[..., None]

    model = extractor()
    result = ev.generation(model, real, fake, resize=(8, 8))
    expected = ev.generation(model, by_pillow(real), by_pillow(fake))
    assert result.frechet_distance == pytest.approx(expected.frechet_distance, rel=1e-4)
    assert result.settings["resize"] == [8, 8]


X, Z = sets()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ev.generation(None, X, Z), "name=None"),
        (lambda: ev.generation(None, X, Z, name="f", resize=(8, 8)), r"resize=\(8, 8\)"),
        (lambda: ev.generation(None, X, Z[:, :3], name="f"), "of one size"),
        (lambda: ev.generation(None, X * np.nan, Z, name="f"), "NaN in 40 of 40 rows"),
        (lambda: ev.generation(extractor(), images(9), 2 * images(9) - 1), r"floats in \[0, 1\]"),
        (lambda: ev.generation(None, X, Z[:4], name="f"), "4 fake"),
        (lambda: ev.frechet_distance(X, Z[:1]), "1 fake"),
        (lambda: ev.frechet_distance(X[:, None], Z), r"\(40, 1, 5\)"),
        (lambda: ev.frechet_distance(X, Z * np.inf), "Fake features must be finite"),
        (lambda: ev.precision_recall(X, Z, 30), "k=30"),
        (lambda: ev.precision_recall(X, Z, 0), "k=0"),
        (lambda: ev.kernel_distance(X, Z[:3], 10), "block_size=10, 40 real and 3 fake"),
        (lambda: ev.kernel_distance(X, Z, 1), "block_size=1"),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
