"""Blur."""

import keras
from keras import ops

from keras_sslzoo.ops.resample import blur_matrix, resample
from keras_sslzoo.views.base import Coin, between, check_interval, check_probability, choose

SHARP = 0.05  # a sigma whose kernel is 1 in the middle and 0 elsewhere, in float32


@keras.saving.register_keras_serializable("keras_sslzoo")
class GaussianBlur(Coin):
    """Blur with probability `p` by a Gaussian of random width, cut to a fixed kernel; torchvision's semantics.

    Args:
        kernel_size: odd int, the pixels that the kernel spans. 1 does nothing.
        sigma: (least, most) standard deviation in pixels.
        p: probability.
    """

    parameters = 1

    def __init__(self, kernel_size, sigma=(0.1, 2.0), p=1.0):
        if not isinstance(kernel_size, int) or kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f"`kernel_size` must be an odd int above 0. Received: kernel_size={kernel_size}.")
        self.kernel_size = kernel_size
        self.sigma = check_interval("sigma", sigma)
        self.p = check_probability("p", p)

    def _change(self, images, u, coin):
        _, height, width, _ = images.shape
        radius = self.kernel_size // 2
        if radius >= min(height, width):
            raise ValueError(
                "Half of `kernel_size` must be smaller than the image, whose border it reflects. "
                f"Received: kernel_size={self.kernel_size}, image size {(height, width)}. Use a smaller kernel."
            )
        if radius == 0:
            return images
        sigma = choose(coin, ops.maximum(between(u[:, 0], self.sigma), SHARP), SHARP)
        rows = blur_matrix(sigma, height, radius)
        return resample(images, rows, rows if height == width else blur_matrix(sigma, width, radius))
