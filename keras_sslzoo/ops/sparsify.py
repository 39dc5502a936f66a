"""Codes with few active elements."""

from keras import ops


def keep_top_k(code, k):
    """The k largest elements of each row, the others 0: `(B, D)` -> `(B, D)` in float32.

    The gradient passes through the elements that are kept. Of elements that equal the k-th largest all are kept.

    Args:
        code: `(B, D)`.
        k: Integer in [1, D], or an int32 scalar tensor.
    """
    code = ops.cast(code, "float32")
    kth = ops.take(ops.sort(ops.stop_gradient(code), axis=-1), code.shape[-1] - k, axis=-1)
    return ops.where(code >= kth[:, None], code, 0.0)
