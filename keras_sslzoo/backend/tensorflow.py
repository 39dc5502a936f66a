"""TensorFlow: gradient tapes; variables are assigned in place, inside Keras' `tf.function`."""

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


def ema_update(targets, sources, decay):
    """See `keras_sslzoo.backend`."""
    for target, source in zip(targets, sources, strict=True):
        target.assign(decay * target.value + (1.0 - decay) * source.value)


def update_if(model, predicate, fn):
    """See `keras_sslzoo.backend`."""

    def run():
        fn()
        return tf.constant(True)

    tf.cond(predicate, run, lambda: tf.constant(False))


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
