"""# How small may the code be?

Principal component analysis is the best linear autoencoder. A deep one bends: how much better is it at each size of
the code?

Data: the bundled 5,000 + 1,000 images of Fashion-MNIST; `zoo.data.fashion_mnist()` has all of them.
"""

# %%
from pathlib import Path

import keras
import numpy as np
from sklearn.decomposition import PCA

import keras_sslzoo as zoo

EPOCHS, SAMPLES, SEED = 20, 5000, 0
PICTURE = Path(__file__).with_suffix(".png")
SIZES = (2, 4, 8, 16, 32, 64)

(x, _), (x_test, _) = zoo.data.fashion_mnist(mini=True)
x, x_test = x[:SAMPLES] / np.float32(255), x_test / np.float32(255)
flat, flat_test = x.reshape(len(x), -1), x_test.reshape(len(x_test), -1)

# %% [markdown]
# PCA's reconstruction of a test image, and the autoencoder's, by the same measure.

# %%
curves = {"PCA": [], "autoencoder, training images": [], "autoencoder": []}
for size in SIZES:
    pca = PCA(size, random_state=SEED).fit(flat)
    curves["PCA"].append(np.square(pca.inverse_transform(pca.transform(flat_test)) - flat_test).mean())
    keras.utils.set_random_seed(SEED)
    model = zoo.AutoEncoder(
        zoo.nets.MLP((28, 28, 1), (256, 128, size)),
        zoo.nets.MLP((size,), (128, 256, 784), output_activation="sigmoid", output_shape=(28, 28, 1)),
    )
    model.compile()
    model.fit(x, batch_size=64, epochs=EPOCHS, verbose=0)
    for name, images in (("autoencoder, training images", x), ("autoencoder", x_test)):
        curves[name].append(zoo.eval.reconstruction(model, images).mse)
    print(f"code of {size:2}   " + "   ".join(f"{name} {curve[-1]:.4f}" for name, curve in curves.items()))

# %%
figure = zoo.viz.figure.Figure(figsize=(5, 3.5), layout="constrained")
axes = figure.add_subplot(xscale="log", xlabel="numbers in the code", ylabel="error of a pixel")
for (name, curve), style in zip(curves.items(), ("k--", "C0:", "C0-"), strict=True):
    axes.plot(SIZES, curve, style, marker="o", label=name)
axes.set_xticks(SIZES, SIZES)
axes.minorticks_off()
axes.legend(frameon=False)
figure.savefig(PICTURE, dpi=80)

# %% [markdown]
# ## What you should see
#
# With two numbers the autoencoder's error is 0.030 and PCA's 0.046; PCA needs between four and eight to do as well. The
# curves cross between 32 (0.0146 against 0.0151) and 64, where PCA is ahead (0.0104 against 0.0136): what the network
# gains by bending is then less than what it loses by not being trained to the end, which PCA always is.
