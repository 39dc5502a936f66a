"""Plots: features in two dimensions, and the logs of a run."""

import math

import matplotlib
import numpy as np
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.ticker import MaxNLocator
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from keras_sslzoo.viz.figure import Figure, check_images, class_name, to_numpy

THUMBNAILS = 60
# for any colour vision: Paul Tol's "muted" scheme (https://personal.sron.nl/~pault), and a dark grey
PALETTE = ["#332288", "#ddcc77", "#cc6677", "#44aa99", "#88ccee", "#882255", "#117733", "#999933", "#aa4499", "#555555"]


def feature_map(features, labels=None, class_names=None, method="pca", images=None, seed=0):
    """Features as points in the plane, coloured by class.

    PCA keeps directions and distances (each axis says its share of the variance); t-SNE keeps neighbourhoods only:
    sizes of clusters and distances between them mean nothing, and 5,000 points take about half a minute.

    Args:
        features: (N, D), such as `zoo.eval.features(encoder, images)`.
        labels: classes (N,), or None for one colour.
        class_names: names for the legend, indexed by the labels, or None to print the labels.
        method: "pca" or "tsne".
        images: (N, H, W, C), or None; some are drawn at their points, spread over the map.
        seed: of t-SNE.

    Returns:
        Figure with one axes.
    """
    features = to_numpy(features).astype("float32")
    n = len(features) if features.ndim else 0
    if features.ndim != 2 or n < 4 or features.shape[1] < 2 or not np.isfinite(features).all():
        raise ValueError(
            f"`features` must be finite, of shape (N, D) with N >= 4 and D >= 2. Received: shape {features.shape}"
            f"{'' if np.isfinite(features).all() else ', with NaN or infinity'}."
        )
    if method not in ("pca", "tsne"):
        raise ValueError(f"`method` must be 'pca' or 'tsne'. Received: method={method!r}.")
    labels = _check_labels(labels, n, "features")
    if images is not None:
        images = check_images("images", images)
        if len(images) != n:
            raise ValueError(f"There must be an image for each row. Received: {len(images)} images, {n} features.")

    points, axis_names = _project(features, method, seed)
    figure, ax, colors = _scatter(points, labels, class_names)
    if images is not None:
        for i in _spread(points, min(n, THUMBNAILS)):
            image = images[i] if images.dtype != np.uint8 else images[i] / 255
            box = OffsetImage(np.repeat(image, 4 - image.shape[-1], axis=-1)[..., :3], zoom=22 / max(image.shape[:2]))
            edge = "0.5" if labels is None else colors[i]
            frame = {"edgecolor": edge, "linewidth": 1.2}
            ax.add_artist(AnnotationBbox(box, points[i], pad=0.05, bboxprops=frame))
    ax.set(xlabel=axis_names[0], ylabel=axis_names[1], xticks=[], yticks=[])
    return figure


def latent_map(codes, labels=None, class_names=None):
    """Codes of two numbers as they are, coloured by class: what lies where in the latent plane of a small autoencoder.

    Args:
        codes: (N, 2), such as `vae.encode(images)`.
        labels: classes (N,), or None for one colour.
        class_names: names for the legend, indexed by the labels, or None to print the labels.

    Returns:
        Figure with one axes, both of its axes in the same units.

    Source: Hinton and Salakhutdinov 2006, doi:10.1126/science.1127647, figure 3B.
    """
    codes = to_numpy(codes).astype("float32")
    if codes.ndim != 2 or codes.shape[1] != 2 or not len(codes) or not np.isfinite(codes).all():
        raise ValueError(
            f"`codes` must be finite, of shape (N, 2). Received: shape {codes.shape}"
            f"{'' if np.isfinite(codes).all() else ', with NaN or infinity'}. `feature_map` draws codes of more numbers."
        )
    figure, ax, _ = _scatter(codes, _check_labels(labels, len(codes), "codes"), class_names)
    ax.set(xlabel="$z_1$", ylabel="$z_2$")
    ax.set_aspect("equal", adjustable="datalim")
    ax.locator_params(nbins=7)
    return figure


def _check_labels(labels, n, of):
    """Classes (N,) as a NumPy array, or None."""
    if labels is None:
        return None
    labels = to_numpy(labels).reshape(-1)
    if len(labels) != n:
        raise ValueError(f"There must be a label for each row. Received: {len(labels)} labels, {n} {of}.")
    return labels


def _scatter(points, labels, class_names):
    """A figure with points (N, 2) and the legend of their classes, its axes, and a colour for each point or None."""
    n = len(points)
    figure = Figure(figsize=(7.5, 5.5), dpi=120, layout="constrained")
    ax = figure.add_subplot()
    ax.spines[["top", "right"]].set_visible(False)
    style = {"s": float(np.clip(16000 / n, 6, 40)), "alpha": 0.75, "linewidths": 0, "rasterized": True}
    if labels is None:
        ax.scatter(*points.T, color=_colors(1), **style)
        return figure, ax, None
    classes, number = np.unique(labels, return_inverse=True)
    palette = _colors(len(classes))
    colors = palette[number]
    # in random order: the class drawn last would cover the others
    order = np.random.default_rng(0).permutation(n)
    ax.scatter(*points[order].T, c=colors[order], **style)
    for color, label in zip(palette, classes, strict=True):
        ax.scatter([], [], s=36, color=color, label=class_name(label, class_names))
    columns = math.ceil(len(classes) / 25)
    figure.legend(loc="outside right upper", frameon=False, fontsize=9, ncols=columns, handletextpad=0.2)
    return figure, ax, colors


