"""Scaled dot-product attention."""

import keras
from keras import ops

from keras_sslzoo import backend


def attend(q, k, v, causal=False):
    """softmax(q k^T / sqrt(d)) v in each head, by the backend's fused kernel where it has one.

    Vaswani et al. 2017, arXiv:1706.03762, equation 1. The softmax is computed in float32 under every dtype policy.

    Args:
        q: `(B, T, heads, d)`.
        k, v: `(B, S, heads, d)`.
        causal: Whether query t reads the keys up to t alone.

    Returns:
        `(B, T, heads, d)`.
    """
    dtype = q.dtype
    if _refuses(dtype):
        q, k, v = (ops.cast(x, "float32") for x in (q, k, v))
    return ops.cast(ops.dot_product_attention(q, k, v, is_causal=causal), dtype)


def _refuses(dtype):
    """JAX has no attention in float16 on the CPU: 'F16_F16_F32' is not supported by dot_general."""
    if backend.name != "jax" or keras.backend.standardize_dtype(dtype) != "float16":
        return False
    return all(device.startswith("cpu") for device in keras.distribution.list_devices())
