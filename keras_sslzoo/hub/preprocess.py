"""From any images to what a checkpoint was trained on: size, crop, range.

    images of any size, uint8 or floats in [0, 1] --resize, antialiased as Pillow--> --centre crop--> (B, h, w, C) in [0, 1]

Mean and deviation are no part of it: an encoder standardises in its first layer.
"""

import numpy as np
from keras import ops

from keras_sslzoo.ops.resample import crop_resize


class Preprocessing:
    """What a checkpoint wants its images to be.

    Args:
        image_size: `(h, w)` of the result; None leaves sizes as they are.
        channels: C, which is checked; None for any.
        resize: "shortest": the shorter side becomes `resize_to`, then the centre is cropped. "squash": both sides become
            `image_size`.
        resize_to: Pixels, by default the shorter side of `image_size`.
        interpolation: "bilinear" or "bicubic".

    Call arguments:
        images: `(B, H, W, C)`, or a list of `(H, W, C)` of different sizes; uint8, or floats in [0, 1]. Returns a float32
            NumPy array `(B, h, w, C)` in [0, 1].
    """

    def __init__(self, image_size=None, channels=None, resize="shortest", resize_to=None, interpolation="bilinear"):
        self.image_size = None if image_size is None else tuple(image_size)
        self.channels = channels
        self.resize = resize
        self.resize_to = resize_to
        self.interpolation = interpolation

    def as_dict(self):
        """The arguments, ready for JSON."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self).items() if v is not None}

    def __call__(self, images):
        """See the class."""
        if isinstance(images, list | tuple):
            return np.concatenate([self(np.asarray(image)[None]) for image in images])
        images = ops.convert_to_numpy(images) if ops.is_tensor(images) else np.asarray(images)
        if images.ndim != 4 or self.channels not in (None, images.shape[-1]):
            remedy = (
                "Repeat grey images: `np.repeat(images, 3, -1)`."
                if self.channels == 3
                else "Add or convert the channels."
            )
            raise ValueError(
                f"Images must have the shape (B, H, W, {self.channels}). Received: {images.shape}. {remedy} Or load with "
                "`input_shape=` for other channels."
            )
        if images.dtype == np.uint8:
            images = images.astype("float32") / 255
        elif images.dtype.kind != "f":
            raise ValueError(f"Images must be uint8, or floats in [0, 1]. Received: {images.dtype}. Cast them.")
        images = images.astype("float32", copy=False)
        if self.image_size is None or images.shape[1:3] == self.image_size:
            return images
        height, width = self._resized(*images.shape[1:3])
        box = [ops.full((len(images),), float(n), "float32") for n in (0, 0, *images.shape[1:3])]
        images = crop_resize(ops.convert_to_tensor(images), *box, (height, width), self.interpolation)
        images = np.clip(ops.convert_to_numpy(images), 0.0, 1.0)  # bicubic overshoots
        top, left = (height - self.image_size[0]) // 2, (width - self.image_size[1]) // 2
        return images[:, top : top + self.image_size[0], left : left + self.image_size[1]]

    def _resized(self, height, width):
        """The size before the crop."""
        if self.resize == "squash":
            return self.image_size
        short = self.resize_to or min(self.image_size)
        scale = max(short / min(height, width), self.image_size[0] / height, self.image_size[1] / width)
        return max(self.image_size[0], round(height * scale)), max(self.image_size[1], round(width * scale))
