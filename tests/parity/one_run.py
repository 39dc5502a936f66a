"""The script of a user, for each of some methods: `python one_run.py SimCLR,BYOL OUT [adam]`, OUT a folder.

Nothing but the seed ties the backends together.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import keras_sslzoo as zoo

STEPS = 20


class EachStep(keras.callbacks.Callback):
    """The logs of each step by itself, not their running mean."""

    def __init__(self):
        super().__init__()
        self.logs, self.seen = [], {}

    def on_train_batch_end(self, batch, logs=None):
        n = len(self.logs) + 1
        mean = {name: float(value) for name, value in logs.items()}
        losses = [name for name in sorted(mean) if name.endswith("loss")]
        self.logs.append([n * mean[name] - (n - 1) * self.seen.get(name, 0.0) for name in losses])
        self.seen = mean


def build(name):
    if name in ("SimCLR", "BYOL", "DINO"):
        encoder = zoo.nets.ConvNet((28, 28, 1), width=8, features=32, grid=1)
        own = {"SimCLR": {"temperature": 0.5}, "DINO": {"prototypes": 256}}.get(name, {})
        return getattr(zoo, name)(encoder, **own)
    if name in ("CLIP", "SigLIP"):
        encoder = zoo.nets.ConvNet((28, 28, 1), width=8, features=32, grid=1)
        return getattr(zoo, name)(encoder, zoo.nets.TextTransformer(600, 12, 32, depth=2), projection_dim=16)
    return zoo.Pix2Pix(width=8) if name == "Pix2Pix" else getattr(zoo, name)()


def run(name, out, optimizer):
    """The losses of each step to `out`, an `.npz` file."""
    keras.utils.set_random_seed(7)
    (images, labels), _ = zoo.data.fashion_mnist(mini=True)
    model = build(name)
    initial = [keras.ops.convert_to_numpy(v.value).astype("float64").sum() for v in model.trainable_variables]
    # rates below chaos: above, rounding grows from step to step, on one backend as between them
    rates = {"VAE": 1e-6, "LSGAN": 2e-6, "GAN": 2e-6, "Pix2Pix": 2e-6, "SimCLR": 3e-4, "BYOL": 5e-4, "CLIP": 3e-4}
    rate = rates.get(name, 1e-3)
    make = (
        (lambda: keras.optimizers.SGD(rate, momentum=0.9))
        if optimizer == "sgd"
        else (lambda: keras.optimizers.Adam(1e-3))
    )
    players = list(model.player_networks())
    model.compile(make() if len(players) == 1 else {player: make() for player in players})
    steps = EachStep()
    x = images[: 32 * STEPS]
    if name in ("CLIP", "SigLIP"):
        classes = zoo.data.FASHION_MNIST_CLASSES
        x = {"image": x, "text": [(classes[label], f"a picture of {classes[label]}") for label in labels[: len(x)]]}
    y = 255 - x if model.needs_targets else None
    model.fit(x, y, batch_size=32, epochs=1, verbose=0, callbacks=[steps])
    np.savez(out, initial=np.array(initial), losses=np.array(steps.logs))


if __name__ == "__main__":
    methods, out, *optimizer = sys.argv[1:]
    for method in methods.split(","):
        run(method, f"{out}/{method}.npz", *optimizer or ["sgd"])
