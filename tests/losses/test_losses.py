"""Each loss against loops in float64 written from the paper, and against closed forms."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_sslzoo import losses

RNG = np.random.default_rng(0)


def call(loss, *args):
    return ops.convert_to_numpy(loss(*(a.astype("float32") if isinstance(a, np.ndarray) else a for a in args)))


def nt_xent_loops(z1, z2, temperature):
    """SimCLR's algorithm 1: interleave the views, two loops, the mean of l(i, j) + l(j, i)."""
    n = len(z1)
    z = np.empty((2 * n, z1.shape[1]))
    z[0::2], z[1::2] = z1, z2
    s = np.empty((2 * n, 2 * n))
    for i in range(2 * n):
        for j in range(2 * n):
            s[i, j] = z[i] @ z[j] / (np.linalg.norm(z[i]) * np.linalg.norm(z[j]))

    def ell(i, j):
        return -math.log(
            math.exp(s[i, j] / temperature) / sum(math.exp(s[i, k] / temperature) for k in range(2 * n) if k != i)
        )

    return np.array([(ell(2 * k, 2 * k + 1) + ell(2 * k + 1, 2 * k)) / 2 for k in range(n)])


@pytest.mark.parametrize("n", [2, 5, 16])
@pytest.mark.parametrize("temperature", [0.1, 0.5, 1.0])
def test_nt_xent_is_algorithm_1(n, temperature):
    z1, z2 = RNG.normal(size=(2, n, 7)) * 3
    np.testing.assert_allclose(
        call(losses.nt_xent, z1, z2, temperature), nt_xent_loops(z1, z2, temperature), rtol=2e-5, atol=1e-5
    )


def test_nt_xent_of_equal_embeddings_is_log_2b_minus_1():
    z = np.ones((8, 4))
    np.testing.assert_allclose(call(losses.nt_xent, z, z, 0.1), math.log(15), rtol=1e-5)


def test_nt_xent_of_orthogonal_images():
    """Views equal, images orthogonal: -log( e^(1/T) / (e^(1/T) + 2B - 2) )."""
    z = np.eye(6)
    expected = math.log(1 + 10 * math.exp(-1 / 0.5))
    np.testing.assert_allclose(call(losses.nt_xent, z, z, 0.5), expected, rtol=1e-5)


def test_nt_xent_ignores_length_and_survives_zero():
    z1, z2 = RNG.normal(size=(2, 4, 3))
    np.testing.assert_allclose(call(losses.nt_xent, z1, z2, 0.5), call(losses.nt_xent, 10 * z1, z2, 0.5), rtol=1e-5)
    assert np.isfinite(call(losses.nt_xent, np.zeros((4, 3)), z2, 0.5)).all()


def test_losses_are_float32_in_half_precision():
    z = ops.cast(RNG.normal(size=(4, 3)), "bfloat16")
    assert keras.backend.standardize_dtype(losses.nt_xent(z, z, 0.1).dtype) == "float32"


def test_normalized_mean_squared_error_is_equation_2():
    p, z = RNG.normal(size=(2, 9, 5))
    expected = [sum((p[i] / np.linalg.norm(p[i]) - z[i] / np.linalg.norm(z[i])) ** 2) for i in range(9)]
    np.testing.assert_allclose(call(losses.normalized_mean_squared_error, p, z), expected, rtol=1e-5)
    np.testing.assert_allclose(call(losses.normalized_mean_squared_error, p, -p), 4.0, rtol=1e-5)
    np.testing.assert_allclose(call(losses.normalized_mean_squared_error, p, 2 * p), 0.0, atol=1e-6)


def test_mean_squared_error_and_cross_entropy_are_means_over_elements():
    x, logits = RNG.random((5, 3, 2)), RNG.normal(size=(5, 3, 2)) * 4
    np.testing.assert_allclose(call(losses.mean_squared_error, x, logits), ((x - logits) ** 2).mean((1, 2)), rtol=1e-5)
    p = 1 / (1 + np.exp(-logits))
    expected = -(x * np.log(p) + (1 - x) * np.log(1 - p))
    np.testing.assert_allclose(call(losses.binary_cross_entropy, x, logits), expected.mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(call(losses.bernoulli_nll, x, logits), expected.sum((1, 2)), rtol=1e-5)


def test_cross_entropy_survives_large_logits():
    logits = np.array([[-200.0, 200.0]])
    np.testing.assert_allclose(call(losses.bernoulli_nll, np.array([[1.0, 0.0]]), logits), 400.0, rtol=1e-6)
    np.testing.assert_allclose(call(losses.bernoulli_nll, np.array([[0.0, 1.0]]), logits), 0.0, atol=1e-6)


def test_gaussian_nll_is_the_density():
    from scipy.stats import norm

    x, mean = RNG.normal(size=(2, 6, 4, 2))
    expected = -norm.logpdf(x, mean, 0.3).sum((1, 2))
    np.testing.assert_allclose(call(losses.gaussian_nll, x, mean, 0.3), expected, rtol=1e-5)


def test_kl_is_the_integral():
    """By numerical integration of q log(q / p), one dimension at a time."""
    from scipy.integrate import quad
    from scipy.stats import norm

    mean, log_variance = RNG.normal(size=(2, 3, 2))
    expected = np.empty((3, 2))
    for i, j in np.ndindex(3, 2):
        q = norm(mean[i, j], np.exp(0.5 * log_variance[i, j]))
        expected[i, j] = quad(lambda t, q=q: q.pdf(t) * (q.logpdf(t) - norm.logpdf(t)), -30, 30, limit=200)[0]
    np.testing.assert_allclose(call(losses.kl_to_standard_normal, mean, log_variance), expected, rtol=1e-4)
    np.testing.assert_allclose(call(losses.kl_to_standard_normal, np.zeros((1, 3)), np.zeros((1, 3))), 0.0, atol=1e-7)


@pytest.mark.parametrize("shape", [(4, 1), (4,), (4, 3, 3, 1)])
def test_least_squares(shape):
    scores = RNG.normal(size=shape)
    expected = [0.5 * np.mean((scores[i] - 0.9) ** 2) for i in range(4)]
    np.testing.assert_allclose(call(losses.least_squares, scores, 0.9), expected, rtol=1e-5)
