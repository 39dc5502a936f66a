"""Penalties on codes: how active they are, and how much they move with the input."""

from keras import ops


def l1(code):
    """sum_j |h_j|: `(B, D)` -> `(B,)`."""
    return ops.sum(ops.abs(ops.cast(code, "float32")), axis=-1)


def kl_sparsity(rho, mean):
    """KL( Bernoulli(rho) || Bernoulli(m) ) of each unit: rho log(rho / m) + (1 - rho) log((1 - rho) / (1 - m)).

    Args:
        rho: Wanted mean activation, in (0, 1).
        mean: m, mean activations `(D,)` in [0, 1]; held off the ends by 1e-6, where the divergence is infinite.

    Returns:
        `(D,)` nats, 0 where m = rho.

    Source: Ng 2011, CS294A lecture notes, Sparse autoencoder, section 3.
    """
    m = ops.clip(ops.cast(mean, "float32"), 1e-6, 1.0 - 1e-6)
    return rho * ops.log(rho / m) + (1.0 - rho) * ops.log((1.0 - rho) / (1.0 - m))


def sigmoid_contraction(code, kernel):
    """||J||_F^2 of h = sigmoid(x W + b): sum_j (h_j (1 - h_j))^2 sum_i W_ij^2.

    Args:
        code: h, `(B, D)`.
        kernel: W, `(n, D)`.

    Returns:
        `(B,)`.

    Source: Rifai et al. 2011, icml.cc/2011/papers/455_icmlpaper.pdf.
    """
    h, w = ops.cast(code, "float32"), ops.cast(kernel, "float32")
    return ops.sum(ops.square(h * (1.0 - h)) * ops.sum(ops.square(w), axis=0), axis=-1)
