"""PyTorch: `torch.autograd.grad`, so that no `.grad` is left behind to be cleared; variables are assigned in place."""

import functools
import os
import shutil

import keras
import torch
from keras import ops
from torch.nn import functional as F


def value_and_grad(model, fn, variables):
    """See `keras_sslzoo.backend`."""
    with torch.enable_grad():  # `compiled` runs under `no_grad`
        loss, aux = fn()
    gradients = torch.autograd.grad(loss, [v.value for v in variables], allow_unused=True)
    gradients = [g if g is None else _contiguous(g) for g in gradients]
    return (loss.detach(), {name: value.detach() for name, value in aux.items()}), gradients


def _contiguous(x):
    """`x.contiguous()`, for the gradients of `_filters` by torch's blocked transpose, which takes matrices alone."""
    return x.reshape(-1, x.shape[-1]).contiguous().view(x.shape) if x.ndim > 2 else x.contiguous()


def input_grad(model, fn, x):
    """See `keras_sslzoo.backend`."""
    with torch.enable_grad():  # `evaluate` runs under `no_grad`
        x = x.detach().requires_grad_(True) if not x.requires_grad else x
        return torch.autograd.grad(fn(x).sum(), x, create_graph=True)[0]


@torch.no_grad()
def apply_gradients(optimizer, gradients, variables):
    """See `keras_sslzoo.backend`."""
    optimizer.apply(gradients, variables)


# Keras' class for this backend; only `__new__`, as an instance would make variables
_Adam = type(keras.optimizers.Adam.__new__(keras.optimizers.Adam))


def fuse_updates(optimizer):
    """See `keras_sslzoo.backend`."""
    usual = getattr(type(optimizer), "_parallel_update_step", None)
    if usual is not None and usual is getattr(_Adam, "_parallel_update_step", None) and not optimizer.amsgrad:
        object.__setattr__(optimizer, "_parallel_update_step", functools.partial(_adam_step, usual, optimizer))


def _adam_step(usual, optimizer, gradients, variables, learning_rate):
    """Keras' formula adds epsilon before the correction of v's bias, the kernel after it.

    On the CPU, where numbers of the host cost nothing; elsewhere, and in a compiled step, as `usual`.
    """
    weights = [v.value for v in variables]
    if torch.compiler.is_compiling() or any(w.device.type != "cpu" or w.dtype != torch.float32 for w in weights):
        return usual(optimizer, gradients, variables, learning_rate)
    step = ops.cast(optimizer.iterations, "float32") + 1
    places = [optimizer._get_variable_index(v) for v in variables]
    torch._fused_adam_(
        weights,
        [_contiguous(g.to(torch.float32)) for g in gradients],
        [optimizer._momentums[i].value for i in places],
        [optimizer._velocities[i].value for i in places],
        [],
        [step] * len(weights),
        lr=float(learning_rate),
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        weight_decay=0.0,
        eps=optimizer.epsilon / float(1 - optimizer.beta_2 ** step.double()) ** 0.5,
        amsgrad=False,
        maximize=False,
    )


@torch.no_grad()
def ema_update(targets, sources, decay):
    """See `keras_sslzoo.backend`."""
    weight = 1.0 - (decay.to(torch.float32) if torch.is_tensor(decay) else decay)
    torch._foreach_lerp_([t.value for t in targets], [s.value for s in sources], weight)


def _channels_first(x):
    """A view of (B, H, W, C) as (B, C, H, W), which is torch's memory format "channels last": nothing is copied."""
    return x.permute(0, 3, 1, 2)


def _channels_last(x):
    return x.permute(0, 2, 3, 1)


def _filters(kernel):
    """(H, W, A, B) as (B, A, H, W) in the memory format "channels last", by torch's blocked transpose."""
    height, width, a, b = kernel.shape
    return kernel.reshape(-1, b).t().contiguous().view(b, height, width, a).permute(0, 3, 1, 2)


