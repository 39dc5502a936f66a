"""A GAN learns a normal distribution: figure 1 of Goodfellow et al. 2014, measured.

    python examples/gan_1d.py        # under half a minute of CPU; writes examples/gan_1d.png

Generator and discriminator are small MLPs on numbers: any Keras models of matching shapes would do.
"""

from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure

import keras_sslzoo as zoo

MEAN, STD = 4.0, 0.5
PICTURE = Path(__file__).with_suffix(".png")
EPOCHS = (0, 3, 10, 40)


def draw(axes, model, title):
    """D(x), and the densities of the data and of what is generated."""
    x = np.linspace(-2.0, 7.0, 400, dtype="float32")[:, None]
    d = keras.ops.convert_to_numpy(keras.ops.sigmoid(model.discriminator.predict(x, verbose=0)))
    samples = model.generate(20_000)[:, 0]
    axes.plot(x, np.exp(-0.5 * ((x - MEAN) / STD) ** 2) / (STD * np.sqrt(2 * np.pi)), "k--", label="p_data(x)")
    axes.hist(samples, 90, (-2, 7), density=True, color="tab:green", alpha=0.5, label="p_G(x)")
    axes.plot(x, d, "tab:blue", label="D(x)")
    axes.axhline(0.5, color="0.8", linewidth=0.8, zorder=0)
    axes.set(title=f"{title}: {samples.mean():.2f} ± {samples.std():.2f}", xlabel="x", xlim=(-2, 7), ylim=(0, 1.6))
    return samples.mean(), samples.std()


def main(epochs=EPOCHS, seed=0, picture=PICTURE):
    keras.utils.set_random_seed(seed)
    x = np.random.default_rng(seed).normal(MEAN, STD, (10_000, 1)).astype("float32")
    model = zoo.GAN(
        zoo.nets.MLP((8,), (32, 32, 1), activation="tanh", name="generator"),
        zoo.nets.MLP((1,), (32, 32, 1), activation="leaky_relu", name="discriminator"),
    )
    rates = {"discriminator": 5e-3, "generator": 5e-4}  # D stays near its best, as figure 1 supposes
    model.compile({player: keras.optimizers.Adam(rate, beta_1=0.0) for player, rate in rates.items()})
    figure = Figure(figsize=(3 * len(epochs), 2.8), dpi=100, layout="constrained")
    done = 0
    for axes, epoch in zip(figure.subplots(1, len(epochs), sharey=True), epochs, strict=True):
        if epoch > done:
            model.fit(x, batch_size=200, epochs=epoch, initial_epoch=done, verbose=0)
            done = epoch
        mean, std = draw(axes, model, f"{epoch} epochs")
        print(f"after {epoch:2} epochs: mean {mean:.2f} (truth {MEAN}), standard deviation {std:.2f} (truth {STD})")
    figure.axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(picture)


if __name__ == "__main__":
    main()
