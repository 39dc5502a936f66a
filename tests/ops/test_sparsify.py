import numpy as np
import pytest
from keras import ops

from keras_sslzoo import backend
from keras_sslzoo.ops.sparsify import keep_top_k


@pytest.mark.parametrize("k", [1, 3, 7])
@pytest.mark.parametrize("tensor", [False, True])
def test_the_k_largest_stay(k, tensor):
    code = np.random.default_rng(0).normal(size=(5, 7)).astype("float32")
    expected = np.zeros_like(code)
    for i, row in enumerate(code):
        for j in sorted(range(7), key=lambda j, row=row: -row[j])[:k]:
            expected[i, j] = row[j]
    got = keep_top_k(ops.convert_to_tensor(code), ops.convert_to_tensor(k, "int32") if tensor else k)
    np.testing.assert_array_equal(ops.convert_to_numpy(got), expected)


def test_the_gradient_passes_where_elements_stay():
    class Model:
        state = ()

    code = ops.convert_to_tensor(np.array([[3.0, -1.0, 2.0, 0.5]], "float32"))
    gradient = backend.input_grad(Model, lambda h: ops.square(keep_top_k(h, 2)), code)
    np.testing.assert_allclose(ops.convert_to_numpy(gradient), [[6.0, 0.0, 4.0, 0.0]])
