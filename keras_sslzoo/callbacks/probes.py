"""Is the encoder any good? Cheap probes on a fixed labelled subset, after every epoch or every few."""

import numpy as np

from keras_sslzoo import eval as ev
from keras_sslzoo.callbacks.periodic import Periodic, subset
from keras_sslzoo.eval.labels import Split
from keras_sslzoo.eval.logistic import draw, fit_logistic, standardise


class _Probe(Periodic):
    """Logs the accuracy of a classifier on features of two fixed subsets; `score` defines it."""

    writes_logs = True

    def __init__(self, x, y, xt, yt, every, limit, name):
        super().__init__(every)
        split = Split(None, x, y, xt, yt, batch_size=256)
        if limit is not None and limit < split.n_classes:
            raise ValueError(
                f"`limit` must leave a sample of each class. Received: limit={limit}, {split.n_classes} classes."
            )
        rows, rows_t = np.arange(len(split.x)), np.arange(len(split.xt))
        if limit is not None and limit < len(rows):
            counts = np.maximum(1, np.bincount(split.y) * limit // len(rows))
            rows = np.sort(draw(split.y, counts, np.random.default_rng(0)))
        if limit is not None:
            rows_t = subset(len(rows_t), limit)
        self.x, self.y, self.xt, self.yt = split.x[rows], split.y[rows], split.xt[rows_t], split.yt[rows_t]
        self.limit, self.name = limit, name

    def on_train_begin(self, logs=None):
        """Keras' hook."""
        self.require(["pretrained_encoder"], "probes an encoder")

    def on_epoch_end(self, epoch, logs=None):
        """Keras' hook."""
        if logs is None or not self.due(epoch):
            return
        f, ft = self.encode(self.x), self.encode(self.xt)
        diverged = not (np.isfinite(f).all() and np.isfinite(ft).all())
        logs[self.name] = float("nan") if diverged else float(self.score(f, ft))


class KNNMonitor(_Probe):
    """Logs `knn`: the accuracy of `zoo.eval.knn` on a subset, after each epoch.

    The progress bar, History, EarlyStopping, ModelCheckpoint, CSVLogger and BestEncoder see it like any other log
    (`mode="max"` for Keras' own). In the `fit` of another model than a `Method` it must stand before those that read it.
    The subsets are drawn once, so the values of a run compare; with the protocol's on all data they do not. NaN where
    features are not finite.

    Args:
        x: Training images, as `fit` takes them.
        y: Their classes (N,).
        xt: Held-out images.
        yt: Their classes.
        every: Epochs between two measurements. Other epochs have no `knn`, but for the first and the last.
        k: Number of neighbours.
        temperature: Of the weighted vote, or None for a vote each.
        limit: At most that many images of each set, or None for all; of the training set by class.
        name: Of the log.
    """

    def __init__(self, x, y, xt, yt, every=1, k=5, temperature=None, limit=2000, name="knn"):
        super().__init__(x, y, xt, yt, every, limit, name)
        self.k, self.temperature = k, temperature
        zeros = np.zeros((len(self.x), 1)), np.zeros((1, 1))
        ev.knn(None, zeros[0], self.y, zeros[1], self.y[:1], k, temperature)  # refuses what it cannot take

    def score(self, f, ft):
        """Accuracy in [0, 1] from features (N, D) and (Nt, D)."""
        return ev.knn(None, f, self.y, ft, self.yt, self.k, self.temperature).accuracy


class LinearMonitor(_Probe):
    """Logs `linear`: the accuracy of a logistic regression on standardised features of a subset.

    As `KNNMonitor`, with one fit an evaluation instead of the search over C of `zoo.eval.linear_probe`.

    Args:
        x: Training images, as `fit` takes them.
        y: Their classes (N,).
        xt: Held-out images.
        yt: Their classes.
        every: Epochs between two measurements, see `KNNMonitor`.
        C: Inverse strength of the L2 regularisation.
        limit: At most that many images of each set, or None for all; of the training set by class.
        name: Of the log.
    """

    def __init__(self, x, y, xt, yt, every=1, C=0.1, limit=2000, name="linear"):
        super().__init__(x, y, xt, yt, every, limit, name)
        if not C > 0:
            raise ValueError(f"`C` must be positive. Received: C={C}.")
        self.C = C

    def score(self, f, ft):
        """Accuracy in [0, 1] from features (N, D) and (Nt, D)."""
        f, ft = standardise(f, ft)
        probe, _ = fit_logistic(f, self.y, self.C)
        return probe.score(ft, self.yt)
