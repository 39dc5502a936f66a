"""Checked labels, and the checked features of a labelled training and test set."""

import dataclasses
import math

import numpy as np

from keras_sslzoo.eval.features import features, samples, to_numpy
from keras_sslzoo.eval.result import Result, shown


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProbeResult(Result):
    """How well a classifier on the features does on the test set; see `Result` for `protocol` and `settings`.

    Args:
        accuracy: fraction of test samples classified correctly; the mean over draws where there are several.
        std: sample standard deviation (ddof 1) over draws, or None where there is one draw.
        n_train: number of labels that were used, in a draw.
        n_test: number of test samples. The standard error of one accuracy is sqrt(accuracy (1 - accuracy) / n_test).
        n_classes: number of classes.
        dim: size of the features.
        details: what the protocol found on its way, such as the chosen C or the accuracy of each draw.
    """

    accuracy: float = shown("accuracy {:.1%}")
    std: float | None = shown("deviation {:.1%}", default=None)
    n_train: int = shown("{:,} train")
    n_test: int = shown("{:,} test")
    n_classes: int = shown("{} classes")
    dim: int = shown("D={}")
    details: dict = dataclasses.field(default_factory=dict)


class Split:
    """Checked samples and class numbers of a training and a test set; their features are made when first asked for.

    Args:
        encoder: Keras model, training method, or None; see `features`.
        x, y, xt, yt: training samples and classes, test samples and classes.
        batch_size: images in a forward pass.
    """

    def __init__(self, encoder, x, y, xt, yt, batch_size):
        self.encoder, self.batch_size = encoder, batch_size
        self.x, self.xt = samples(x), samples(xt)
        y, yt = labels("y", y, self.x), labels("yt", yt, self.xt)
        self.classes, self.y = class_numbers(y)
        unseen = np.setdiff1d(yt, self.classes)
        if len(unseen):
            raise ValueError(
                f"Each class of `yt` must be in `y`. Received: {unseen[:5].tolist()} in `yt` only. "
                "Use the same numbering for both sets, or drop these test samples."
            )
        self.yt = np.searchsorted(self.classes, yt)
        self.n_classes = len(self.classes)
        self._features = None

    @property
    def features(self):
        """Features of the training and of the test set, (N, D) and (Nt, D)."""
        if self._features is None:
            self._features = feature_pair(self.encoder, self.x, self.xt, self.batch_size)
        return self._features

    def check_counts(self, labels_per_class):
        """Refuse a draw of more labels than a class has."""
        available = np.bincount(self.y)
        if (available < labels_per_class).any():
            raise ValueError(
                "Each class must have `labels_per_class` training samples. Received: labels_per_class="
                f"{np.max(labels_per_class)}, class {self.classes[available.argmin()]} has {available.min()}. Use fewer "
                "labels, or drop the class."
            )

    def result(self, protocol, accuracy, settings, details, cls=ProbeResult, **fields):
        """A `ProbeResult`, its counts filled in."""
        counts = {"n_train": len(self.x), "n_test": len(self.xt), "n_classes": self.n_classes}
        fields = {**counts, **fields}
        if "dim" not in fields:
            fields["dim"] = self.features[0].shape[1]
        return cls(protocol=protocol, accuracy=float(accuracy), settings=settings, details=details, **fields)


def feature_pair(encoder, x, xt, batch_size, names=("Training", "test")):
    """Features of two sets, which must be of one size."""
    f, ft = features(encoder, x, batch_size), features(encoder, xt, batch_size)
    if f.shape[1] != ft.shape[1]:
        raise ValueError(
            f"{names[0]} and {names[1]} features must be of one size. "
            f"Received: {f.shape} and {ft.shape}. Use images of one size, or one encoder for both."
        )
    return f, ft


def class_numbers(y):
    """The classes, sorted, and the number of each label among them; there must be at least two."""
    classes, numbers = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"`y` must hold at least two classes. Received: only class {classes[0]}. "
            "Shuffle before you slice: many data sets are sorted by class."
        )
    return classes, numbers


def labels(name, y, x):
    """Labels as an array (N,), one for each sample of `x`: whole numbers or strings."""
    if y is None:
        raise ValueError(
            f"This protocol needs labels. Received: {name}=None. Pass the class of each sample, shape (N,)."
        )
    y = to_numpy(y)
    if y.ndim == 0 or math.prod(y.shape) != len(y):
        raise ValueError(
            f"`{name}` must hold one class a sample, shape (N,). Received: shape {y.shape}. "
            "Turn one-hot rows into classes with `y.argmax(axis=1)`."
        )
    y = y.reshape(-1)
    if len(y) != len(x):
        raise ValueError(
            f"`{name}` must have the length of its samples. Received: {len(y):,} labels for {len(x):,} samples."
        )
    if y.dtype.kind == "f" and not np.array_equal(y, np.floor(y)):
        raise ValueError(
            f"`{name}` must hold classes: whole numbers or strings. Received: dtype {y.dtype} with fractions or NaN. "
            "Drop samples without a label."
        )
    return y
