"""# Few labels

Images are cheap, labels are not. An autoencoder is trained on all images, which needs none; then its encoder is fine-tuned
on a few labels of each class. The same network from random weights sees those labels alone. Which is better, and up to how
many labels?

Data: the bundled 5,000 + 1,000 images of Fashion-MNIST; `zoo.data.fashion_mnist()` has all of them.
"""

# %%
from pathlib import Path

import keras
import numpy as np

import keras_sslzoo as zoo

EPOCHS, SAMPLES, SEED = 40, 5000, 0
PICTURE = Path(__file__).with_suffix(".png")
SIZES = (3, 10, 30, 100)  # labels of each class
DRAWS = 3

(x, y), (x_test, y_test) = zoo.data.fashion_mnist(mini=True)
x, y, x_test = x[:SAMPLES] / np.float32(255), y[:SAMPLES], x_test / np.float32(255)


def network():
    """Convolutions, to 64 numbers."""
    return zoo.nets.ConvEncoder((28, 28, 1), 64)


# %%
keras.utils.set_random_seed(SEED)
model = zoo.DenoisingAutoEncoder(network(), zoo.nets.ConvDecoder(64, (28, 28, 1)))
model.compile()
model.fit(x, batch_size=128, epochs=EPOCHS, verbose=2)
