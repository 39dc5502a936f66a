"""Pictures during training: PNG files named by the epoch, and TensorBoard's images if it is installed.

directory/reconstructions-0001.png, samples-0001.png, attention-0001.png, latent-0001.png, ...
"""

import io
import os
import pathlib

import numpy as np

from keras_sslzoo import nets, viz
from keras_sslzoo.callbacks.events import ImageEvents
from keras_sslzoo.callbacks.periodic import Periodic
from keras_sslzoo.eval.features import samples, scaling


class _Pictures(Periodic):
    """Saves what `draw(epoch)` returns, a figure."""

    name = None  # of the files

    def __init__(self, directory, every, tensorboard):
        super().__init__(every)
        if directory is None and tensorboard is None:
            raise ValueError(
                "There must be a place for the pictures. Received: directory=None, tensorboard=None. Give one of them."
            )
        self.directory = None if directory is None else pathlib.Path(directory)
        self.tensorboard = tensorboard
        self._events = None if tensorboard is None else ImageEvents(tensorboard, self.name)

    def on_epoch_end(self, epoch, logs=None):
        """Keras' hook."""
        if not self.due(epoch):
            return
        figure, buffer = self.draw(epoch), io.BytesIO()
        figure.savefig(buffer, format="png")
        if self.directory is not None:
            self.directory.mkdir(parents=True, exist_ok=True)
            partial = self.directory / f".partial-{os.getpid()}-{self.name}"
            partial.write_bytes(buffer.getvalue())
            partial.replace(self.directory / f"{self.name}-{epoch + 1:04d}.png")
        if self._events is not None:
            self._events.add(self.name, epoch + 1, buffer.getvalue(), figure.canvas.get_width_height())


def _drawn(images):
    """What a model made, within the range that can be drawn; NaN is black."""
    return np.clip(np.nan_to_num(images), 0.0, 1.0)


class ReconstructionGrid(_Pictures):
    """Saves images over their reconstructions; of a translator such as `Pix2Pix`, over their translations.

    Values below 0 or above 1 are drawn as 0 and 1.

    Args:
        images: A few images as `fit` takes them, a column each: `x_test[:10]`.
        directory: Where `reconstructions-0001.png` and so on go, or None with `tensorboard`.
        every: Epochs between two pictures; the first and the last epoch have one.
        tensorboard: Log directory for TensorBoard, or None.
    """

    name = "reconstructions"

    def __init__(self, images, directory, every=1, tensorboard=None):
        super().__init__(directory, every, tensorboard)
        self.images = samples(images)

    def on_train_begin(self, logs=None):
        """Keras' hook."""
        self._apply = self.require(["reconstruct", "translate"], "draws reconstructions")

    def draw(self, epoch):
        """The figure."""
        images = scaling(self.model)(self.images)
        return viz.image_rows({"image": images, f"epoch {epoch + 1}": _drawn(self._apply(self.images))})


class SampleGrid(_Pictures):
    """Saves samples of a generative model, from the same noise each time.

    Values below 0 or above 1 are drawn as 0 and 1: of a generator that ends with a tanh, the lower half is black.

    Args:
        directory: Where `samples-0001.png` and so on go, or None with `tensorboard`.
        n: Number of samples.
        seed: Of the noise.
        every: Epochs between two pictures; the first and the last epoch have one.
        tensorboard: Log directory for TensorBoard, or None.
    """

    name = "samples"

    def __init__(self, directory, n=36, seed=0, every=1, tensorboard=None):
        super().__init__(directory, every, tensorboard)
        if not (isinstance(n, int) and n > 0):
            raise ValueError(f"`n` must be a number of samples, at least 1. Received: n={n!r}.")
        self.n, self.seed = n, seed

    def on_train_begin(self, logs=None):
        """Keras' hook."""
        self.require(["generate"], "draws samples")

    def draw(self, epoch):
        """The figure."""
        return viz.image_grid(_drawn(self.model.generate(self.n, seed=self.seed)))


class AttentionMaps(_Pictures):
    """Saves where the class token of the encoder to keep looks, head by head.

    Args:
        images: A few images as `fit` takes them, a row each: `x_test[:8]`.
        directory: Where `attention-0001.png` and so on go, or None with `tensorboard`.
        every: Epochs between two pictures; the first and the last epoch have one.
        tensorboard: Log directory for TensorBoard, or None.
        maps: Function from the encoder and images (N, H, W, C) in [0, 1] to attention (N, heads, h, w); by default
            `nets.class_attention`, for encoders of `nets.ViT`.
    """

    name = "attention"

    def __init__(self, images, directory, every=1, tensorboard=None, maps=nets.class_attention):
        super().__init__(directory, every, tensorboard)
        self.images, self.maps = samples(images), maps

    def on_train_begin(self, logs=None):
        """Keras' hook."""
        self.require(["pretrained_encoder"], "draws what an encoder attends to")

    def draw(self, epoch):
        """The figure."""
        images = scaling(self.model)(self.images)
        return viz.attention(images, self.maps(self.model.pretrained_encoder, images))


class LatentMap(_Pictures):
    """Saves a map of the codes: as they are where they have two numbers, else their first two principal components.

    Args:
        images: Some hundred images as `fit` takes them.
        directory: Where `latent-0001.png` and so on go, or None with `tensorboard`.
        labels: Classes (N,), for the colours, or None.
        class_names: Names for the legend, indexed by the labels, or None.
        every: Epochs between two pictures; the first and the last epoch have one.
        tensorboard: Log directory for TensorBoard, or None.
    """

    name = "latent"

    def __init__(self, images, directory, labels=None, class_names=None, every=1, tensorboard=None):
        super().__init__(directory, every, tensorboard)
        self.images, self.labels, self.class_names = samples(images), labels, class_names
        if labels is not None and len(labels) != len(self.images):
            raise ValueError(
                f"There must be a label for each image. Received: {len(labels)} labels, {len(self.images)} images."
            )

    def on_train_begin(self, logs=None):
        """Keras' hook."""
        self.require(["pretrained_encoder"], "draws codes")

    def draw(self, epoch):
        """The figure."""
        codes = np.nan_to_num(self.encode(self.images))
        plot = viz.latent_map if codes.shape[1] == 2 else viz.feature_map
        return plot(codes, self.labels, self.class_names)
