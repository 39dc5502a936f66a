"""Negative log-likelihood of a variational autoencoder by importance weighting.

    w_s = p(x | z_s) p(z_s) / q(z_s | x),  z_s ~ q(z | x)        -log p(x) <= -E log (1/S sum_s w_s) <= -ELBO

Source: Burda, Grosse, Salakhutdinov 2016, arXiv:1509.00519, equation 8. With one sample the bound is the ELBO.
"""

import dataclasses
import math

import numpy as np
from keras import ops
from scipy.special import logsumexp

from keras_sslzoo.eval.features import samples, scaling
from keras_sslzoo.eval.result import Result, shown


@dataclasses.dataclass(frozen=True, kw_only=True)
class LikelihoodResult(Result):
    """Bounds of -log p(x) in nats per sample, smaller is better; see `Result`.

    Args:
        nll: the importance-weighted bound.
        standard_error: of `nll` over data, sample deviation / sqrt(n); None for one sample.
        negative_elbo: the bound with one sample of z, mean over the samples that were drawn.
        bits_per_dim: `nll` in bits, divided by the number of elements of a sample.
        n: number of samples of data.
    """

    nll: float = shown("NLL {:.2f} nats")
    standard_error: float | None = shown("standard error {:.2f}")
    negative_elbo: float = shown("-ELBO {:.2f} nats")
    bits_per_dim: float = shown("{:.3f} bits/dim")
    n: int = shown("{:,} samples")


def nll(vae, x, importance_samples=100, seed=0, batch_size=1024):
    """The importance-weighted bound of -log p(x), which tightens as `importance_samples` grows.

    The noise comes from NumPy and depends on the seed and the number of the sample: the same on every backend, for every
    `batch_size`. For grey values under a Bernoulli likelihood the result is a cross entropy, not a likelihood.

    Args:
        vae: training method with `posterior` (B, ...) -> mean and log-variance (B, Z), `decoder` (B, Z) -> (B, ...) and
            `nll(target, output)` (B,), such as `VAE`. The prior is N(0, I).
        x: data (N, ...).
        importance_samples: S; Burda et al. report S = 5,000.
        seed: of the noise.
        batch_size: codes that are decoded in a forward pass.

    Returns:
        `LikelihoodResult`, protocol "nll/1".
    """
    if importance_samples < 1:
        raise ValueError(f"`importance_samples` must be at least 1. Received: importance_samples={importance_samples}.")
    x = samples(x)
    log_weights = log_importance_weights(vae, x, importance_samples, seed, batch_size)
    bounds = np.array([(logsumexp(w) - math.log(len(w)), w.mean()) for w in log_weights])
    if not np.isfinite(bounds).all():
        raise ValueError(
            f"The likelihood must be finite. Received: {int((~np.isfinite(bounds).all(axis=1)).sum()):,} of {len(x):,} "
            "samples where it is not. Check the data for NaN, and whether training diverged."
        )
    bound, elbo = bounds.mean(axis=0)
    error = None if len(x) == 1 else float(bounds[:, 0].std(ddof=1) / math.sqrt(len(x)))
    return LikelihoodResult(
        protocol="nll/1",
        settings={"importance_samples": int(importance_samples), "seed": int(seed)},
        nll=-float(bound),
        standard_error=error,
        negative_elbo=-float(elbo),
        bits_per_dim=-float(bound) / math.log(2) / math.prod(x.shape[1:]),
        n=len(x),
    )


def log_importance_weights(vae, x, importance_samples, seed, batch_size):
    """log w_s of each sample of `x`, one after the other: arrays (S,), float64."""
    missing = [name for name in ("posterior", "decoder", "nll") if not hasattr(vae, name)]
    if missing:
        raise TypeError(
            "`vae` must be a variational autoencoder with `posterior`, `decoder` and `nll`. "
            f"Received: {type(vae).__name__} without {', '.join(missing)}."
        )
    scale = scaling(vae)
    at_once = max(1, batch_size // importance_samples)
    for start in range(0, len(x), at_once):
        batch = scale(np.asarray(x[start : start + at_once]))
        mean, log_variance = (np.asarray(part, "float32") for part in vae.posterior.predict_on_batch(batch))
        noise = [
            np.random.default_rng((seed, start + i)).standard_normal((importance_samples, mean.shape[1]), "float32")
            for i in range(len(batch))
        ]
        noise = np.stack(noise)  # (B, S, Z)
        z = mean[:, None] + np.exp(0.5 * log_variance)[:, None] * noise
        # log p(z) - log q(z | x): the constants of the two Gaussians cancel
        ratio = 0.5 * (noise.astype("float64") ** 2 - z.astype("float64") ** 2 + log_variance[:, None]).sum(axis=-1)
        yield from ratio - _decoded_nll(vae, batch, z, batch_size)


def _decoded_nll(vae, x, z, batch_size):
    """-log p(x | z) of codes (B, S, Z): (B, S) float64."""
    n, draws, width = z.shape
    z, row = z.reshape(-1, width), np.repeat(np.arange(n), draws)
    parts = []
    for i in range(0, len(z), batch_size):
        output = vae.decoder.predict_on_batch(z[i : i + batch_size])
        target = ops.convert_to_tensor(x[row[i : i + batch_size]])
        parts.append(ops.convert_to_numpy(vae.nll(target, ops.convert_to_tensor(output))))
    return np.concatenate(parts).astype("float64").reshape(n, draws)
