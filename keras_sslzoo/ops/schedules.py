"""Curves over a run: functions of the progress in [0, 1], as Python numbers or tensors."""

import math

from keras import ops


def cosine(progress, start, end):
    """From `start` at progress 0 to `end` at progress 1 along half a cosine: flat at both ends."""
    return end + (start - end) * 0.5 * (1.0 + ops.cos(math.pi * progress))


def ramp(progress, start, end, length):
    """Linear from `start` to `end` over the first fraction `length` of the run, then `end`."""
    if length == 0.0:
        return end + 0.0 * progress
    return start + (end - start) * ops.minimum(progress / length, 1.0)


def warmup_cosine(progress, peak, warmup, end):
    """Linear from 0 to `peak` over the first fraction `warmup` of the run, then `cosine` from `peak` to `end`."""
    if warmup == 0.0:
        return cosine(progress, peak, end)
    rest = ops.maximum(progress - warmup, 0.0) / max(1.0 - warmup, 1e-12)
    return ops.where(progress < warmup, peak * progress / warmup, cosine(rest, peak, end))
