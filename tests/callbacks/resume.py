"""A training script that a user might run twice: `python resume.py METHOD FOLDER KILL_AT OUT`, killed at a step or not."""

import os
import signal
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import keras_sslzoo as zoo


class Kill(keras.callbacks.Callback):
    """Ends the process as a power cut would, in the middle of an epoch."""

    def __init__(self, step):
        super().__init__()
        self.step, self.seen = step, 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def main(method, folder, kill_at, out):
    keras.utils.set_random_seed(3)
    (images, _), _ = zoo.data.fashion_mnist(mini=True)
    images = images[:160, 2:-2:2, 2:-2:2]
    encoder = zoo.nets.ConvNet((12, 12, 1), width=4, features=16, grid=1)
    head = lambda width, name: zoo.nets.Head(width, (16,), 8, name=name)  # noqa: E731
    if method == "BYOL":
        views = zoo.views.MultiView([zoo.views.Pipeline([zoo.views.RandomFlip(), zoo.views.GaussianNoise()])] * 2)
        model = zoo.BYOL(encoder, views, projector=head(16, "projector"), predictor=head(8, "predictor"))
        model.compile(keras.optimizers.Adam(zoo.optimizers.WarmupCosine(1e-3, warmup=0.2)))
    else:
        model = zoo.LSGAN(image_shape=(12, 12, 1), latent_dim=4)
        model.compile()
    callbacks = [zoo.callbacks.Checkpoint(folder, every=3), Kill(int(kill_at))]
    history = model.fit(images, batch_size=32, epochs=4, verbose=0, callbacks=callbacks).history
    arrays = {
        str(i): keras.ops.convert_to_numpy(v.value)
        for i, v in enumerate([*model.variables, *model.optimizer.variables])
    }
    np.savez(out, **arrays, **{f"log/{k}": v[-1] for k, v in history.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
