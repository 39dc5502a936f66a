"""How generated samples compare with real ones, in the features of a named extractor.

    Frechet distance     of the Gaussians with the sets' means and covariances: Heusel et al. 2017, arXiv:1706.08500
    kernel distance      squared MMD with the kernel (x.y / D + 1)^3, unbiased: Binkowski et al. 2018, arXiv:1801.01401
    precision, recall    of manifolds of k-th neighbours' balls: Kynkaanniemi et al. 2019, arXiv:1904.06991, equations 1, 2
    density, coverage    which do not count on one outlier's ball: Naeem et al. 2020, arXiv:2002.09797, section 3

The first is called FID, and the second KID, only with the Inception network of FID. With another extractor numbers compare
only among themselves, with equal n_real and n_fake: the Frechet distance is biased upwards where samples are few.
"""

import dataclasses
import math

import numpy as np
from keras import ops

from keras_sslzoo.eval.features import as_model, features, finite, samples, scaling, to_numpy, vectors
from keras_sslzoo.eval.result import Result, shown
from keras_sslzoo.ops.resample import crop_resize

BLOCK = 2**22  # distances that are held at a time: 32 MiB


@dataclasses.dataclass(frozen=True, kw_only=True)
class GenerationResult(Result):
    """Distances (smaller is better) and fractions (larger is better); see `Result`, whose settings name the extractor.

    Args:
        frechet_distance: not FID; see the module.
        kernel_distance: mean over blocks of the unbiased squared MMD, which may be below 0.
        kernel_distance_std: sample standard deviation over blocks, or None where there is one.
        precision: fraction of fake samples within the real manifold.
        recall: fraction of real samples within the fake manifold.
        density: how many real balls hold a fake sample, over k; may be above 1.
        coverage: fraction of real samples whose ball holds a fake one.
    """

    frechet_distance: float = shown("Frechet distance {:.4g}")
    kernel_distance: float = shown("kernel distance {:.4g}")
    kernel_distance_std: float | None = shown("deviation {:.2g}")
    precision: float = shown("precision {:.3f}")
    recall: float = shown("recall {:.3f}")
    density: float = shown("density {:.3f}")
    coverage: float = shown("coverage {:.3f}")


def generation(
    extractor,
    real,
    fake,
    name=None,
    resize=None,
    block_size=1000,
    precision_recall_k=3,
    density_coverage_k=5,
    seed=0,
    batch_size=256,
):
    """All scores of the module, of images in [0, 1] (or uint8), or of ready features.

    Args:
        extractor: Keras model (B, H, W, C) -> (B, D), or a training method, such as one trained on the same data; or
            None: `real` and `fake` are features already, flattened to (N, D).
        real: real images, or features.
        fake: generated ones; best as many.
        name: what the result calls the extractor; the model's own name by default, required for features.
        resize: `(height, width)` to which images are resized first, bilinear with antialiasing, or None.
        block_size: of the kernel distance, at most.
        precision_recall_k, density_coverage_k: numbers of neighbours; the papers' are the defaults.
        seed: of the order in which samples are cut into blocks.
        batch_size: images in a forward pass.

    Returns:
        `GenerationResult`, protocol "generation/1".
    """
    if extractor is None and (name is None or resize is not None):
        raise ValueError(
            "With extractor=None `real` and `fake` are features, so they cannot be resized, and `name` must say what made "
            f"them. Received: name={name!r}, resize={resize}."
        )
    if extractor is None:
        real, fake = features(None, real), features(None, fake)
    else:
        model, prepare = as_model(extractor), _preparation(extractor, resize)
        real, fake = (vectors(model, samples(part), batch_size, prepare) for part in (real, fake))
        name = model.name if name is None else name
    distance, std = kernel_distance(real, fake, block_size, seed)
    precision, recall = precision_recall(real, fake, precision_recall_k)
    density, coverage = density_coverage(real, fake, density_coverage_k)
    return GenerationResult(
        protocol="generation/1",
        settings={
            "extractor": name,
            "resize": None if resize is None else list(resize),
            "n_real": len(real),
            "n_fake": len(fake),
            "dim": real.shape[1],
            "block_size": int(block_size),
            "precision_recall_k": int(precision_recall_k),
            "density_coverage_k": int(density_coverage_k),
            "seed": int(seed),
        },
        frechet_distance=frechet_distance(real, fake),
        kernel_distance=distance,
        kernel_distance_std=std,
        precision=precision,
        recall=recall,
        density=density,
        coverage=coverage,
    )


def frechet_distance(real, fake):
    """||m - m'||^2 + Tr(S + S' - 2 (S S')^(1/2)) of features (N, D) and (M, D), covariances with N - 1.

    Tr (S S')^(1/2) is the sum of the singular values of X X'^T / sqrt((N - 1) (M - 1)), X the centred features: no matrix
    square root, no complex numbers, and exact where a covariance is singular.
    """
    real, fake = _pair(real, fake, at_least=2)
    difference = real.mean(axis=0) - fake.mean(axis=0)
    roots = [_root(part) for part in (real, fake)]
    traces = sum(np.square(root).sum() for root in roots)
    overlap = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    return float(max(0.0, difference @ difference + traces - 2 * overlap))


