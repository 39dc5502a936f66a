"""A variational autoencoder with two latents: its map of the clothes, and what it draws.

python examples/vae.py        # about a minute of CPU; writes examples/vae.png
"""

from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure
from sklearn.preprocessing import QuantileTransformer

import keras_sslzoo as zoo

PICTURE = Path(__file__).with_suffix(".png")
SIGMA = 0.16  # standard deviation of a pixel given the code: about the error that two latents leave


def draw(model, x, y, side=14):
    """Images decoded from a grid of quantiles of the prior, as in the paper's figure 4, and the test images' codes."""
    normal = QuantileTransformer(output_distribution="normal", n_quantiles=100).fit(np.linspace(0, 1, 100)[:, None])
    q = normal.transform(np.linspace(0.02, 0.98, side)[:, None])[:, 0]
    z = np.stack(np.meshgrid(q, q[::-1]), axis=-1).reshape(-1, 2).astype("float32")
    tiles = model.decode(z).reshape(side, side, 28, 28).transpose(0, 2, 1, 3).reshape(28 * side, 28 * side)
    figure = Figure(figsize=(10, 4.6), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2)
    left.imshow(tiles, cmap="gray", extent=(-2, 2, -2, 2), vmin=0, vmax=1)
    left.set(title="decoded, by quantiles of the prior", xticks=[], yticks=[])
    for label, name in enumerate(zoo.data.FASHION_MNIST_CLASSES):
        right.scatter(*model.encode(x[y == label]).T, s=6, label=name)
    right.set(title="codes of the test images", xlabel="z1", ylabel="z2", aspect="equal")
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    return figure


def main(epochs=60, seed=0, picture=PICTURE):
    keras.utils.set_random_seed(seed)
    (x, _), (x_test, y_test) = zoo.data.fashion_mnist(mini=True)
    model = zoo.VAE(
        zoo.nets.MLP((28, 28, 1), (512, 256), name="encoder"),
        zoo.nets.MLP((2,), (256, 512, 784), output_activation="sigmoid", output_shape=(28, 28, 1), name="decoder"),
        likelihood="gaussian",
        sigma=SIGMA,
    )
    model.compile()
    model.fit(x, batch_size=64, epochs=epochs, verbose=2)

    logs = model.evaluate(x_test, verbose=0, return_dict=True)
    mean = np.repeat(x.mean(axis=0, keepdims=True) / 255, len(x_test), axis=0).astype("float32")
    blind = zoo.losses.gaussian_nll(x_test / np.float32(255), mean, SIGMA)
    print(f"ELBO of a test image: {logs['elbo']:.0f} nats, of which KL {logs['kl']:.1f}")
    print(f"log likelihood without a code, the mean image: {-keras.ops.convert_to_numpy(blind).mean():.0f} nats")
    draw(model, x_test, y_test).savefig(picture)


if __name__ == "__main__":
    main()
