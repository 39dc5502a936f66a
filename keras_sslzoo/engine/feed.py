"""From what a user passes to `fit` to batches, and the checks that come before training."""

import contextlib
import warnings

import keras
import numpy as np
from keras import tree


class EpochOrder(keras.callbacks.Callback):
    """Tells `Batches` which epoch begins, also where a callback restored an earlier run.

    Args:
        batches: The data.
        first_epoch, first_batch: Where the run goes on.
        means: State of the running means there, by log.
    """

    def __init__(self, batches, first_epoch, first_batch, means):
        super().__init__()
        self.batches = batches
        self.first_epoch = first_epoch
        self.first_batch = first_batch
        self.means = means

    def on_train_begin(self, logs=None):
        """Keras' hook."""
        self.batches.counts_epochs = False

    def on_train_end(self, logs=None):
        """Keras' hook."""
        self.batches.counts_epochs = True

    def on_epoch_begin(self, epoch, logs=None):
        """Keras' hook."""
        going_on = epoch == self.first_epoch and self.first_batch > 0
        self.batches.start_epoch(epoch, self.first_batch if going_on else 0)
        for mean in self.model.metrics if going_on else ():
            for variable, value in zip(mean.variables, self.means.get(mean.name, (0.0, 0.0)), strict=True):
                variable.assign(value)


@contextlib.contextmanager
def expect_short_epoch(expected):
    """Silence Keras' warning about an epoch that ends early, where it begins in the middle."""
    with warnings.catch_warnings():
        if expected:
            warnings.filterwarnings("ignore", message="Your input ran out of data")
        yield


class FiniteFirstStep(keras.callbacks.Callback):
    """Stops a run whose first step is not finite: what a check of arrays cannot see in a generator.

    Keras may call it from a thread while the next steps run: otherwise the host would wait for each step.
    """

    async_safe = True

    def __init__(self):
        super().__init__()
        self.seen = False

    def on_train_batch_end(self, batch, logs=None):
        """Keras' hook."""
        if self.seen or not logs:
            return
        self.seen = True
        bad = [name for name, value in logs.items() if not np.isfinite(float(value))]
        if bad:
            raise ValueError(
                f"The logs of the first step must be finite. Received: {', '.join(bad)} not finite. Look for NaN or "
                "infinity in the data and in the weights, or lower the learning rate."
            )


def is_arrays(x):
    """Whether `x` is an array or a tree of arrays, not a data set."""
    if isinstance(x, keras.utils.PyDataset):
        return False
    leaves = tree.flatten(x)
    return bool(leaves) and all(hasattr(leaf, "shape") and hasattr(leaf, "__getitem__") for leaf in leaves)


def to_numpy(x):
    """A tree of arrays or tensors as a tree of NumPy arrays."""
    return tree.map_structure(lambda a: keras.ops.convert_to_numpy(a) if keras.ops.is_tensor(a) else np.asarray(a), x)


def length(x, steps_per_epoch):
    """Batches in an epoch of a data set, or None where it does not say."""
    if steps_per_epoch:
        return steps_per_epoch
    if isinstance(x, keras.utils.PyDataset):
        return x.num_batches
    try:
        return len(x)
    except (TypeError, NotImplementedError):
        return None


def first_element(x):
    """The first element of a data set, or None, and the data set; a generator comes back with the element put back."""
    if isinstance(x, keras.utils.PyDataset):
        return x[0], x
    if not hasattr(x, "__iter__"):
        return None, x
    if not hasattr(x, "__next__"):
        return next(iter(x), None), x
    first = next(x, None)

    def again():
        yield first
        yield from x

    return first, again() if first is not None else x


class InOrder(keras.utils.PyDataset):
    """The batches of a sized iterable, with tuples for lists: `tf.data` takes no list inside a dict."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches
        self.iterator = None

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        if index == 0 or self.iterator is None:
            self.iterator = iter(self.batches)
        return as_tuples(next(self.iterator))


class Mapped(keras.utils.PyDataset):
    """The batches of a data set, each passed through `fn` on the host."""

    def __init__(self, batches, fn):
        options = ("workers", "use_multiprocessing", "max_queue_size")
        super().__init__(**{name: getattr(batches, name) for name in options})
        self.batches = batches
        self.fn = fn

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.fn(self.batches[index])

    def on_epoch_end(self):
        """Keras' hook, passed on."""
        self.batches.on_epoch_end()


