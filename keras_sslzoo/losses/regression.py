"""Distances between a prediction and its target, one number per sample."""

from keras import ops

from keras_sslzoo.ops.normalize import l2_normalize


def _mean_over_elements(x):
    return ops.mean(ops.reshape(x, (ops.shape(x)[0], -1)), axis=1)


def mean_squared_error(target, prediction):
    """Mean over the elements of each sample of (target - prediction)^2: `(B, ...)`, `(B, ...)` -> `(B,)`."""
    return _mean_over_elements(ops.square(ops.cast(target, "float32") - ops.cast(prediction, "float32")))


def mean_absolute_error(target, prediction):
    """Mean over the elements of each sample of |target - prediction|: `(B, ...)`, `(B, ...)` -> `(B,)`."""
    return _mean_over_elements(ops.abs(ops.cast(target, "float32") - ops.cast(prediction, "float32")))


def masked_mean_squared_error(target, prediction, mask, weight=1.0):
    """Mean over the elements under the mask of weight * (target - prediction)^2.

    Args:
        target, prediction: `(B, ...)`.
        mask: bool, broadcastable to them; each sample has an element under it.
        weight: Number, or tensor broadcastable to them.

    Returns:
        `(B,)`.
    """
    square = ops.square(ops.cast(target, "float32") - ops.cast(prediction, "float32"))
    mask = ops.cast(ops.broadcast_to(mask, ops.shape(square)), "float32")
    return _mean_over_elements(weight * mask * square) / _mean_over_elements(mask)


def binary_cross_entropy(target, logits):
    """Mean over the elements of each sample of -t log p - (1 - t) log(1 - p), p = sigmoid(logits).

    Args:
        target: `(B, ...)`, in [0, 1].
        logits: `(B, ...)`.

    Returns:
        `(B,)`. Its minimum over the logits is the entropy of the target, 0 only where the target is binary.
    """
    target, logits = ops.cast(target, "float32"), ops.cast(logits, "float32")
    return _mean_over_elements(ops.softplus(logits) - target * logits)


def normalized_mean_squared_error(prediction, target):
    """||p / ||p|| - z / ||z||||^2 = 2 - 2 cos(p, z): `(B, P)`, `(B, P)` -> `(B,)`, in [0, 4].

    Source: Grill et al. 2020 (BYOL), arXiv:2006.07733, equation 2.
    """
    p, z = l2_normalize(ops.cast(prediction, "float32")), l2_normalize(ops.cast(target, "float32"))
    return 2.0 - 2.0 * ops.sum(p * z, axis=-1)
