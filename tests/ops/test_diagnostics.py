import numpy as np
import pytest
from keras import ops

from keras_sslzoo.ops.diagnostics import active_units, embedding_std


def test_uniform_embeddings_have_one_and_equal_ones_zero():
    rng = np.random.default_rng(0)
    for d in (4, 64):
        z = rng.normal(size=(4000, d)) * rng.uniform(0.1, 9, size=(4000, 1))
        assert float(embedding_std(ops.convert_to_tensor(z, "float32"))) == pytest.approx(1, abs=0.02)
    assert float(embedding_std(ops.ones((5, 8)))) == pytest.approx(0, abs=1e-6)
    assert float(embedding_std(ops.zeros((5, 8)))) == 0.0


def test_embedding_std_is_the_deviation_of_each_dimension():
    z = np.random.default_rng(1).normal(1.0, 1.0, size=(7, 3)).astype("float32")
    u = z / np.linalg.norm(z, axis=1, keepdims=True)
    deviations = [np.sqrt(sum((v - sum(column) / 7) ** 2 for v in column) / 7) for column in u.T]
    assert float(embedding_std(z)) == pytest.approx(np.mean(deviations) * np.sqrt(3), rel=1e-5)


def test_active_units_counts_variances_above_the_threshold():
    signs = np.array([1.0, -1.0])[:, None]
    mean = 5.0 + signs * [0.0, 0.09, 0.11, 2.0]  # variances 0, 0.0081, 0.0121, 4
    assert float(active_units(ops.convert_to_tensor(mean, "float32"))) == 2.0
    assert float(active_units(ops.convert_to_tensor(mean, "float32"), threshold=0.001)) == 3.0
