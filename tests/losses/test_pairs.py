"""Losses of images and texts against loops in float64, closed forms, and whole against chunked."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_sslzoo import backend, losses

RNG = np.random.default_rng(0)


def numpy_of(x):
    return ops.convert_to_numpy(x)


def tensors(*arrays):
    return [ops.convert_to_tensor(np.asarray(a, "float32")) for a in arrays]


def cosines(x, y):
    return np.array([[a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in y] for a in x])


def info_nce_loops(x, y, t):
    """Figure 3 of the CLIP paper: cross entropy along each axis, labels on the diagonal."""
    s = t * cosines(x, y)
    losses = []
    for i in range(len(x)):
        rows = -math.log(math.exp(s[i, i]) / sum(math.exp(s[i, j]) for j in range(len(x))))
        columns = -math.log(math.exp(s[i, i]) / sum(math.exp(s[j, i]) for j in range(len(x))))
        losses.append((rows + columns) / 2)
    return losses


def sigmoid_loops(x, y, t, b):
    """Algorithm 1 of the SigLIP paper: labels 2 I - 1, the sum of -log sigmoid over the texts."""
    s = t * cosines(x, y) + b
    z = 2 * np.eye(len(x)) - 1
    return [sum(math.log1p(math.exp(-z[i, j] * s[i, j])) for j in range(len(x))) for i in range(len(x))]


CHUNKS = [None, 1, 3, 5, 10, 64]  # of 10 rows: the last chunk of 3 is partial, 64 are more than there are


@pytest.mark.parametrize("chunk_size", CHUNKS)
@pytest.mark.parametrize("t", [1.0, 14.3])
def test_symmetric_info_nce_is_figure_3(t, chunk_size):
    x, y = 3 * RNG.normal(size=(2, 10, 6))
    loss = losses.symmetric_info_nce(*tensors(x, y), t, chunk_size)
    np.testing.assert_allclose(numpy_of(loss), info_nce_loops(x, y, t), rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("chunk_size", CHUNKS)
@pytest.mark.parametrize(("t", "b"), [(10.0, -10.0), (1.0, 0.5)])
def test_sigmoid_pairwise_is_algorithm_1(t, b, chunk_size):
    x, y = 3 * RNG.normal(size=(2, 10, 6))
    loss = losses.sigmoid_pairwise(*tensors(x, y), t, b, chunk_size)
    np.testing.assert_allclose(numpy_of(loss), sigmoid_loops(x, y, t, b), rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("chunk_size", [None, 3])
def test_closed_forms(chunk_size):
    same = tensors(np.ones((8, 4)), np.ones((8, 4)))
    np.testing.assert_allclose(numpy_of(losses.symmetric_info_nce(*same, 100.0, chunk_size)), math.log(8), rtol=1e-5)
    expected = math.log(2) * 8
    np.testing.assert_allclose(numpy_of(losses.sigmoid_pairwise(*same, 5.0, -5.0, chunk_size)), expected, rtol=1e-5)
    own = tensors(np.eye(6), np.eye(6))
    expected = math.log(1 + 5 * math.exp(-20))
    np.testing.assert_allclose(numpy_of(losses.symmetric_info_nce(*own, 20.0, chunk_size)), expected, atol=1e-6)


@pytest.mark.parametrize("chunk_size", [None, 3])
def test_extreme_scales_stay_finite(chunk_size):
    x, y = tensors(np.eye(7), -np.eye(7))
    expected = 500 + math.log(6)  # the pair is the least similar one
    np.testing.assert_allclose(numpy_of(losses.symmetric_info_nce(x, y, 500.0, chunk_size)), expected, rtol=1e-5)
    expected = 500 + 6 * math.log(2)
    np.testing.assert_allclose(numpy_of(losses.sigmoid_pairwise(x, y, 500.0, 0.0, chunk_size)), expected, rtol=1e-5)


class Variables:
    def __init__(self, *values):
        self.state = [keras.Variable(np.asarray(v, "float32")) for v in values]


def gradients(loss, chunk_size, n, weights):
    """Of a weighted sum of the losses, in embeddings, scale and (sigmoid) bias."""
    rng = np.random.default_rng(n)
    values = [*rng.normal(size=(2, n, 5)), 7.0, *([-3.0] if loss is losses.sigmoid_pairwise else [])]
    model = Variables(*values)
    total = lambda: ops.sum(loss(*(v.value for v in model.state), chunk_size) * weights)  # noqa: E731
    (value, _), found = backend.value_and_grad(model, lambda: (total(), {}), model.state)
    return float(numpy_of(value)), [numpy_of(g) for g in found]


@pytest.mark.parametrize("loss", [losses.symmetric_info_nce, losses.sigmoid_pairwise])
@pytest.mark.parametrize(("n", "chunk_size"), [(12, 4), (13, 4), (13, 6), (5, 8), (6, 1)])
def test_gradients_in_chunks_are_those_of_the_whole(loss, n, chunk_size):
    weights = ops.convert_to_tensor(np.random.default_rng(1).uniform(0.5, 2.0, n).astype("float32"))
    whole, chunked = (gradients(loss, size, n, weights) for size in (None, chunk_size))
    assert chunked[0] == pytest.approx(whole[0], rel=1e-5)
    for a, b in zip(chunked[1], whole[1], strict=True):
        assert np.abs(b).max() > 1e-3
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("loss", [losses.symmetric_info_nce, losses.sigmoid_pairwise])
def test_chunked_gradients_are_slopes(loss):
    """Of the float64 loops, by central differences: what no backend's differentiation has a part in."""
    n = 5
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=(2, n, 5))
    found = gradients(loss, 2, n, ops.ones(n))[1]
    numbers = (7.0, -3.0)[: len(found) - 2]
    loops = info_nce_loops if loss is losses.symmetric_info_nce else sigmoid_loops

    def slope(move):
        return (sum(loops(*move(1e-5))) - sum(loops(*move(-1e-5)))) / 2e-5

    for i, j in np.ndindex(n, 5):
        step = np.zeros((n, 5))
        step[i, j] = 1
        assert found[0][i, j] == pytest.approx(slope(lambda e: (x + e * step, y, *numbers)), abs=2e-4)  # noqa: B023
        assert found[1][i, j] == pytest.approx(slope(lambda e: (x, y + e * step, *numbers)), abs=2e-4)  # noqa: B023
    assert found[2] == pytest.approx(slope(lambda e: (x, y, 7.0 + e, *numbers[1:])), abs=2e-4)
    if len(numbers) == 2:
        assert found[3] == pytest.approx(slope(lambda e: (x, y, 7.0, -3.0 + e)), abs=2e-4)


def test_losses_are_float32_in_half_precision():
    x, y = (ops.cast(z, "bfloat16") for z in tensors(*RNG.normal(size=(2, 4, 3))))
    for chunk_size in (None, 2):
        assert numpy_of(losses.symmetric_info_nce(x, y, 10.0, chunk_size)).dtype == np.float32
        assert numpy_of(losses.sigmoid_pairwise(x, y, 10.0, -10.0, chunk_size)).dtype == np.float32
