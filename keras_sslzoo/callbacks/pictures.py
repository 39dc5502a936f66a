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
        if not self.due(epoch) or not np.isfinite(list((logs or {}).values())).all():  # nothing to see after divergence
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


def _drawn(images, value_range):
    """Images of that range in [0, 1]; what overshoots is clipped, since a picture must not end a run."""
    low, high = (0.0, 1.0) if value_range is None else value_range
    return np.clip((np.nan_to_num(images) - low) / (high - low), 0.0, 1.0)


class ReconstructionGrid(_Pictures):
    """Saves images over their reconstructions; of a translator such as `Pix2Pix`, over their translations.

    Args:
        images: A few images as `fit` takes them, a column each: `x_test[:10]`.
        directory: Where `reconstructions-0001.png` and so on go, or None with `tensorboard`.
        every: Epochs between two pictures; the first and the last epoch have one.
        tensorboard: Log directory for TensorBoard, or None.
        value_range: Of the data of a model that keeps them as they are (its own `value_range` is None), such as (-1, 1) for
            a decoder that ends with a tanh; by default (0, 1).
    """

    name = "reconstructions"

    def __init__(self, images, directory, every=1, tensorboard=None, value_range=None):
        super().__init__(directory, every, tensorboard)
        self.images, self.value_range = samples(images), value_range

    def on_train_begin(self, logs=None):
        """Keras' hook."""
        self._apply = self.require(["reconstruct", "translate"], "draws reconstructions")

    def draw(self, epoch):
        """The figure."""
        rows = {"image": scaling(self.model)(self.images), f"epoch {epoch + 1}": self._apply(self.images)}
        return viz.image_rows({name: _drawn(images, self.value_range) for name, images in rows.items()})


class SampleGrid(_Pictures):
    """Saves samples of a generative model, from the same noise each time.

    Args:
        directory: Where `samples-0001.png` and so on go, or None with `tensorboard`.
        n: Number of samples.
        seed: Of the noise.
        every: Epochs between two pictures; the first and the last epoch have one.
        tensorboard: Log directory for TensorBoard, or None.
        value_range: Of the data of a model that keeps them as they are (its own `value_range` is None), such as (-1, 1) for
            a decoder that ends with a tanh; by default (0, 1).
    """

    name = "samples"

    def __init__(self, directory, n=36, seed=0, every=1, tensorboard=None, value_range=None):
        super().__init__(directory, every, tensorboard)
        if not (isinstance(n, int) and n > 0):
            raise ValueError(f"`n` must be a number of samples, at least 1. Received: n={n!r}.")
        self.n, self.seed, self.value_range = n, seed, value_range

    def on_train_begin(self, logs=None):
        """Keras' hook."""
        self.require(["generate"], "draws samples")

    def draw(self, epoch):
        """The figure."""
        return viz.image_grid(_drawn(self.model.generate(self.n, seed=self.seed), self.value_range))


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
