"""PyTorch: `torch.autograd.grad`, so that no `.grad` is left behind to be cleared; variables are assigned in place."""

import os
import shutil

import torch


def value_and_grad(model, fn, variables):
    """See `keras_sslzoo.backend`."""
    with torch.enable_grad():  # `compiled` runs under `no_grad`
        loss, aux = fn()
    gradients = torch.autograd.grad(loss, [v.value for v in variables], allow_unused=True)
    return (loss.detach(), {name: value.detach() for name, value in aux.items()}), list(gradients)


def input_grad(model, fn, x):
    """See `keras_sslzoo.backend`."""
    with torch.enable_grad():  # `evaluate` runs under `no_grad`
        x = x.detach().requires_grad_(True) if not x.requires_grad else x
        return torch.autograd.grad(fn(x).sum(), x, create_graph=True)[0]


@torch.no_grad()
def apply_gradients(optimizer, gradients, variables):
    """See `keras_sslzoo.backend`."""
    optimizer.apply(gradients, variables)


@torch.no_grad()
def ema_update(targets, sources, decay):
    """See `keras_sslzoo.backend`."""
    weight = 1.0 - (decay.to(torch.float32) if torch.is_tensor(decay) else decay)
    torch._foreach_lerp_([t.value for t in targets], [s.value for s in sources], weight)


def update_if(model, predicate, fn):
    """See `keras_sslzoo.backend`."""
    if predicate:
        fn()


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
