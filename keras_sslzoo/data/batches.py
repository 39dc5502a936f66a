"""Batches in an order that depends on (seed, epoch) alone, so that a stopped run goes on in the middle of an epoch."""

import keras
import numpy as np
from keras import tree


class OrderedBatches(keras.utils.PyDataset):
    """Batches of samples that can be read by their numbers; a subclass says how, in `read`.

    Our `fit` calls `limit` and `start_epoch`, and sets `drop_remainder` where the loss needs full batches. Under the `fit`
    of other Keras models epochs are counted here; pass them `shuffle=False`, or Keras changes the order of the batches too.

    Args:
        size: Number of samples.
        batch_size: Samples in a batch.
        shuffle: Whether to draw a new order for each epoch.
        drop_remainder: Whether to leave out an incomplete last batch.
        seed: Of the order.
        **kwargs: `workers`, `use_multiprocessing`, `max_queue_size` of `keras.utils.PyDataset`.
    """

    def __init__(self, size, batch_size, shuffle, drop_remainder, seed, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_remainder = drop_remainder
        self.seed = seed
        self.steps = None
        self.counts_epochs = True  # unless a callback does
        self.start_epoch(0)

    def read(self, rows):
        """The batch of these samples: numbers `(B,)`, or a slice."""
        raise NotImplementedError(f"{type(self).__name__} must define `read(rows)`.")

    def limit(self, steps):
        """Take only the first `steps` batches of each epoch's order; None takes all."""
        if steps is not None and steps > len(self):
            raise ValueError(
                f"`steps_per_epoch` must be at most the batches that the data hold. Received: steps_per_epoch={steps} and "
                f"{len(self)} batches of {self.batch_size}. Train for more epochs instead."
            )
        self.steps = steps

    def start_epoch(self, epoch, first_batch=0):
        """Take the order of this epoch, from this batch on."""
        self.order = np.random.default_rng((self.seed, epoch)).permutation(self.size) if self.shuffle else None
        self.epoch = epoch
        self.first_batch = first_batch
        self.finished = False  # whether the last batch was read

    def on_epoch_end(self):
        """Keras' hook, which it also calls before the first epoch."""
        if self.counts_epochs and self.finished:
            self.start_epoch(self.epoch + 1)

    def __len__(self):
        full, rest = divmod(self.size, self.batch_size)
        batches = full if self.drop_remainder or not rest else full + 1
        return min(batches, self.steps or batches) - self.first_batch

    def __getitem__(self, index):
        self.finished = index == len(self) - 1
        index += self.first_batch
        rows = slice(index * self.batch_size, min((index + 1) * self.batch_size, self.size))
        return self.read(rows if self.order is None else self.order[rows])


class Batches(OrderedBatches):
    """Batches of arrays.

    Args:
        arrays: Tuple `(x,)`, `(x, y)` or `(x, y, sample_weight)` of trees of arrays with equal first axes.
        batch_size, shuffle, drop_remainder, seed: See `OrderedBatches`.
    """

    def __init__(self, arrays, batch_size, shuffle, drop_remainder, seed):
        self.arrays = arrays
        super().__init__(number_of_samples(arrays), batch_size, shuffle, drop_remainder, seed)

    def read(self, rows):
        """See `OrderedBatches.read`."""
        return tree.map_structure(lambda a: a[rows], self.arrays)


def number_of_samples(arrays):
    """The common length of the first axes of a tree of arrays."""
    sizes = {len(leaf) for leaf in tree.flatten(arrays)}
    if len(sizes) != 1:
        raise ValueError(
            f"All arrays must have the same number of samples. Received: {sorted(sizes)}. For views made elsewhere pass "
            "a dict with one entry, {'views': (v1, v2)}; a bare tuple or list means several inputs."
        )
    return sizes.pop()
