"""Morphing: what lies between two samples in the latent space, and whether it still looks like data.

    z(t) from encode(x1) to encode(x2), straight or along the sphere;   x(t) = decode(z(t))
    distance(t) = mean over elements of (x(t) - decode(encode(x(t))))^2

An autoencoder reconstructs what is like its data. Where a path leaves them, the distance grows; at both ends it says how far
a reconstruction is from its own reconstruction.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from keras_sslzoo.eval.features import samples
from keras_sslzoo.eval.reconstruction import squared_errors
from keras_sslzoo.eval.result import Result, shown

KINDS = ("lerp", "slerp")


@dataclasses.dataclass(frozen=True, kw_only=True)
class MorphingResult(Result):
    """The reconstruction distance along paths; see `Result`.

    Args:
        distance: by kind of path, the mean over pairs and over the points between the ends.
        ends: the mean at both ends, which all kinds share.
        along: by kind, the mean over pairs at each step.
        n_pairs: number of pairs.
        images: by kind, what was decoded, (N, steps, ...); not in `as_dict`.
    """

    distance: Mapping = shown("{}: distance {:.5f}")
    ends: float = shown("ends {:.5f}")
    along: Mapping
    n_pairs: int = shown("{:,} pairs")
    images: Mapping = dataclasses.field(repr=False, compare=False)


def morphing(model, x1, x2, steps=9, kinds=KINDS, batch_size=256):
    """Compare paths between the codes of pairs of samples by the reconstruction distance on them.

    Args:
        model: training method with `encode`, `interpolate` and `reconstruct`, such as `AutoEncoder` or `VAE`.
        x1: samples at the beginning, (N, ...).
        x2: samples at the end, (N, ...).
        steps: points on a path, both ends among them, at least 3.
        kinds: "lerp" (straight), "slerp" (along the sphere), or both.
        batch_size: samples in a forward pass.

    Returns:
        `MorphingResult`, protocol "morphing/1".
    """
    if not all(hasattr(model, name) for name in ("encode", "interpolate", "reconstruct")):
        raise TypeError(
            "`model` must encode, interpolate and reconstruct. "
            f"Received: an object of type {type(model).__name__}. Pass a method such as `AutoEncoder` or `VAE`."
        )
    x1, x2 = samples(x1), samples(x2)
    if x1.shape != x2.shape or steps < 3 or not kinds:
        raise ValueError(
            "`x1` and `x2` must have one shape, `steps` be at least 3, and `kinds` name a path. Received: shapes "
            f"{x1.shape} and {x2.shape}, steps={steps}, kinds={tuple(kinds)}."
        )
    z1, z2 = model.encode(x1, batch_size), model.encode(x2, batch_size)
    low, high = getattr(model, "value_range", None) or (0.0, 1.0)
    images, along = {}, {}
    for kind in kinds:
        images[kind] = model.interpolate(z1, z2, steps, kind, batch_size)
        path = images[kind].reshape(-1, *x1.shape[1:])
        again = model.reconstruct(path * (high - low) + low, batch_size)
        along[kind] = squared_errors(again, path).reshape(len(x1), steps).mean(axis=0).tolist()
    return MorphingResult(
        protocol="morphing/1",
        settings={"steps": int(steps)},
        distance={kind: float(np.mean(points[1:-1])) for kind, points in along.items()},
        ends=float(np.mean([points[end] for points in along.values() for end in (0, -1)])),
        along=along,
        n_pairs=len(x1),
        images=images,
    )
