"""A probe on few labels, repeated on several draws of them."""

import numpy as np

from keras_sslzoo.eval.labels import Split
from keras_sslzoo.eval.logistic import draw, fit_logistic, standardise

FEW_LABEL_C = 1.0  # part of the protocol: a choice would need labels


def few_label(encoder, x, y, xt, yt, labels_per_class=10, fraction=None, draws=5, seed=0, batch_size=256):
    """Logistic regression on a few labels a class, or on a fraction of all, repeated on several draws of them.

    Features are standardised with the statistics of ALL training features, which need no labels. C is 1, as a choice
    would need labels. The solver is that of `linear_probe`.

    Args:
        encoder: Keras model, training method, or None (`x` and `xt` are features already); see `features`.
        x: training images, or features (N, D).
        y: their classes (N,).
        xt: test images, or features.
        yt: their classes.
        labels_per_class: labels in a draw, of each class.
        fraction: in place of `labels_per_class`, the part of each class that a draw takes, rounded, at least one label:
            0.01 and 0.1 are the 1 % and 10 % of the papers.
        draws: number of draws, at least 2.
        seed: of the draws.
        batch_size: images in a forward pass.

    Returns:
        `ProbeResult`, protocol "few_label/1", with the mean and the sample standard deviation over draws; `n_train` counts
        the labels of one draw.
    """
    if (fraction is None and labels_per_class < 1) or draws < 2:
        raise ValueError(
            "`labels_per_class` must be at least 1, and `draws` at least 2 for a standard deviation. "
            f"Received: labels_per_class={labels_per_class}, draws={draws}."
        )
    if fraction is not None and not 0 < fraction <= 1:
        raise ValueError(f"`fraction` must lie in (0, 1]. Received: fraction={fraction}. For 10 % give 0.1.")
    split = Split(encoder, x, y, xt, yt, batch_size)
    available = np.bincount(split.y)
    if fraction is None:
        counts = np.full(split.n_classes, labels_per_class)
    else:
        counts = np.maximum(1, np.rint(fraction * available)).astype(int)
    split.check_counts(counts)
    fit, test = standardise(*split.features)
    rng = np.random.default_rng(seed)
    accuracies = []
    for _ in range(draws):
        rows = draw(split.y, counts, rng)
        accuracies.append(float(fit_logistic(fit[rows], split.y[rows], FEW_LABEL_C)[0].score(test, split.yt)))
    settings = {
        "labels_per_class": None if fraction is not None else int(labels_per_class),
        "fraction": None if fraction is None else float(fraction),
        "draws": int(draws),
        "C": FEW_LABEL_C,
        "seed": int(seed),
    }
    details = {"accuracies": accuracies, "n_unlabelled": len(split.x)}
    std = float(np.std(accuracies, ddof=1))
    return split.result("few_label/1", np.mean(accuracies), settings, details, std=std, n_train=int(counts.sum()))
