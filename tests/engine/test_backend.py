"""The names of `backend`, each against NumPy."""

import math
import pathlib
import types

import keras
import numpy as np
import pytest
from keras import ops

from keras_sslzoo import backend
from keras_sslzoo.hub import files


class Model:
    """A stand-in: whatever has `state`."""

    def __init__(self, *values):
        self.state = [keras.Variable(np.asarray(v, "float32")) for v in values]


def numpy_of(x):
    return ops.convert_to_numpy(x)


def test_value_and_grad_and_side_effects():
    model = Model([1.0, 2.0], 3.0, 0.0)
    w, c, seen = model.state

    def fn():
        seen.assign(c.value * 2)
        loss = ops.sum(c.value * ops.square(w.value))
        return loss, {"double": 2 * loss}

    (loss, aux), (gradient,) = backend.value_and_grad(model, fn, [w])
    assert float(numpy_of(loss)) == 15.0
    assert float(numpy_of(aux["double"])) == 30.0
    np.testing.assert_allclose(numpy_of(gradient), [6.0, 12.0])
    assert float(numpy_of(seen.value)) == 6.0


def test_input_grad_is_differentiable_in_the_weights_and_the_input():
    """f = w x^3: df/dx = 3 w x^2; the mean of its square differentiated again in w and, nested, in x."""
    model = Model(2.0)
    (w,) = model.state
    x = ops.convert_to_tensor(np.array([1.0, 2.0], "float32"))

    def slope(t):
        return backend.input_grad(model, lambda u: w.value * u**3, t)

    np.testing.assert_allclose(numpy_of(slope(x)), [6.0, 24.0], rtol=1e-6)
    (loss, _), (gradient,) = backend.value_and_grad(model, lambda: (ops.sum(slope(x) ** 2), {}), [w])
    assert float(numpy_of(loss)) == pytest.approx(36 + 576)
    assert float(numpy_of(gradient)) == pytest.approx(2 * (36 + 576) / 2.0)
    np.testing.assert_allclose(numpy_of(backend.input_grad(model, slope, x)), [12.0, 24.0], rtol=1e-6)


def test_apply_gradients():
    variable = keras.Variable(np.array([1.0, 2.0], "float32"))
    optimizer = keras.optimizers.SGD(0.5, momentum=0.9)
    optimizer.build([variable])
    for _ in range(2):
        backend.apply_gradients(optimizer, [ops.ones(2)], [variable])
    np.testing.assert_allclose(numpy_of(variable.value), np.array([1.0, 2.0]) - 0.5 - 0.95, rtol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.Adam(0.1, beta_1=0.5, epsilon=1e-3),
        lambda: keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5), clipnorm=0.5),
        lambda: keras.optimizers.AdamW(0.1, weight_decay=0.2, gradient_accumulation_steps=2),
        lambda: keras.optimizers.Adam(0.1, amsgrad=True),
    ],
)
def test_fused_updates_are_those_of_kerass_formula(make):
    """Kingma and Ba 2014, algorithm 1 with the order of section 2's last paragraph, where epsilon meets v itself."""
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 2, 4)).astype("float32")
    plain, fused = (keras.Variable(start) for _ in range(2))
    optimizers = make(), make()
    backend.fuse_updates(optimizers[1])
    for variable, optimizer in zip((plain, fused), optimizers, strict=True):
        optimizer.build([variable])
    for _ in range(5):
        gradient = rng.normal(size=(2, 3, 4)).astype("float32")
        for variable, optimizer in zip((plain, fused), optimizers, strict=True):
            transposed = ops.transpose(ops.convert_to_tensor(gradient), (1, 0, 2))  # not contiguous on torch
            backend.apply_gradients(optimizer, [transposed], [variable])
        np.testing.assert_allclose(numpy_of(fused.value), numpy_of(plain.value), rtol=1e-5, atol=1e-5)  # steps of 0.1
    assert np.abs(numpy_of(plain.value) - start).max() > 0.05


def test_an_adam_of_ones_own_is_left_alone():
    class Still(type(keras.optimizers.Adam())):
        def update_step(self, gradient, variable, learning_rate):
            pass

        def _parallel_update_step(self, *arguments):
            pass

    variable = keras.Variable(np.ones(2, "float32"))
    optimizer = Still(0.1)
    backend.fuse_updates(optimizer)
    optimizer.build([variable])
    backend.apply_gradients(optimizer, [ops.ones(2)], [variable])
    np.testing.assert_array_equal(numpy_of(variable.value), 1.0)


