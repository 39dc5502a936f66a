"""Three protocols over frozen features, each with a versioned name: two numbers compare only where the names are equal.

    knn-cosine-k5-v1    nearest neighbours by cosine similarity; nothing is fitted
    linear-lbfgs-v1     logistic regression on all labels, its L2 strength chosen on held-out TRAINING samples
    few-label-10-v1     logistic regression on 10 labels a class, mean and deviation over draws

No protocol looks at the test set before its one prediction.
"""

import dataclasses
import math
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from keras_sslzoo.eval.features import features, samples, to_numpy

# Part of the protocols: a change of any of these asks for a new version.
LINEAR_C = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
LINEAR_HELD_OUT = 0.2
FEW_LABEL_C = 1.0
MAX_ITER = 1000


@dataclasses.dataclass(frozen=True)
class ProbeResult:
    """What a probe measured, and how.

    Args:
        protocol: versioned name; results of different names do not compare.
        accuracy: fraction of test samples classified correctly; the mean over draws where there are several.
        std: sample standard deviation (ddof 1) over draws, or None where there is one draw.
        n_train: number of labels that were used, in a draw.
        n_test: number of test samples. The standard error of one accuracy is sqrt(accuracy (1 - accuracy) / n_test).
        n_classes: number of classes.
        dim: size of the features.
        details: seed, choices and scores of the protocol.
    """

    protocol: str
    accuracy: float
    std: float | None
    n_train: int
    n_test: int
    n_classes: int
    dim: int
    details: dict

    def __str__(self):
        figure = f"{100 * self.accuracy:.1f} %" + ("" if self.std is None else f" ± {100 * self.std:.1f} %")
        draws = "" if self.std is None else f"{self.details['draws']} draws, "
        return (
            f"{self.protocol}: {figure} ({draws}{self.n_train:,} train / {self.n_test:,} test, "
            f"{self.n_classes} classes, D={self.dim})"
        )

    def as_dict(self):
        """The result as plain Python values, ready for JSON."""
        return dataclasses.asdict(self)


def knn(encoder, x, y, xt, yt, k=5, temperature=None, batch_size=256):
    """k nearest neighbours by cosine similarity: nothing is fitted, so it measures the features alone.

    Without `temperature` each neighbour has one vote. With it the vote is exp(similarity / temperature), as in Wu et
    al. (2018), InstDisc, arXiv:1805.01978, section 3.4, which takes k=200 and temperature=0.07. A tie goes to the tied
    class whose neighbour is nearest. Of equally similar neighbours the one that comes first in `x` is nearer.

    Args:
        encoder: Keras model, training method, or None (`x` and `xt` are features already); see `features`.
        x: training images, or features (N, D).
        y: their classes (N,).
        xt: test images, or features.
        yt: their classes.
        k: number of neighbours.
        temperature: of the weighted vote, or None for a vote each.
        batch_size: images in a forward pass.

    Returns:
        `ProbeResult`.
    """
    if temperature is not None and not temperature > 0:
        raise ValueError(
            f"`temperature` must be positive, or None. Received: temperature={temperature}. InstDisc uses 0.07."
        )
    data = _Data(encoder, x, y, xt, yt, batch_size)
    similarity, index = nearest(data.ft, data.f, k)
    neighbour = data.y[index]
    # relative to the nearest, which has weight 1: the ratios are the same and nothing overflows
    weight = 1.0 if temperature is None else np.exp((similarity - similarity[:, :1]).astype("float64") / temperature)
    votes = np.zeros((len(index), data.n_classes))
    np.add.at(votes, (np.arange(len(index))[:, None], neighbour), weight)
    wins = np.take_along_axis(votes == votes.max(axis=1, keepdims=True), neighbour, axis=1)
    predicted = np.take_along_axis(neighbour, wins.argmax(axis=1)[:, None], axis=1)[:, 0]
    vote = "" if temperature is None else f"-t{temperature:g}"
    details = {"k": int(k), "temperature": None if temperature is None else float(temperature)}
    return data.result(f"knn-cosine-k{k}{vote}-v1", np.mean(predicted == data.yt), details)


