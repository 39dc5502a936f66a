"""The only package that names a framework: seventeen names, the same on JAX, TensorFlow and PyTorch.

Keras gives `train_step` another shape on each backend (JAX's is stateless), which is why training steps are not shared.
With the names below they are: a method is ordinary, stateful-looking Python, and this package turns it into what the
backend compiles.

    value_and_grad(model, fn, variables)  fn() -> (loss, aux)  =>  ((loss, aux), gradients)
    input_grad(model, fn, x)              d sum(fn(x)) / dx, itself differentiable with respect to x and the weights
    apply_gradients(optimizer, gradients, variables)
    fuse_updates(optimizer)               where Keras' Adam reads memory many times over, let it do the same in one kernel
    ema_update(targets, sources, decay)   target <- decay * target + (1 - decay) * source, for lists of variables
    batch_norm(x, gamma, beta, epsilon)   (x normalised by its own statistics, mean, biased variance), all but the last axis
    dense(x, kernel, bias)                x kernel + bias, over the last axis
    attention(q, k, v, causal)            softmax(q k^T / sqrt(d)) v in each head, (B, T, heads, d); the softmax in float32;
                                          `causal`: a query reads the keys up to its own place alone
    conv(x, kernel, ...)                  convolution of (B, H, W, C), as `keras.ops.conv`
    conv_transpose(x, kernel, ...)        transposed convolution of (B, H, W, C), as `keras.ops.conv_transpose`
    update_if(model, predicate, fn)       run fn(), which assigns variables, where the boolean scalar is true
    tensor_of(array)                      a tensor in the memory of a NumPy array, which must not change any more; where the
                                          backend cannot (not on the CPU, not aligned to 64 bytes), a copy
    set_variable(variable, array)         the same for the value of a variable, cast to its dtype
    own_buffers(variables)                see that no variable shares its memory with another, after Keras made it so
    compiled(fn)                          the pure function of tensors, made quick to call again on the same shapes
    prepare_compilation(model)            what must be seen to before the step is compiled on request (`jit_compile=True`)
    TrainStep                             mixin that gives a keras.Model its `train_step` and `test_step` from
                                          `run_train_step(data) -> logs` and `run_test_step(data) -> logs`

A model passed here has a property `state`: every variable that its step may read or write.
"""

import importlib.util
import os

FRAMEWORKS = ("jax", "tensorflow", "torch")


def _explain_missing(missing):
    """The message for a Keras backend that is chosen and not installed."""
    installed = [f for f in FRAMEWORKS if importlib.util.find_spec(f)]
    remedy = f"`pip install 'keras-sslzoo[{missing}]'`"
    if installed:
        remedy += f", or set the environment variable KERAS_BACKEND to {' or '.join(installed)}, which is installed"
    chosen = os.environ.get("KERAS_BACKEND")
    origin = (
        f"KERAS_BACKEND={chosen}" if chosen else "KERAS_BACKEND is not set, and Keras' configuration file or default"
    )
    return f"Keras needs the backend {missing}, which is not installed. Received: {origin}. Run {remedy}."


try:
    import keras
except ModuleNotFoundError as error:
    if error.name in FRAMEWORKS:
        raise ImportError(_explain_missing(error.name)) from error
    raise

name = keras.config.backend()
if name == "jax":
    from keras_sslzoo.backend import jax as _backend
elif name == "tensorflow":
    from keras_sslzoo.backend import tensorflow as _backend
elif name == "torch":
    from keras_sslzoo.backend import torch as _backend
else:
    raise ImportError(
        f"keras_sslzoo trains on {', '.join(FRAMEWORKS)}. Received: KERAS_BACKEND={name}. Set one of these."
    )

TrainStep = _backend.TrainStep
apply_gradients = _backend.apply_gradients
attention = _backend.attention
batch_norm = _backend.batch_norm
compiled = _backend.compiled
conv = _backend.conv
conv_transpose = _backend.conv_transpose
dense = _backend.dense
ema_update = _backend.ema_update
fuse_updates = _backend.fuse_updates
input_grad = _backend.input_grad
own_buffers = _backend.own_buffers
prepare_compilation = _backend.prepare_compilation
set_variable = _backend.set_variable
tensor_of = _backend.tensor_of
update_if = _backend.update_if
value_and_grad = _backend.value_and_grad
