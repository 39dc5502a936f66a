import math

import numpy as np
import pytest
from scipy.stats import special_ortho_group

from keras_sslzoo import eval as ev

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("rank", [1, 3, 8])
def test_rankme_of_orthonormal_features_is_their_rank(rank):
    q = special_ortho_group.rvs(8, random_state=0)
    assert ev.rankme(q[:, :rank] * 5.0) == pytest.approx(rank, abs=1e-4)
    assert ev.rankme(np.repeat(q[:rank], 4, axis=0)) == pytest.approx(rank, abs=1e-4)


def test_rankme_is_equation_1():
    """From the eigenvalues of the Gram matrix instead of singular values, in a loop."""
    f = RNG.normal(size=(9, 5)) * [3, 2, 1, 0.5, 0.1]
    sigma = [math.sqrt(v) for v in np.linalg.eigvalsh(f.T @ f)]
    entropy = 0.0
    for s in sigma:
        p = s / sum(sigma) + 1e-7
        entropy -= p * math.log(p)
    assert ev.rankme(f) == pytest.approx(math.exp(entropy), rel=1e-9)
    assert ev.rankme(7 * f) == pytest.approx(ev.rankme(f))


def test_rankme_of_collapsed_features():
    assert ev.rankme(np.ones((6, 4))) == pytest.approx(1.0, abs=1e-4)
    assert ev.rankme(np.zeros((6, 4))) == 0.0


def unit(v):
    return v / math.sqrt(sum(x * x for x in v))


def test_alignment_and_uniformity_are_their_means_over_pairs():
    f, g = RNG.normal(size=(2, 6, 3)).astype("float32")
    for alpha in (1, 2):
        expected = [math.dist(unit(u), unit(v)) ** alpha for u, v in zip(f, g, strict=True)]
        assert ev.alignment(f, g, alpha) == pytest.approx(sum(expected) / 6, rel=1e-5)
    kernel = [math.exp(-3 * math.dist(unit(f[i]), unit(f[j])) ** 2) for i in range(6) for j in range(i)]
    assert ev.uniformity(f, t=3) == pytest.approx(math.log(sum(kernel) / 15), rel=1e-5)


def test_alignment_and_uniformity_at_their_ends():
    """Closed forms: opposite points are 2 apart; points uniform on the circle have log I_0(2 t) - 2 t."""
    f = RNG.normal(size=(5, 3))
    assert ev.alignment(f, 4 * f) == pytest.approx(0, abs=1e-12)
    assert ev.alignment(f, -f) == pytest.approx(4)
    assert ev.uniformity(np.ones((5, 3))) == pytest.approx(0, abs=1e-12)
    angle = np.arange(2000) * 2 * np.pi / 2000
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    assert ev.uniformity(circle) == pytest.approx(math.log(np.i0(4.0)) - 4.0, abs=2e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ev.rankme(np.ones(3)), r"shape \(3,\)"),
        (lambda: ev.rankme(np.full((3, 2), np.nan)), "NaN"),
        (lambda: ev.alignment(np.ones((3, 2)), np.ones((4, 2))), r"\(3, 2\) and \(4, 2\)"),
        (lambda: ev.uniformity(np.ones((1, 2))), "at least 2"),
    ],
)
def test_slips(call, message):
    with pytest.raises(ValueError, match=message):
        call()
