"""How near a reconstruction is to its target: mean squared error, PSNR, SSIM."""

import dataclasses

import numpy as np
from scipy.ndimage import correlate1d

from keras_sslzoo.eval.features import as_keras_model, outputs, samples, scaling, to_float
from keras_sslzoo.eval.result import Result, shown

# Wang et al. 2004, section III: a Gaussian window of 11 pixels with sigma 1.5, K1 = 0.01, K2 = 0.03
WINDOW = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
WINDOW /= WINDOW.sum()
K1, K2 = 0.01, 0.03
BLOCK = 256  # images compared at a time


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReconstructionResult(Result):
    """Means over samples; see `Result`.

    Args:
        mse: mean squared error of an element, data in [0, 1].
        psnr: mean of each sample's peak signal-to-noise ratio, dB; infinite where a sample is met exactly.
        ssim: mean structural similarity, at most 1; None where the data are no images of 11 x 11 pixels or more.
        n: number of samples.
    """

    mse: float = shown("MSE {:.5f}")
    psnr: float = shown("PSNR {:.2f} dB")
    ssim: float | None = shown("SSIM {:.4f}")
    n: int = shown("{:,} samples")


def reconstruction(model, x, target=None, data_range=1.0, batch_size=256):
    """Compare what a model makes of `x` with `target`.

    Args:
        model: Keras model (B, ...) -> (B, ...), a training method (its reconstruction), or None: `x` is the reconstruction.
        x: data (N, ...). uint8 is scaled to [0, 1], as is `target`.
        target: what `x` should become, such as the clean images; by default `x` itself.
        data_range: the largest value minus the smallest that data may take, for PSNR and SSIM.
        batch_size: samples in a forward pass.

    Returns:
        `ReconstructionResult`, protocol "reconstruction/1".
    """
    if model is None and target is None:
        raise ValueError("`reconstruction` compares two arrays. Received: model=None, target=None. Pass `target`.")
    if not data_range > 0:
        raise ValueError(f"`data_range` must be positive. Received: data_range={data_range}.")
    output, target = reconstructed(model, x, x if target is None else target, batch_size)
    errors = squared_errors(output, target)
    images = output.ndim == 4 and min(output.shape[1:3]) >= len(WINDOW)
    with np.errstate(divide="ignore"):
        psnr = 10 * np.log10(data_range**2 / errors)
    return ReconstructionResult(
        protocol="reconstruction/1",
        settings={"data_range": float(data_range)},
        mse=float(errors.mean()),
        psnr=float(psnr.mean()),
        ssim=float(ssim(output, target, data_range).mean()) if images else None,
        n=len(output),
    )


def reconstructed(model, x, target, batch_size):
    """What the model makes of `x`, and the scaled target: two finite float32 arrays of one shape."""
    x, target, scale = samples(x), samples(target), scaling(model)
    if model is None:
        output = to_float(x)
    else:
        # a training method scales its own input
        output = outputs(as_keras_model(model), x, batch_size, np.asarray if scale is not to_float else to_float)
    if output.shape != target.shape:
        raise ValueError(
            "A reconstruction must have the shape of its target. "
            f"Received: {output.shape} and {target.shape}. Pass what the model should reconstruct as `target`."
        )
    target = np.concatenate([scale(target[i : i + BLOCK]) for i in range(0, len(target), BLOCK)])
    for name, array in (("reconstruction", output), ("target", target)):
        if not np.isfinite(array).all():
            raise ValueError(f"The {name} must be finite. Received: NaN or infinity. Check the data, and the training.")
    return output, target


def squared_errors(output, target):
    """Mean squared error of each sample, (N,) float64."""
    blocks = range(0, len(output), BLOCK)
    differences = (output[i : i + BLOCK].astype("float64") - target[i : i + BLOCK] for i in blocks)
    return np.concatenate([np.square(d).reshape(len(d), -1).mean(axis=1) for d in differences])


def ssim(x, y, data_range=1.0):
    """Structural similarity of each pair of images, mean over the window's positions inside the image, and over channels.

        ((2 m_x m_y + c1) (2 s_xy + c2)) / ((m_x^2 + m_y^2 + c1) (s_x^2 + s_y^2 + c2)),  c = (K L)^2

    Args:
        x, y: (N, H, W, C), H and W at least 11.
        data_range: L.

    Returns:
        (N,) float64.

    Source: Wang, Bovik, Sheikh, Simoncelli 2004, doi:10.1109/TIP.2003.819861, equation 13.
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.shape != y.shape or x.ndim != 4 or min(x.shape[1:3]) < len(WINDOW):
        raise ValueError(
            "`ssim` compares images (N, H, W, C) of one shape, H and W at least 11. "
            f"Received: shapes {x.shape} and {y.shape}."
        )
    return np.concatenate([_ssim(x[i : i + BLOCK], y[i : i + BLOCK], data_range) for i in range(0, len(x), BLOCK)])


def _ssim(x, y, data_range):
    x, y = x.astype("float64"), y.astype("float64")
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    variance_x, variance_y = _window_mean(x * x) - mean_x**2, _window_mean(y * y) - mean_y**2
    covariance = _window_mean(x * y) - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity /= (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return similarity.mean(axis=(1, 2, 3))


def _window_mean(x):
    border = len(WINDOW) // 2
    x = correlate1d(correlate1d(x, WINDOW, axis=1), WINDOW, axis=2)
    return x[:, border:-border, border:-border]
