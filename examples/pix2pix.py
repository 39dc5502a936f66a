"""pix2pix colours OpenMoji's outlines, and what the same U-Net does with the L1 loss alone.

npm install openmoji@17.0.0 && pip install resvg-py
python examples/pix2pix.py        # some minutes on two cores; writes examples/pix2pix.png
"""

from pathlib import Path

import keras
import numpy as np
from scipy.ndimage import gaussian_filter

import keras_sslzoo as zoo

SIZE, WIDTH, BATCH = 64, 16, 8
PICTURE = Path(__file__).with_suffix(".png")


def ssim(x, y):
    """Mean structural similarity of images (N, H, W, C) in [0, 1]: Wang et al. 2004, windows of 11 x 11, sigma 1.5."""

    def mean(a):  # over each window that lies in the image
        return gaussian_filter(a, (0, 1.5, 1.5, 0), radius=(0, 5, 5, 0))[:, 5:-5, 5:-5]

    x, y = x.astype("float64"), y.astype("float64")
    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    return np.mean((2 * mx * my + 0.01**2) * (2 * cov + 0.03**2) / ((mx**2 + my**2 + 0.01**2) * (vx + vy + 0.03**2)))


def train(x, y, epochs, seed):
    """The trained `zoo.Pix2Pix`, and the same generator after as many steps of L1 alone."""
    keras.utils.set_random_seed(seed)
    model = zoo.Pix2Pix(image_shape=x.shape[1:], width=WIDTH)
    model.compile()
    model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=2)
    keras.utils.set_random_seed(seed)
    plain = zoo.nets.UNet(x.shape[1:], width=WIDTH)
    plain.compile(keras.optimizers.Adam(2e-4, beta_1=0.5), "mae")
    plain.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=2)
    return model, plain


def main(epochs=6, seed=0, picture=PICTURE):
    data = zoo.data.openmoji_pairs(SIZE)
    x, y = data.inputs / np.float32(255), data.targets / np.float32(255)
    model, plain = train(x[data.train], y[data.train], epochs, seed)
    x, y = x[~data.train], y[~data.train]
    rows = {"outline": x, "pix2pix": model.translate(x, BATCH), "L1 alone": plain.predict(x, BATCH, verbose=0)}
    for name, images in rows.items():
        print(f"{name:10} L1 {np.abs(images - y).mean():.4f}   SSIM {ssim(images, y):.4f}")
    shown = np.arange(12) * len(x) // 12  # evenly over the held-out emoji
    pictures = np.concatenate([images[shown] for images in (*rows.values(), y)])
    zoo.viz.image_grid(pictures, columns=12).savefig(picture, dpi=80)


if __name__ == "__main__":
    main()
