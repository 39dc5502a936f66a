import types

import numpy as np
import pytest
from keras import ops
from scipy.spatial import geometric_slerp

from keras_sslzoo import backend
from keras_sslzoo.ops.latent import lerp, slerp

T = np.linspace(0, 1, 7)
RNG = np.random.default_rng(0)


def along(path, a, b):
    """The points of T on the path, `(7, Z)`."""
    return ops.convert_to_numpy(path(a, b, T[:, None]))


@pytest.mark.parametrize("dim", [2, 3, 40])
def test_slerp_of_unit_vectors_is_scipys(dim):
    a, b = (v / np.linalg.norm(v) for v in RNG.normal(size=(2, dim)))
    np.testing.assert_allclose(along(slerp, a, b), geometric_slerp(a, b, T), atol=1e-6)


@pytest.mark.parametrize("angle", [1e-6, 1e-4, 2e-3, 0.1, 3.0, np.pi - 5e-3])
def test_slerp_of_small_and_large_angles(angle):
    """Points of the unit circle at the angle t w, at the fineness of float32 times 1 / sin w."""
    circle = np.stack([np.cos(T * angle), np.sin(T * angle)], axis=1)
    np.testing.assert_allclose(along(slerp, circle[0], circle[-1]), circle, atol=3e-7 / min(1, np.pi - angle))


def test_unequal_lengths_make_an_ellipse():
    expected = np.stack([np.cos(T * np.pi / 2), 5 * np.sin(T * np.pi / 2)], axis=1)
    np.testing.assert_allclose(along(slerp, [1.0, 0.0], [0.0, 5.0]), expected, atol=1e-6)


@pytest.mark.parametrize("path", [lerp, slerp])
def test_both_ends_are_met(path):
    a, b = RNG.normal(size=(2, 16)).astype("float32")
    np.testing.assert_array_equal(along(path, a, b)[[0, -1]], [a, b])


@pytest.mark.parametrize("b", [[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0], [0.0, 0.0]], ids=str)
def test_where_no_circle_is_determined_the_line_is_taken(b):
    a = np.array([1.0, 2.0])
    line = a + T[:, None] * (np.array(b) - a)
    np.testing.assert_allclose(along(slerp, a, b), line, atol=1e-6)
    np.testing.assert_allclose(along(slerp, b, a), line[::-1], atol=1e-6)


def test_a_batch_is_its_rows():
    a, b = RNG.normal(size=(2, 5, 8))
    b[1], a[2] = a[1], 0.0  # rows on the line beside rows on the circle
    batch = ops.convert_to_numpy(slerp(a[:, None], b[:, None], T[:, None]))
    assert batch.shape == (5, 7, 8)
    for row, x, y in zip(batch, a, b, strict=True):
        np.testing.assert_allclose(row, along(slerp, x, y), atol=1e-6)


def test_half_way_between_samples_of_a_normal():
    """In many dimensions samples are nearly orthogonal: the line's middle is shorter by sqrt(1/2), the circle's is not."""
    a, b = RNG.normal(size=(2, 4096))
    lengths = [np.linalg.norm(ops.convert_to_numpy(path(a, b, 0.5))) / 64 for path in (lerp, slerp)]
    np.testing.assert_allclose(lengths, [np.sqrt(0.5), 1.0], atol=0.04)


def test_the_gradient_is_finite_everywhere():
    a = ops.convert_to_tensor(np.array([[1.0, 2.0], [0.0, 0.0], [3.0, 1.0]], "float32"))
    b = np.array([[1.0, 2.0], [1.0, 0.0], [-3.0, -1.0]], "float32")
    nothing = types.SimpleNamespace(state=[])
    gradient = backend.input_grad(nothing, lambda x: ops.sum(slerp(x, b, 0.25), axis=-1), a)
    np.testing.assert_allclose(ops.convert_to_numpy(gradient), np.full((3, 2), 0.75), atol=1e-6)