def _project(features, method, seed):
    """Points (N, 2) and the names of their axes."""
    components = min(50, *features.shape) if method == "tsne" else 2
    pca = PCA(components, svd_solver="full" if min(features.shape) <= 500 else "randomized", random_state=seed)
    with np.errstate(invalid="ignore"):  # the share of no variance at all, in a collapsed encoder
        points = pca.fit_transform(features)
    if method == "pca":
        share = np.nan_to_num(pca.explained_variance_ratio_)
        return points, [f"component {i + 1} ({100 * s:.0f} % of the variance)" for i, s in enumerate(share)]
    perplexity = min(30, (len(points) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(points), ["t-SNE 1", "t-SNE 2"]


def _colors(n):
    """n colours that differ as much as n allows: (n, 4)."""
    if n <= len(PALETTE):
        return matplotlib.colors.to_rgba_array(PALETTE[:n])
    if n <= 20:
        return np.asarray(matplotlib.colormaps["tab20"](range(n)))
    return np.asarray(matplotlib.colormaps["turbo"](np.linspace(0, 1, n)))


def _spread(points, n):
    """Row numbers of n points far from each other: each next one is the farthest from those before."""
    points = (points - points.min(axis=0)) / np.maximum(np.ptp(points, axis=0), 1e-12)
    chosen = [0]
    distance = np.full(len(points), np.inf)
    while len(chosen) < n:
        distance = np.minimum(distance, np.square(points - points[chosen[-1]]).sum(axis=1))
        chosen.append(int(distance.argmax()))
    return chosen


def confusion(labels, predictions, class_names=None):
    """For what a classifier takes the samples of each class: a row for each class, in percent of its samples.

    Args:
        labels: classes (N,).
        predictions: what they were taken for (N,).
        class_names: names, indexed by the classes, or None to print the classes.

    Returns:
        Figure with one axes.

    Example:
        ```python
        probe = LogisticRegression(max_iter=1000).fit(zoo.eval.features(encoder, x), y)
        zoo.viz.confusion(yt, probe.predict(zoo.eval.features(encoder, xt))).savefig("confusion.png")
        ```
    """
    labels, predictions = to_numpy(labels), to_numpy(predictions)
    if labels.ndim != 1 or labels.shape != predictions.shape or not len(labels):
        raise ValueError(
            "`labels` and `predictions` must be classes (N,), one of each for a sample. Received: shapes "
            f"{labels.shape} and {predictions.shape}. Of scores (N, K) pass `scores.argmax(axis=1)`."
        )
    classes = np.unique(np.concatenate([labels, predictions]))
    k = len(classes)
    counts = np.zeros((k, k), int)
    np.add.at(counts, (np.searchsorted(classes, labels), np.searchsorted(classes, predictions)), 1)
    totals = counts.sum(axis=1)
    percent = 100 * counts / np.maximum(totals, 1)[:, None]
    names = [class_name(label, class_names) for label in classes]
    side = 2.2 + 0.42 * min(k, 20)
    figure = Figure(figsize=(side, side), dpi=120, layout="constrained")
    ax = figure.add_subplot()
    ax.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    if k <= 20:
        for i, j in np.argwhere(percent >= 0.5):
            color = "white" if percent[i, j] > 50 else "black"
            ax.text(j, i, f"{percent[i, j]:.0f}", ha="center", va="center", fontsize=8, color=color)
    size = 8 if k <= 20 else 120 / k
    ax.set_xticks(range(k), names, rotation=45, ha="right", rotation_mode="anchor", fontsize=size)
    rows = [f"{name} ({total:,})" for name, total in zip(names, totals, strict=True)]
    ax.set_yticks(range(k), rows, fontsize=size)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set(xlabel="taken for, % of the row", ylabel="class (samples)")
    right = int(np.trace(counts))
    ax.set_title(f"{right:,} of {len(labels):,} right: {100 * right / len(labels):.1f} %", fontsize=10)
    return figure


def curves(history):
    """The logs of a run, one axes per log; `val_` logs are drawn with their training log.

    Args:
        history: what `model.fit` returned, or a dict of lists such as `history.history`.

    Returns:
        Figure with one axes per log.
    """
    logs = getattr(history, "history", history)
    if not isinstance(logs, dict) or not logs:
        raise ValueError(
            "`history` must be what `fit` returned, or a dict of lists, one value an epoch. "
            f"Received: {'an empty history' if isinstance(logs, dict) else repr(history)}."
        )
    epochs = getattr(history, "epoch", None) or range(max(len(values) for values in logs.values()))
    names = list(dict.fromkeys(_base(name, logs) for name in logs))
    columns = 2 if len(names) == 4 else min(3, len(names))
    rows = math.ceil(len(names) / columns)
    figure = Figure(figsize=(3.4 * columns, 2.5 * rows), dpi=120, layout="constrained")
    for i, name in enumerate(names):
        ax = figure.add_subplot(rows, columns, i + 1)
        for log, label, style in ((name, "training", "-"), ("val_" + name, "validation", "--")):
            if log in logs:
                values = to_numpy(logs[log]).astype("float64")
                everywhere = len(values) == len(epochs)
                at = [e + 1 for e in epochs] if everywhere else range(1, len(values) + 1)
                marker = "o" if len(values) < 20 else None  # a single epoch would be an invisible line
                ax.plot(at, values, style, marker=marker, markersize=3, linewidth=1.6, label=label)
                # a monitor that runs now and then logs fewer values than there are epochs
                ax.set_xlabel("epoch" if everywhere else "time logged", fontsize=8)
        if name in logs and "val_" + name in logs:
            ax.legend(frameon=False, fontsize=8)
        ax.set_title(name.replace("_", " "), fontsize=10)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
        ax.tick_params(labelsize=8)
        ax.grid(alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def _base(name, logs):
    return name[4:] if name.startswith("val_") and name[4:] in logs else name