def nearest(queries, gallery, k=5, block_size=4096):
    """The k most similar rows of `gallery` for each query, by cosine similarity, most similar first.

    Computed in blocks of `block_size` x `block_size` similarities, so that a million features fit in memory. Of equal
    similarities the first in the gallery wins. A row of zeros has similarity 0 to everything.

    Args:
        queries: features (Q, D).
        gallery: features (N, D).
        k: number of neighbours, at most N.
        block_size: rows that are compared at a time.

    Returns:
        Pair of arrays (Q, k): similarities, float32, and row numbers of the gallery.
    """
    queries, gallery = np.asarray(queries, "float32"), np.asarray(gallery, "float32")
    if k != int(k) or not 1 <= k <= len(gallery):
        raise ValueError(
            f"`k` must be a whole number from 1 to the number of training samples. Received: k={k}, "
            f"{len(gallery):,} samples. Use a smaller k, or more samples."
        )
    similarities, indices = [], []
    for i in range(0, len(queries), block_size):
        query = _unit(queries[i : i + block_size])
        best = np.empty((len(query), 0), "float32")
        index = np.empty((len(query), 0), "int64")
        for j in range(0, len(gallery), block_size):
            block = query @ _unit(gallery[j : j + block_size]).T
            column = _top(block, min(k, block.shape[1]))
            best = np.concatenate([best, np.take_along_axis(block, column, axis=1)], axis=1)
            index = np.concatenate([index, column + j], axis=1)
            order = np.argsort(-best, axis=1, kind="stable")[:, :k]
            best, index = np.take_along_axis(best, order, axis=1), np.take_along_axis(index, order, axis=1)
        similarities.append(best)
        indices.append(index)
    return np.concatenate(similarities), np.concatenate(indices)


def _top(block, k):
    """Columns of the k largest entries of each row, in the order of the columns; of equal entries the first."""
    column = np.sort(np.argpartition(-block, k - 1, axis=1)[:, :k], axis=1)
    smallest = np.take_along_axis(block, column, axis=1).min(axis=1, keepdims=True)
    tied = (block >= smallest).sum(axis=1) > k  # argpartition picks any of these
    column[tied] = np.sort(np.argsort(-block[tied], axis=1, kind="stable")[:, :k], axis=1)
    return column


def _unit(f):
    f = f / np.maximum(np.abs(f).max(axis=1, keepdims=True), 1e-30)  # the square of a large float32 overflows
    return f / np.maximum(np.linalg.norm(f, axis=1, keepdims=True), 1e-30)


def linear_probe(encoder, x, y, xt, yt, seed=0, batch_size=256):
    """Logistic regression on all training labels: the linear evaluation of the self-supervised literature.

    Features are standardised with the mean and deviation of the training features. The inverse L2 strength C is the one
    of (1e-4, 1e-3, 1e-2, 1e-1, 1) that classifies best a stratified 20 % of the TRAINING set, fitted on the other 80 %
    (of equals, the likeliest); the probe is then fitted on all. Solver: scikit-learn's L-BFGS, 1,000 steps at most.

    Args:
        encoder: Keras model, training method, or None (`x` and `xt` are features already); see `features`.
        x: training images, or features (N, D).
        y: their classes (N,).
        xt: test images, or features.
        yt: their classes.
        seed: of the held-out split.
        batch_size: images in a forward pass.

    Returns:
        `ProbeResult`; its details hold the chosen `C`, the held-out accuracy of each, and whether the fit converged.
    """
    data = _Data(encoder, x, y, xt, yt, batch_size)
    counts = np.bincount(data.y)
    # a class of one sample stays in the fitted part
    held_out_counts = np.where(counts > 1, np.maximum(1, np.rint(LINEAR_HELD_OUT * counts)), 0).astype(int)
    if not held_out_counts.any():
        raise ValueError(
            "`linear_probe` holds out training samples, so a class needs at least 2. Received: 1 sample of each of "
            f"{data.n_classes} classes. Use `knn`, or more labels."
        )
    held_out = np.zeros(len(data.y), bool)
    held_out[_draw(data.y, held_out_counts, np.random.default_rng(seed))] = True
    # scaled by the fitted part alone: the held-out one then plays the test set's role
    fit, validation = _standardise(data.f[~held_out], data.f[held_out])
    scores = {}
    for C in LINEAR_C:
        probe, _ = _logistic(fit, data.y[~held_out], C)
        p = probe.predict_proba(validation)[np.arange(len(validation)), data.y[held_out]]
        likelihood = np.log(np.maximum(p, 1e-30)).mean()
        scores[C] = float(probe.score(validation, data.y[held_out])), float(likelihood)
    C = max(scores, key=scores.get)
    fit, test = _standardise(data.f, data.ft)
    probe, converged = _logistic(fit, data.y, C)
    held_out_accuracy = {f"{c:g}": accuracy for c, (accuracy, _) in scores.items()}
    details = {"C": C, "held_out_accuracy": held_out_accuracy, "converged": converged, "seed": int(seed)}
    return data.result("linear-lbfgs-v1", probe.score(test, data.yt), details)


