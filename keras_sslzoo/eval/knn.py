"""Nearest neighbours by cosine similarity: nothing is fitted, so it measures the features alone."""

import numpy as np

from keras_sslzoo.eval.labels import Split


def knn(encoder, x, y, xt, yt, k=5, temperature=None, batch_size=256):
    """Classify each test sample by a vote of its k nearest training samples.

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
        `ProbeResult`, protocol "knn/1".
    """
    if temperature is not None and not temperature > 0:
        raise ValueError(
            f"`temperature` must be positive, or None. Received: temperature={temperature}. InstDisc uses 0.07."
        )
    split = Split(encoder, x, y, xt, yt, batch_size)
    f, ft = split.features
    similarity, index = nearest(ft, f, k)
    neighbour = split.y[index]
    # relative to the nearest, which has weight 1: the ratios are the same and nothing overflows
    weight = 1.0 if temperature is None else np.exp((similarity - similarity[:, :1]).astype("float64") / temperature)
    votes = np.zeros((len(index), split.n_classes))
    np.add.at(votes, (np.arange(len(index))[:, None], neighbour), weight)
    wins = np.take_along_axis(votes == votes.max(axis=1, keepdims=True), neighbour, axis=1)
    predicted = np.take_along_axis(neighbour, wins.argmax(axis=1)[:, None], axis=1)[:, 0]
    settings = {"k": int(k), "temperature": None if temperature is None else float(temperature)}
    return split.result("knn/1", np.mean(predicted == split.yt), settings, {})


def nearest(queries, gallery, k=5, block_size=4096):
    """The k most similar rows of `gallery` for each query, by cosine similarity, most similar first.

    Computed in blocks of `block_size` x `block_size` similarities: under 300 MB beyond the features, however many they are.
    Of equal similarities the first in the gallery wins. A row of zeros has similarity 0 to everything.

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
        query = unit(queries[i : i + block_size])
        best = np.empty((len(query), 0), "float32")
        index = np.empty((len(query), 0), "int64")
        for j in range(0, len(gallery), block_size):
            block = query @ unit(gallery[j : j + block_size]).T
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


def unit(f):
    """Rows divided by their lengths; a row of zeros stays."""
    f = f / np.maximum(np.abs(f).max(axis=1, keepdims=True), 1e-30)  # the square of a large float32 overflows
    return f / np.maximum(np.linalg.norm(f, axis=1, keepdims=True), 1e-30)
