"""PyTorch: `torch.autograd.grad`, so that no `.grad` is left behind to be cleared; variables are assigned in place."""

import torch


def value_and_grad(model, fn, variables):
    """See `keras_sslzoo.backend`."""
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


class TrainStep:
    """Keras' hooks, `data -> logs`."""

    def train_step(self, data):
        """Keras' hook."""
        return self.run_train_step(data)

    def test_step(self, data):
        """Keras' hook."""
        return self.run_test_step(data)
