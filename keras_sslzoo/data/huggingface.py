"""Data sets of the Hugging Face library `datasets` that hold images: what `fit` does with one.

datasets.Dataset --rows--> images of one column --Pillow--> uint8 (B, h, w, C)
"""

import random

import numpy as np

from keras_sslzoo.data.batches import OrderedBatches


class HuggingFaceImages(OrderedBatches):
    """Batches of the images of a `datasets.Dataset`, decoded as they are needed.

    Args:
        dataset: `datasets.Dataset` with a column of images.
        column: name of that column. None takes the only one of type `datasets.Image`.
        label_column: name of a column of integers to yield as labels, or None.
        batch_size: samples in a batch.
        shuffle: whether to draw a new order for each epoch.
        seed: of the order. None draws one from Keras' global seed.
        drop_remainder: whether to leave out an incomplete last batch.

    Elements:
        `(images,)` or `(images, labels)`: uint8 (B, h, w, C), int64 (B,). All images must have one size and one number
        of channels.
    """

    def __init__(
        self, dataset, column=None, label_column=None, batch_size=32, shuffle=True, seed=None, drop_remainder=False
    ):
        self.dataset = dataset
        self.column = _image_column(dataset) if column is None else column
        self.label_column = label_column
        for name in (self.column, label_column):
            if name is not None and name not in dataset.column_names:
                raise ValueError(f"Unknown column. Received: {name!r}. The data set has {dataset.column_names}.")
        seed = random.randint(1, 2**31 - 1) if seed is None else seed
        super().__init__(len(dataset), batch_size, shuffle, drop_remainder, seed)

    def read(self, rows):
        """See `OrderedBatches.read`."""
        batch = self.dataset[rows if isinstance(rows, slice) else rows.tolist()]
        images = [np.asarray(image) for image in batch[self.column]]
        shapes = {image.shape for image in images}
        if len(shapes) != 1:
            sizes = ", ".join(map(str, sorted(shapes)[:3]))
            raise ValueError(
                f"All images of a batch must have one shape. Received: {sizes}{', ...' if len(shapes) > 3 else ''} in the "
                f"column {self.column!r}. Bring them to one size and mode, for example `dataset.with_transform(lambda rows: "
                f"{{{self.column!r}: [image.convert('RGB').resize((96, 96)) for image in rows[{self.column!r}]]}})`."
            )
        images = np.stack(images)
        images = images[..., None] if images.ndim == 3 else images
        if self.label_column is None:
            return (images,)
        return images, np.asarray(batch[self.label_column], "int64")


def is_huggingface(x):
    """Whether `x` is a `datasets.Dataset`; other kinds of that library are refused with a remedy."""
    kinds = {kind.__name__ for kind in type(x).__mro__ if kind.__module__.split(".")[0] == "datasets"}
    if kinds & {"DatasetDict", "IterableDatasetDict"}:
        raise ValueError(
            f"Data must be one split. Received: a {type(x).__name__} of {list(x)}. Pass one, as `x['train']`."
        )
    if "IterableDataset" in kinds:
        raise ValueError(
            "A Hugging Face data set must be indexable. Received: an IterableDataset (streaming). Load it without "
            "`streaming=True`, or wrap it in a generator of batches and pass `steps_per_epoch`."
        )
    return "Dataset" in kinds


def _image_column(dataset):
    images = [name for name, feature in dataset.features.items() if type(feature).__name__ == "Image"]
    if len(images) != 1:
        found = f"{len(images)} ({', '.join(images)})" if images else f"none among {dataset.column_names}"
        raise ValueError(
            f"The data set must have one column of type datasets.Image, or be told which. Received: {found}. Pass "
            "`zoo.data.HuggingFaceImages(dataset, column=...)`, or cast one: `dataset.cast_column(name, datasets.Image())`."
        )
    return images[0]
