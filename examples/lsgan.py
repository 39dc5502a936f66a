"""LSGAN draws clothes: samples over training, and a walk through the latent space.

python examples/lsgan.py        # about a minute of CPU; writes examples/lsgan.png
"""

from pathlib import Path

import keras
import numpy as np

import keras_sslzoo as zoo

PICTURE = Path(__file__).with_suffix(".png")
EPOCHS = (1, 3, 10)


def told_apart(images, samples):
    """How often 5 nearest neighbours tell images from samples, held-out halves of both: 0.5 is chance."""
    n = len(images) // 2
    train, test = (np.concatenate([images[half], samples[half]]) for half in (slice(None, n), slice(n, 2 * n)))
    labels = np.repeat([0, 1], n)
    return zoo.eval.knn(None, train, labels, test, labels).accuracy


def main(epochs=EPOCHS, seed=0, picture=PICTURE):
    keras.utils.set_random_seed(seed)
    (x, _), (x_test, _) = zoo.data.fashion_mnist(mini=True)
    images = x_test / np.float32(255)

    model = zoo.LSGAN(
        zoo.nets.DCGANGenerator(latent_dim=32, width=32),
        zoo.nets.DCGANDiscriminator(width=32),
        generator_momentum=0.99,  # an average of the generator over some 100 steps: an option, not the paper's
        value_range=(0, 1),
    )
    model.compile()
    rows, done = {}, 0
    print(f"told from test images by 5 neighbours: untrained {told_apart(images, model.generate(1000)):.3f}")
    for epoch in epochs:
        model.fit(x, batch_size=64, epochs=epoch, initial_epoch=done, verbose=2)
        done = epoch
        samples = model.generate(1000)
        rows[f"{epoch} epochs"] = samples[:10]
        print(f"told from test images by 5 neighbours: after {epoch} epochs {told_apart(images, samples):.3f}")
    print(f"other images of the data, for comparison: {told_apart(images, x[:1000] / np.float32(255)):.3f}")

    z = model.latents(3)
    rows["interpolation"] = model.interpolate(z[0], z[1], steps=10)
    rows["z1 + k (z2 - z3)"] = model.decode(z[0] + np.linspace(0, 1, 10, dtype="float32")[:, None] * (z[1] - z[2]))
    zoo.viz.image_rows(rows).savefig(picture)


if __name__ == "__main__":
    main()
