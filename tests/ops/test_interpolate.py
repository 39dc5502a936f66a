"""Resizing of grids against `torch.nn.functional.interpolate`, and MAE's positions against loops."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_sslzoo.ops.interpolate import bicubic_matrix, resize_grid
from keras_sslzoo.ops.positions import sincos_positions

SIZES = [
    ((37, 37), (16, 16)),
    ((14, 14), (6, 6)),
    ((14, 14), (28, 21)),
    ((5, 9), (7, 4)),
    ((3, 2), (3, 5)),
    ((1, 4), (2, 9)),
]


def grid_of(size, dim=3):
    return np.random.default_rng(0).standard_normal((*size, dim)).astype("float32")


def torch_interpolate(grid, **options):
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(grid).double().permute(2, 0, 1)[None]
    y = torch.nn.functional.interpolate(x, mode="bicubic", align_corners=False, **options)
    return y[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize(("old", "new"), SIZES)
def test_to_a_size_as_torch(old, new, antialias):
    grid = grid_of(old)
    expected = torch_interpolate(grid, size=new, antialias=antialias)
    got = ops.convert_to_numpy(resize_grid(ops.convert_to_tensor(grid), new, antialias))
    np.testing.assert_allclose(got, expected, atol=5e-6)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize(("old", "new"), SIZES)
def test_by_a_factor_with_the_offset_of_dino(old, new, antialias):
    """interpolate_pos_encoding: scale_factor = ((h' + 0.1) / h, (w' + 0.1) / w)."""
    if antialias and any(n == m for n, m in zip(new, old, strict=True)):
        pytest.skip("torch leaves an axis of equal size alone when it antialiases; no code of a paper combines the two")
    grid = grid_of(old)
    factor = tuple((n + 0.1) / m for n, m in zip(new, old, strict=True))
    expected = torch_interpolate(grid, scale_factor=factor, antialias=antialias)
    assert expected.shape[:2] == new
    got = ops.convert_to_numpy(resize_grid(ops.convert_to_tensor(grid), new, antialias, 0.1))
    np.testing.assert_allclose(got, expected, atol=5e-6)


def test_the_conventions_differ():
    grid = ops.convert_to_tensor(grid_of((37, 37)))
    found = [ops.convert_to_numpy(resize_grid(grid, (16, 16), *o)) for o in ((False, 0.1), (False, 0.0), (True, 0.0))]
    for i, j in ((0, 1), (1, 2), (0, 2)):
        assert np.abs(found[i] - found[j]).max() > 0.05


@pytest.mark.skipif(keras.config.backend() == "jax", reason="sizes are always known on JAX")
@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("size", [(6, 9), (14, 5), (4, 6)])
def test_sizes_that_are_tensors(size, antialias):
    grid = ops.convert_to_tensor(grid_of((4, 6)))
    expected = ops.convert_to_numpy(resize_grid(grid, size, antialias, 0.1))
    tensors = [ops.convert_to_tensor(n, "int32") for n in size]
    np.testing.assert_allclose(ops.convert_to_numpy(resize_grid(grid, tensors, antialias, 0.1)), expected, atol=3e-6)


@pytest.mark.parametrize("antialias", [False, True])
def test_rows_sum_to_1_and_equal_sizes_are_the_identity(antialias):
    for size in (1, 2, 7):
        np.testing.assert_allclose(bicubic_matrix(7, size, antialias, 0.1).sum(1), 1, atol=1e-6)
    np.testing.assert_array_equal(bicubic_matrix(7, 7, antialias), np.eye(7, dtype="float32"))
    grid = grid_of((4, 6))
    np.testing.assert_array_equal(
        ops.convert_to_numpy(resize_grid(ops.convert_to_tensor(grid), (4, 6), antialias, 0.1)), grid
    )


@pytest.mark.parametrize(("height", "width", "dim"), [(3, 5, 8), (2, 2, 4), (1, 3, 12)])
def test_sincos_is_that_of_mae(height, width, dim):
    """He et al.'s code by loops: the first half of the channels encodes the column, the second the row; sines first."""
    quarter = dim // 4
    expected = np.zeros((height, width, dim))
    for row in range(height):
        for column in range(width):
            for i in range(quarter):
                omega = 1.0 / 10000 ** (i / quarter)
                for half, place in enumerate((column, row)):
                    expected[row, column, half * 2 * quarter + i] = math.sin(place * omega)
                    expected[row, column, half * 2 * quarter + quarter + i] = math.cos(place * omega)
    np.testing.assert_allclose(sincos_positions(height, width, dim), expected, atol=1e-6)


def test_sincos_needs_quarters():
    with pytest.raises(ValueError, match=r"multiple of 4. Received: 6. Use e.g. 8"):
        sincos_positions(2, 2, 6)