def batch_norm(x, gamma, beta, epsilon):
    """See `keras_sslzoo.backend`."""
    channels = x.shape[-1]
    gamma = torch.ones(channels, device=x.device) if gamma is None else gamma  # whose dtype the statistics get
    beta = torch.zeros(channels, device=x.device) if beta is None else beta
    rows = _channels_first(x) if x.ndim == 4 else x.reshape(-1, channels)
    y, mean, inverse = torch.native_batch_norm(rows, gamma, beta, None, None, True, 0.0, epsilon)
    variance = (inverse.detach() ** -2 - epsilon).clamp_min(0.0)
    return _channels_last(y) if x.ndim == 4 else y.reshape(x.shape), mean.detach(), variance


def dense(x, kernel, bias):
    """See `keras_sslzoo.backend`. Adding the bias afterwards would write the result twice, the second time to new memory."""
    if x.dtype != kernel.dtype or x.dtype != bias.dtype:
        return ops.add(ops.matmul(x, kernel), bias)
    return torch.addmm(bias, x.reshape(-1, x.shape[-1]), kernel).reshape(*x.shape[:-1], kernel.shape[-1])


def attention(q, k, v, causal):
    """See `keras_sslzoo.backend`. `keras.ops.dot_product_attention` copies q, k and v first."""
    heads_first = (x.transpose(1, 2) for x in (q, k, v))
    return F.scaled_dot_product_attention(*heads_first, is_causal=causal).transpose(1, 2)


def conv(x, kernel, strides, padding, dilation):
    """See `keras_sslzoo.backend`. `keras.ops.conv` copies its input to channels first and back."""
    pads = [(0, 0), (0, 0)]
    if padding == "same":
        for i, (n, k, s, d) in enumerate(zip(x.shape[1:3], kernel.shape, strides, dilation, strict=False)):
            total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
            pads[i] = (total // 2, total - total // 2)
    (top, bottom), (left, right) = pads
    if top != bottom or left != right:
        x, top, left = F.pad(x, (0, 0, left, right, top, bottom)), 0, 0
    groups = x.shape[-1] // kernel.shape[2]
    return _channels_last(F.conv2d(_channels_first(x), _filters(kernel), None, strides, (top, left), dilation, groups))


def conv_transpose(x, kernel, strides, padding):
    """See `keras_sslzoo.backend`. `keras.ops` copies as in `conv`, and cuts "same" out of a larger result."""
    extra = [k - s for k, s in zip(kernel.shape, strides, strict=False)]
    if padding != "same" or any(n < 0 or n % 2 for n in extra):
        return ops.conv_transpose(x, kernel, strides, padding, data_format="channels_last")
    pads = [n // 2 for n in extra]
    return _channels_last(F.conv_transpose2d(_channels_first(x), _filters(kernel), None, strides, pads))


def update_if(model, predicate, fn):
    """See `keras_sslzoo.backend`."""
    if predicate:
        fn()


def tensor_of(array):
    """See `keras_sslzoo.backend`. Keras' conversion would copy."""
    return torch.from_numpy(array)


def set_variable(variable, array):
    """See `keras_sslzoo.backend`."""
    value = variable.value
    value.data = torch.from_numpy(array).to(value.device, value.dtype)


def own_buffers(variables):
    """See `keras_sslzoo.backend`."""


def compiled(fn):
    """See `keras_sslzoo.backend`. Eager, without a graph of gradients."""
    return torch.no_grad()(fn)


def prepare_compilation(model):
    """See `keras_sslzoo.backend`.

    Keras keeps the axes of batch norm in a list that breaks the graph at each such layer. A step has static shapes; a
    compiler that takes sizes it saw change for variables fails on convolutions of a second network.
    """
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        raise ValueError(
            "`jit_compile=True` on torch compiles C++ code for the CPU. Received: no C++ compiler (g++, or what CXX names). "
            "Install one, or leave `jit_compile` out."
        )
    torch._dynamo.config.automatic_dynamic_shapes = False
    for layer in model._flatten_layers():
        if hasattr(layer, "_reduction_axes"):
            layer._reduction_axes = tuple(layer._reduction_axes)


class TrainStep:
    """Keras' hooks, `data -> logs`."""

    def train_step(self, data):
        """Keras' hook."""
        return self.run_train_step(data)

    def test_step(self, data):
        """Keras' hook."""
        return self.run_test_step(data)
