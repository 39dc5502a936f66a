"""What features tell without labels: whether they spread, over how many directions, and whether views agree."""

import numpy as np
from scipy.spatial.distance import pdist

from keras_sslzoo.eval.features import finite, to_numpy
from keras_sslzoo.eval.knn import unit


def rankme(features):
    """RankMe: the effective rank of features, exp of the entropy of their singular values divided by their sum.

    It ranks encoders of one method on one data set without labels: higher is better, as long as no other disease holds.

    Args:
        features: (N, D), as they are: neither centred nor normalised. The rank is at most min(N, D).

    Returns:
        Number in [1, min(N, D)], up to 1e-4 above; 0 where all features are zero.

    Source: Garrido et al. 2023, arXiv:2210.02885, equation 1, with its epsilon of 1e-7.
    """
    values = np.linalg.svd(_vectors("features", features), compute_uv=False)
    if values[0] == 0:
        return 0.0
    p = values / values.sum() + 1e-7
    return float(np.exp(-(p * np.log(p)).sum()))


def alignment(f1, f2, alpha=2):
    """How near the two views of an image are on the unit sphere: mean |u - v|^alpha, 0 where they agree.

    Args:
        f1: features of the first views (N, D); divided by their lengths here.
        f2: features of the second views (N, D), row by row of the same images.
        alpha: exponent.

    Returns:
        Number in [0, 2^alpha]. Smaller is better, but for a collapse, which has 0.

    Source: Wang and Isola 2020, arXiv:2005.10242, section 4.1.1.
    """
    f1, f2 = _vectors("f1", f1), _vectors("f2", f2)
    if f1.shape != f2.shape:
        raise ValueError(
            f"`f1` and `f2` must hold views of the same images. Received: shapes {f1.shape} and {f2.shape}."
        )
    return float(np.mean(np.linalg.norm(unit(f1) - unit(f2), axis=1) ** alpha))


def uniformity(features, t=2):
    """How evenly features cover the unit sphere: the log of the mean of exp(-t |u - v|^2) over the pairs of samples.

    Args:
        features: (N, D), N at least 2; divided by their lengths here.
        t: inverse width of the kernel.

    Returns:
        Number in [-4 t, 0]. Smaller is better; 0 is a collapse.

    Source: Wang and Isola 2020, arXiv:2005.10242, section 4.1.2.
    """
    features = _vectors("features", features)
    if len(features) < 2:
        raise ValueError(f"`features` must hold at least 2 samples, a pair. Received: shape {features.shape}.")
    return float(np.log(np.mean(np.exp(-t * pdist(unit(features), "sqeuclidean")))))


def _vectors(name, f):
    """Finite features (N, D), float64."""
    f = to_numpy(f).astype("float64")
    if f.ndim != 2 or 0 in f.shape:
        raise ValueError(
            f"`{name}` must be features (N, D). Received: shape {f.shape}. `zoo.eval.features(encoder, images)` makes them."
        )
    return finite(f)