def few_label(encoder, x, y, xt, yt, labels_per_class=10, draws=5, seed=0, batch_size=256):
    """Logistic regression on a few labels a class, repeated on several draws of them.

    Features are standardised with the statistics of ALL training features, which need no labels. C is 1, as a choice
    would need labels. The solver is that of `linear_probe`.

    Args:
        encoder: Keras model, training method, or None (`x` and `xt` are features already); see `features`.
        x: training images, or features (N, D).
        y: their classes (N,); each draw sees `labels_per_class` of each class.
        xt: test images, or features.
        yt: their classes.
        labels_per_class: labels in a draw, of each class.
        draws: number of draws, at least 2.
        seed: of the draws.
        batch_size: images in a forward pass.

    Returns:
        `ProbeResult` with the mean and the sample standard deviation over draws; `n_train` counts labels of one draw.
    """
    if labels_per_class < 1 or draws < 2:
        raise ValueError(
            "`labels_per_class` must be at least 1, and `draws` at least 2 for a standard deviation. "
            f"Received: labels_per_class={labels_per_class}, draws={draws}."
        )
    data = _Data(encoder, x, y, xt, yt, batch_size)
    counts = np.bincount(data.y)
    if counts.min() < labels_per_class:
        raise ValueError(
            f"Each class must have `labels_per_class` training samples. Received: labels_per_class={labels_per_class}, "
            f"class {data.classes[counts.argmin()]} has {counts.min()}. Use fewer labels, or drop the class."
        )
    fit, test = _standardise(data.f, data.ft)
    rng = np.random.default_rng(seed)
    accuracies = []
    for _ in range(draws):
        rows = _draw(data.y, [labels_per_class] * data.n_classes, rng)
        accuracies.append(float(_logistic(fit[rows], data.y[rows], FEW_LABEL_C)[0].score(test, data.yt)))
    details = {
        "draws": int(draws),
        "accuracies": accuracies,
        "C": FEW_LABEL_C,
        "n_unlabelled": len(data.f),
        "seed": int(seed),
    }
    return dataclasses.replace(
        data.result(f"few-label-{labels_per_class}-v1", np.mean(accuracies), details),
        std=float(np.std(accuracies, ddof=1)),
        n_train=labels_per_class * data.n_classes,
    )


def _draw(y, counts, rng):
    """Row numbers of a stratified draw without replacement: `counts[c]` of class c."""
    return np.concatenate([rng.permutation(np.flatnonzero(y == c))[:n] for c, n in enumerate(counts)])


def _standardise(f, ft):
    scaler = StandardScaler().fit(f)  # leaves the scale of a constant feature at 1
    return scaler.transform(f), scaler.transform(ft)


def _logistic(f, y, C):
    """A fitted classifier, and whether it converged."""
    # one BLAS thread: more slow these small problems down several times where other processes run, and shift the result
    with warnings.catch_warnings(), threadpool_limits(1, "blas"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe = LogisticRegression(C=C, max_iter=MAX_ITER).fit(f, y)
    return probe, bool(np.max(probe.n_iter_) < MAX_ITER)


class _Data:
    """Checked features and class numbers of a training and a test set."""

    def __init__(self, encoder, x, y, xt, yt, batch_size):
        x, xt = samples(x), samples(xt)
        y, yt = _labels("y", y, x), _labels("yt", yt, xt)
        self.classes, self.y = np.unique(y, return_inverse=True)
        if len(self.classes) < 2:
            raise ValueError(
                f"`y` must hold at least two classes. Received: only class {self.classes[0]}. "
                "Shuffle before you slice: many data sets are sorted by class."
            )
        unseen = np.setdiff1d(yt, self.classes)
        if len(unseen):
            raise ValueError(
                f"Each class of `yt` must be in `y`. Received: {unseen[:5].tolist()} in `yt` only. "
                "Use the same numbering for both sets, or drop these test samples."
            )
        self.yt = np.searchsorted(self.classes, yt)
        self.n_classes = len(self.classes)
        self.f, self.ft = features(encoder, x, batch_size), features(encoder, xt, batch_size)
        if self.f.shape[1] != self.ft.shape[1]:
            raise ValueError(
                "Training and test features must be of one size. "
                f"Received: {self.f.shape} and {self.ft.shape}. Use images of one size, or one encoder for both."
            )

    def result(self, protocol, accuracy, details):
        return ProbeResult(
            protocol, float(accuracy), None, len(self.f), len(self.ft), self.n_classes, self.f.shape[1], details
        )


def _labels(name, y, x):
    if y is None:
        raise ValueError(f"A probe needs labels. Received: {name}=None. Pass the class of each sample, shape (N,).")
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