def kernel_distance(real, fake, block_size=1000, seed=0):
    """Unbiased squared MMD with the cubic kernel, mean and sample deviation over blocks of both sets in random order.

    Args:
        real: (N, D).
        fake: (M, D).
        block_size: samples of the larger set in a block, at most.
        seed: of the order.

    Returns:
        Pair of floats; the deviation is None where there is one block.
    """
    real, fake = _pair(real, fake, at_least=2)
    blocks = math.ceil(max(len(real), len(fake)) / max(block_size, 1))
    if block_size < 2 or min(len(real), len(fake)) < 2 * blocks:
        raise ValueError(
            "Each block of the kernel distance needs 2 samples of both sets. Received: "
            f"block_size={block_size}, {len(real):,} real and {len(fake):,} fake samples. Use larger blocks."
        )
    rng = np.random.default_rng(seed)
    parts = (np.array_split(part[rng.permutation(len(part))], blocks) for part in (real, fake))
    distances = [_squared_mmd(x, y) for x, y in zip(*parts, strict=True)]
    return float(np.mean(distances)), float(np.std(distances, ddof=1)) if blocks > 1 else None


def precision_recall(real, fake, k=3):
    """Fraction of fake samples inside a ball around a real one, and the reverse; a ball reaches its k-th neighbour."""
    real, fake = _pair(real, fake, at_least=k + 1)
    return _inside(fake, real, k).any, _inside(real, fake, k).any


def density_coverage(real, fake, k=5):
    """Number of real balls that hold a fake sample, over k, mean; and the fraction of real balls that hold one."""
    real, fake = _pair(real, fake, at_least=k + 1)
    held = _inside(fake, real, k)
    return held.mean_number / k, held.balls_hit


@dataclasses.dataclass(frozen=True)
class _Inside:
    any: float  # fraction of points inside a ball
    mean_number: float  # of balls around a point
    balls_hit: float  # fraction of balls with a point inside


def _inside(points, centres, k):
    """How points (M, D) lie in the balls around centres (N, D), whose radius is the distance to the k-th other centre."""
    step = max(1, BLOCK // len(centres))
    radii = []
    for i in range(0, len(centres), step):
        squared = _squared_distances(centres[i : i + step], centres)
        squared[np.arange(len(squared)), np.arange(i, i + len(squared))] = 0.0  # exactly
        radii.append(np.partition(squared, k, axis=1)[:, k])
    radii = np.concatenate(radii)
    number, hit = [], np.zeros(len(centres), bool)
    for i in range(0, len(points), step):
        inside = _squared_distances(points[i : i + step], centres) <= radii
        number.append(inside.sum(axis=1))
        hit |= inside.any(axis=0)
    number = np.concatenate(number)
    return _Inside(float(np.mean(number > 0)), float(np.mean(number)), float(np.mean(hit)))


def _squared_distances(a, b):
    return np.maximum((a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * a @ b.T, 0.0)


def _squared_mmd(x, y):
    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    xx, yy = kernel(x, x), kernel(y, y)
    within = sum((k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (xx, yy))
    return within - 2 * kernel(x, y).mean()


def _root(f):
    """A matrix R (at most D, D) with R^T R the covariance of the rows."""
    f = (f - f.mean(axis=0)) / math.sqrt(len(f) - 1)
    return f if len(f) <= f.shape[1] else np.linalg.qr(f, mode="r")


def _pair(real, fake, at_least):
    """Both sets as finite float64 (N, D)."""
    real, fake = (np.asarray(to_numpy(part), "float64") for part in (real, fake))
    if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1]:
        raise ValueError(
            "Real and fake features must be (N, D) and (M, D) of one size. "
            f"Received: shapes {real.shape} and {fake.shape}. Extract both with one encoder, from images of one size."
        )
    if at_least < 2 or min(len(real), len(fake)) < at_least:
        raise ValueError(
            f"Both sets must hold at least {max(at_least, 2)} samples, and k be at least 1. "
            f"Received: {len(real):,} real and {len(fake):,} fake ones, k={at_least - 1}. Generate more, or use a smaller k."
        )
    return finite(real, "Real features"), finite(fake, "Fake features")


def _preparation(extractor, resize):
    """From a batch of images to what the extractor takes: in [0, 1], resized."""
    scale = scaling(extractor)

    def prepare(batch):
        batch = scale(batch)
        if batch.min() < -0.01 or batch.max() > 1.01:
            raise ValueError(
                "Real and fake images must both be uint8, or floats in [0, 1]. "
                f"Received: values from {batch.min():.3g} to {batch.max():.3g}. Map them there, such as by (x + 1) / 2."
            )
        if resize is None:
            return batch
        n, height, width, _ = batch.shape
        zero, h, w = (ops.full((n,), float(size)) for size in (0, height, width))
        return ops.convert_to_numpy(crop_resize(ops.convert_to_tensor(batch), zero, zero, h, w, tuple(resize)))

    return prepare
