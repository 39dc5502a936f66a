import types

import numpy as np
from keras import ops

from keras_sslzoo import backend
from keras_sslzoo.ops.normalize import l2_normalize


def test_values_and_finite_gradient_at_zero():
    x = ops.convert_to_tensor(np.array([[3.0, 4.0], [0.0, 0.0]], "float32"))
    np.testing.assert_allclose(ops.convert_to_numpy(l2_normalize(x)), [[0.6, 0.8], [0, 0]], atol=1e-7)
    nothing = types.SimpleNamespace(state=[])
    gradient = backend.input_grad(nothing, lambda t: l2_normalize(t)[:, 0], x)
    gradient = ops.convert_to_numpy(gradient)
    assert np.isfinite(gradient).all()
    np.testing.assert_allclose(gradient[0], [(1 - 0.36) / 5, -0.48 / 5], rtol=1e-5)
