import numpy as np
import pytest
from keras import ops

from keras_sslzoo.ops import corruption
from keras_sslzoo.ops.random import Key

KEY = Key(3, 5)


def numpy_of(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("shape", [(64, 50), (64, 20, 3), (16, 8, 8, 3)])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 1.0])
def test_masking_takes_the_share_of_each_sample(shape, share):
    x = np.random.default_rng(0).uniform(1, 2, shape).astype("float32")
    got = numpy_of(corruption.masking(KEY, ops.convert_to_tensor(x), share)).reshape(shape[0], -1)
    assert ((got == 0).sum(1) == round(share * got.shape[1])).all()
    np.testing.assert_array_equal(got[got != 0], x.reshape(shape[0], -1)[got != 0])
    if share == 0.25:
        per_element = (got == 0).mean(0)  # no place is spared: standard error 0.05 or 0.11
        assert per_element.std() < 2.0 * np.sqrt(share * (1 - share) / shape[0])


def test_salt_and_pepper_is_a_fair_coin_on_the_share():
    x = np.full((200, 100), 0.5, "float32")
    got = numpy_of(corruption.salt_and_pepper(KEY, ops.convert_to_tensor(x), 0.3, -1.0, 2.0))
    assert set(np.unique(got)) == {-1.0, 0.5, 2.0}
    assert ((got != 0.5).sum(1) == 30).all()
    assert abs((got == 2.0).sum() / (got != 0.5).sum() - 0.5) < 4 * 0.5 / np.sqrt(6000)


def test_gaussian_has_the_deviation():
    x = np.random.default_rng(0).random((100, 99)).astype("float32")
    noise = numpy_of(corruption.gaussian(KEY, ops.convert_to_tensor(x), 0.2)) - x
    assert abs(noise.mean()) < 4 * 0.2 / np.sqrt(9900)
    assert noise.std() == pytest.approx(0.2, rel=0.03)
    assert abs(np.mean(noise**4) / noise.std() ** 4 - 3) < 0.25


def test_another_step_draws_anew():
    x = ops.ones((4, 50))
    a, b, c = (numpy_of(corruption.masking(Key(3, step), x, 0.5)) for step in (5, 5, 6))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
