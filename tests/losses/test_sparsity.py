"""Penalties on codes against loops, SciPy and finite differences."""

import numpy as np
import pytest
from keras import ops
from scipy.stats import entropy

from keras_sslzoo import losses

RNG = np.random.default_rng(0)


def call(loss, *args):
    return ops.convert_to_numpy(loss(*(a.astype("float32") if isinstance(a, np.ndarray) else a for a in args)))


def test_l1_is_the_sum_of_absolute_values():
    code = RNG.normal(size=(4, 5))
    expected = [sum(abs(h) for h in row) for row in code]
    np.testing.assert_allclose(call(losses.l1, code), expected, rtol=1e-6)


@pytest.mark.parametrize("rho", [0.05, 0.5])
def test_kl_sparsity_is_the_divergence_of_two_coins(rho):
    mean = RNG.uniform(0.01, 0.99, size=7)
    expected = [entropy([rho, 1 - rho], [m, 1 - m]) for m in mean]
    np.testing.assert_allclose(call(losses.kl_sparsity, rho, mean), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(call(losses.kl_sparsity, rho, np.array([rho])), 0.0, atol=1e-6)
    assert np.isfinite(call(losses.kl_sparsity, rho, np.array([0.0, 1.0]))).all()


def test_sigmoid_contraction_is_the_norm_of_the_jacobian():
    """By central differences in float64."""
    x, w, b = RNG.normal(size=(3, 6)), RNG.normal(size=(6, 4)), RNG.normal(size=4)

    def encode(x):
        return 1 / (1 + np.exp(-(x @ w + b)))

    step = 1e-5 * np.eye(6)
    columns = [(encode(x + e) - encode(x - e)) / 2e-5 for e in step]
    expected = sum((c**2).sum(1) for c in columns)
    np.testing.assert_allclose(call(losses.sigmoid_contraction, encode(x), w), expected, rtol=1e-5)
