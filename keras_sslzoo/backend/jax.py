"""JAX: one `keras.StatelessScope` around the whole step; gradients open a scope of their own inside it.

A scope does not inherit the mapping of the one around it, so each maps all of `model.state`.
"""

import itertools

import jax
import keras
import numpy as np
from keras import ops


def _pure(fn, variables, values):
    """Run the stateful `fn` with `values` in the place of `variables`; return its result and their new values."""
    with keras.StatelessScope(list(zip(variables, values, strict=True))) as scope:
        result = fn()
    return result, [scope.get_current_value(v) for v in variables]


def _values(variables):
    return [v.value for v in variables]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def value_and_grad(model, fn, variables):
    """See `keras_sslzoo.backend`."""
    chosen = {id(v) for v in variables}
    rest = [v for v in model.state if id(v) not in chosen]

    def loss_of(values, rest_values):
        (loss, aux), new = _pure(fn, variables + rest, values + rest_values)
        return loss, (aux, new[len(variables) :])

    (loss, (aux, new)), gradients = jax.value_and_grad(loss_of, has_aux=True)(_values(variables), _values(rest))
    _assign(rest, new)
    return (loss, aux), gradients


def input_grad(model, fn, x):
    """See `keras_sslzoo.backend`."""
    state = model.state

    def total(x, values):
        y, new = _pure(lambda: fn(x), state, values)
        return ops.sum(y), new

    gradient, new = jax.grad(total, has_aux=True)(x, _values(state))
    _assign(state, new)
    return gradient


def apply_gradients(optimizer, gradients, variables):
    """See `keras_sslzoo.backend`. `stateless_apply`, because a loss scaler's own `apply` leaks tracers from its branches."""
    new_variables, new_slots = optimizer.stateless_apply(_values(optimizer.variables), gradients, _values(variables))
    _assign(variables + optimizer.variables, list(new_variables) + list(new_slots))


def fuse_updates(optimizer):
    """See `keras_sslzoo.backend`. XLA fuses them."""


def ema_update(targets, sources, decay):
    """See `keras_sslzoo.backend`."""
    for target, source in zip(targets, sources, strict=True):
        target.assign(decay * target.value + (1.0 - decay) * source.value)


def batch_norm(x, gamma, beta, epsilon):
    """See `keras_sslzoo.backend`. XLA fuses it."""
    wide = ops.cast(x, "float32")
    mean, variance = ops.moments(wide, axes=tuple(range(x.ndim - 1)))
    y = ops.batch_normalization(wide, mean, variance, -1, beta, gamma, epsilon)
    return ops.cast(y, x.dtype), mean, variance


def dense(x, kernel, bias):
    """See `keras_sslzoo.backend`."""
    return ops.add(ops.matmul(x, kernel), bias)


def attention(q, k, v, causal):
    """See `keras_sslzoo.backend`."""
    dtype = q.dtype
    if dtype == "float16" and jax.default_backend() == "cpu":  # 'F16_F16_F32' is not supported by dot_general
        q, k, v = (ops.cast(x, "float32") for x in (q, k, v))
    return ops.cast(ops.dot_product_attention(q, k, v, is_causal=causal), dtype)


def conv(x, kernel, strides, padding, dilation):
    """See `keras_sslzoo.backend`."""
    return ops.conv(x, kernel, strides, padding, "channels_last", dilation)


def conv_transpose(x, kernel, strides, padding):
    """See `keras_sslzoo.backend`."""
    return ops.conv_transpose(x, kernel, strides, padding, data_format="channels_last")


def update_if(model, predicate, fn):
    """See `keras_sslzoo.backend`."""
    state = model.state
    old = _values(state)
    _, new = _pure(fn, state, old)
    for variable, before, after in zip(state, old, new, strict=True):
        if after is not before:
            variable.assign(ops.where(predicate, after, before))


def tensor_of(array):
    """See `keras_sslzoo.backend`. `jnp.asarray` would copy."""
    return jax.device_put(array)


def set_variable(variable, array):
    """See `keras_sslzoo.backend`."""
    variable.assign(ops.cast(tensor_of(array), variable.dtype))


def own_buffers(variables):
    """See `keras_sslzoo.backend`. A buffer that two variables share cannot be donated to the step."""
    for variable in variables:
        variable.assign(np.array(variable.value))


def compiled(fn):
    """See `keras_sslzoo.backend`."""
    return jax.jit(fn)


def prepare_compilation(model):
    """See `keras_sslzoo.backend`."""


class TrainStep:
    """The stateless `train_step` and `test_step` of Keras' JAX trainer, from stateful ones."""

    def __setattr__(self, name, value):
        """As `keras.Model`, except for the state that Keras' trainer lays down after each step: it needs no tracking."""
        if name == "_jax_state":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def _get_jax_state(self, purge_model_variables=False, **groups):
        """Keras' hook. It takes the values out of the variables; here they are kept for the case that the step raises."""
        state = super()._get_jax_state(purge_model_variables=purge_model_variables, **groups)
        if purge_model_variables:
            self._jax_state = dict(zip([name for name, wanted in groups.items() if wanted], state, strict=True))
        return state

    def evaluate(self, *args, **kwargs):
        """As `keras.Model`; a step that raises leaves the variables their values, as it does in `fit`."""
        try:
            return super().evaluate(*args, **kwargs)
        finally:
            self.jax_state_sync()

    def predict(self, *args, **kwargs):
        """As `keras.Model`; a step that raises leaves the variables their values, as it does in `fit`."""
        try:
            return super().predict(*args, **kwargs)
        finally:
            self.jax_state_sync()

    def _stateless(self, step, groups, state, data):
        logs, new = _pure(lambda: step(data), list(itertools.chain(*groups)), list(itertools.chain(*state)))
        new = iter(new)
        return logs, tuple(list(itertools.islice(new, len(group))) for group in groups)

    def train_step(self, state, data):
        """Keras' hook: `(state, data) -> (logs, state)`."""
        groups = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )
        return self._stateless(self.run_train_step, groups, state, data)

    def test_step(self, state, data):
        """Keras' hook: `(state, data) -> (logs, state)`."""
        groups = (self.trainable_variables, self.non_trainable_variables, self.metrics_variables)
        return self._stateless(self.run_test_step, groups, state, data)
