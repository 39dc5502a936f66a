import keras
import numpy as np
import pytest
from contract import Contract, tiny_coders
from keras import ops

import keras_sslzoo as zoo
from keras_sslzoo import backend

SHAPE = (5, 3)


class TestContract(Contract):
    method = zoo.ContractiveAutoEncoder


def build(penalty, deep=False, seed=0, **kwargs):
    """Nets on (5, 3), a code of 4; a deep encoder is smooth, so that finite differences have no kinks."""
    keras.utils.set_random_seed(0)
    encoder = zoo.nets.MLP(SHAPE, (6, 4) if deep else (4,), activation="tanh", output_activation="sigmoid")
    decoder = zoo.nets.MLP((4,), (15,), output_shape=SHAPE)
    return zoo.ContractiveAutoEncoder(encoder, decoder, penalty=penalty, seed=seed, **kwargs)


def data(n=6):
    return np.random.default_rng(1).normal(size=(n, *SHAPE)).astype("float32")


def contraction(model, x):
    x = ops.convert_to_tensor(x)
    return ops.convert_to_numpy(model.contraction(x, model.encoder(x)))


def by_differences(model, x, step=1e-2):
    """||J||_F^2 by central differences of the encoder."""
    total = 0.0
    for i in range(15):
        e = np.zeros(15, "float32")
        e[i] = step
        e = e.reshape(SHAPE)
        up, down = model.encode(x + e).astype("float64"), model.encode(x - e).astype("float64")
        total += (((up - down) / (2 * step)) ** 2).sum(1)
    return total


def test_closed_form_exact_and_finite_differences_agree():
    x = data()
    closed = contraction(build("closed_form"), x)
    np.testing.assert_allclose(contraction(build("exact"), x), closed, rtol=1e-4)
    np.testing.assert_allclose(by_differences(build("exact"), x), closed, rtol=2e-3)


def test_exact_is_the_jacobian_of_a_deep_encoder():
    model = build("exact", deep=True)
    np.testing.assert_allclose(contraction(model, data()), by_differences(model, data()), rtol=2e-3)


@pytest.mark.parametrize("deep", [False, True])
def test_the_stochastic_estimate_is_unbiased(deep):
    """2,000 copies of each sample: the mean within four standard errors, and closer with more projections."""
    x = data(2)
    exact = contraction(build("exact", deep), x)
    many = np.repeat(x, 2000, axis=0)
    one = contraction(build("stochastic", deep), many).reshape(2, 2000)
    four = contraction(build("stochastic", deep, projections=4), many).reshape(2, 2000)
    for estimate in (one, four):
        assert (np.abs(estimate.mean(1) - exact) < 4 * estimate.std(1) / np.sqrt(2000)).all()
    np.testing.assert_allclose(one.std(1) / four.std(1), 2.0, rtol=0.15)


def test_gradients_agree():
    """Of the penalty with respect to the weights: closed form, exact, and the mean of many estimates."""
    x = data(3)

    def gradient(model, x):
        x = ops.convert_to_tensor(x)
        fn = lambda: (ops.mean(model.contraction(x, model.encoder(x))), {})  # noqa: E731
        return ops.convert_to_numpy(backend.value_and_grad(model, fn, [model._weighted[0].kernel])[1][0])

    expected = gradient(build("closed_form"), x)
    np.testing.assert_allclose(gradient(build("exact"), x), expected, rtol=1e-3, atol=1e-5)
    estimate = gradient(build("stochastic"), np.repeat(x, 2000, axis=0))
    assert np.linalg.norm(estimate - expected) < 0.1 * np.linalg.norm(expected)


def test_objective_is_the_equation():
    model, x = build("auto", weight=2.0), data(16)
    model.compile()
    logs = model.evaluate(x, verbose=0, return_dict=True)
    error = np.mean((x - model.reconstruct(x)) ** 2)
    expected = by_differences(model, x).mean()
    assert logs["contraction"] == pytest.approx(expected, rel=2e-3)
    assert logs["loss"] == pytest.approx(error + 2.0 * expected / 15, rel=2e-3)


def test_auto_takes_what_fits():
    assert build("auto").computed_as == "closed_form"
    assert build("auto", deep=True).computed_as == "exact"
    assert zoo.ContractiveAutoEncoder(**tiny_coders(17)).computed_as == "stochastic"


@pytest.mark.parametrize("penalty", ["exact", "stochastic"])
def test_training_contracts(penalty):
    x, found = data(32), []
    for weight in (0.0, 10.0):
        model = build(penalty, deep=True, weight=weight)
        model.compile(keras.optimizers.Adam(1e-2))
        found.append(model.fit(x, batch_size=32, epochs=30, verbose=0).history["contraction"][-1])
    assert found[1] < 0.5 * found[0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: build("closed_form", deep=True), "one dense sigmoid layer"),
        (lambda: build("fro"), "`penalty`"),
        (lambda: build("auto", weight=-1.0), "`weight`"),
        (lambda: build("auto", projections=0), "`projections`"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
