"""TensorFlow: gradient tapes; variables are assigned in place, inside Keras' `tf.function`."""

import functools

import keras
import tensorflow as tf
from keras import ops


def value_and_grad(model, fn, variables):
    """See `keras_sslzoo.backend`."""
    values = [v.value for v in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        loss, aux = fn()
    gradients = tape.gradient(loss, values)
    # dense: of a lookup's gradient Keras' optimizers would square the parts of repeated rows, not their sum
    return (loss, aux), [tf.convert_to_tensor(g) if isinstance(g, tf.IndexedSlices) else g for g in gradients]


def input_grad(model, fn, x):
    """See `keras_sslzoo.backend`."""
    x = tf.convert_to_tensor(x)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        total = ops.sum(fn(x))
    return tape.gradient(total, x)


def apply_gradients(optimizer, gradients, variables):
    """See `keras_sslzoo.backend`."""
    optimizer.apply(gradients, variables)


def fuse_updates(optimizer):
    """See `keras_sslzoo.backend`."""
    if type(optimizer).update_step is keras.optimizers.Adam.update_step and not optimizer.amsgrad:
        object.__setattr__(optimizer, "update_step", functools.partial(_adam_step, optimizer))


def _adam_step(optimizer, gradient, variable, learning_rate):
    """`keras.optimizers.Adam.update_step`: the kernel has the same formula."""
    weight = variable.value if isinstance(variable, keras.Variable) else variable
    dtype = weight.dtype
    step = ops.cast(optimizer.iterations + 1, dtype)
    beta_1, beta_2 = ops.cast(optimizer.beta_1, dtype), ops.cast(optimizer.beta_2, dtype)
    i = optimizer._get_variable_index(variable)
    tf.raw_ops.ResourceApplyAdam(
        var=weight.handle,
        m=optimizer._momentums[i].value.handle,
        v=optimizer._velocities[i].value.handle,
        beta1_power=beta_1**step,
        beta2_power=beta_2**step,
        lr=ops.cast(learning_rate, dtype),
        beta1=beta_1,
        beta2=beta_2,
        epsilon=ops.cast(optimizer.epsilon, dtype),
        grad=ops.cast(gradient, dtype),
    )


def ema_update(targets, sources, decay):
    """See `keras_sslzoo.backend`."""
    for target, source in zip(targets, sources, strict=True):
        target.assign(decay * target.value + (1.0 - decay) * source.value)


def batch_norm(x, gamma, beta, epsilon):
    """See `keras_sslzoo.backend`. The kernel takes images and gives the unbiased variance."""
    channels = x.shape[-1]
    y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x if len(x.shape) == 4 else tf.reshape(x, (-1, 1, 1, channels)),
        scale=tf.ones(channels) if gamma is None else gamma,
        offset=tf.zeros(channels) if beta is None else beta,
        mean=tf.zeros(0),
        variance=tf.zeros(0),
        epsilon=epsilon,
        exponential_avg_factor=1.0,
        is_training=True,
    )
    y = tf.ensure_shape(tf.reshape(y, tf.shape(x)), x.shape)
    n = tf.cast(tf.size(x) // channels, "float32")
    return y, tf.stop_gradient(mean), tf.stop_gradient(variance * (tf.maximum(n - 1.0, 1.0) / n))


def dense(x, kernel, bias):
    """See `keras_sslzoo.backend`."""
    return ops.add(ops.matmul(x, kernel), bias)


def attention(q, k, v, causal):
    """See `keras_sslzoo.backend`."""
    return ops.dot_product_attention(q, k, v, is_causal=causal)


def conv(x, kernel, strides, padding, dilation):
    """See `keras_sslzoo.backend`."""
    return ops.conv(x, kernel, strides, padding, "channels_last", dilation)


def conv_transpose(x, kernel, strides, padding):
    """See `keras_sslzoo.backend`."""
    return ops.conv_transpose(x, kernel, strides, padding, data_format="channels_last")


def update_if(model, predicate, fn):
    """See `keras_sslzoo.backend`."""

    def run():
        fn()
        return tf.constant(True)

    tf.cond(predicate, run, lambda: tf.constant(False))


def tensor_of(array):
    """See `keras_sslzoo.backend`. TensorFlow's conversion copies; what takes memory over aborts where it is not aligned."""
    if array.ctypes.data % 64 or not array.size:
        return tf.convert_to_tensor(array)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def set_variable(variable, array):
    """See `keras_sslzoo.backend`."""
    variable.assign(ops.cast(tensor_of(array), variable.dtype))


def own_buffers(variables):
    """See `keras_sslzoo.backend`."""


def compiled(fn):
    """See `keras_sslzoo.backend`."""
    return tf.function(fn)


def prepare_compilation(model):
    """See `keras_sslzoo.backend`."""


def _tensors(data):
    return [part for part in tf.nest.flatten(data) if tf.is_tensor(part)]


class TrainStep:
    """Keras' hooks, `data -> logs`.

    Each operation waits for the data: where a data set ends, Keras calls the step once more and catches the error, and what
    does not depend on the data (the count of steps) would have moved by then.
    """

    def train_step(self, data):
        """Keras' hook."""
        with tf.control_dependencies(_tensors(data)):
            return self.run_train_step(data)

    def test_step(self, data):
        """Keras' hook."""
        with tf.control_dependencies(_tensors(data)):
            return self.run_test_step(data)