def mapped(x, fn):
    """A data set, generator or sized iterable with each of its elements passed through `fn`."""
    if hasattr(x, "__next__"):
        return map(fn, x)
    return Mapped(x if isinstance(x, keras.utils.PyDataset) else InOrder(x), fn)


def as_tuples(x):
    """The tree with tuples for lists."""
    if isinstance(x, dict):
        return {key: as_tuples(value) for key, value in x.items()}
    return tuple(as_tuples(part) for part in x) if isinstance(x, (list, tuple)) else x


def holds_a_list_in_a_dict(x):
    """Whether some dict of the tree has a list for a value."""
    if isinstance(x, dict):
        return any(isinstance(part, list) or holds_a_list_in_a_dict(part) for part in x.values())
    return isinstance(x, (list, tuple)) and any(holds_a_list_in_a_dict(part) for part in x)


def check_values(x, value_range, what, chunk=4096):
    """Refuse values that are not finite or, where `value_range` is given, outside it. Reads in chunks."""
    if not np.issubdtype(x.dtype, np.floating):
        if x.dtype in (np.uint8, np.bool_):
            return
        raise ValueError(
            f"{what} must be uint8 (scaled to [0, 1]) or floating point. Received: dtype {x.dtype}. Use "
            "`.astype('uint8')` or `.astype('float32')`."
        )
    low, high = np.inf, -np.inf
    for start in range(0, len(x), chunk):
        part = x[start : start + chunk]
        bad = ~np.isfinite(part)
        if bad.any():
            row = start + int(np.argwhere(bad)[0][0])
            raise ValueError(
                f"{what} must be finite. Received: NaN or infinity, first in sample {row}. Remove or repair such samples."
            )
        if part.size:
            low, high = min(low, float(part.min())), max(high, float(part.max()))
    if value_range is None or low > high:
        return
    slack = 1e-3 * (value_range[1] - value_range[0])  # resampling overshoots by rounding
    if low < value_range[0] - slack or high > value_range[1] + slack:
        raise ValueError(
            f"{what} must lie in [{value_range[0]:g}, {value_range[1]:g}]. Received: values in [{low:g}, {high:g}]. Pass "
            "uint8, or rescale, or say what range they have: value_range=(0, 255), (-1, 1), ..."
        )


def check_shape(shape, expected, what):
    """Refuse samples whose shape is not `expected` (None stands for any size), naming the usual slips.

    Args:
        shape: Of the batch, `(B, ...)`.
        expected: Of one sample.
        what: Name of the data, for the message.
    """
    shape, expected = tuple(shape)[1:], tuple(expected)
    fits = len(shape) == len(expected) and all(
        e is None or s is None or s == e for s, e in zip(shape, expected, strict=True)
    )
    if fits:
        return
    wanted = f"(B, {', '.join('any' if e is None else str(e) for e in expected)})"
    received = f"(B, {', '.join(map(str, shape))})"
    remedy = "Resize or reshape the data, or build the networks for this shape."
    if len(shape) + 1 == len(expected) and expected[-1] in (1, None):
        remedy = "Add the channel axis: `images[..., None]`."
    elif len(shape) == len(expected) == 3 and shape[0] == expected[-1]:
        remedy = "These look like channels first: `images.transpose(0, 2, 3, 1)` puts the channels last."
    elif len(shape) == len(expected) == 3 and shape[:2] == expected[:2]:
        remedy = f"The networks were built for {expected[-1]} channels: build them for {shape[-1]}."
    raise ValueError(f"{what} must have the shape {wanted}. Received: {received}. {remedy}")


def check_array(x, shape, value_range, owner):
    """Refuse data that is no single array of samples of this shape and range; `owner` names the method in the message."""
    if not hasattr(x, "shape"):
        raise ValueError(
            f"{owner} takes one array (B, ...). Received: {type(x).__name__}. Stack the samples in one array."
        )
    check_shape(x.shape, shape, "Data")
    check_values(x, value_range, "Data")
