"""The nonlinearities of transformers, by the names that checkpoints know them by."""

from keras import ops


def gelu(x):
    """x Phi(x) with the normal distribution's Phi, exact: Hendrycks and Gimpel 2016, arXiv:1606.08415."""
    return ops.gelu(x, approximate=False)


def gelu_tanh(x):
    """`gelu` with Phi(x) as (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, off by at most 5e-4: JAX's default."""
    return ops.gelu(x, approximate=True)


def quick_gelu(x):
    """x sigmoid(1.702 x), off from `gelu` by at most 0.021: OpenAI's CLIP."""
    return x * ops.sigmoid(1.702 * x)


def swiglu(x):
    """silu(a) b of the two halves of `(..., 2 M)`: `(..., M)`. Shazeer 2020, arXiv:2002.05202, without its matrices."""
    gate, value = ops.split(x, 2, axis=-1)
    return ops.silu(gate) * value


ACTIVATIONS = {"gelu": gelu, "gelu_tanh": gelu_tanh, "quick_gelu": quick_gelu, "swiglu": swiglu}


def check_activation(name):
    """The name; raises unless it is one of `ACTIVATIONS`."""
    if name not in ACTIVATIONS:
        raise ValueError(
            f"`activation` must be one of {', '.join(map(repr, ACTIVATIONS))}. Received: activation={name!r}. "
            "'gelu' is that of DINO and MAE."
        )
    return name
