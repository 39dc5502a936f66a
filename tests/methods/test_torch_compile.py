"""`jit_compile=True` on torch: the same losses as eager, in few graphs."""

import keras
import numpy as np
import pytest
from test_options import build, fit, sgd

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(keras.config.backend() != "torch", reason="torch.compile is torch's"),
]


# one without batch norm, one with a target, a game, one with attention: each takes a minute to compile
@pytest.mark.parametrize("name", ["AutoEncoder", "BYOL", "GAN", "CLIP"])
def test_compiled_is_eager(name, images):
    plain, other = build(name, sgd()), build(name, sgd(), jit_compile=True)
    a, b = fit(plain, images[:32]), fit(other, images[:32])
    for key in a:
        np.testing.assert_allclose(a[key], b[key], rtol=1e-4, atol=1e-5, err_msg=key)