def test_a_lookup_of_repeated_rows_has_the_gradient_of_the_matrix_product():
    """And an optimizer that squares it moves as it does by hand: TensorFlow's own is a list of rows, some twice."""
    table, rows = np.array([[1.0], [2.0], [3.0]]), [0, 2, 0, 0]
    model = Model(table)
    (w,) = model.state
    weights = np.array([[1.0], [5.0], [-2.0], [4.0]], "float32")

    def fn():
        return ops.sum(ops.take(w.value, ops.convert_to_tensor(rows), axis=0) * ops.convert_to_tensor(weights)), {}

    _, (gradient,) = backend.value_and_grad(model, fn, [w])
    expected = np.eye(3)[rows].T @ weights
    optimizer = keras.optimizers.RMSprop(0.1, rho=0.75, epsilon=1e-7)
    optimizer.build([w])
    backend.apply_gradients(optimizer, [gradient], [w])
    by_hand = table - 0.1 * expected / np.sqrt(0.25 * expected**2 + 1e-7)
    np.testing.assert_allclose(numpy_of(gradient), expected)
    np.testing.assert_allclose(numpy_of(w.value), by_hand, rtol=1e-5)


@pytest.mark.parametrize("tensor", [False, True])
def test_ema_update(tensor):
    targets = [keras.Variable(np.ones(3, "float32")), keras.Variable(np.zeros((2, 2), "float32"))]
    sources = [keras.Variable(np.full(3, 5.0, "float32")), keras.Variable(np.ones((2, 2), "float32"))]
    decay = ops.convert_to_tensor(0.75, "float32") if tensor else 0.75
    backend.ema_update(targets, sources, decay)
    np.testing.assert_allclose(numpy_of(targets[0].value), 2.0)
    np.testing.assert_allclose(numpy_of(targets[1].value), 0.25)
    np.testing.assert_allclose(numpy_of(sources[0].value), 5.0)


@pytest.mark.parametrize("run", [False, True])
def test_update_if(run):
    model = Model(1.0, 10.0)
    first, second = model.state
    backend.update_if(model, ops.convert_to_tensor(run), lambda: first.assign(second.value + 1))
    assert float(numpy_of(first.value)) == (11.0 if run else 1.0)


def test_errors_of_a_missing_backend_teach():
    from keras_sslzoo.backend import _explain_missing

    message = _explain_missing("tensorflow")
    assert "pip install 'keras-sslzoo[tensorflow]'" in message
    assert "KERAS_BACKEND" in message
    assert isinstance(backend, types.ModuleType)


@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3), (256, 256)])
@pytest.mark.parametrize("aligned", [True, False])
def test_arrays_become_tensors_and_values(shape, aligned):
    array = np.arange(math.prod(shape) + 1, dtype="float32")
    array = files.aligned(shape, "float32") if aligned else array[1:].reshape(shape)
    array[...] = 3
    np.testing.assert_array_equal(numpy_of(backend.tensor_of(array)), array)
    for dtype in ("float32", "float16"):
        variable = keras.Variable(np.zeros(shape), dtype=dtype)
        backend.set_variable(variable, array)
        assert keras.backend.standardize_dtype(variable.value.dtype) == dtype
        np.testing.assert_array_equal(numpy_of(variable.value), array)
        variable.assign(ops.ones(shape, dtype))
        np.testing.assert_array_equal(numpy_of(variable.value), np.ones(shape))


@pytest.mark.skipif(not pathlib.Path("/proc/self/status").exists(), reason="Linux tells what is in memory")
def test_a_large_array_is_not_copied():
    """By memory: a copy of 64 MB would show."""
    array = files.aligned((2**24,), "float32", np.zeros)
    variable = keras.Variable(backend.tensor_of(array))
    before = resident()
    backend.set_variable(variable, array)
    tensor = backend.tensor_of(array)
    assert resident() - before < 2**24
    assert tuple(tensor.shape) == array.shape


def resident():
    """Bytes of this process that are in memory."""
    return 1024 * int(pathlib.Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0])
