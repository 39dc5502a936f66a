"""An autoencoder of 32 numbers an image, against PCA, the best linear one.

python examples/autoencoder.py        # under a minute of CPU; writes examples/autoencoder.png
"""

from pathlib import Path

import keras
import numpy as np
from sklearn.decomposition import PCA

import keras_sslzoo as zoo

PICTURE = Path(__file__).with_suffix(".png")


def main(epochs=40, seed=0, picture=PICTURE):
    keras.utils.set_random_seed(seed)
    (x, _), (x_test, _) = zoo.data.fashion_mnist(mini=True)
    x, x_test = x / np.float32(255), x_test / np.float32(255)

    model = zoo.AutoEncoder(
        zoo.nets.MLP((28, 28, 1), (512, 256, 32), name="encoder"),
        zoo.nets.MLP((32,), (256, 512, 784), output_activation="sigmoid", output_shape=(28, 28, 1), name="decoder"),
    )
    model.compile()
    model.fit(x, batch_size=64, epochs=epochs, verbose=2)

    pca = PCA(32, random_state=seed).fit(x.reshape(len(x), -1))
    linear = pca.inverse_transform(pca.transform(x_test.reshape(len(x_test), -1))).reshape(x_test.shape)
    reconstruction = model.reconstruct(x_test)
    for name, images in (("autoencoder", reconstruction), ("PCA", linear)):
        print(f"{name}: mean squared error of a test pixel {np.square(images - x_test).mean():.4f}")

    z = model.encode(x_test[:2])
    rows = {
        "original": x_test[:10],
        "autoencoder": reconstruction[:10],
        "PCA": linear[:10].clip(0, 1),
        "interpolation": model.interpolate(z[0], z[1], steps=10),
    }
    zoo.viz.image_rows(rows).savefig(picture)


if __name__ == "__main__":
    main()
