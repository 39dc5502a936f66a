import keras
import numpy as np
import pytest

from keras_sslzoo.optimizers import LARS


def lars_by_hand(w, v, g, rate, momentum, decay, trust):
    """Algorithm 1 in float64, with the exclusions."""
    if w.ndim > 1:
        g = g + decay * w
        wn, gn = np.linalg.norm(w), np.linalg.norm(g)
        rate = rate * (trust * wn / gn if wn > 0 and gn > 0 else 1.0)
    v = momentum * v + rate * g
    return w - v, v


def test_updates_are_algorithm_1():
    rng = np.random.default_rng(0)
    shapes = [(3, 3, 2, 4), (4, 5), (5,), ()]
    weights = [rng.normal(size=s) for s in shapes]
    variables = [keras.Variable(w.astype("float32")) for w in weights]
    optimizer = LARS(0.7, momentum=0.8, weight_decay=0.05, trust=0.01)
    optimizer.build(variables)
    velocities = [np.zeros(s) for s in shapes]
    for _ in range(4):
        gradients = [rng.normal(size=s) for s in shapes]
        optimizer.apply([keras.ops.convert_to_tensor(g.astype("float32")) for g in gradients], variables)
        for i, g in enumerate(gradients):
            weights[i], velocities[i] = lars_by_hand(weights[i], velocities[i], g, 0.7, 0.8, 0.05, 0.01)
        for variable, w in zip(variables, weights, strict=True):
            np.testing.assert_allclose(keras.ops.convert_to_numpy(variable.value), w, rtol=1e-5, atol=1e-6)


def test_zero_weights_move_with_the_plain_rate():
    variable = keras.Variable(np.zeros((2, 2), "float32"))
    optimizer = LARS(0.5, momentum=0.0, weight_decay=0.0)
    optimizer.apply([keras.ops.ones((2, 2))], [variable])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(variable.value), -0.5)


def test_config_round_trip():
    again = keras.optimizers.get(keras.optimizers.serialize(LARS(0.1, momentum=0.5, weight_decay=0.2, trust=0.3)))
    assert (again.momentum, again.penalty, again.trust) == (0.5, 0.2, 0.3)


def test_bad_momentum_is_refused():
    with pytest.raises(ValueError, match="momentum"):
        LARS(momentum=1.5)
