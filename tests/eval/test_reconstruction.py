import json

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import keras_sslzoo as zoo
from keras_sslzoo import eval as ev


def pair(n=5, shape=(17, 14, 3), seed=0):
    rng = np.random.default_rng(seed)
    x = rng.random((n, *shape)).astype("float32")
    return x, np.clip(x + 0.2 * rng.normal(size=x.shape), 0, 1).astype("float32")


def by_scikit_image(a, b, **options):
    return structural_similarity(
        a.astype("float64"), b, channel_axis=-1, gaussian_weights=True, use_sample_covariance=False, **options
    )


@pytest.mark.parametrize("shape", [(11, 11, 1), (17, 14, 3)])
@pytest.mark.parametrize("data_range", [1.0, 255.0])
def test_it_is_scikit_image(shape, data_range):
    x, y = (data_range * part for part in pair(shape=shape))
    result = ev.reconstruction(None, x, y, data_range=data_range)
    assert result.mse == pytest.approx(np.mean((x.astype("float64") - y) ** 2))
    psnr = [peak_signal_noise_ratio(b, a, data_range=data_range) for a, b in zip(x, y, strict=True)]
    assert result.psnr == pytest.approx(np.mean(psnr), rel=1e-5)
    ssim = [by_scikit_image(a, b, data_range=data_range) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(ev.ssim(x, y, data_range), ssim, atol=1e-7)
    assert result.ssim == pytest.approx(np.mean(ssim), abs=1e-7)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 100.0), st.floats(0.0, 1.0))
def test_ssim_is_symmetric_bounded_and_of_no_unit(seed, unit, noise):
    rng = np.random.default_rng(seed)
    x, e = rng.random((2, 12, 13, 1)), rng.random((2, 12, 13, 1))
    y = (1 - noise) * x + noise * e
    value = ev.ssim(x, y)
    assert (np.abs(value) <= 1 + 1e-9).all()
    np.testing.assert_allclose(value, ev.ssim(y, x))
    np.testing.assert_allclose(value, ev.ssim(unit * x, unit * y, unit), atol=1e-9)


def test_what_is_met_exactly():
    x, _ = pair()
    result = ev.reconstruction(None, x, x)
    assert (result.mse, result.psnr, result.ssim) == (0, np.inf, 1)
    assert result.as_dict()["psnr"] == "inf"
    assert json.loads(json.dumps(result.as_dict(), allow_nan=False)) == result.as_dict()
    assert str(result) == "reconstruction/1: MSE 0.00000, PSNR inf dB, SSIM 1.0000, 5 samples (data_range=1)"


def test_vectors_and_small_images_have_no_ssim():
    rng = np.random.default_rng(0)
    for shape in ((6, 9), (6, 8, 20, 1)):
        result = ev.reconstruction(None, rng.random(shape), rng.random(shape))
        assert result.ssim is None
        assert "SSIM" not in str(result)


def test_models_and_bytes():
    x = np.random.default_rng(0).integers(0, 256, (70, 12, 12, 1), dtype="uint8")
    dim = keras.Sequential([keras.Input((12, 12, 1)), keras.layers.Rescaling(0.5)])
    result = ev.reconstruction(dim, x, batch_size=32)
    assert result.mse == pytest.approx(np.mean((x / 510.0) ** 2), rel=1e-5)
    # a method knows the range of its data: the same images as bytes and in [-1, 1]
    model = zoo.AutoEncoder(image_shape=(12, 12, 1), value_range=(-1, 1), latent_dim=4)
    wide = (x / 127.5 - 1).astype("float32")
    one, other = ev.reconstruction(model, x), ev.reconstruction(model, wide)
    assert one.mse == pytest.approx(other.mse, rel=1e-4)
    assert one.mse == pytest.approx(np.mean((model.reconstruct(x) - x / 255.0) ** 2), rel=1e-4)
    denoised = ev.reconstruction(model, x, target=255 - x)
    assert denoised.mse == pytest.approx(np.mean((model.reconstruct(x) - (1 - x / 255.0)) ** 2), rel=1e-4)


X, Y = pair()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ev.reconstruction(None, X), ValueError, "target=None"),
        (lambda: ev.reconstruction(None, X, Y[:3]), ValueError, r"\(5, 17, 14, 3\) and \(3, 17"),
        (lambda: ev.reconstruction(None, X * np.nan, Y), ValueError, "The reconstruction must be finite"),
        (lambda: ev.reconstruction(None, X, Y * np.nan), ValueError, "The target must be finite"),
        (lambda: ev.reconstruction(None, X, Y, data_range=0), ValueError, "data_range=0"),
        (lambda: ev.reconstruction("ae", X), TypeError, "must be a Keras model"),
        (lambda: ev.ssim(X[:, :8], Y[:, :8]), ValueError, "at least 11"),
    ],
)
def test_wrong_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
