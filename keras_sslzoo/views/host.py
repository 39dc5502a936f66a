"""Views made outside the training step, for those whose accelerator should not make them."""

import functools

import keras
import numpy as np
from keras import ops

from keras_sslzoo import backend
from keras_sslzoo.ops.random import Key


class HostViews:
    """The views of a pipeline as a function of NumPy batches: for a data loader's workers. Runs on the CPU.

    The numbers are those that the training step would draw for (seed, step), up to rounding. `fit` takes what it returns.

        grain      dataset.batch(256).map_with_index(lambda i, batch: views(batch, step=i))
        torch      DataLoader(images, batch_size=256, collate_fn=lambda batch: views(np.stack(batch)))
        tf.data    dataset.batch(256).enumerate().map(
                       lambda i, batch: {"views": pipeline(tf.image.convert_image_dtype(batch, "float32"), Key(seed, i))})

    In `tf.data` on the TensorFlow backend the pipeline itself runs, as above, in TensorFlow's own threads.

    Args:
        pipeline: `views.MultiView`, or any callable `(images, key) -> tuple of views`.
        seed: of the views.

    Call arguments:
        images: uint8 or floats in [0, 1], `(B, H, W, C)`.
        step: number of the batch. None counts the calls, which is repeatable where one process makes them in order.

    Returns:
        `{"views": (v1, ..., vn)}`, float32 NumPy arrays.
    """

    def __init__(self, pipeline, seed=0):
        if not callable(pipeline):
            raise ValueError(
                f"`pipeline` must be a callable (images, key), as views.simclr(...). Received: {pipeline!r}."
            )
        self.pipeline = pipeline
        self.seed = seed
        self.calls = 0

    @functools.cached_property
    def _compiled(self):
        return backend.compiled(lambda images, step: self.pipeline(images, Key(self.seed, step)))

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "_compiled"}  # a worker compiles its own

    def __call__(self, images, step=None):
        """See the class."""
        images = np.asarray(images)
        images = images / np.float32(255) if images.dtype == np.uint8 else images.astype("float32")
        if step is None:
            step, self.calls = self.calls, self.calls + 1
        with keras.device("cpu:0"):
            views = self._compiled(ops.convert_to_tensor(images), ops.convert_to_tensor(step, dtype="int32"))
        return {"views": tuple(ops.convert_to_numpy(view) for view in views)}
